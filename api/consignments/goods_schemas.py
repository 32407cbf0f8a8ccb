"""What is said about products and lots."""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from api.consignments.expiry import parse_expiry
from api.consignments.schemas import ProfileRef
from api.schemas import Body, Identifier, LotNumber, Name, Reason, View, example
from coldgate.errors import ScanError
from coldgate.udi.checks import checked_gtin
from coldgate.udi.hibc import article_of

MAX_PROFILES = 100


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


def _gtin(digits: str) -> str:
    try:
        return checked_gtin(digits, 1)
    except ScanError as error:
        raise ValueError(error.problem) from error


def _article(text: str) -> str:
    try:
        return article_of(text)
    except ScanError as error:
        raise ValueError(error.problem) from error


Gtin = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{8}|[0-9]{12,14})$",
        description="GTIN-8, -12, -13 or -14 with its check digit; kept with 14 digits",
    ),
    AfterValidator(_gtin),
]
HibcArticle = Annotated[
    str,
    Field(
        pattern=r"^(\+[A-Z0-9]{6,23}[A-Z0-9. $/+%-]|[A-Z0-9]{6,23})$",
        description="Labeler, catalogue number and unit of measure of HIBC, or the primary code",
        examples=["A123BJC5D6E71", "+A123BJC5D6E71G"],
    ),
    AfterValidator(_article),
]


class Identification(Body):
    """How an article is named on its labels, and whether each lot of it must be scanned."""

    model_config = example(gtin="09506000134352", hibc="A123BJC5D6E71", scan_required=True)
    gtin: Gtin | None = None
    hibc: HibcArticle | None = None
    scan_required: bool = False


class ProductIn(Body):
    """An article to register; ``profiles`` are those by which its goods may travel.

    Without one they do not leave. They are stated by who may configure, here or afterwards.
    """

    model_config = example(
        id="vaccine", name="Vaccine, 10 doses", gtin="09506000134352", freeze_sensitive=True
    )
    id: Identifier
    name: Name
    gtin: Gtin | None = None
    hibc: HibcArticle | None = None
    scan_required: bool = False
    freeze_sensitive: bool = True
    shock_sensitive: bool = False
    profiles: Annotated[tuple[ProfileRef, ...], Field(max_length=MAX_PROFILES)] = ()
    party: Identifier | None = None


class ProductView(View):
    """An article."""

    id: str
    party: Annotated[str, Field(validation_alias="party_id")]
    name: str
    gtin: str | None
    hibc: str | None
    scan_required: bool
    freeze_sensitive: bool
    shock_sensitive: bool
    created_at: datetime


class TravelView(View):
    """That goods of a product may travel by a profile, until ``withdrawn_at``."""

    id: int
    product: Annotated[str, Field(validation_alias="product_id")]
    profile: Annotated[str, Field(validation_alias="profile_id")]
    version: Annotated[int, Field(validation_alias="profile_version")]
    stated_at: datetime
    withdrawal_reason: str | None
    withdrawn_at: datetime | None


class TravelList(View):
    """What was stated about one product, oldest first."""

    items: list[TravelView]


class ProfileWithdrawalIn(Body):
    """Why goods may travel by a profile no longer."""

    model_config = example(reason="replaced by a stricter one")
    reason: Reason


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


class CorrectionIn(Body):
    """The last day of use that a batch has in truth, and why another one was registered."""

    model_config = example(expires_on="2027-02-28", reason="typed from the wrong certificate")
    expires_on: Expiry
    reason: Reason


class CorrectionView(View):
    """A corrected batch; ``expired_on`` is what stood there until ``corrected_at``."""

    id: int
    product: Annotated[str, Field(validation_alias="product_id")]
    lot: Annotated[str, Field(validation_alias="number")]
    expired_on: date
    expires_on: date
    reason: str
    corrected_by: str
    corrected_at: datetime


class CorrectionList(View):
    """Every correction of one batch, oldest first."""

    items: list[CorrectionView]


class LotList(View):
    """Batches of one product."""

    items: list[LotView]
