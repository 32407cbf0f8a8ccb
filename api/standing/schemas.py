"""What is said about carriers and agreements."""

from datetime import date, datetime
from enum import Enum
from typing import Annotated, Self

from pydantic import Field, model_validator

from api.schemas import FIRST_YEAR, LAST_YEAR, Body, Identifier, ProfileId, Text, View, example

Day = Annotated[
    date,
    Field(ge=date(FIRST_YEAR, 1, 1), lt=date(LAST_YEAR, 1, 1), description="A day in UTC"),
]


class QualificationState(Enum):
    """What is thought of a carrier."""

    APPROVED = "approved"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


class QualificationIn(Body):
    """What the party thinks of a carrier for goods of one profile, from now on.

    An approval names its first and last day. Suspending and withdrawing name none: they keep those
    of the approval that they end.
    """

    model_config = example(
        carrier="north-freight",
        profile="USP_CCT_2_8",
        valid_from="2026-01-01",
        valid_until="2026-12-31",
    )
    carrier: Identifier
    profile: ProfileId
    state: QualificationState = QualificationState.APPROVED
    valid_from: Day | None = None
    valid_until: Day | None = None
    note: Text = ""
    party: Identifier | None = None

    @model_validator(mode="after")
    def _approval_has_days(self) -> Self:
        approved = self.state is QualificationState.APPROVED
        days = [day for day in (self.valid_from, self.valid_until) if day is not None]
        if approved != bool(days) or len(days) == 1:
            raise ValueError("an approval has valid_from and valid_until, another state neither")
        if sorted(days) != days:
            raise ValueError("valid_until must not be earlier than valid_from")
        return self


class QualificationView(View):
    """What was said of a carrier; the newest of a party about carrier and profile counts."""

    id: int
    party: Annotated[str, Field(validation_alias="party_id")]
    carrier: Annotated[str, Field(validation_alias="carrier_id")]
    profile: Annotated[str, Field(validation_alias="profile_id")]
    state: QualificationState
    valid_from: date
    valid_until: date
    note: str
    entered_by: str
    recorded_at: datetime


class AgreementIn(Body):
    """Days that must be left of a lot's life when ``consignor`` sends it to ``consignee``.

    Without ``product``: of whatever is sent. The newest counts, one about the product first.
    """

    model_config = example(consignee="city-hospital", product="vaccine", min_days=90)
    consignee: Identifier
    min_days: Annotated[int, Field(ge=0, le=36_500)]
    product: Identifier | None = None
    consignor: Identifier | None = None


class AgreementView(View):
    """An agreement as it was entered."""

    id: int
    consignor: Annotated[str, Field(validation_alias="consignor_id")]
    consignee: Annotated[str, Field(validation_alias="consignee_id")]
    product: Annotated[str | None, Field(validation_alias="product_id")]
    min_days: int
    entered_by: Annotated[str, Field(validation_alias="party_id")]
    recorded_at: datetime
