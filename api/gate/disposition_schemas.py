"""What is said about dispositions."""

from datetime import datetime
from enum import Enum
from typing import Annotated

from pydantic import Field

from api.approvals.schemas import SignedView
from api.schemas import MAX_INT, Body, RowId, Version, View, example
from coldgate.model import Verdict

Rationale = Annotated[
    str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
]


class Choice(Enum):
    """What is to become of goods."""

    RELEASE = "release"
    REJECT = "reject"
    RETURN = "return"


class DispositionIn(Body):
    """What a person proposes after reading one evaluation.

    Without ``lines``: every line that stands in quarantine. ``statement`` is the document with the
    manufacturer's word that a release needs where the lines' zones, or their lots there, failed.
    """

    model_config = example(
        decision="release",
        evaluation=3,
        lines=[1],
        rationale="12 min above 8 °C; stability study S-17 allows 12 h",
    )
    decision: Choice
    evaluation: Version
    rationale: Rationale
    lines: Annotated[list[Annotated[int, Field(ge=1, le=MAX_INT)]], Field(min_length=1)] | None = (
        None
    )
    statement: RowId | None = None


class DispositionView(View):
    """A disposition, and the signatures that decide it, verified just now.

    ``verdict`` is the worst that the evaluation says of its lines; ``record`` is what signers are
    shown.
    """

    id: int
    consignment: str
    lines: list[int]
    decision: Choice
    evaluation: int
    verdict: Verdict
    rationale: str
    statement: int | None
    author: str
    state: str
    created_at: datetime
    granted_at: datetime | None
    record: dict[str, object]
    approval: SignedView | None
