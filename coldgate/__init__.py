"""Shared kernel of Coldgate: values, wire format, storage, launchers and the command line."""
