"""Roles that people lend to colleagues: recorded, bounded, and never taken back silently."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from api.approvals.schemas import DelegationView
from api.identity.rights import ROLE_RIGHTS, Right, Role
from api.schemas import Page, page_of
from coldgate.crypto import canonical_json
from coldgate.errors import ConflictError, ForbiddenError, NotFoundError
from coldgate.storage import approvals, clock, delegations
from coldgate.storage.delegations import NewDelegation

if TYPE_CHECKING:
    from api.approvals.schemas import DelegationIn
    from api.caller import Caller
    from api.identity.reauthentication import Reauthenticated
    from coldgate.storage.connection import Connection

LONGEST: Final = timedelta(days=366)


def digest_of(new: DelegationIn) -> bytes:
    """What the lender proves itself for: every member but the proof."""
    return hashlib.sha256(canonical_json(new.model_dump(mode="json", exclude={"proof"}))).digest()


def delegate(
    connection: Connection, caller: Caller, new: DelegationIn, proven: Reauthenticated
) -> DelegationView:
    """Lend a role that one has oneself to a colleague who signs as well."""
    lender = approvals.people(connection, [proven.user.id])[proven.user.id]
    if new.role.value not in lender.roles or Right.SIGN not in ROLE_RIGHTS[new.role]:
        raise ForbiddenError("ROLE_NOT_YOURS", f"you do not sign as {new.role.value} yourself")
    _require_colleague(connection, caller, new.to_user)
    _require_window(connection, new)
    row = delegations.insert(
        connection,
        NewDelegation(
            party=lender.party_id,
            from_user=lender.user_id,
            to_user=new.to_user,
            role=new.role.value,
            valid_from=new.valid_from,
            valid_until=new.valid_until,
            reason=new.reason,
            recorded_by=caller.actor,
        ),
    )
    caller.record(
        connection,
        "delegation.added",
        f"delegation/{row.id}",
        from_user=row.from_user_id,
        to_user=row.to_user_id,
        role=row.role,
        valid_from=row.valid_from.isoformat(),
        valid_until=row.valid_until.isoformat(),
        method=proven.method,
    )
    return DelegationView.model_validate(row)


def list_delegations(
    connection: Connection, caller: Caller, *, after: int, limit: int
) -> Page[DelegationView]:
    """Delegations within the caller's party; for the operator within all."""
    rows = delegations.delegations(connection, party=caller.scope, after=after, limit=limit)
    return page_of(DelegationView, rows, limit=limit)


def end_delegation(connection: Connection, caller: Caller, delegation: int) -> DelegationView:
    """End a delegation before its time, as one of the two whom it concerns."""
    row = delegations.by_id(connection, delegation)
    if caller.user is None or caller.user.id not in {row.from_user_id, row.to_user_id}:
        raise NotFoundError("delegation of yours", str(delegation))
    if not delegations.end(connection, delegation, ended_by=caller.actor):
        raise ConflictError("DELEGATION_OVER", "this delegation has ended already")
    caller.record(connection, "delegation.ended", f"delegation/{delegation}", role=row.role)
    return DelegationView.model_validate(delegations.by_id(connection, delegation))


def _require_colleague(connection: Connection, caller: Caller, user: int) -> None:
    """Return if the user is of the caller's party, somebody else, and signs in some role."""
    found = approvals.people(connection, [user]).get(user)
    if found is None or found.party_id != caller.party:
        raise NotFoundError("user", str(user))
    if caller.user is not None and found.user_id == caller.user.id:
        raise ConflictError("DELEGATE_UNFIT", "nobody lends a role to oneself")
    if not any(Right.SIGN in ROLE_RIGHTS[Role(role)] for role in found.roles):
        raise ConflictError("DELEGATE_UNFIT", f"{found.printed_name} has no role that signs")


def _require_window(connection: Connection, new: DelegationIn) -> None:
    if not new.valid_from < new.valid_until <= new.valid_from + LONGEST:
        words = f"a role is lent for more than nothing and at most {LONGEST.days} days"
        raise ConflictError("DELEGATION_WINDOW", words)
    if new.valid_until <= clock.now(connection):
        raise ConflictError("DELEGATION_WINDOW", "this delegation would be over already")
