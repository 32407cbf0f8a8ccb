"""Whose rows a transaction of the api may see; the database enforces it row by row."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from psycopg.pq import TransactionStatus

from coldgate.storage.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Cursor
    from psycopg.rows import TupleRow

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("visibility")
_EVERYTHING: Final = "*"  # no party's id: identifiers hold letters, digits and -


def limit_to(connection: Connection, scope: str | None) -> None:
    """Show only what the party ``scope`` may see until the transaction ends; None shows all."""
    _act(connection, name_of(scope))


def name_of(scope: str | None) -> str:
    """How the database is told of whom a transaction may see rows; None is all."""
    return _EVERYTHING if scope is None else scope


@contextmanager
def everything(connection: Connection) -> Iterator[None]:
    """A stretch of the transaction that sees every row, whoever asks.

    For facts that decide about goods and for names that are unique over all parties: a row that
    is hidden from the caller must not make a check pass.
    """
    before = _act(connection, _EVERYTHING)
    try:
        yield
    finally:
        # After an error of the database nothing is left to narrow: the transaction ends.
        if connection.info.transaction_status is not TransactionStatus.INERROR:
            _act(connection, _told(before))


def _act(connection: Connection, party: str) -> Cursor[TupleRow]:
    """Answer to ``party`` from now on; the cursor tells to whom before.

    It is read late, so that a pipeline need not wait for it.
    """
    return connection.execute(_SQL["act"], {"party": party})


def _told(before: Cursor[TupleRow]) -> str:
    """Whom the transaction answered to, '' for nobody."""
    row = before.fetchone()
    return str(row[0]) if row else ""
