"""What is asked of the gate and what it answers."""

from datetime import datetime

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
    product: str
    lot: str
    state: LineState


class DecisionView(View):
    """A decision as recorded."""

    id: int
    consignment: str
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
