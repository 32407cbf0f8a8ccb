"""Opening and closing requests for signatures; what a feature needs to have a record signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from api.approvals.flow_format import parse_flow
from coldgate.crypto import canonical_json
from coldgate.errors import ConflictError
from coldgate.storage import approvals, flows, quality, records
from coldgate.storage.approvals import NewApproval
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.approvals.flow import Excluded, Flow
    from api.caller import Caller
    from coldgate.storage.approvals import ApprovalRow
    from coldgate.storage.connection import Connection
    from coldgate.storage.flows import FlowRow

SYSTEM: Final = "coldgate"  # author of what Coldgate itself asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a kind of subject does about signatures; all of it in the transaction that signs.

    ``record_now`` tells the record of a subject as its feature would show it now, in the same words
    as when it was frozen; `NotFoundError` where there is none any more. ``granted`` and ``refused``
    are given the closed approval and the actor who closed it; ``refused`` is also called when the
    request expired or was withdrawn: the approval's ``state`` says which.
    """

    record_now: Callable[[Connection, str], Mapping[str, object]]
    granted: Callable[[Connection, ApprovalRow, str], None]
    refused: Callable[[Connection, ApprovalRow, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRequest:
    """What is to be signed: ``record`` is shown to the signers as it is, and frozen.

    ``party`` answers for the record and signs it, unless a step of the flow says otherwise. The
    author never signs; nor do those of ``people`` whom the flow excludes.
    """

    subject_kind: str
    subject_id: str
    flow: str
    record: Mapping[str, object]
    party: str
    consignment: str | None = None
    people: Mapping[Excluded, frozenset[int]] = field(default_factory=dict)


def open_approval(
    connection: Connection, author: Caller | None, wanted: SignatureRequest
) -> ApprovalRow:
    """Ask for the signatures that the flow in force demands; ``author`` None is Coldgate itself.

    Whoever asks holds the consignment's lock, where there is a consignment.

    Raises:
        ConflictError: signatures about this subject are asked for already (`APPROVAL_OPEN`), or
            the manufacturer is to sign and there is not exactly one (`MANUFACTURER_UNCLEAR`).
    """
    with everything(connection):
        _require_none_open(connection, wanted)
        version = flows.in_force(connection, wanted.flow, party=wanted.party)
        flow = parse_flow(version.body)
        row = approvals.insert(connection, _new(connection, author, wanted, version, flow))
    announce(connection, "approval.opened", row)
    record(connection, actor_of(author), "approval.opened", row, flow_party=version.party_id)
    return row


def withdraw(connection: Connection, approval: int, *, actor: str, reason: str) -> ApprovalRow:
    """Take an open request back; its subject is the caller's business."""
    row = approvals.close(connection, approval, "withdrawn")
    announce(connection, "approval.withdrawn", row, reason=reason)
    record(connection, actor, "approval.withdrawn", row, reason=reason)
    return row


def actor_of(author: Caller | None) -> str:
    """How ledger and records name the author."""
    return SYSTEM if author is None else author.actor


def facts_of(row: ApprovalRow) -> dict[str, object]:
    """What the ledger and the outside hear of a request."""
    return {
        "approval": row.id,
        "subject_kind": row.subject_kind,
        "subject": row.subject_id,
        "consignment": row.consignment_id,
        "flow": row.flow,
        "flow_version": row.flow_version,
        "record_sha256": row.record_digest.hex(),
    }


def announce(connection: Connection, kind: str, row: ApprovalRow, **more: object) -> None:
    """Tell the parties that sign, whoever asked them to, when this transaction commits."""
    with everything(connection):
        for party in sorted({row.party_id, row.manufacturer_id or row.party_id}):
            quality.announce(connection, kind=kind, party=party, body={**facts_of(row), **more})


def record(connection: Connection, actor: str, kind: str, row: ApprovalRow, **more: object) -> None:
    """Append to the ledger what happened to the request; do it last in a transaction."""
    body = {**facts_of(row), **more}
    subject = f"approval/{row.id}"
    records.append_ledger(connection, actor=actor, kind=kind, subject=subject, body=body)


def _require_none_open(connection: Connection, wanted: SignatureRequest) -> None:
    known = approvals.of_subjects(connection, wanted.subject_kind, [wanted.subject_id])
    for row in known:
        if row.state == "open":
            words = f"approval {row.id} about this {wanted.subject_kind} is open"
            raise ConflictError("APPROVAL_OPEN", words)


def _new(
    connection: Connection,
    author: Caller | None,
    wanted: SignatureRequest,
    version: FlowRow,
    flow: Flow,
) -> NewApproval:
    user = author.user if author else None
    return NewApproval(
        party=wanted.party,
        consignment=wanted.consignment,
        subject_kind=wanted.subject_kind,
        subject_id=wanted.subject_id,
        flow_id=version.id,
        manufacturer=_manufacturer(connection, wanted) if flow.wants_manufacturer else None,
        record=canonical_json(wanted.record),
        author=actor_of(author),
        author_user_id=user.id if user else None,
        barred=sorted({user for role in flow.excluded for user in wanted.people.get(role, ())}),
        expires=flow.expires,
    )


def _manufacturer(connection: Connection, wanted: SignatureRequest) -> str:
    if wanted.consignment is None:
        return wanted.party
    found = approvals.manufacturers(connection, wanted.consignment)
    if len(found) != 1:
        words = f"the manufacturer signs, and the goods have {len(found)} of them"
        raise ConflictError("MANUFACTURER_UNCLEAR", words)
    return found[0]
