"""Sessions of people, by the digest of their tokens; ages are told by the database's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new, fetch_one

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("sessions")
_TOUCHES_PER_IDLE: Final = 30  # each request would write a row; this is often enough


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session; its token is nowhere."""

    id: int
    user_id: int
    method: str
    created_at: datetime
    last_used_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHolder:
    """Whose session it is; ``stale`` when its last use is to be written down again."""

    session_id: int
    stale: bool
    user_id: int
    party_id: str
    kind: str
    login: str
    printed_name: str
    roles: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How long a session lives unused, and at all."""

    idle: timedelta
    lifetime: timedelta


def insert(connection: Connection, *, user_id: int, sha256: bytes, method: str) -> SessionRow:
    """Begin a session of the user."""
    parameters = {"user_id": user_id, "sha256": sha256, "method": method}
    return fetch_new(connection, SessionRow, _SQL["insert"], parameters)


def holder(connection: Connection, sha256: bytes, ages: Ages) -> SessionHolder | None:
    """Whose session in force it is, and its use noted; None for any other token."""
    parameters = {
        "sha256": sha256,
        "idle": ages.idle,
        "lifetime": ages.lifetime,
        "touch": ages.idle / _TOUCHES_PER_IDLE,
    }
    found = fetch_one(connection, SessionHolder, _SQL["holder"], parameters)
    if found is not None and found.stale:
        connection.execute(_SQL["touch"], {"id": found.session_id})
    return found


def of_user(connection: Connection, user_id: int, ages: Ages) -> list[SessionRow]:
    """Sessions of the user that are in force."""
    parameters = {"user_id": user_id, "idle": ages.idle, "lifetime": ages.lifetime}
    return fetch_all(connection, SessionRow, _SQL["of_user"], parameters)


def revoke(connection: Connection, *, user_id: int, session_id: int) -> SessionRow:
    """End one session of the user."""
    parameters = {"user_id": user_id, "id": session_id}
    row = fetch_one(connection, SessionRow, _SQL["revoke"], parameters)
    if row is None:
        raise NotFoundError("session", str(session_id))
    return row


def revoke_all(connection: Connection, user_id: int) -> int:
    """End every session of the user; how many there were."""
    return connection.execute(_SQL["revoke_all"], {"user_id": user_id}).rowcount


def purge(connection: Connection, *, before: datetime) -> int:
    """Forget sessions begun before that time; how many there were."""
    return connection.execute(_SQL["purge"], {"before": before}).rowcount
