"""Deviations: what went wrong, to which goods, on whose evidence, and what people say of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from psycopg.types.json import Jsonb

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime, timedelta

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("deviations")
CONDITIONS: Final = ("CONDITION_HOLD", "CONDITION_FAIL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where goods were when it happened; ``vehicle`` may be '' where nobody named one."""

    carrier: str
    vehicle: str
    origin: str
    destination: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """The event that a deviation is about; ``side`` is high or low, None where it has none."""

    quantity: str
    side: str | None
    began_at: datetime
    ended_at: datetime
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeviation:
    """A deviation to open; ``party`` is the consignor, whose quality side keeps the record."""

    consignment: str
    party: str
    cause: str
    verdict: str
    source: str
    trend_code: str
    evaluation_id: int | None
    gate_decision_id: int | None
    facts: Mapping[str, object]
    occurrence: Occurrence | None
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A deviation that is on record already."""

    id: int
    cause: str
    verdict: str
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvidence:
    """What one evaluation says of a deviation; ``excursions`` are ids of its excursions."""

    consignment: str
    evaluation: int
    verdict: str
    began_at: datetime | None
    ended_at: datetime | None
    excursions: Sequence[int]
    impact: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRow:
    """A custody event; ``id`` None is the gate's own word that goods left."""

    id: int | None
    kind: str
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRow:
    """What a consignment took of a lot's budget, and what was taken before, in billionths."""

    product_id: str
    lot_number: str
    serial: str
    before_optimistic_ppb: int
    before_measured_ppb: int
    before_pessimistic_ppb: int
    optimistic_ppb: int
    measured_ppb: int
    pessimistic_ppb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationRow:
    """A deviation as it stands; ``consignments`` are those of it that the reader sees."""

    id: int
    consignment_id: str
    consignments: list[str]
    party_id: str
    cause: str
    verdict: str
    source: str
    trend_code: str
    evaluation_id: int | None
    gate_decision_id: int | None
    facts: dict[str, object]
    quantity: str | None
    side: str | None
    began_at: datetime | None
    ended_at: datetime | None
    carrier_id: str | None
    vehicle: str | None
    origin: str | None
    destination: str | None
    classification: str | None
    rationale: str | None
    containment: str | None
    impact_assessment: str | None
    packaging_state: str | None
    manufacturer_answer: str | None
    manufacturer_document_id: int | None
    root_cause: str | None
    root_cause_method: str | None
    root_cause_category: str | None
    notifications: list[dict[str, object]]
    owner_user_id: int | None
    due_on: date
    capa_id: int | None
    no_capa_reason: str | None
    approval_id: int | None
    revision: int
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRow:
    """A consignment of a deviation: as it was when it was added, and where its goods are now."""

    consignment_id: str
    goods: list[dict[str, object]]
    custody: list[dict[str, object]]
    added_at: datetime
    whereabouts: list[dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """An evaluation that speaks of a deviation."""

    consignment_id: str
    evaluation_id: int
    evaluation_version: int
    input_digest: str
    verdict: str
    began_at: datetime | None
    ended_at: datetime | None
    excursions: list[int]
    impact: dict[str, object]
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrenceRow:
    """An earlier deviation that was like it."""

    earlier_id: int
    consignment_id: str
    same_lane: bool
    same_carrier: bool
    same_vehicle: bool


def lock_vehicles(connection: Connection, consignment: str) -> None:
    """Be the only one that looks for a deviation of its vehicles, to the end of the transaction."""
    connection.execute(_SQL["lock_vehicles"], {"consignment": consignment})


def of_event(
    connection: Connection,
    *,
    party: str,
    consignment: str,
    occurrence: Occurrence,
    nearness: timedelta,
) -> Known | None:
    """The deviation of this event, locked: of this consignment, or of its vehicle there and then.

    The caller holds `lock_vehicles`.
    """
    parameters = {
        **_occurrence(occurrence),
        "party": party,
        "consignment": consignment,
        "nearness": nearness,
    }
    parameters["vehicle"] = parameters["vehicle"] or ""
    return fetch_one(connection, Known, _SQL["of_event"], parameters)


def of_cause(
    connection: Connection, *, consignment: str, cause: str, with_events: bool
) -> Known | None:
    """The open deviation of this cause, locked; ``with_events`` False skips those of an event."""
    parameters = {
        "consignment": consignment,
        "cause": cause,
        "conditions": list(CONDITIONS),
        "with_events": with_events,
    }
    return fetch_one(connection, Known, _SQL["of_cause"], parameters)


def insert(connection: Connection, new: NewDeviation) -> int:
    """Open a deviation; its id."""
    values = asdict(new)
    del values["occurrence"]
    parameters = {**values, **_occurrence(new.occurrence), "facts": Jsonb(dict(new.facts))}
    row = connection.execute(_SQL["insert"], parameters).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives its row
    return int(row[0])


def worsen(connection: Connection, deviation: int, *, cause: str, verdict: str) -> None:
    """Make it graver; what it was before stays in its revisions."""
    connection.execute(_SQL["worsen"], {"id": deviation, "cause": cause, "verdict": verdict})


def widen(
    connection: Connection, deviation: int, *, began_at: datetime, ended_at: datetime
) -> None:
    """Have an open one last at least from ``began_at`` to ``ended_at``."""
    parameters = {"id": deviation, "began_at": began_at, "ended_at": ended_at}
    connection.execute(_SQL["widen"], parameters)


def add_subject(
    connection: Connection,
    deviation: int,
    consignment: str,
    *,
    custody: Sequence[Mapping[str, object]],
) -> None:
    """Have the deviation be about the consignment as well, with its goods as they are now."""
    row = connection.execute(_SQL["goods"], {"consignment": consignment}).fetchone()
    parameters = {
        "deviation": deviation,
        "consignment": consignment,
        "goods": Jsonb(row[0] if row else []),
        "custody": Jsonb([dict(stretch) for stretch in custody]),
    }
    connection.execute(_SQL["insert_subject"], parameters)


def add_evidence(connection: Connection, deviation: int, new: NewEvidence) -> None:
    """Keep what an evaluation says of the deviation; said twice, it is kept once."""
    parameters = {
        **asdict(new),
        "deviation": deviation,
        "excursions": list(new.excursions),
        "impact": Jsonb(dict(new.impact)),
    }
    connection.execute(_SQL["insert_evidence"], parameters)


def find_recurrence(connection: Connection, deviation: int) -> None:
    """Search the last twelve months for deviations like this one, and keep what was found."""
    connection.execute(_SQL["insert_recurrence"], {"deviation": deviation})


def told(connection: Connection, consignment: str) -> list[ToldRow]:
    """Custody events in order of time; the gate's dispatch where nobody told of a departure."""
    return fetch_all(connection, ToldRow, _SQL["told"], {"consignment": consignment})


def spent(connection: Connection, consignment: str) -> list[SpendRow]:
    """What the consignment took of each lot's budget, as the newest evaluation has it."""
    return fetch_all(connection, SpendRow, _SQL["spent"], {"consignment": consignment})


def earlier_on_lane(connection: Connection, consignment: str, *, began_at: datetime) -> int:
    """Other consignments with excursions on this one's lane in the twelve months before (S32)."""
    parameters = {"consignment": consignment, "began_at": began_at}
    row = connection.execute(_SQL["earlier_on_lane"], parameters).fetchone()
    return int(row[0]) if row else 0


def lane(connection: Connection, consignment: str) -> tuple[str, str]:
    """Origin and destination of the whole journey; empty where no leg is planned."""
    row = connection.execute(_SQL["lane"], {"consignment": consignment}).fetchone()
    return (str(row[0]), str(row[1])) if row else ("", "")


def deviations(
    connection: Connection,
    *,
    scope: str | None,
    consignment: str | None,
    after: int,
    limit: int,
) -> list[DeviationRow]:
    """Deviations of consignments that the party ``scope`` takes part in, oldest first."""
    ids = None
    if consignment is not None:
        found = connection.execute(_SQL["of_consignment"], {"consignment": consignment})
        ids = [row[0] for row in found]
    parameters = {"scope": scope, "ids": ids, "after": after, "limit": limit}
    return fetch_all(connection, DeviationRow, _SQL["deviations"], parameters)


def visible(connection: Connection, deviation: int, *, scope: str | None) -> DeviationRow:
    """One deviation, if the party ``scope`` takes part in a consignment of it; else not found."""
    parameters = {"scope": scope, "ids": [deviation], "after": 0, "limit": 1}
    row = fetch_one(connection, DeviationRow, _SQL["deviations"], parameters)
    if row is None:
        raise NotFoundError("deviation", str(deviation))
    return row


def locked(connection: Connection, deviation: int, *, scope: str | None) -> DeviationRow:
    """As `visible`, locked to the end of the transaction and read after the lock."""
    visible(connection, deviation, scope=scope)
    connection.execute(_SQL["lock"], {"id": deviation})
    return visible(connection, deviation, scope=scope)


def subjects(connection: Connection, deviation: int) -> list[SubjectRow]:
    """Its consignments, as far as the transaction sees them."""
    return fetch_all(connection, SubjectRow, _SQL["subjects"], {"id": deviation})


def evidence(connection: Connection, deviation: int) -> list[EvidenceRow]:
    """The evaluations that speak of it, oldest first, as far as the transaction sees them."""
    return fetch_all(connection, EvidenceRow, _SQL["evidence"], {"id": deviation})


def recurrence(connection: Connection, deviation: int) -> list[RecurrenceRow]:
    """The earlier deviations that were found when it opened, as far as one may see them."""
    return fetch_all(connection, RecurrenceRow, _SQL["recurrence"], {"id": deviation})


def revise(
    connection: Connection, deviation: int, content: Mapping[str, object], *, changed_by: str
) -> None:
    """Write over what people say of it; what they said before stays in its revisions."""
    parameters = {
        **content,
        "notifications": Jsonb(content["notifications"]),
        "id": deviation,
        "changed_by": changed_by,
    }
    connection.execute(_SQL["revise"], parameters)


def await_signature(
    connection: Connection, deviation: int, *, approval: int, changed_by: str
) -> None:
    """Name the request whose signatures will close it."""
    parameters = {"id": deviation, "approval": approval, "changed_by": changed_by}
    connection.execute(_SQL["await_signature"], parameters)


def close(connection: Connection, deviation: int, *, changed_by: str) -> datetime:
    """Close it for ever; SQLSTATE CG001 where anything is missing."""
    parameters = {"id": deviation, "changed_by": changed_by}
    row = connection.execute(_SQL["close"], parameters).fetchone()
    if row is None:
        raise NotFoundError("deviation", str(deviation))
    closed_at: datetime = row[0]
    return closed_at


def _occurrence(occurrence: Occurrence | None) -> dict[str, object]:
    names = ("quantity", "side", "began_at", "ended_at")
    place = occurrence.place if occurrence else None
    return {
        **{name: getattr(occurrence, name, None) for name in names},
        **{
            name: getattr(place, name, None)
            for name in ("carrier", "vehicle", "origin", "destination")
        },
    }
