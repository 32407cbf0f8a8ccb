"""Named SQL statements of the outbox, read from the ``.sql`` files beside this module."""

from __future__ import annotations

import re
from importlib import resources
from typing import Final

_NAMED: Final = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def load_statements(file: str) -> dict[str, str]:
    """Every ``-- name: x`` statement of ``file``, by its name."""
    return {name: text.strip() for name, text in _NAMED.findall(load_script(file))}


def load_script(file: str) -> str:
    """The whole text of ``file``."""
    return resources.files("gateway").joinpath(file).read_text(encoding="utf-8")
