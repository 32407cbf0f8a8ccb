"""Users and their roles: who may make, change and see whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.caller import OPERATOR, key_digest
from api.identity.rights import Role
from api.identity.schemas import (
    InvitationCreated,
    RoleChangeView,
    RoleHistory,
    UserCreated,
    UserView,
)
from api.schemas import Page
from coldgate.errors import ConflictError, NotFoundError
from coldgate.secrets import new_secret
from coldgate.storage import credentials, identity, parties, quality, records, sessions
from coldgate.storage.identity import NewUser

if TYPE_CHECKING:
    from datetime import timedelta

    from api.caller import Caller
    from api.identity.schemas import Linked, RoleChangeIn, UserIn
    from coldgate.storage.connection import Connection
    from coldgate.storage.identity import UserRow

INVITATION_PREFIX: Final = "ci_"
FIRST_LOGIN: Final = "operator"


def add_user(
    connection: Connection, caller: Caller, new: UserIn, lifetime: timedelta
) -> UserCreated:
    """Add a person; the operator only. The invitation is in this answer only."""
    caller.require_operator()
    kind = parties.kind(connection, new.party)
    for role in new.roles:
        _require_fitting(role, kind)
    token = INVITATION_PREFIX + new_secret()
    user = identity.insert_user(
        connection,
        NewUser(
            party=new.party,
            login=new.login,
            printed_name=new.printed_name,
            email=new.email,
            invitation_sha256=key_digest(token),
            invitation_lifetime=lifetime,
        ),
    )
    roles = sorted({role.value for role in new.roles})
    for name in roles:
        identity.change_role(
            connection, user_id=user, role=name, granted=True, changed_by=caller.actor
        )
    facts = {"user": user, "party": new.party, "printed_name": new.printed_name, "roles": roles}
    caller.record(connection, "user.added", new.login, **facts)
    return UserCreated(id=user, party=new.party, login=new.login, invitation=token)


def list_users(connection: Connection, caller: Caller, *, after: int, limit: int) -> Page[UserView]:
    """Everybody for the operator, colleagues for a QA approver, oneself for any other."""
    rows = identity.users(
        connection, scope=caller.scope, only=_only(caller), after=after, limit=limit
    )
    full = len(rows) == limit
    return Page(items=[view_of(row) for row in rows], next=rows[-1].id if full else None)


def get_user(connection: Connection, caller: Caller, user_id: int) -> UserView:
    """One user that the caller may see."""
    return view_of(_visible(connection, caller, user_id))


def role_history(connection: Connection, caller: Caller, user_id: int) -> RoleHistory:
    """Every grant and removal of the user's roles."""
    _visible(connection, caller, user_id)
    rows = identity.role_changes(connection, user_id)
    return RoleHistory(items=[RoleChangeView.model_validate(row) for row in rows])


def change_role(
    connection: Connection, caller: Caller, user_id: int, change: RoleChangeIn
) -> UserView:
    """Grant a role, or remove it and end the user's sessions; as it was already changes nothing."""
    row = _changed(connection, caller, user_id)
    role = change.role.value
    if change.granted == (role in row.roles):
        return view_of(row)
    if change.granted:
        _require_fitting(change.role, row.party_kind)
    identity.change_role(
        connection,
        user_id=user_id,
        role=role,
        granted=change.granted,
        changed_by=caller.actor,
    )
    if not change.granted:
        sessions.revoke_all(connection, user_id)
    kind = "role.granted" if change.granted else "role.removed"
    caller.record(connection, kind, row.login, user=user_id, role=role)
    return view_of(identity.user(connection, user_id))


def disable(connection: Connection, caller: Caller, user_id: int) -> UserView:
    """Refuse the user, and end its sessions."""
    row = _changed(connection, caller, user_id)
    identity.disable(connection, user_id)
    sessions.revoke_all(connection, user_id)
    caller.record(connection, "user.disabled", row.login, user=user_id)
    return view_of(identity.user(connection, user_id))


