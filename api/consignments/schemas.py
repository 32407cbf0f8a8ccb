"""What is said about consignments and what happens to them."""

import secrets
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from analytics.case import Role
from api.schemas import (
    MAX_ID,
    MAX_INT,
    Body,
    Identifier,
    LotNumber,
    Moment,
    ProfileId,
    Reason,
    Serial,
    Text,
    Version,
    View,
    Zone,
    example,
)
from coldgate.model import EventKind, LineState, ReleasePolicy

MAX_LINES = 1_000
MAX_LEGS = 100
MAX_SERIALS = 1_000
UnitSerial = Annotated[str, Field(pattern=r"^[!-z]{1,20}$", description="GS1 AI (21)")]
Sscc = Annotated[str, Field(pattern=r"^[0-9]{18}$", description="GS1 AI (00)")]


def _unguessable() -> str:
    return f"c-{secrets.token_hex(8)}"


class ProfileRef(Body):
    """A profile; without ``version`` the newest, resolved and kept at once."""

    model_config = example(id="USP_CCT_2_8", version=1)
    id: ProfileId
    version: Version | None = None


class LineIn(Body):
    """Goods of one lot; the lot may be registered later, before the gate is asked.

    Serial numbers are told of every unit or of none.
    """

    product: Identifier
    lot: LotNumber
    quantity: Annotated[int, Field(ge=1, le=MAX_INT)]
    zone: Zone = "main"
    sscc: Sscc | None = None
    serials: Annotated[list[UnitSerial], Field(max_length=MAX_SERIALS)] | None = None

    @model_validator(mode="after")
    def _every_unit_once(self) -> Self:
        if self.serials is not None and len(self.serials) != self.quantity:
            raise ValueError("serials must name as many units as the quantity says")
        return self


class LegIn(Body):
    """One part of the journey, under one carrier."""

    carrier: Identifier
    origin: Text
    destination: Text
    vehicle: Text = ""


class PlanIn(Body):
    """When goods are meant to travel and who lets them go on arrival; frozen when they leave.

    The gate wants certificates and approvals of carriers to last until the planned arrival.
    """

    model_config = example(
        planned_departure_at="2026-03-01T08:00:00Z",
        planned_arrival_at="2026-03-03T16:00:00Z",
        release_policy="on_request",
    )
    planned_departure_at: Moment | None = None
    planned_arrival_at: Moment | None = None
    release_policy: ReleasePolicy = ReleasePolicy.ON_REQUEST

    @model_validator(mode="after")
    def _arrives_after_departure(self) -> Self:
        departure, arrival = self.planned_departure_at, self.planned_arrival_at
        if departure is not None and arrival is not None and arrival <= departure:
            raise ValueError("planned_arrival_at must be later than planned_departure_at")
        return self


class ConsignmentIn(PlanIn):
    """One transport to come; the consignor is the caller, or for the operator the one named."""

    model_config = example(
        id="shipment-1042",
        consignee="city-hospital",
        profile={"id": "USP_CCT_2_8"},
        lines=[{"product": "vaccine", "lot": "A1", "quantity": 20}],
        legs=[{"carrier": "north-freight", "origin": "Uppsala", "destination": "Oslo"}],
    )
    id: Identifier = Field(
        default_factory=_unguessable,
        description="One for all parties; left out it is random, and nobody can guess it",
    )
    consignor: Identifier | None = None
    consignee: Identifier
    profile: ProfileRef | None = None
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=MAX_LINES)]
    legs: Annotated[tuple[LegIn, ...], Field(max_length=MAX_LEGS)] = ()

    @model_validator(mode="after")
    def _every_serial_once(self) -> Self:
        named = [(line.product, serial) for line in self.lines for serial in line.serials or ()]
        if len(named) > MAX_SERIALS:
            raise ValueError(f"a consignment names at most {MAX_SERIALS} serials")
        if len(set(named)) < len(named):
            raise ValueError("a unit is in one line, and named once")
        return self


