"""Signing: everything is looked at again under the locks, and one signature is added or none."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from api.approvals import effects, manifests, requests
from api.approvals.cases import dossier, loans, person
from api.approvals.flow import Meaning
from api.approvals.rules import Outcome, Refusal, capacity, progress
from coldgate.crypto import canonical_json
from coldgate.errors import ConflictError, ForbiddenError
from coldgate.storage import approvals, clock, consignments
from coldgate.storage.approvals import SignatureRow
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from datetime import datetime

    from api.approvals.cases import Dossier
    from api.approvals.rules import Capacity
    from api.approvals.schemas import SignatureIn
    from api.identity.reauthentication import Reauthenticated
    from api.signing import Signer
    from coldgate.storage.approvals import ApprovalRow, PersonRow
    from coldgate.storage.connection import Connection

_REFUSALS: Final = {
    Refusal.AUTHOR: ("SIGNER_IS_AUTHOR", "nobody signs what they wrote"),
    Refusal.EXCLUDED: ("SIGNER_EXCLUDED", "the flow excludes you from signing this record"),
    Refusal.REPRESENTED: ("SIGNER_REPRESENTED", "a colleague signed this record for you"),
    Refusal.NOT_ENTITLED: ("SIGNER_NOT_ENTITLED", "no step that is open waits for you"),
}


def sign(
    connection: Connection,
    approval_id: int,
    given: SignatureIn,
    proven: Reauthenticated,
    *,
    signer: Signer,
) -> ApprovalRow:
    """Add one signature, and do what follows when it was the last; all of it commits or nothing.

    Locks are taken in the order consignment, approval, person. Roles, loans, record and clock are
    read under them, whatever was true when the session began.
    """
    with everything(connection):
        found = dossier(connection, locked(connection, approval_id))
        who = approvals.locked_person(connection, proven.user.id)
        now = clock.now(connection)
        entitled = _entitlement(connection, found, who, now, step=given.step)
        _require_clock(now, not_before=max(found.case.latest, proven.at))
        _require_meaning(found, entitled, given)
        _require_record(connection, found.approval, given.digest)
        row = _signature(found, who, entitled, given, at=now, method=proven.method)
        row = manifests.sealed(found, row, signer)
        approvals.insert_signature(connection, row)
        actor = f"{who.party_id}/user-{who.user_id}"
        _tell(connection, found.approval, row, actor)
        return _settle(connection, dossier(connection, found.approval), now, actor)


def locked(connection: Connection, approval_id: int) -> ApprovalRow:
    """The request, locked after its consignment: the one order in which both are taken."""
    seen = approvals.by_id(connection, approval_id)
    if seen.consignment_id is not None:
        consignments.locked(connection, seen.consignment_id, scope=None)
    return approvals.locked(connection, approval_id)


def close(
    connection: Connection, approval: ApprovalRow, state: str, actor: str, **facts: object
) -> ApprovalRow:
    """Close the request and do what follows; the caller holds its lock."""
    closed = approvals.close(connection, approval.id, state)
    requests.announce(connection, f"approval.{state}", closed, **facts)
    effects.apply(connection, closed, actor)
    requests.record(connection, actor, f"approval.{state}", closed, **facts)
    return closed


def _entitlement(
    connection: Connection, found: Dossier, who: PersonRow, now: datetime, *, step: int | None
) -> Capacity:
    """In what the person signs; an error that says why not."""
    result = capacity(found.case, person(who), loans(connection, who.user_id, now), now, step=step)
    if result is Refusal.ALREADY_SIGNED:
        raise ConflictError("ALREADY_SIGNED", "you have signed this record already")
    state = found.approval.state
    if result is Refusal.CLOSED or state != Outcome.OPEN.value:
        raise ConflictError("APPROVAL_CLOSED", f"this request is {_why_closed(found, now)}")
    if isinstance(result, Refusal):
        raise ForbiddenError(*_REFUSALS[result])
    return result


def _why_closed(found: Dossier, now: datetime) -> str:
    """The state in the database, or the one that it has from its hour of expiry on."""
    stored = found.approval.state
    return progress(found.case, now).outcome.value if stored == Outcome.OPEN.value else stored


def _require_clock(now: datetime, *, not_before: datetime) -> None:
    """Return if time went forward: a clock that was set back would date a signature wrongly."""
    if now < not_before:
        words = f"the clock says {now.isoformat()}, and {not_before.isoformat()} is on record"
        raise ConflictError("CLOCK_SET_BACK", words)


def _require_meaning(found: Dossier, entitled: Capacity, given: SignatureIn) -> None:
    allowed = found.case.flow.steps[entitled.step - 1].meanings
    if given.meaning is not Meaning.REJECTED and given.meaning not in allowed:
        words = ", ".join(meaning.value for meaning in (*allowed, Meaning.REJECTED))
        raise ConflictError("MEANING_REFUSED", f"a signature of this step means one of {words}")


def _require_record(connection: Connection, approval: ApprovalRow, shown: str) -> None:
    """Return if what the signer saw is what is stored, and what its feature would show now."""
    same = hmac.compare_digest(bytes.fromhex(shown), approval.record_digest)
    current = effects.record_now(connection, approval.subject_kind, approval.subject_id)
    if not same or hashlib.sha256(canonical_json(current)).digest() != approval.record_digest:
        raise ConflictError("RECORD_CHANGED", "the record is not the one with this digest")


def _signature(
    found: Dossier,
    who: PersonRow,
    entitled: Capacity,
    given: SignatureIn,
    *,
    at: datetime,
    method: str,
) -> SignatureRow:
    """The signature, still without key and seal."""
    loan = entitled.loan
    return SignatureRow(
        approval_id=found.approval.id,
        step=entitled.step,
        user_id=who.user_id,
        party_id=who.party_id,
        printed_name=who.printed_name,
        login=who.login,
        role=entitled.role.value,
        delegation_id=loan.delegation if loan else None,
        for_user_id=loan.giver.user if loan else None,
        for_name=loan.giver.name if loan else None,
        meaning=given.meaning.value,
        reason=given.reason,
        method=method,
        signed_at=at,
        record_digest=found.approval.record_digest,
        key_id="",
        seal=b"",
    )


def _tell(connection: Connection, approval: ApprovalRow, row: SignatureRow, actor: str) -> None:
    facts = {
        "step": row.step,
        "meaning": row.meaning,
        "role": row.role,
        "delegation": row.delegation_id,
        "seal_sha256": hashlib.sha256(row.seal).hexdigest(),
    }
    requests.announce(connection, "approval.signed", approval, **facts)
    requests.record(connection, actor, "approval.signed", approval, **facts)


def _settle(connection: Connection, signed: Dossier, now: datetime, actor: str) -> ApprovalRow:
    """Close the request where this signature completed or rejected it."""
    outcome = progress(signed.case, now).outcome
    if outcome is Outcome.OPEN:
        return signed.approval
    return close(connection, signed.approval, outcome.value, actor)
