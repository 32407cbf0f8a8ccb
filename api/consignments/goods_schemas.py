"""What is said about products and lots."""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from api.consignments.expiry import parse_expiry
from api.schemas import Body, Identifier, LotNumber, Name, View, example


def _is_expiry(text: str) -> str:
    parse_expiry(text, today=datetime.now(UTC).date())
    return text


Expiry = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{6})$",
        description="Last day of use: YYYY-MM-DD, or GS1 YYMMDD with day 00 = last of the month",
    ),
    AfterValidator(_is_expiry),
]


class ProductIn(Body):
    """An article to register."""

    model_config = example(
        id="vaccine", name="Vaccine, 10 doses", gtin="09506000134352", freeze_sensitive=True
    )
    id: Identifier
    name: Name
    gtin: Annotated[str, Field(pattern=r"^[0-9]{14}$")] | None = None
    freeze_sensitive: bool = True
    shock_sensitive: bool = False
    party: Identifier | None = None


class ProductView(View):
    """An article."""

    id: str
    party: Annotated[str, Field(validation_alias="party_id")]
    name: str
    gtin: str | None
    freeze_sensitive: bool
    shock_sensitive: bool
    created_at: datetime


class LotIn(Body):
    """A batch to register."""

    model_config = example(number="A1", expires_on="2027-03-31")
    number: LotNumber
    expires_on: Expiry


class LotView(View):
    """A batch; ``expires_on`` is its last day of use."""

    product: Annotated[str, Field(validation_alias="product_id")]
    number: str
    expires_on: date
    created_at: datetime


class LotList(View):
    """Batches of one product."""

    items: list[LotView]
