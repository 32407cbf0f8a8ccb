"""The rule sets that consignments are judged by; a version is written once and never changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from psycopg.types.json import Jsonb

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("profiles")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProfile:
    """One version to store; ``party`` is None for what ships with Coldgate."""

    id: str
    version: int
    digest: str
    body: Mapping[str, object]
    party: str | None
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRow:
    """One version of a rule set; goods may be frozen to it between two days, both included."""

    id: str
    version: int
    digest: str
    body: dict[str, object]
    party_id: str | None
    valid_from: date | None
    valid_until: date | None
    created_at: datetime


def insert(connection: Connection, new: NewProfile) -> None:
    """Store a version; one that is there already is a unique violation."""
    connection.execute(_SQL["insert"], _parameters(new))


def ensure(connection: Connection, new: NewProfile) -> bool:
    """Store a version where it is missing; False if one is there, which stays as it is."""
    return connection.execute(_SQL["ensure"], _parameters(new)).rowcount == 1


def profiles(
    connection: Connection, *, profile_id: str | None = None, version: int | None = None
) -> list[ProfileRow]:
    """Rule sets, the newest version of each first."""
    parameters = {"id": profile_id, "version": version}
    return fetch_all(connection, ProfileRow, _SQL["profiles"], parameters)


def _parameters(new: NewProfile) -> dict[str, object]:
    return {**asdict(new), "body": Jsonb(dict(new.body))}
