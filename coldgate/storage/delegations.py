"""Roles that users lend to colleagues for a time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_one

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("delegations")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelegation:
    """A role that is lent from ``valid_from`` to before ``valid_until``."""

    party: str
    from_user: int
    to_user: int
    role: str
    valid_from: datetime
    valid_until: datetime
    reason: str
    recorded_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationRow:
    """A role that is or was lent; ``ended_at`` is set where it ended before its time."""

    id: int
    party_id: str
    from_user_id: int
    to_user_id: int
    role: str
    valid_from: datetime
    valid_until: datetime
    reason: str
    recorded_by: str
    recorded_at: datetime
    ended_at: datetime | None
    ended_by: str | None


def insert(connection: Connection, new: NewDelegation) -> DelegationRow:
    """Lend a role."""
    row = connection.execute(_SQL["insert"], asdict(new)).fetchone()
    return by_id(connection, row[0] if row else 0)


def by_id(connection: Connection, delegation: int) -> DelegationRow:
    """One delegation that the caller may see; else not found."""
    parameters = {"id": delegation, "party": None, "after": 0, "limit": 1}
    row = fetch_one(connection, DelegationRow, _SQL["delegations"], parameters)
    if row is None:
        raise NotFoundError("delegation", str(delegation))
    return row


def delegations(
    connection: Connection, *, party: str | None, after: int, limit: int
) -> list[DelegationRow]:
    """Delegations in the order in which they were recorded."""
    parameters = {"id": None, "party": party, "after": after, "limit": limit}
    return fetch_all(connection, DelegationRow, _SQL["delegations"], parameters)


def end(connection: Connection, delegation: int, *, ended_by: str) -> bool:
    """End it before its time; False if that was done before."""
    parameters = {"id": delegation, "ended_by": ended_by}
    return connection.execute(_SQL["end"], parameters).rowcount == 1


def in_force(connection: Connection, user: int, *, now: datetime) -> list[DelegationRow]:
    """What is lent to the user at ``now``."""
    return fetch_all(connection, DelegationRow, _SQL["in_force"], {"user": user, "now": now})
