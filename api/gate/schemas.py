"""What is asked of the gate and what it answers."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from api.schemas import MAX_INT, Body, Identifier, LotNumber, View, example
from coldgate.model import LineState, Purpose, Verdict

MAX_TOKEN = 400_000  # of a consignment with a thousand lines


class LotRef(Body):
    """One lot."""

    product: Identifier
    number: LotNumber


class GateIn(Body):
    """May the goods take this step? Without ``lot``: all lines of the consignment.

    ``quantity`` names the units of that lot that the permit is to speak of; without it all of them.
    ``partial`` lets those lines pass that may, where others may not, and leaves out those that
    cannot take the step: they did not leave, or were refused.
    """

    model_config = example(
        consignment="shipment-1042",
        purpose="receipt_release",
        lot={"product": "vaccine", "number": "A1"},
        quantity=20,
    )
    consignment: Identifier
    purpose: Purpose
    lot: LotRef | None = None
    quantity: Annotated[int, Field(ge=1, le=MAX_INT)] | None = None
    partial: bool = False

    @model_validator(mode="after")
    def _quantity_of_a_lot(self) -> Self:
        if self.quantity is not None and self.lot is None:
            raise ValueError("a quantity is that of one lot: name it")
        return self


class CheckView(View):
    """One check that was made; ``facts`` are what it looked at, ``links`` lead there."""

    code: str
    verdict: Verdict
    reason: str
    facts: dict[str, object]
    links: Annotated[list[str], Field(default_factory=list)]  # older decisions have none


class LineVerdict(View):
    """A line that was asked about: what was found, and where it stands before and after."""

    position: int
    product: str
    lot: str
    quantity: int
    zone: str
    verdict: Verdict
    codes: list[str]
    permitted: bool
    state_before: LineState
    state: LineState


class DecisionView(View):
    """A decision as recorded; ``dispositions`` are the signed ones that it stands on.

    ``permitted`` is true where goods may take the step: all that were asked about, or of a
    ``partial`` request the lines that say so.
    """

    id: int
    consignment: Annotated[
        str, Field(validation_alias=AliasChoices("consignment_id", "consignment"))
    ]
    purpose: Purpose
    verdict: Verdict
    permitted: bool
    partial: bool
    evaluation_id: int | None
    checks: list[CheckView]
    lines: list[LineVerdict]
    dispositions: list[int]
    request_digest: str
    actor: str
    decided_at: datetime


class PermitLine(View):
    """Units that may pass."""

    position: int
    product: str
    lot: str
    quantity: int


class PermitView(View):
    """A permit: hand ``token`` in before ``expires_at``, once, at `/v1/gate/permits/redeem`."""

    id: int
    token: str
    purpose: Purpose
    audience: str
    lines: list[PermitLine]
    issued_at: datetime
    expires_at: datetime


class ApprovalHint(View):
    """Who may settle which codes by signing, and where that is asked for by POST.

    ``href`` is null where the caller is not the one to ask for it, but ``party`` is.
    """

    flow: str
    roles: list[str]
    party: str
    href: str | None
    settles: list[str]


class GateAnswer(DecisionView):
    """A decision just made.

    ``reasons`` are the checks that did not pass. ``deviation`` is set where some lines may not
    pass, ``approval`` where people may settle that. Lines that were released before are not moved
    by a refusal: their ``state`` says so. ``waits_for`` are other consignments of these lots, as
    far as the caller may know of them, whose facts have to be judged first: ask again in a second.
    """

    answer: Literal["permit", "block"]
    permit: PermitView | None
    reasons: list[CheckView]
    approval: ApprovalHint | None
    deviation: int | None
    waits_for: Annotated[list[str], Field(default_factory=list)]


class RedemptionIn(Body):
    """A permit that is to be used now."""

    model_config = example(token="cgp1.eyJhdWRpZW5jZSI6….c2lnbmF0dXJl")  # noqa: S106
    token: Annotated[str, Field(max_length=MAX_TOKEN, pattern=r"^[A-Za-z0-9._-]+$")]


class RedemptionView(View):
    """What the permit lets pass; nobody can use it again."""

    permit: int
    decision: int
    consignment: str
    purpose: Purpose
    lines: list[PermitLine]
    redeemed_by: str
    redeemed_at: datetime
