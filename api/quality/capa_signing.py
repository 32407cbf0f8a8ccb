"""The two signatures under a CAPA: under its plan, and under its closure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from api.approvals import requests
from api.approvals.flow import Excluded
from api.approvals.requests import Effect, SignatureRequest
from api.quality.capa_rules import FLOWS, CapaState
from api.restrictions.effects import lift
from coldgate.crypto import canonical_json
from coldgate.errors import ConflictError, NotFoundError
from coldgate.storage import capas, quality, quality_notes, records
from coldgate.storage.quality_notes import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api.caller import Caller
    from coldgate.storage.approvals import ApprovalRow
    from coldgate.storage.capas import ActionRow, CapaRow
    from coldgate.storage.connection import Connection
    from coldgate.storage.quality_notes import RevisionRow

CAPA: Final = "capa"
# Kinds of subject, one for each step that is a signature.
KINDS: Final = {CapaState.PLANNED: "capa_plan", CapaState.CLOSED: "capa_closure"}
PLAN: Final = (
    "id",
    "party_id",
    "title",
    "problem",
    "rule",
    "trend_code",
    "origin",
    "destination",
    "blocking",
    "product_id",
    "lot_number",
    "containment",
    "investigation",
    "root_cause",
    "root_cause_category",
    "need_for_action",
    "effectiveness_criterion",
)
CLOSURE: Final = (
    *PLAN,
    "documents_updated",
    "verification",
    "effectiveness_due_on",
    "effectiveness_result",
    "effectiveness",
)
RECORDS: Final = {CapaState.PLANNED: PLAN, CapaState.CLOSED: CLOSURE}


def ask(connection: Connection, caller: Caller, row: CapaRow, step: CapaState) -> ApprovalRow:
    """Ask for the signature that takes the step; the caller holds the CAPA's lock."""
    subject_id = f"{row.id}/{_turn(connection, row.id)}"
    owners = frozenset(action.owner_user_id for action in capas.actions(connection, row.id))
    wanted = SignatureRequest(
        subject_kind=KINDS[step],
        subject_id=subject_id,
        flow=FLOWS[step],
        record=_record_now(connection, subject_id, step=step),
        party=row.party_id,
        people={Excluded.OWNER: owners},
    )
    return requests.open_approval(connection, caller, wanted)


def record_of(connection: Connection, approval_kind: str, subject_id: str) -> dict[str, object]:
    """The record that a request of this kind is about, as the tables have it."""
    step = next(state for state, kind in KINDS.items() if kind == approval_kind)
    return _record_now(connection, subject_id, step=step)


def subjects(connection: Connection, capa: int) -> list[tuple[str, str]]:
    """Kind and id of everything about the CAPA that may have been signed, oldest first."""
    turns = range(_turn(connection, capa) + 1)
    return [(kind, f"{capa}/{turn}") for turn in turns for kind in KINDS.values()]


def _turn(connection: Connection, capa: int) -> int:
    """How many times it was reopened: every turn has signatures of its own."""
    taken = capas.transitions(connection, capa)
    return sum(one.to_state == CapaState.REOPENED.value for one in taken)


def _record_now(connection: Connection, subject_id: str, *, step: CapaState) -> dict[str, object]:
    """What is signed, as it is; of an earlier turn, as it was when that turn ended."""
    capa, _, turn = subject_id.partition("/")
    row = capas.visible(connection, int(capa), scope=None)
    content: Mapping[str, object] = asdict(row)
    actions = capas.actions(connection, row.id)
    if int(turn) < _turn(connection, row.id):
        ended = _ended(connection, row.id, int(turn))
        content = ended.content
        actions = [action for action in actions if action.added_at <= ended.recorded_at]
    stated = {name: content[name] for name in RECORDS[step]}
    return _plain({**stated, "turn": int(turn), "actions": _told(actions, step)})


def _ended(connection: Connection, capa: int, turn: int) -> RevisionRow:
    """The record's last state before it was reopened for the ``turn``-th time, from 0."""
    subject = Subject(kind=CAPA, id=capa)
    states = quality_notes.revisions(connection, subject, after=0, limit=10_000)
    reopened = [
        before
        for before, after in pairwise(states)
        if after.content["state"] == CapaState.REOPENED.value != before.content["state"]
    ]
    if turn >= len(reopened):
        raise NotFoundError("turn of this CAPA", str(turn))
    return reopened[turn]


def _told(actions: Sequence[ActionRow], step: CapaState) -> list[dict[str, object]]:
    """The actions as they were planned; with their results where the closure is signed."""
    planned = ("id", "kind", "description", "owner_user_id", "due_on")
    names = planned if step is CapaState.PLANNED else (*planned, "result", "done_at")
    return [{name: getattr(action, name) for name in names} for action in actions]


def _plain(value: Mapping[str, object]) -> dict[str, object]:
    """The same in JSON's values alone."""
    return dict(json.loads(json.dumps(value, default=str)))


def _granted(connection: Connection, approval: ApprovalRow, actor: str, *, step: CapaState) -> None:
    """Take the step that was signed; an error undoes the signature."""
    capa = int(approval.subject_id.partition("/")[0])
    row = capas.locked(connection, capa, scope=None)
    current = canonical_json(_record_now(connection, approval.subject_id, step=step))
    if hashlib.sha256(current).digest() != approval.record_digest:
        raise ConflictError("RECORD_CHANGED", "the CAPA changed at this moment")
    capas.move(connection, capa, step.value, approval=approval.id, changed_by=actor)
    if step is CapaState.CLOSED and row.restriction_id is not None:
        lift(
            connection,
            row.restriction_id,
            actor=actor,
            reason=f"CAPA {capa} is closed",
            approval=approval.id,
        )
    _tell(connection, row, approval, f"capa.{step.value.lower()}", actor)


def _refused(connection: Connection, approval: ApprovalRow, actor: str, *, step: CapaState) -> None:
    """It stays where it was, and may be asked about again."""
    capa = int(approval.subject_id.partition("/")[0])
    row = capas.locked(connection, capa, scope=None)
    _tell(connection, row, approval, f"{KINDS[step].replace('_', '.', 1)}_refused", actor)


def _tell(
    connection: Connection, row: CapaRow, approval: ApprovalRow, kind: str, actor: str
) -> None:
    body: dict[str, object] = {
        "capa": row.id,
        "approval": approval.id,
        "state": approval.state,
        "record_sha256": approval.record_digest.hex(),
    }
    quality.announce(connection, kind=kind, party=row.party_id, body=body)
    subject = f"{CAPA}/{row.id}"
    records.append_ledger(connection, actor=actor, kind=kind, subject=subject, body=body)


CAPA_EFFECTS: Final = {
    kind: Effect(
        record_now=partial(_record_now, step=step),
        granted=partial(_granted, step=step),
        refused=partial(_refused, step=step),
    )
    for step, kind in KINDS.items()
}
