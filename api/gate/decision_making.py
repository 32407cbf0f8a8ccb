"""From facts to a decision that is recorded and acted on, in one locked transaction.

Whoever asks has taken the consignment's lock and read the facts after it: the gate's routes, a
signed disposition, or the reaction to a judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.gate.rules import (
    decide,
    decide_each,
    require_movable,
    require_on_time,
    require_unused,
)
from api.quality.opening import Case, open_deviation
from coldgate.model import LineState, Purpose
from coldgate.storage import consignments, gate, quality, tokens
from coldgate.storage.gate import NewDecision, NewPermit
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from api.gate.facts import Facts, Line
    from api.gate.rules import Decision
    from coldgate.storage.connection import Connection
    from coldgate.storage.gate import DecisionRow
    from coldgate.storage.tokens import PermitRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The permit that whoever asks wants of what may pass; ``quantity`` None names all of it."""

    audience: str
    quantity: int | None
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """Who asks and how; ``partial`` lets the lines pass that may, and holds the others."""

    actor: str
    partial: bool = False
    request_digest: str = ""
    grant: Grant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """A decision on record, the lines that may pass, and the deviation where others may not."""

    row: DecisionRow
    permit: PermitRow | None
    decision: Decision
    passing: tuple[Line, ...]
    deviation: int | None


def conclude(connection: Connection, facts: Facts, manner: Manner) -> Concluded:
    """Decide about the lines of ``facts``, record it and move them; all of it or nothing."""
    require_movable(facts.purpose, facts.lines)
    require_on_time(facts)
    decision = decide(facts.purpose, facts)
    each = _each(facts, decision)
    fit = tuple(line for line in facts.lines if each[line.position].permitted)
    passing = fit if decision.permitted or manner.partial else ()
    if manner.grant is not None:
        require_unused(facts, passing or facts.lines)
    units = _units(connection, facts, manner.grant, passing)
    states = _move(connection, facts, tuple(line for line in passing if units[line.position]))
    row, permit = gate.insert_decision(
        connection,
        NewDecision(
            consignment=facts.consignment,
            purpose=facts.purpose.value,
            verdict=decision.verdict.value,
            permitted=bool(passing),
            evaluation_id=facts.judgement.id if facts.judgement else None,
            checks=[result.as_json() for result in decision.results],
            actor=manner.actor,
            lines=[_line(line, each[line.position], states, passing) for line in facts.lines],
            partial=manner.partial,
            dispositions=_dispositions(each[line.position] for line in passing),
            request_digest=manner.request_digest,
            permit=_permit(manner.grant, passing, units),
        ),
    )
    deviation = None if decision.permitted else _block(connection, facts, row, decision)
    _announce_released(connection, row, facts, states)
    return Concluded(
        row=row, permit=permit, decision=decision, passing=passing, deviation=deviation
    )


def _each(facts: Facts, decision: Decision) -> Mapping[int, Decision]:
    """The decision about each line; what is proven of all is proven of each."""
    if decision.permitted or len(facts.lines) == 1:
        return {line.position: decision for line in facts.lines}
    return decide_each(facts.purpose, facts)


def _line(
    line: Line, decision: Decision, states: Mapping[int, str], passing: tuple[Line, ...]
) -> dict[str, object]:
    """What is recorded of a line: how it was found, and what became of it."""
    return {
        "position": line.position,
        "product": line.product_id,
        "lot": line.lot_number,
        "quantity": line.quantity,
        "zone": line.zone,
        "verdict": decision.verdict.value,
        "codes": [result.code for result in decision.blocking],
        "permitted": line in passing,
        "state_before": line.state,
        "state": states.get(line.position, line.state),
    }


def _units(
    connection: Connection, facts: Facts, grant: Grant | None, passing: tuple[Line, ...]
) -> Mapping[int, int]:
    """How many units of each line may pass now: all that are left, or as many as were asked for."""
    there = {line.position: facts.left(line) for line in passing}
    if grant is None or grant.quantity is None:
        return there
    return _part(connection, facts, there, grant.quantity)


def _permit(
    grant: Grant | None, passing: tuple[Line, ...], units: Mapping[int, int]
) -> NewPermit | None:
    if grant is None or not passing:
        return None
    amounts: list[dict[str, object]] = [
        {
            "position": line.position,
            "product": line.product_id,
            "lot": line.lot_number,
            "quantity": units[line.position],
        }
        for line in passing
        if units[line.position]
    ]
    return NewPermit(audience=grant.audience, lines=amounts, lifetime=grant.lifetime)


