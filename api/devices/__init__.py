"""Gateways and loggers: who they are, and what their connection may do."""
