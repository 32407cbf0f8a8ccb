"""The database's clock: the one that signatures, and what is told of a journey, go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coldgate.storage.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("clock")


def now(connection: Connection) -> datetime:
    """This moment, UTC; of all processes the same, however wrong the clock of one of them is."""
    row = connection.execute(_SQL["now"]).fetchone()
    assert row is not None  # noqa: S101 - SELECT without FROM gives its row
    moment: datetime = row[0]
    return moment
