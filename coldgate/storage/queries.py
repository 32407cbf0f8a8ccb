"""Named queries from the ``.sql`` files beside this module."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NAME: Final = re.compile(rb"^-- name: (\w+)\s*$", re.MULTILINE)


def load_queries(stem: str) -> dict[str, bytes]:
    """Queries of ``<stem>.sql`` by the name in their ``-- name:`` line, as psycopg takes them."""
    text = resources.files(__package__).joinpath(f"{stem}.sql").read_bytes()
    parts = _NAME.split(text)[1:]
    return {name.decode(): body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def columns(rows: Iterable[Sequence[object]], width: int) -> tuple[list[object], ...]:
    """Rows turned into ``width`` lists, as ``unnest`` takes them."""
    turned = tuple(list(column) for column in zip(*rows, strict=True))
    return turned or tuple([] for _ in range(width))
