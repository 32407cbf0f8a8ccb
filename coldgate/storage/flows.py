"""Approval flows: a version is written once, and approvals keep the one they were opened with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from psycopg.types.json import Jsonb

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new, fetch_one

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("flows")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFlow:
    """One version to store; ``party`` is None for what ships with Coldgate."""

    name: str
    version: int
    party: str | None
    digest: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    """One version of a flow as stored."""

    id: int
    name: str
    version: int
    party_id: str | None
    digest: str
    body: dict[str, object]
    created_at: datetime


def insert(connection: Connection, new: NewFlow) -> FlowRow:
    """Store a version; one that is there already is a unique violation."""
    return fetch_new(connection, FlowRow, _SQL["insert"], _parameters(new))


def ensure(connection: Connection, new: NewFlow) -> None:
    """Store a packaged version where it is missing; one that is there stays as it is."""
    connection.execute(_SQL["ensure"], _parameters(new))


def versions(
    connection: Connection, *, name: str | None = None, scope: str | None = None
) -> list[FlowRow]:
    """Flows of the party ``scope`` (None: of all) and the packaged ones, newest version first."""
    return fetch_all(connection, FlowRow, _SQL["versions"], {"name": name, "scope": scope})


def in_force(connection: Connection, name: str, *, party: str) -> FlowRow:
    """The party's newest version of the flow, or the newest packaged one where it has none."""
    row = fetch_one(connection, FlowRow, _SQL["in_force"], {"name": name, "party": party})
    if row is None:
        raise NotFoundError("flow", name)
    return row


def by_id(connection: Connection, ids: Iterable[int]) -> dict[int, FlowRow]:
    """The versions with these ids."""
    rows = fetch_all(connection, FlowRow, _SQL["of_ids"], {"ids": sorted(set(ids))})
    return {row.id: row for row in rows}


def _parameters(new: NewFlow) -> dict[str, object]:
    return {**asdict(new), "body": Jsonb(dict(new.body))}
