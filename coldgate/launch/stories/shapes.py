"""What the stories look at in the API's answers."""

from __future__ import annotations

from pydantic import Field

from coldgate.launch.client import Answer
from coldgate.model import LineState  # noqa: TC001 - pydantic reads the annotation when it runs


class Numbered(Answer):
    """Whatever has a number."""

    id: int


class Check(Answer):
    """One check of the gate."""

    code: str


class Permit(Answer):
    """A permit of the gate."""

    token: str


class Approval(Answer):
    """Who may settle what blocks, and where that is asked for; None: by others than the caller."""

    flow: str
    roles: list[str]
    href: str | None


class Gate(Answer):
    """What the gate answered."""

    answer: str
    reasons: list[Check]
    permit: Permit | None
    approval: Approval | None

    @property
    def words(self) -> str:
        """The answer with the codes behind it, one a line."""
        return "\n".join([self.answer, *(f"  {one.code}" for one in self.reasons)])


class Line(Answer):
    """A line of a consignment."""

    lot: str
    state: LineState


class Consignment(Answer):
    """A consignment's lines."""

    lines: list[Line]


class Verification(Answer):
    """Whether a signature still holds."""

    valid: bool


class Signer(Answer):
    """Who signed."""

    printed_name: str


class Manifest(Answer):
    """What a signature says."""

    signer: Signer
    meaning: str
    method: str


class Signature(Answer):
    """A signature with what was found when it was read."""

    manifest: Manifest
    verification: Verification


class Signed(Answer):
    """A request for signatures."""

    id: int
    state: str
    record_sha256: str
    canonical_record: str = ""
    signatures: list[Signature]


class Disposition(Answer):
    """What was proposed about goods."""

    id: int
    state: str
    approval: Signed | None


class Dispositions(Answer):
    """What was proposed about a consignment."""

    items: list[Disposition]


class Deviation(Answer):
    """A deviation, as far as the stories look."""

    id: int
    cause: str
    verdict: str
    trend_code: str
    capa: int | None
    revision: int
    closed_at: str | None
    missing: list[str] = Field(default_factory=list)
    approvals: list[Signed] = Field(default_factory=list)

    @property
    def words(self) -> str:
        """What it is about."""
        return f"{self.cause} {self.trend_code}"


class Deviations(Answer):
    """Deviations of a consignment."""

    items: list[Deviation]


class Action(Answer):
    """Something to be done."""

    id: int


class Capa(Answer):
    """A CAPA, as far as the stories look."""

    id: int
    state: str
    rule: str | None
    revision: int
    actions: list[Action]
    missing: dict[str, list[str]]
    approvals: list[Signed]


class Share(Answer):
    """A share of a stability budget, in billionths."""

    measured_ppb: int


class Spend(Answer):
    """What one consignment took of a lot's budget."""

    consignment: str
    here: Share


class Stability(Answer):
    """The budget of a lot."""

    items: list[Spend]


class Restriction(Answer):
    """A hold of a lot; it is open while ``lifted_at`` is None."""

    id: int
    lifted_at: str | None


class Lift(Answer):
    """A request that a hold be lifted."""

    approval: int


class Document(Answer):
    """A document that was entered."""

    id: int
    kind: str


class Standing(Answer):
    """What is thought of a carrier."""

    state: str


class Scan(Answer):
    """A scan, compared with the lines."""

    id: int
    fits: bool
