"""By which profiles goods of a product may travel. Rows are for ever; a withdrawal is one more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import ConflictError, NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection
    from coldgate.storage.consignments import ProfileKey

_SQL: Final = load_queries("product_profiles")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """That goods of a product may travel by a profile; in force while ``withdrawn_at`` is None."""

    id: int
    product_id: str
    profile_id: str
    profile_version: int
    stated_at: datetime
    withdrawal_reason: str | None
    withdrawn_at: datetime | None


def state(
    connection: Connection, product: str, profile: ProfileKey, *, stated_by: str
) -> StatementRow:
    """Let goods of the product travel by the profile; the caller has seen both."""
    parameters = {
        "product": product,
        "profile_id": profile.id,
        "profile_version": profile.version,
        "stated_by": stated_by,
    }
    row = connection.execute(_SQL["insert"], parameters).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives its row
    return statement(connection, product, row[0])


def withdraw(
    connection: Connection, product: str, statement_id: int, *, reason: str, withdrawn_by: str
) -> StatementRow:
    """Let them travel by it no longer."""
    statement(connection, product, statement_id)
    parameters = {"id": statement_id, "reason": reason, "withdrawn_by": withdrawn_by}
    if connection.execute(_SQL["withdraw"], parameters).fetchone() is None:
        raise ConflictError("ALREADY_WITHDRAWN", f"statement {statement_id} is withdrawn already")
    return statement(connection, product, statement_id)


def statement(connection: Connection, product: str, statement_id: int) -> StatementRow:
    """One statement about the product, as far as the transaction may see it."""
    parameters = {"product": product, "id": statement_id}
    found = fetch_all(connection, StatementRow, _SQL["statements"], parameters)
    if not found:
        raise NotFoundError("statement", str(statement_id))
    return found[0]


def statements(connection: Connection, product: str) -> list[StatementRow]:
    """Everything that was stated about the product, oldest first."""
    parameters = {"product": product, "id": None}
    return fetch_all(connection, StatementRow, _SQL["statements"], parameters)
