"""Requests and signatures as clients read them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from api.approvals.flow import Signatory
from api.approvals.rules import Capacity, progress
from api.approvals.schemas import (
    ApprovalView,
    FlowKeyView,
    MineView,
    SignatureView,
    SignedView,
    StepView,
    VerificationView,
)

if TYPE_CHECKING:
    from datetime import datetime

    from api.approvals.cases import Dossier
    from api.approvals.manifests import Signed, SignedRecord
    from api.approvals.rules import OpenStep, Refusal


def signed_view(read: SignedRecord) -> SignedView:
    """The request as part of the record that it is about."""
    approval, flow = read.dossier.approval, read.dossier.flow
    return SignedView(
        id=approval.id,
        flow=FlowKeyView(id=flow.name, version=flow.version, party=flow.party_id),
        state=approval.state,
        record_sha256=approval.record_digest.hex(),
        opened_at=approval.opened_at,
        closed_at=approval.closed_at,
        signatures=[_signature_view(signed) for signed in read.signatures],
    )


def approval_view(
    read: SignedRecord, now: datetime, *, mine: Capacity | Refusal | None
) -> ApprovalView:
    """The request in full; ``mine`` is what the user who asks may do, None for a key."""
    approval = read.dossier.approval
    text = approval.record.decode()
    return ApprovalView(
        **dict(signed_view(read)),
        party=approval.party_id,
        consignment=approval.consignment_id,
        subject_kind=approval.subject_kind,
        subject=approval.subject_id,
        record=json.loads(text),
        canonical_record=text,
        author=approval.author,
        due_at=approval.due_at,
        waits_for=_waits_for(read.dossier, now),
        you=None if mine is None else _mine(mine),
    )


def _waits_for(dossier: Dossier, now: datetime) -> list[StepView]:
    if dossier.approval.state != "open":
        return []
    return [_step_view(dossier, step) for step in progress(dossier.case, now).open_steps]


def _step_view(dossier: Dossier, step: OpenStep) -> StepView:
    approval = dossier.approval
    manufacturers = step.step.signatory is Signatory.MANUFACTURER
    return StepView(
        step=step.number,
        order=step.step.order,
        party=approval.manufacturer_id if manufacturers else approval.party_id,
        roles=list(step.roles),
        meanings=list(step.step.meanings),
        missing=step.missing,
        overdue_at=step.overdue_at,
        overdue=step.overdue,
    )


def _mine(mine: Capacity | Refusal) -> MineView:
    if not isinstance(mine, Capacity):
        return MineView(code=mine.value)
    lender = mine.loan.giver.name if mine.loan else None
    return MineView(step=mine.step, role=mine.role, on_behalf_of=lender)


def _signature_view(signed: Signed) -> SignatureView:
    found = signed.verification
    return SignatureView(
        manifest=signed.manifest,
        key=signed.row.key_id,
        seal=base64.urlsafe_b64encode(signed.row.seal).rstrip(b"=").decode(),
        verification=VerificationView(
            seal=found.seal, digest=found.digest, record=found.record, valid=found.valid
        ),
    )