def enable(connection: Connection, caller: Caller, user_id: int) -> UserView:
    """Let a disabled user log in again."""
    row = _changed(connection, caller, user_id)
    identity.enable(connection, user_id)
    caller.record(connection, "user.enabled", row.login, user=user_id)
    return view_of(identity.user(connection, user_id))


def invite(
    connection: Connection, caller: Caller, user_id: int, lifetime: timedelta
) -> InvitationCreated:
    """Let the user choose a password anew; the party hears of it, for who holds the token is it."""
    row = _changed(connection, caller, user_id)
    token = INVITATION_PREFIX + new_secret()
    until = credentials.invite(
        connection, user_id=user_id, sha256=key_digest(token), lifetime=lifetime
    )
    if until is None:
        raise NotFoundError("user", str(user_id))
    facts = {"user": user_id, "login": row.login}
    quality.announce(connection, kind="account.invited", party=row.party_id, body=facts)
    caller.record(connection, "invitation.made", row.login, user=user_id)
    return InvitationCreated(user=user_id, invitation=token, valid_until=until)


def link(
    connection: Connection, caller: Caller, user_id: int, linked: Linked, issuer: str | None
) -> UserView:
    """Let the identity provider speak for the user, or no longer."""
    row = _changed(connection, caller, user_id)
    if issuer is None:
        raise ConflictError("OIDC_MISSING", "no identity provider is configured")
    if linked.subject is None:
        identity.unlink(connection, user_id)
    else:
        identity.link(connection, user_id=user_id, issuer=issuer, subject=linked.subject)
    sessions.revoke_all(connection, user_id)
    kind = "user.unlinked" if linked.subject is None else "user.linked"
    caller.record(connection, kind, row.login, user=user_id, issuer=issuer, subject=linked.subject)
    return view_of(row)


def ensure_first(connection: Connection, invitation: str, lifetime: timedelta) -> None:
    """Make the operator's first account where there is no user yet."""
    if not identity.is_empty(connection):
        return
    parties.ensure_operator_party(connection, OPERATOR)
    user = identity.insert_user(
        connection,
        NewUser(
            party=OPERATOR,
            login=FIRST_LOGIN,
            printed_name="Operator",
            email=None,
            invitation_sha256=key_digest(invitation),
            invitation_lifetime=lifetime,
        ),
    )
    identity.change_role(
        connection,
        user_id=user,
        role=Role.OPERATOR.value,
        granted=True,
        changed_by="coldgate",
    )
    records.append_ledger(
        connection,
        actor="coldgate",
        kind="user.added",
        subject=FIRST_LOGIN,
        body={"user": user, "party": OPERATOR, "roles": [Role.OPERATOR.value]},
    )


def view_of(row: UserRow) -> UserView:
    """The user as it is shown."""
    return UserView(
        id=row.id,
        party=row.party_id,
        login=row.login,
        printed_name=row.printed_name,
        email=row.email,
        roles=[Role(role) for role in row.roles],
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )


def _only(caller: Caller) -> int | None:
    """The one user that the caller sees; None for all within its scope, 0 for a key."""
    if caller.is_operator:
        return None
    if caller.user is None:
        return 0
    return None if Role.QA_APPROVER in caller.user.roles else caller.user.id


def _visible(connection: Connection, caller: Caller, user_id: int) -> UserRow:
    if _only(caller) not in {None, user_id}:
        raise NotFoundError("user", str(user_id))
    found = identity.users(connection, scope=caller.scope, only=user_id)
    if not found:
        raise NotFoundError("user", str(user_id))
    return found[0]


def _changed(connection: Connection, caller: Caller, user_id: int) -> UserRow:
    """The user, locked; whoever signs as it waits for the change, or the change for it."""
    caller.require_operator()
    identity.lock_user(connection, user_id)
    return identity.user(connection, user_id)


def _require_fitting(role: Role, party_kind: str) -> None:
    if role is Role.OPERATOR and party_kind != OPERATOR:
        raise ConflictError("ROLE_UNFITTING", "only users of the operator's party operate")
