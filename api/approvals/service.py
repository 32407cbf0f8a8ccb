"""Requests for signatures: which there are, what they show, how they are signed or withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.approvals import effects, manifests, signatures
from api.approvals.cases import dossiers, loans, person
from api.approvals.rules import Refusal, capacity
from api.approvals.schemas import Which
from api.approvals.views import approval_view
from api.schemas import Page
from coldgate.errors import ConflictError, NotFoundError
from coldgate.storage import approvals, clock
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from api.approvals.cases import Dossier
    from api.approvals.rules import Capacity
    from api.approvals.schemas import ApprovalView, SignatureIn, WithdrawalIn
    from api.caller import Caller
    from api.identity.reauthentication import Reauthenticated
    from api.signing import Signer
    from coldgate.storage.approvals import ApprovalRow
    from coldgate.storage.connection import Connection


def list_approvals(
    connection: Connection, caller: Caller, *, which: Which, after: int, limit: int
) -> Page[ApprovalView]:
    """Requests that the caller may see, oldest first; a part may be short, with more behind it."""
    state = None if which is Which.ALL else "open"
    party = caller.party if which is Which.WAITING else None
    rows = approvals.approvals(connection, party=party, state=state, after=after, limit=limit)
    views = _views(connection, caller, rows)
    if which is Which.WAITING:
        views = [view for view in views if view.you is not None and view.you.code is None]
    return Page(items=views, next=rows[-1].id if len(rows) == limit else None)


def show_approval(connection: Connection, caller: Caller, approval: int) -> ApprovalView:
    """One request: exactly the record that is signed, and every signature verified."""
    return _views(connection, caller, [approvals.by_id(connection, approval)])[0]


def sign(
    connection: Connection,
    caller: Caller,
    approval: int,
    given: SignatureIn,
    proven: Reauthenticated,
    *,
    signer: Signer,
) -> ApprovalView:
    """Add the caller's signature; the last one has its effect in the same transaction."""
    approvals.by_id(connection, approval)  # what one may not see, one does not sign
    row = signatures.sign(connection, approval, given, proven, signer=signer)
    return _views(connection, caller, [row])[0]


def withdraw(
    connection: Connection, caller: Caller, approval: int, asked: WithdrawalIn
) -> ApprovalView:
    """Take back what the caller asked for, while nobody has decided it."""
    approvals.by_id(connection, approval)
    with everything(connection):
        row = signatures.locked(connection, approval)
        if row.author != caller.actor:
            raise NotFoundError("approval of yours", str(approval))
        if row.state != "open":
            raise ConflictError("APPROVAL_CLOSED", f"this request is {row.state}")
        row = signatures.close(connection, row, "withdrawn", caller.actor, reason=asked.reason)
    return _views(connection, caller, [row])[0]


def _views(
    connection: Connection, caller: Caller, rows: Sequence[ApprovalRow]
) -> list[ApprovalView]:
    # A record may speak of what the caller cannot see in its place, such as a document.
    with everything(connection):
        now = clock.now(connection)
        found = dossiers(connection, rows)
        mine = _mine(connection, caller, now)
        read = manifests.read(connection, found, effects.record_now)
        return [approval_view(one, now, mine=mine(one.dossier)) for one in read]


def _mine(
    connection: Connection, caller: Caller, now: datetime
) -> Callable[[Dossier], Capacity | Refusal | None]:
    """What the user who asks may do about a request; nothing for a key."""
    if caller.user is None:
        return lambda _dossier: None
    who = person(approvals.people(connection, [caller.user.id])[caller.user.id])
    borrowed = loans(connection, caller.user.id, now)

    def mine(dossier: Dossier) -> Capacity | Refusal:
        if dossier.approval.state != "open":
            return Refusal.CLOSED
        return capacity(dossier.case, who, borrowed, now)

    return mine