def _part(
    connection: Connection, facts: Facts, there: Mapping[int, int], quantity: int
) -> dict[int, int]:
    """So many of the units, in their order; what open permits promise only where it takes that."""
    with everything(connection):  # permits of other parties as well
        promised = tokens.promised(connection, facts.consignment, facts.purpose.value)
    free = {place: max(units - promised.get(place, 0), 0) for place, units in there.items()}
    chosen = _first(free, quantity)
    rest = {place: units - chosen[place] for place, units in there.items()}
    more = _first(rest, quantity - sum(chosen.values()))
    return {place: chosen[place] + more[place] for place in there}


def _first(there: Mapping[int, int], quantity: int) -> dict[int, int]:
    """How many units of each line the first ``quantity`` are."""
    left = quantity
    taken: dict[int, int] = {}
    for place, units in there.items():
        taken[place] = min(left, units)
        left -= taken[place]
    return taken


def _dispositions(decisions: Iterable[Decision]) -> list[int]:
    """The signed dispositions that any of the findings stands on."""
    cited = {
        disposition
        for decision in decisions
        for result in decision.results
        for disposition in _cited(result.finding.facts)
    }
    return sorted(cited)


def _cited(facts: Mapping[str, object]) -> list[int]:
    cited = facts.get("dispositions")
    return cited if isinstance(cited, list) else []


def _move(connection: Connection, facts: Facts, passing: tuple[Line, ...]) -> dict[int, str]:
    """Take the step that was asked for; the states of the lines that moved."""
    if facts.purpose is Purpose.DISPATCH:
        moved = _shift(connection, facts, passing, LineState.PLANNED)
        if moved:
            consignments.touch(connection, facts.consignment)  # it may begin the journey
        return moved
    # Goods always pass quarantine (section 1), even where nobody recorded that they came.
    moved = _shift(connection, facts, facts.lines, LineState.IN_TRANSIT)
    moved |= _shift(connection, facts, passing, LineState.REVOKED)
    released = [
        line
        for line in passing
        if moved.get(line.position, line.state) == LineState.QUARANTINED.value
    ]
    return moved | _set(connection, facts, released, LineState.QUARANTINED, LineState.RELEASED)


def _shift(
    connection: Connection, facts: Facts, lines: Iterable[Line], state: LineState
) -> dict[int, str]:
    """Move those of ``lines`` that are in ``state`` one step on."""
    there = [line for line in lines if line.state == state.value]
    onward = LineState.IN_TRANSIT if state is LineState.PLANNED else LineState.QUARANTINED
    return _set(connection, facts, there, state, onward)


def _set(
    connection: Connection,
    facts: Facts,
    lines: list[Line],
    from_state: LineState,
    to_state: LineState,
) -> dict[int, str]:
    if not lines:
        return {}
    moved = consignments.move_lines(
        connection,
        facts.consignment,
        from_states=[from_state],
        to_state=to_state,
        positions=[line.position for line in lines],
    )
    return {line.position: line.state for line in moved}


def _announce_released(
    connection: Connection, row: DecisionRow, facts: Facts, states: Mapping[int, str]
) -> None:
    """Tell of each line that was released now, not of those that were or that stayed."""
    for line in facts.lines:
        if states.get(line.position) == LineState.RELEASED.value:
            body = {"decision": row.id, "product": line.product_id, "lot": line.lot_number}
            quality.announce(
                connection, kind="lot.released", consignment=row.consignment_id, body=body
            )


def _block(connection: Connection, facts: Facts, row: DecisionRow, decision: Decision) -> int:
    """The deviation that the refusal opens, or that is open for its cause already."""
    codes = [result.code for result in decision.blocking]
    opening = open_deviation(
        connection,
        Case(
            consignment=row.consignment_id,
            cause=codes[0],
            verdict=decision.verdict,
            source="gate",
            trend_code=codes[0],
            found_at=facts.now,
            facts={"checks": [result.as_json() for result in decision.blocking]},
            evaluation_id=row.evaluation_id,
            gate_decision_id=row.id,
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
            "deviation": opening.id,
        },
    )
    return opening.id
