"""What is said about CAPAs."""

from datetime import date, datetime
from enum import Enum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from api.approvals.schemas import SignedView
from api.quality.capa_rules import CapaState
from api.quality.schemas import Day, NoteView, Prose, Revision, RootCause
from api.schemas import Body, Identifier, LotNumber, Name, RowId, Text, View, example


class ActionKind(Enum):
    """Whether an action mends what happened, or keeps it from happening elsewhere."""

    CORRECTIVE = "corrective"
    PREVENTIVE = "preventive"


class Step(Enum):
    """The steps that a person may ask for; two of them are a signature."""

    CONTAINED = "CONTAINED"
    INVESTIGATED = "INVESTIGATED"
    PLANNED = "PLANNED"
    IMPLEMENTED = "IMPLEMENTED"
    VERIFIED = "VERIFIED"
    EFFECTIVENESS_DUE = "EFFECTIVENESS_DUE"
    CLOSED = "CLOSED"
    REOPENED = "REOPENED"

    @property
    def state(self) -> CapaState:
        """The state that it leads to."""
        return CapaState(self.value)


class CapaIn(Body):
    """A CAPA to open by hand; a blocking one names the product and lot that it blocks."""

    model_config = example(
        title="Doors open during loading",
        problem="three excursions in May began while loading",
        due_on="2027-01-31",
        deviations=[7],
    )
    title: Name
    problem: Prose
    due_on: Day
    party: Identifier | None = None
    trend_code: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")] = "OTHER"
    origin: Text = ""
    destination: Text = ""
    owner: RowId | None = None
    blocking: bool = False
    product: Identifier | None = None
    lot: LotNumber | None = None
    deviations: Annotated[list[RowId], Field(max_length=100)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _lot_is_whole(self) -> Self:
        if (self.product is None) != (self.lot is None):
            raise ValueError("product and lot are named together or not at all")
        if self.blocking and self.lot is None:
            raise ValueError("a blocking CAPA names the product and lot that it blocks")
        return self


class CapaRevisionIn(Body):
    """What to write over; members that are not sent stay as they are, null empties one."""

    model_config = example(based_on=1, containment="the vehicle is out of service", owner=3)
    based_on: Revision
    title: Name | None = None
    problem: Prose | None = None
    owner: RowId | None = None
    due_on: Day | None = None
    containment: Prose | None = None
    investigation: Prose | None = None
    root_cause: Prose | None = None
    root_cause_category: RootCause | None = None
    need_for_action: Prose | None = None
    effectiveness_criterion: Prose | None = None
    documents_updated: Prose | None = None
    verification: Prose | None = None
    effectiveness_due_on: Day | None = None
    effectiveness_result: Prose | None = None
    reopened_because: Prose | None = None


class ActionIn(Body):
    """Something to be done, by whom and by when."""

    model_config = example(
        kind="corrective", description="fit a door switch", owner=3, due_on="2027-01-15"
    )
    kind: ActionKind
    description: Prose
    owner: RowId
    due_on: Day


class ActionResultIn(Body):
    """What came of an action."""

    model_config = example(result="fitted and tested, work order 8812")
    result: Prose


class TransitionIn(Body):
    """The step to take, from the record as it was on the screen."""

    model_config = example(to="CONTAINED", based_on=2)
    to: Step
    based_on: Revision


class ActionView(View):
    """An action; done when it has a result."""

    id: int
    kind: ActionKind
    description: str
    owner: Annotated[int, Field(validation_alias="owner_user_id")]
    due_on: date
    result: str | None
    done_at: datetime | None


class CapaTransitionView(View):
    """A step that a CAPA took, with the request whose signatures took it."""

    from_state: CapaState
    to_state: CapaState
    approval: Annotated[int | None, Field(validation_alias="approval_id")]
    actor: str
    changed_at: datetime


class CapaView(View):
    """A corrective and preventive action; ``rule`` says which rule opened it, null: a person."""

    id: int
    party: Annotated[str, Field(validation_alias="party_id")]
    title: str
    problem: str
    rule: Literal["FAIL", "REPEAT"] | None
    trend_code: str
    origin: str
    destination: str
    blocking: bool
    product: Annotated[str | None, Field(validation_alias="product_id")]
    lot: Annotated[str | None, Field(validation_alias="lot_number")]
    restriction: Annotated[int | None, Field(validation_alias="restriction_id")]
    state: CapaState
    owner: Annotated[int | None, Field(validation_alias="owner_user_id")]
    due_on: date
    deviations: list[int]
    opened_at: datetime
    revision: int


class CapaDetail(CapaView):
    """A CAPA with all of its record; ``missing`` is what each next step still takes."""

    containment: str | None
    investigation: str | None
    root_cause: str | None
    root_cause_category: RootCause | None
    need_for_action: str | None
    effectiveness_criterion: str | None
    documents_updated: str | None
    verification: str | None
    effectiveness_due_on: date | None
    effectiveness_result: str | None
    effectiveness: dict[str, object] | None
    reopened_because: str | None
    actions: list[ActionView]
    transitions: list[CapaTransitionView]
    notes: list[NoteView]
    missing: dict[str, list[str]]
    approvals: list[SignedView]
