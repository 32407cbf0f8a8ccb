"""What is said about restrictions of lots."""

from datetime import datetime
from enum import Enum
from typing import Annotated

from pydantic import Field

from api.approvals.schemas import SignedView
from api.schemas import Body, Identifier, LotNumber, Reason, Text, View, example
from coldgate.model import LineState


class RestrictionKind(Enum):
    """What keeps a lot from moving."""

    HOLD = "hold"
    RECALL = "recall"
    CAPA = "capa"
    REFUSAL = "refusal"  # of units, by a signed disposition


class HoldIn(Body):
    """A lot to hold from now on, wherever it is."""

    model_config = example(product="vaccine", lot="A1", reason="foil defect, complaint C-17")
    product: Identifier
    lot: LotNumber
    reason: Reason
    reference: Text = ""


class LiftIn(Body):
    """Why the hold may end; it does once that is signed."""

    model_config = example(reason="complaint C-17 concerned another lot")
    reason: Reason


class RestrictionView(View):
    """A restriction; open while ``lifted_at`` is null.

    A refusal is of the units in ``serials``, null where the line named none; ``consignment`` is
    where they were refused, for who takes part in it.
    """

    id: int
    kind: RestrictionKind
    product: Annotated[str, Field(validation_alias="product_id")]
    lot: Annotated[str, Field(validation_alias="lot_number")]
    reason: str
    reference: str
    placed_by: str
    placed_at: datetime
    lift_reason: str | None
    approval: Annotated[int | None, Field(validation_alias="approval_id")]
    lifted_at: datetime | None
    consignment: Annotated[str | None, Field(validation_alias="consignment_id")]
    serials: list[str] | None


class LiftRequestView(View):
    """A request that a hold be lifted, with the signatures under it as far as they may be seen."""

    id: int
    reason: str
    requested_at: datetime
    approval: SignedView | None


class RestrictionDetail(RestrictionView):
    """A restriction with every request to lift it, oldest first."""

    lifts: list[LiftRequestView]


class HeldLine(View):
    """A line of the lot, and where it stood when the hold was placed."""

    consignment: Annotated[str, Field(validation_alias="consignment_id")]
    position: int
    quantity: int
    state: LineState


class PlacedView(RestrictionView):
    """A hold just placed, and what of the lot it meets where.

    ``elsewhere`` counts the lines of consignments that the caller does not take part in.
    """

    lines: list[HeldLine]
    elsewhere: int


class LiftView(View):
    """A request that a hold be lifted, and the approval to sign for it."""

    id: int
    restriction: int
    reason: str
    requested_at: datetime
    approval: int
