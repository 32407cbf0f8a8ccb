"""Which schema this version was made for."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def newest_migration() -> str:
    """Number of the newest packaged migration, in four digits such as ``0038``."""
    folder = resources.files(__package__).joinpath("migrations")
    return max(entry.name[:4] for entry in folder.iterdir() if entry.name.endswith(".sql"))
