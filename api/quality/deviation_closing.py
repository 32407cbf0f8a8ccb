"""Closing a deviation: the record that is signed, and what the signature does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from api.approvals import requests
from api.approvals.requests import Effect, SignatureRequest
from api.quality.deviation_rules import missing
from coldgate.crypto import canonical_json
from coldgate.errors import ConflictError
from coldgate.storage import deviations, quality, records

if TYPE_CHECKING:
    from api.caller import Caller
    from coldgate.storage.approvals import ApprovalRow
    from coldgate.storage.connection import Connection
    from coldgate.storage.deviations import DeviationRow

DEVIATION: Final = "deviation"  # kind of subject
FLOW: Final = "deviation_close"
# What a signature changes by itself, or what changes without anybody's word.
_UNSIGNED: Final = frozenset({"approval_id", "revision", "closed_at"})


def ask_for_closure(connection: Connection, caller: Caller, row: DeviationRow) -> ApprovalRow:
    """Ask for the signature that closes an open deviation; the caller holds its lock."""
    lacking = missing(asdict(row))
    if lacking:
        words = f"closing deviation {row.id} also takes: {', '.join(lacking)}"
        raise ConflictError("DEVIATION_INCOMPLETE", words)
    wanted = SignatureRequest(
        subject_kind=DEVIATION,
        subject_id=str(row.id),
        flow=FLOW,
        record=record_now(connection, str(row.id)),
        party=row.party_id,
    )
    approval = requests.open_approval(connection, caller, wanted)
    deviations.await_signature(connection, row.id, approval=approval.id, changed_by=caller.actor)
    return approval


def record_now(connection: Connection, subject_id: str) -> dict[str, object]:
    """The record of a deviation as the tables have it; what came after it was closed is no part."""
    row = deviations.visible(connection, int(subject_id), scope=None)
    until = row.closed_at
    stated = {name: value for name, value in asdict(row).items() if name not in _UNSIGNED}
    return _plain(
        {
            **stated,
            "subjects": [
                {"consignment": one.consignment_id, "goods": one.goods, "custody": one.custody}
                for one in deviations.subjects(connection, row.id)
                if until is None or one.added_at <= until
            ],
            "evidence": [
                {
                    "consignment": one.consignment_id,
                    "evaluation": one.evaluation_version,
                    "input_digest": one.input_digest,
                    "excursions": one.excursions,
                    "impact": one.impact,
                }
                for one in deviations.evidence(connection, row.id)
                if until is None or one.recorded_at <= until
            ],
        }
    )


def _plain(value: object) -> dict[str, object]:
    """The same in JSON's values alone."""
    plain = json.loads(json.dumps(value, default=str))
    return dict(plain)


def _granted(connection: Connection, approval: ApprovalRow, actor: str) -> None:
    """Close it; an error undoes the signature."""
    row = deviations.locked(connection, int(approval.subject_id), scope=None)
    current = canonical_json(record_now(connection, approval.subject_id))
    if hashlib.sha256(current).digest() != approval.record_digest:
        raise ConflictError("RECORD_CHANGED", "the deviation changed at this moment")
    deviations.close(connection, row.id, changed_by=actor)
    _tell(connection, row, approval, "deviation.closed", actor)


def _refused(connection: Connection, approval: ApprovalRow, actor: str) -> None:
    """It stays open, and may be asked about again."""
    row = deviations.locked(connection, int(approval.subject_id), scope=None)
    _tell(connection, row, approval, "deviation.closure_refused", actor)


def _tell(
    connection: Connection, row: DeviationRow, approval: ApprovalRow, kind: str, actor: str
) -> None:
    body: dict[str, object] = {
        "deviation": row.id,
        "approval": approval.id,
        "state": approval.state,
        "capa": row.capa_id,
        "record_sha256": approval.record_digest.hex(),
    }
    quality.announce(connection, kind=kind, party=row.party_id, body=body)
    subject = f"{DEVIATION}/{row.id}"
    records.append_ledger(connection, actor=actor, kind=kind, subject=subject, body=body)


DEVIATION_EFFECT: Final = Effect(record_now=record_now, granted=_granted, refused=_refused)
