"""Users, their roles, and whom an identity provider means."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A person to add; ``invitation_sha256`` is of the token that sets the first password."""

    party: str
    login: str
    printed_name: str
    email: str | None
    invitation_sha256: bytes
    invitation_lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """One person with the roles that it has now."""

    id: int
    party_id: str
    party_kind: str
    login: str
    printed_name: str
    email: str | None
    created_at: datetime
    disabled_at: datetime | None
    roles: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChangeRow:
    """One grant or removal of a role."""

    id: int
    role: str
    granted: bool
    changed_by: str
    changed_at: datetime


def insert_user(connection: Connection, new: NewUser) -> int:
    """Add a person who has an invitation and no password; its id."""
    row = connection.execute(_SQL["insert_user"], asdict(new)).fetchone()
    if row is None:
        raise NotFoundError("user", new.login)
    user: int = row[0]
    parameters = {
        "user_id": user,
        "sha256": new.invitation_sha256,
        "lifetime": new.invitation_lifetime,
    }
    connection.execute(_SQL["insert_credential"], parameters)
    return user


def is_empty(connection: Connection) -> bool:
    """Whether there is no user at all; others who ask wait until this transaction ends."""
    connection.execute(_SQL["lock_first_user"])
    row = connection.execute(_SQL["any_user"]).fetchone()
    return row is not None and row[0] is False


def users(
    connection: Connection, *, scope: str | None, only: int | None, after: int = 0, limit: int = 1
) -> list[UserRow]:
    """Users of the party ``scope`` in order of their ids; ``only`` narrows to one."""
    parameters = {"scope": scope, "only": only, "after": after, "limit": limit}
    return fetch_all(connection, UserRow, _SQL["users"], parameters)


def user(connection: Connection, user_id: int) -> UserRow:
    """One user."""
    found = users(connection, scope=None, only=user_id)
    if not found:
        raise NotFoundError("user", str(user_id))
    return found[0]


def id_of_login(connection: Connection, login: str) -> int | None:
    """The user of that login."""
    row = connection.execute(_SQL["by_login"], {"login": login}).fetchone()
    return None if row is None else row[0]


def lock_user(connection: Connection, user_id: int) -> None:
    """Make whoever signs as this user, or changes it, wait until this transaction ends."""
    connection.execute(_SQL["lock_user"], {"id": user_id})


def change_role(
    connection: Connection, *, user_id: int, role: str, granted: bool, changed_by: str
) -> None:
    """Grant or remove a role from the next look on."""
    parameters = {"user_id": user_id, "role": role, "granted": granted, "changed_by": changed_by}
    connection.execute(_SQL["change_role"], parameters)


def role_changes(connection: Connection, user_id: int) -> list[RoleChangeRow]:
    """Every grant and removal, oldest first."""
    return fetch_all(connection, RoleChangeRow, _SQL["role_changes"], {"user_id": user_id})


def disable(connection: Connection, user_id: int) -> None:
    """Refuse the user; disabling again keeps the first time."""
    connection.execute(_SQL["disable"], {"id": user_id})


def enable(connection: Connection, user_id: int) -> None:
    """Let a disabled user in again."""
    connection.execute(_SQL["enable"], {"id": user_id})


def link(connection: Connection, *, user_id: int, issuer: str, subject: str) -> None:
    """Say whom the identity provider ``issuer`` means by ``subject``."""
    parameters = {"user_id": user_id, "issuer": issuer, "subject": subject}
    connection.execute(_SQL["link"], parameters)


def unlink(connection: Connection, user_id: int) -> None:
    """Let no identity provider speak for the user."""
    connection.execute(_SQL["unlink"], {"user_id": user_id})


def linked_user(connection: Connection, *, issuer: str, subject: str) -> int | None:
    """Whom the identity provider means; None for nobody, or somebody disabled."""
    parameters = {"issuer": issuer, "subject": subject}
    row = connection.execute(_SQL["linked_user"], parameters).fetchone()
    return None if row is None else row[0]
