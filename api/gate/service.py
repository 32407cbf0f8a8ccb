"""One request to the gate: facts, decision, record and new states in one locked transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.gate.rules import Decision, Facts, decide, require_movable, require_on_time
from api.gate.schemas import DecisionView, GateAnswer, LineStateView
from api.quality.reaction import apply_judgement
from api.schemas import Page, page_of
from coldgate.errors import NotFoundError
from coldgate.model import LineState, Purpose
from coldgate.storage import consignments, gate, quality, visibility
from coldgate.storage.gate import NewDecision
from coldgate.storage.quality import NewDeviation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.caller import Caller
    from api.gate.schemas import GateIn, LotRef
    from coldgate.storage.connection import Connection
    from coldgate.storage.consignments import ConsignmentRow
    from coldgate.storage.gate import DecisionRow, GateLine


def ask(connection: Connection, caller: Caller, consignment: str, asked: GateIn) -> GateAnswer:
    """Decide, record and act under the consignment's lock; a crash leaves none of the three."""
    found = consignments.locked(connection, consignment, scope=caller.scope)
    _require_right(caller, found, asked.purpose)
    with visibility.everything(connection):  # what the caller may not see counts as well
        lines = _lines(connection, consignment, asked.lot)
        require_movable(asked.purpose, lines)
        facts = Facts(
            lines=lines,
            profile=found.profile,
            judgement=gate.judgement(connection, consignment),
            circumstances=gate.circumstances(connection, consignment),
        )
    require_on_time(asked.purpose, received=facts.circumstances.received)
    decision = decide(asked.purpose, facts)
    row = _record(connection, caller, consignment, decision, facts)
    deviation = _act(connection, row, decision, [line.position for line in lines])
    if decision.permitted and facts.judgement is not None:
        # Goods that broke their conditions before they left are stopped as they leave.
        apply_judgement(connection, consignment, facts.judgement)
    caller.record(connection, "gate.decided", consignment, decision=row.id, verdict=row.verdict)
    after = _lines(connection, consignment, asked.lot)
    return GateAnswer(
        **DecisionView.model_validate(row).model_dump(),
        lines=[LineStateView.model_validate(line) for line in after],
        deviation=deviation,
    )


def list_decisions(
    connection: Connection, caller: Caller, consignment: str, *, after: int, limit: int
) -> Page[DecisionView]:
    """Decisions about a consignment, oldest first."""
    consignments.visible(connection, consignment, scope=caller.scope)
    rows = gate.decisions(connection, consignment, after=after, limit=limit)
    return page_of(DecisionView, rows, limit=limit)


def _require_right(caller: Caller, consignment: ConsignmentRow, purpose: Purpose) -> None:
    """Return for who answers for the goods: a carrier may dispatch them, never release them."""
    may = {consignment.consignor_id, consignment.consignee_id}
    if purpose is Purpose.DISPATCH:
        may = {consignment.consignor_id, *consignment.carrier_ids}
    if not caller.is_operator and caller.party not in may:
        raise NotFoundError("consignment", consignment.id)


def _lines(connection: Connection, consignment: str, lot: LotRef | None) -> tuple[GateLine, ...]:
    if lot is None:
        return tuple(gate.lines(connection, consignment))
    found = gate.lines(connection, consignment, product=lot.product, lot=lot.number)
    if not found:
        raise NotFoundError("lot in this consignment", f"{lot.product}/{lot.number}")
    return tuple(found)


def _record(
    connection: Connection, caller: Caller, consignment: str, decision: Decision, facts: Facts
) -> DecisionRow:
    new = NewDecision(
        consignment=consignment,
        purpose=decision.purpose.value,
        verdict=decision.verdict.value,
        permitted=decision.permitted,
        evaluation_id=facts.judgement.id if facts.judgement else None,
        checks=[result.as_json() for result in decision.results],
        actor=caller.actor,
    )
    return gate.insert_decision(connection, new)


def _act(
    connection: Connection, row: DecisionRow, decision: Decision, positions: Sequence[int]
) -> int | None:
    """Move the lines as decided; the id of the open deviation where the goods are blocked."""
    if decision.permitted:
        _let_pass(connection, row, positions)
        return None
    if decision.purpose is Purpose.RECEIPT_RELEASE:
        _quarantine(connection, row.consignment_id, positions)
    return _open_deviation(connection, row, decision)


def _let_pass(connection: Connection, row: DecisionRow, positions: Sequence[int]) -> None:
    if row.purpose == Purpose.DISPATCH.value:
        consignments.move_lines(
            connection,
            row.consignment_id,
            from_states=[LineState.PLANNED],
            to_state=LineState.IN_TRANSIT,
            positions=positions,
        )
        consignments.touch(connection, row.consignment_id)  # it may be what begins the journey
        return
    # Goods always pass quarantine (section 1), even where nobody recorded that they came.
    _quarantine(connection, row.consignment_id, positions, also=[LineState.REVOKED])
    released = consignments.move_lines(
        connection,
        row.consignment_id,
        from_states=[LineState.QUARANTINED],
        to_state=LineState.RELEASED,
        positions=positions,
    )
    for line in sorted(released, key=lambda line: line.position):
        body = {"decision": row.id, "product": line.product_id, "lot": line.lot_number}
        quality.announce(connection, kind="lot.released", consignment=row.consignment_id, body=body)


def _quarantine(
    connection: Connection,
    consignment: str,
    positions: Sequence[int],
    *,
    also: Sequence[LineState] = (),
) -> None:
    consignments.move_lines(
        connection,
        consignment,
        from_states=[LineState.IN_TRANSIT, *also],
        to_state=LineState.QUARANTINED,
        positions=positions,
    )


def _open_deviation(connection: Connection, row: DecisionRow, decision: Decision) -> int:
    cause = decision.blocking[0].code
    codes = [result.code for result in decision.blocking]
    deviation, _ = quality.open_deviation(
        connection,
        NewDeviation(
            consignment=row.consignment_id,
            cause=cause,
            verdict=decision.verdict.value,
            evaluation_id=row.evaluation_id,
            gate_decision_id=row.id,
            facts={"checks": [result.as_json() for result in decision.blocking]},
        ),
    )
    quality.announce(
        connection,
        kind="gate.blocked",
        consignment=row.consignment_id,
        body={
            "decision": row.id,
            "purpose": row.purpose,
            "verdict": row.verdict,
            "codes": codes,
            "deviation": deviation,
        },
    )
    return deviation
