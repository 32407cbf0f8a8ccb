"""What is asked of the gate and what it answers."""

from datetime import datetime
from typing import Annotated

from pydantic import AliasChoices, Field

from api.schemas import Body, Identifier, LotNumber, View, example
from coldgate.model import LineState, Purpose, Verdict


class LotRef(Body):
    """One lot."""

    product: Identifier
    number: LotNumber


class GateIn(Body):
    """May the goods take this step? Without ``lot``: all lines of the consignment."""

    model_config = example(purpose="receipt_release", lot={"product": "vaccine", "number": "A1"})
    purpose: Purpose
    lot: LotRef | None = None


class CheckView(View):
    """One check that was made; ``facts`` are what it looked at."""

    code: str
    verdict: Verdict
    reason: str
    facts: dict[str, object]


class LineStateView(View):
    """A line that was asked about, and where it stands after the decision."""

    position: int
    product: Annotated[str, Field(validation_alias="product_id")]
    lot: Annotated[str, Field(validation_alias="lot_number")]
    state: LineState


class DecisionView(View):
    """A decision as recorded."""

    id: int
    consignment: Annotated[
        str, Field(validation_alias=AliasChoices("consignment_id", "consignment"))
    ]
    purpose: Purpose
    verdict: Verdict
    permitted: bool
    checks: list[CheckView]
    actor: str
    decided_at: datetime


class GateAnswer(DecisionView):
    """A decision just made; ``deviation`` is set where it blocked."""

    lines: list[LineStateView]
    deviation: int | None
