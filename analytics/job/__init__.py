"""The judge at work: the only part of it with I/O; the rest of ``analytics`` is pure."""
