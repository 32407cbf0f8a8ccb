"""Opening deviations: one for one cause, whoever finds it and however often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api.quality import custody
from api.quality.deviation_rules import due_on
from api.quality.incidents import NEARNESS
from coldgate.model import Verdict
from coldgate.storage import consignments, deviations, quality, records
from coldgate.storage.deviations import NewDeviation, NewEvidence, Occurrence, Place
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from api.quality.incidents import Incident
    from coldgate.storage.connection import Connection
    from coldgate.storage.consignments import ConsignmentRow
    from coldgate.storage.deviations import Known

ACTOR: Final = "coldgate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something that went wrong; ``cause`` and ``trend_code`` are stable codes.

    ``incident`` is the event that it is about, None where it is about the record of the journey or
    a refusal of the gate.
    """

    consignment: str
    cause: str
    verdict: Verdict
    source: str
    trend_code: str
    found_at: datetime
    facts: Mapping[str, object]
    incident: Incident | None = None
    evaluation_id: int | None = None
    gate_decision_id: int | None = None
    impact: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The deviation of a case; ``news`` says that it was opened just now, or became graver."""

    id: int
    party: str
    opened: bool
    news: bool


def open_deviation(connection: Connection, case: Case) -> Opening:
    """The deviation of this cause, opened unless it is on record.

    The caller holds the consignment's lock; those of its vehicles, and of a deviation that is
    found, are taken after it. Several consignments of one consignor on one vehicle have one
    deviation.
    """
    with everything(connection):
        consignment = consignments.visible(connection, case.consignment, scope=None)
        stretches = _custody(connection, consignment, case)
        occurrence = _occurrence(case, stretches)
        known = _known(connection, consignment, case, occurrence)
        if known is None:
            deviation = _insert(connection, consignment, case, occurrence)
        else:
            deviation = known.id
            _update(connection, known, case)
        told = [stretch.as_json() for stretch in stretches]
        deviations.add_subject(connection, deviation, case.consignment, custody=told)
        _add_evidence(connection, deviation, case)
        if known is None:
            deviations.find_recurrence(connection, deviation)
        opening = Opening(
            id=deviation,
            party=consignment.consignor_id,
            opened=known is None,
            news=known is None or _is_graver(case, known),
        )
        if opening.news:
            _tell(connection, opening, case)
    return opening


def _custody(
    connection: Connection, consignment: ConsignmentRow, case: Case
) -> tuple[custody.Custody, ...]:
    """Who held the goods when it happened; without an event, who holds them now."""
    legs = [
        custody.Leg(
            position=leg.position,
            carrier_id=leg.carrier_id,
            origin=leg.origin,
            destination=leg.destination,
            vehicle=leg.vehicle,
        )
        for leg in consignments.legs(connection, consignment.id)
    ]
    told = [
        custody.Told(id=row.id, kind=row.kind, happened_at=row.happened_at)
        for row in deviations.told(connection, consignment.id)
    ]
    whole = custody.custody(
        told, legs, consignor=consignment.consignor_id, consignee=consignment.consignee_id
    )
    if case.incident is None:
        return custody.during(whole, case.found_at, case.found_at)
    return custody.during(whole, case.incident.began_at, case.incident.ended_at)


def _occurrence(case: Case, stretches: Sequence[custody.Custody]) -> Occurrence | None:
    if case.incident is None:
        return None
    leg = stretches[0].leg
    return Occurrence(
        quantity=case.incident.quantity,
        side=case.incident.side,
        began_at=case.incident.began_at,
        ended_at=case.incident.ended_at,
        place=_place(leg) if leg else None,
    )


def _place(leg: custody.Leg) -> Place:
    return Place(
        carrier=leg.carrier_id,
        vehicle=leg.vehicle,
        origin=leg.origin,
        destination=leg.destination,
    )


def _known(
    connection: Connection,
    consignment: ConsignmentRow,
    case: Case,
    occurrence: Occurrence | None,
) -> Known | None:
    """The deviation that the case is about already.

    A closed one counts for an event that was looked into; worse news of it is a case of its own.
    """
    if occurrence is None:
        return deviations.of_cause(
            connection,
            consignment=consignment.id,
            cause=case.cause,
            with_events=case.source == "gate",
        )
    deviations.lock_vehicles(connection, consignment.id)
    known = deviations.of_event(
        connection,
        party=consignment.consignor_id,
        consignment=consignment.id,
        occurrence=occurrence,
        nearness=NEARNESS,
    )
    if known is not None and known.closed_at is not None and _is_graver(case, known):
        return None
    return known


def _insert(
    connection: Connection,
    consignment: ConsignmentRow,
    case: Case,
    occurrence: Occurrence | None,
) -> int:
    return deviations.insert(
        connection,
        NewDeviation(
            consignment=consignment.id,
            party=consignment.consignor_id,
            cause=case.cause,
            verdict=case.verdict.value,
            source=case.source,
            trend_code=case.trend_code,
            evaluation_id=case.evaluation_id,
            gate_decision_id=case.gate_decision_id,
            facts=case.facts,
            occurrence=occurrence,
            due_on=due_on(case.verdict, case.found_at.date()),
        ),
    )


def _update(connection: Connection, known: Known, case: Case) -> None:
    """Have an open deviation say what the case adds to it."""
    if known.closed_at is not None:
        return
    if _is_graver(case, known):
        deviations.worsen(connection, known.id, cause=case.cause, verdict=case.verdict.value)
    if case.incident is not None:
        deviations.widen(
            connection,
            known.id,
            began_at=case.incident.began_at,
            ended_at=case.incident.ended_at,
        )


def _is_graver(case: Case, known: Known) -> bool:
    return case.verdict.rank > Verdict(known.verdict).rank


def _add_evidence(connection: Connection, deviation: int, case: Case) -> None:
    if case.evaluation_id is None or case.impact is None:
        return
    incident = case.incident
    new = NewEvidence(
        consignment=case.consignment,
        evaluation=case.evaluation_id,
        verdict=case.verdict.value,
        began_at=incident.began_at if incident else None,
        ended_at=incident.ended_at if incident else None,
        excursions=[event.id for event in incident.events] if incident else [],
        impact=case.impact,
    )
    deviations.add_evidence(connection, deviation, new)


def _tell(connection: Connection, opening: Opening, case: Case) -> None:
    """Enter it in the ledger and tell whoever keeps the record."""
    kind = "deviation.opened" if opening.opened else "deviation.worsened"
    body = {
        "deviation": opening.id,
        "consignment": case.consignment,
        "cause": case.cause,
        "verdict": case.verdict.value,
        "trend_code": case.trend_code,
    }
    quality.announce(connection, kind=kind, party=opening.party, body=body)
    subject = f"deviation/{opening.id}"
    records.append_ledger(connection, actor=ACTOR, kind=kind, subject=subject, body=body)