class PlacementIn(Body):
    """A logger put into a zone; ``party`` tells loggers of one serial number apart.

    A reference watches the air outside: its readings are shown and judge nothing. What a logger
    speaks of is said before departure.
    """

    model_config = example(serial="QT-100123", zone="main", placed_at="2026-03-01T06:00:00Z")
    serial: Serial
    party: Identifier | None = None
    zone: Zone = "main"
    role: Role = Role.GOODS
    placed_at: Moment
    removed_at: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.removed_at is not None and self.removed_at <= self.placed_at:
            raise ValueError("removed_at must be later than placed_at")
        return self


class RemovalIn(Body):
    """When a logger left its zone; readings from then on do not count.

    Who takes readings of a journey away in hindsight says why.
    """

    model_config = example(removed_at="2026-03-02T14:30:00Z")
    removed_at: Moment
    reason: Reason | None = None


class SealIn(Body):
    """The number of the last reading in a logger's log, as somebody read it off the logger."""

    model_config = example(serial="QT-100123", last_sequence=1441)
    serial: Serial
    party: Identifier | None = None
    last_sequence: Annotated[int, Field(ge=0, le=MAX_ID)]


class SealView(View):
    """Who declared which number as the last of a logger's log."""

    id: int
    serial: str
    party: Annotated[str, Field(validation_alias="party_id")]
    last_sequence: int
    declared_by: str
    declared_at: datetime


class SealList(View):
    """Declarations about the loggers of one consignment."""

    items: list[SealView]


class EventIn(Body):
    """Something that happened to the consignment."""

    model_config = example(kind="received", happened_at="2026-03-02T14:00:00Z", note="dock 4")
    kind: EventKind
    happened_at: Moment
    note: Text = ""


class ProfileKeyView(View):
    """The version that judges the consignment."""

    id: str
    version: int


class LineView(View):
    """A line and where it stands."""

    position: int
    product: Annotated[str, Field(validation_alias="product_id")]
    lot: Annotated[str, Field(validation_alias="lot_number")]
    quantity: int
    zone: str
    sscc: str | None
    serials: list[str] | None
    state: LineState


class LegView(View):
    """One part of the journey."""

    position: int
    carrier: Annotated[str, Field(validation_alias="carrier_id")]
    origin: str
    destination: str
    vehicle: str


class PlacementView(View):
    """A logger in a zone, until before ``removed_at``."""

    id: int
    logger: Annotated[int, Field(validation_alias="logger_id")]
    serial: str
    party: Annotated[str, Field(validation_alias="party_id")]
    zone: str
    role: Role
    placed_at: datetime
    removed_at: datetime | None
    removal_reason: str | None


class PlacementList(View):
    """Placements of one consignment."""

    items: list[PlacementView]


class EventView(View):
    """Something that happened; ``recorded_at`` is when we heard of it."""

    id: int
    kind: EventKind
    happened_at: datetime
    recorded_at: datetime
    party: Annotated[str, Field(validation_alias="party_id")]
    note: str


class EventList(View):
    """Events of one consignment."""

    items: list[EventView]


class ConsignmentBrief(View):
    """A consignment in a list."""

    id: str
    consignor: Annotated[str, Field(validation_alias="consignor_id")]
    consignee: Annotated[str, Field(validation_alias="consignee_id")]
    carriers: Annotated[list[str], Field(validation_alias="carrier_ids")]
    profile: ProfileKeyView | None
    planned_departure_at: datetime | None
    planned_arrival_at: datetime | None
    release_policy: ReleasePolicy
    created_at: datetime


class ConsignmentView(ConsignmentBrief):
    """A consignment with its lines and legs, and what the gate is still waiting for.

    ``unjudged`` committed facts wait for the judge; ``unverified`` says that the messages behind
    the newest final evaluation are not verified yet.
    """

    unjudged: int
    unverified: bool
    lines: list[LineView]
    legs: list[LegView]
