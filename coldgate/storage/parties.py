"""Parties and their API keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new, fetch_one

if TYPE_CHECKING:
    from datetime import date, datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("parties")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRow:
    """One organisation."""

    id: str
    name: str
    kind: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One API key; the key itself is nowhere, its SHA-256 stays in the database."""

    id: int
    party_id: str
    label: str
    scopes: list[str] | None  # None: all that a key of its party may do
    created_at: datetime
    expires_at: datetime | None
    last_used_on: date | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to store by its digest."""

    party: str
    label: str
    sha256: bytes
    scopes: list[str] | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolder:
    """Whose key it was; ``stale`` on its first use of a day."""

    key_id: int
    party_id: str
    kind: str
    scopes: list[str] | None
    stale: bool


def insert_party(connection: Connection, *, party: str, name: str, kind: str) -> PartyRow:
    """Add a party; its id is taken for ever."""
    parameters = {"id": party, "name": name, "kind": kind}
    return fetch_new(connection, PartyRow, _SQL["insert_party"], parameters)


def ensure_operator_party(connection: Connection, party: str) -> None:
    """Make the operator's party where it is missing."""
    connection.execute(_SQL["ensure_party"], {"id": party, "name": "Operator", "kind": "operator"})


def ensure_operator(connection: Connection, party: str, key_sha256: bytes) -> None:
    """Make the operator's party and first key where they are missing; a revoked key stays so."""
    ensure_operator_party(connection, party)
    connection.execute(
        _SQL["ensure_key"], {"party": party, "label": "first key", "sha256": key_sha256}
    )


def parties(connection: Connection, *, scope: str | None, after: str, limit: int) -> list[PartyRow]:
    """Parties in order of their ids; ``scope`` narrows to one."""
    parameters = {"scope": scope, "after": after, "limit": limit}
    return fetch_all(connection, PartyRow, _SQL["parties"], parameters)


def exists(connection: Connection, party: str) -> bool:
    """Whether there is such a party."""
    row = connection.execute(_SQL["exists"], {"id": party}).fetchone()
    return row is not None and row[0] is True


def kind(connection: Connection, party: str) -> str:
    """What the party mainly does."""
    row = connection.execute(_SQL["kind"], {"id": party}).fetchone()
    if row is None:
        raise NotFoundError("party", party)
    return str(row[0])


def insert_key(connection: Connection, new: NewKey) -> KeyRow:
    """Add a key of a party."""
    return fetch_new(connection, KeyRow, _SQL["insert_key"], asdict(new))


def keys(connection: Connection, party: str) -> list[KeyRow]:
    """Keys of a party, revoked ones included."""
    return fetch_all(connection, KeyRow, _SQL["keys"], {"party": party})


def revoke_key(connection: Connection, *, party: str, key_id: int) -> KeyRow:
    """Revoke a key of ``party``; revoking again keeps the first time."""
    row = fetch_one(connection, KeyRow, _SQL["revoke_key"], {"id": key_id, "party": party})
    if row is None:
        raise NotFoundError("key", str(key_id))
    return row


def key_holder(connection: Connection, sha256: bytes) -> KeyHolder | None:
    """Who holds the key with this digest, and the day of its use noted; None where not in force."""
    holder = fetch_one(connection, KeyHolder, _SQL["key_holder"], {"sha256": sha256})
    if holder is not None and holder.stale:
        connection.execute(_SQL["touch_key"], {"id": holder.key_id})
    return holder
