"""What is said about the admission of loggers."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Self

from pydantic import Field, model_validator

from api.schemas import Body, ProfileId, Text, View, example


class AdmissionKind(Enum):
    """How an outcome came about."""

    TESTED = "tested"  # what was sent was looked at
    DECLARED = "declared"  # the operator's word, for a fleet that has sent nothing yet
    REVOKED = "revoked"


class AdmissionIn(Body):
    """A conformance test to conclude, a word instead of one, or the end of an admission.

    ``tested`` looks at what the logger sent, as goods of ``profile`` need it, and takes the word of
    who simulated an excursion. ``declared`` (the operator only) and ``revoked`` give a reason.
    """

    model_config = example(kind="tested", profile="USP_CCT_2_8", excursion_seen=True)
    kind: AdmissionKind = AdmissionKind.TESTED
    profile: ProfileId | None = None
    excursion_seen: bool = False
    reason: Text = ""

    @model_validator(mode="after")
    def _says_what_it_needs(self) -> Self:
        tested = self.kind is AdmissionKind.TESTED
        if tested != (self.profile is not None):
            raise ValueError("a test names the profile, and nothing else does")
        if not tested and not self.reason.strip():
            raise ValueError("say why: reason")
        return self


class CheckView(View):
    """One point of the list; ``missing`` says what to do about it, empty where it passed."""

    name: str
    passed: bool
    found: str
    missing: str


class AdmissionView(View):
    """An outcome as recorded; the newest of those who vouch for the goods counts."""

    id: int
    logger: Annotated[int, Field(validation_alias="logger_id")]
    kind: AdmissionKind
    passed: bool
    checks: list[CheckView]
    reason: str
    party: Annotated[str, Field(validation_alias="party_id")]
    recorded_by: str
    recorded_at: datetime


class AdmissionList(View):
    """What the logger shows by now, and every outcome that was recorded, oldest first.

    ``checklist`` is what a test would find at this moment, without the word about an excursion.
    """

    checklist: list[CheckView]
    items: list[AdmissionView]
