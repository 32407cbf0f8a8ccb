"""What is said about deviations."""

from datetime import date, datetime
from enum import Enum
from typing import Annotated, Literal

from pydantic import Field

from api.approvals.schemas import SignedView
from api.schemas import MAX_INT, Body, Moment, Name, RowId, View, example
from coldgate.model import Verdict

Prose = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
Day = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2199, 12, 31))]
Revision = Annotated[
    int, Field(ge=1, le=MAX_INT, description="The revision that was on the screen")
]


class Classification(Enum):
    """How grave a deviation is, as a person sees it."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class RootCause(Enum):
    """What causes are counted by."""

    HANDLING = "handling"
    PACKAGING = "packaging"
    CONDITIONING = "conditioning"
    VEHICLE = "vehicle"
    STORAGE = "storage"
    DELAY = "delay"
    PROCEDURE = "procedure"
    TRAINING = "training"
    MEASUREMENT = "measurement"
    DATA = "data"
    UNKNOWN = "unknown"
    OTHER = "other"


class Notification(Body):
    """Who was told, when and how."""

    who: Name
    how: Name
    notified_at: Moment


class DeviationView(View):
    """Something that went wrong; open while ``closed_at`` is null.

    ``consignments`` are those of it that the caller takes part in. A deviation about an event has a
    quantity, a side and its times; the vehicle is the one that the goods were in then.
    """

    id: int
    consignment: Annotated[str, Field(validation_alias="consignment_id")]
    consignments: list[str]
    party: Annotated[str, Field(validation_alias="party_id")]
    cause: str
    verdict: Verdict
    source: Literal["judge", "gate"]
    trend_code: str
    facts: dict[str, object]
    quantity: str | None
    side: Literal["high", "low"] | None
    began_at: datetime | None
    ended_at: datetime | None
    carrier: Annotated[str | None, Field(validation_alias="carrier_id")]
    vehicle: str | None
    origin: str | None
    destination: str | None
    classification: Classification | None
    owner: Annotated[int | None, Field(validation_alias="owner_user_id")]
    due_on: date
    capa: Annotated[int | None, Field(validation_alias="capa_id")]
    revision: int
    opened_at: datetime
    closed_at: datetime | None


class SubjectView(View):
    """A consignment of a deviation: its goods and custody then, and where the goods are now."""

    consignment: Annotated[str, Field(validation_alias="consignment_id")]
    goods: list[dict[str, object]]
    custody: list[dict[str, object]]
    added_at: datetime
    whereabouts: list[dict[str, object]]


class EvidenceView(View):
    """What one evaluation says of a deviation; the evaluation itself never changes."""

    consignment: Annotated[str, Field(validation_alias="consignment_id")]
    evaluation: Annotated[int, Field(validation_alias="evaluation_version")]
    input_digest: str
    verdict: Verdict
    began_at: datetime | None
    ended_at: datetime | None
    excursions: list[int]
    impact: dict[str, object]
    recorded_at: datetime


class RecurrenceView(View):
    """An earlier deviation, of the twelve months before, that was like it."""

    deviation: Annotated[int, Field(validation_alias="earlier_id")]
    consignment: Annotated[str, Field(validation_alias="consignment_id")]
    same_lane: bool
    same_carrier: bool
    same_vehicle: bool


class NoteView(View):
    """A comment, an acknowledgement or an attached document."""

    id: int
    kind: Literal["comment", "acknowledgement", "attachment"]
    body: str
    document: Annotated[int | None, Field(validation_alias="document_id")]
    author: str
    written_at: datetime


class RevisionView(View):
    """What a record said from ``recorded_at`` on, until its next revision."""

    number: int
    content: dict[str, object]
    author: str
    recorded_at: datetime


class DeviationDetail(DeviationView):
    """A deviation with everything that a record of it must say (what people add may be null)."""

    rationale: str | None
    containment: str | None
    impact_assessment: str | None
    packaging_state: str | None
    manufacturer_answer: str | None
    manufacturer_document: Annotated[int | None, Field(validation_alias="manufacturer_document_id")]
    root_cause: str | None
    root_cause_method: str | None
    root_cause_category: RootCause | None
    notifications: list[dict[str, object]]
    no_capa_reason: str | None
    subjects: list[SubjectView]
    evidence: list[EvidenceView]
    recurrence: list[RecurrenceView]
    notes: list[NoteView]
    missing: list[str]
    approvals: list[SignedView]


class DeviationRevisionIn(Body):
    """What to write over; members that are not sent stay as they are, null empties one."""

    model_config = example(
        based_on=1, classification="major", rationale="beyond the label for 50 minutes"
    )
    based_on: Revision
    classification: Classification | None = None
    rationale: Prose | None = None
    containment: Prose | None = None
    impact_assessment: Prose | None = None
    packaging_state: Prose | None = None
    manufacturer_answer: Prose | None = None
    manufacturer_document: RowId | None = None
    root_cause: Prose | None = None
    root_cause_method: Prose | None = None
    root_cause_category: RootCause | None = None
    notifications: Annotated[list[Notification], Field(max_length=100)] | None = None
    owner: RowId | None = None
    due_on: Day | None = None
    capa: RowId | None = None
    no_capa_reason: Prose | None = None


class NoteIn(Body):
    """Words to add, or a document to attach to them."""

    model_config = example(body="the driver confirms that the door stood open")
    body: Prose
    document: RowId | None = None


class ClosureIn(Body):
    """What is asked to be signed: the record as it was on the screen."""

    model_config = example(based_on=4)
    based_on: Revision
