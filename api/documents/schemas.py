"""What is said about documents, the keys that sign them, and what products demand."""

import base64
import binascii
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from api.devices.schemas import PublicKey
from api.schemas import (
    FIRST_YEAR,
    LAST_YEAR,
    Body,
    Identifier,
    LotNumber,
    Name,
    Reason,
    Text,
    View,
    example,
)

SIGNATURE_BYTES: Final = 64  # Ed25519


def signature_bytes(text: str) -> bytes:
    """The 64 bytes that ``text`` is base64url of; ``ValueError`` says what is wrong."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("signature is not base64url") from error
    if len(raw) != SIGNATURE_BYTES:
        raise ValueError(f"signature is not {SIGNATURE_BYTES} bytes")
    return raw


def _is_signature(text: str) -> str:
    signature_bytes(text)
    return text


Kind = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]{2,39}$",
        description="What it is, such as conformity_certificate, registration, test_report, "
        "manufacturer_statement or packing_proof; products demand documents by this word",
    ),
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="Of the bytes, to compare")]
Signature = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_-]{86}$", description="Ed25519 over the bytes, base64url"),
    AfterValidator(_is_signature),
]
Day = Annotated[
    date,
    Field(ge=date(FIRST_YEAR, 1, 1), lt=date(LAST_YEAR, 1, 1), description="Included, UTC"),
]


class UploadQuery(Body):
    """What a document is and what it is about: a product or a lot, a consignment, or a carrier."""

    kind: Kind
    title: Name
    product: Identifier | None = None
    lot: LotNumber | None = None
    consignment: Identifier | None = None
    carrier: Identifier | None = None
    valid_until: Day | None = None
    sha256: Sha256 | None = None
    signature: Signature | None = None
    key: PublicKey | None = None
    party: Annotated[Identifier | None, Field(description="For the operator: who has it")] = None

    @model_validator(mode="after")
    def _is_about_one_thing(self) -> Self:
        about = [self.product, self.consignment, self.carrier]
        if sum(one is not None for one in about) != 1:
            raise ValueError("name one of product, consignment and carrier")
        if self.lot is not None and self.product is None:
            raise ValueError("a lot is named with its product")
        if (self.signature is None) != (self.key is None):
            raise ValueError("signature and key come together")
        return self


class DocumentsQuery(Body):
    """Which documents are wanted."""

    product: Identifier | None = None
    lot: LotNumber | None = None
    consignment: Identifier | None = None
    carrier: Identifier | None = None
    kind: Kind | None = None
    after: Annotated[int, Field(ge=0, le=2**63 - 1, description="`next` of the page before")] = 0
    limit: Annotated[int, Field(ge=1, le=1_000, description="Rows in this answer")] = 100


class DocumentView(View):
    """A document without its bytes; one with ``withdrawn_at`` counts nowhere any more.

    ``vouched_by`` are those who signed in what a carrier entered.
    """

    id: int
    party: Annotated[str, Field(validation_alias="party_id")]
    kind: str
    product: Annotated[str | None, Field(validation_alias="product_id")]
    lot: Annotated[str | None, Field(validation_alias="lot_number")]
    consignment: Annotated[str | None, Field(validation_alias="consignment_id")]
    carrier: Annotated[str | None, Field(validation_alias="carrier_id")]
    title: str
    media_type: str
    sha256: str
    size: int
    valid_until: date | None
    key: Annotated[str | None, Field(validation_alias="signing_key")]
    vouched_by: list[str]
    uploaded_at: datetime
    withdrawal_reason: str | None
    withdrawn_at: datetime | None


class WithdrawalIn(Body):
    """Why the document counts no longer."""

    model_config = example(reason="issued for another lot")
    reason: Reason


class DocumentKeyIn(Body):
    """A key that the party signs documents by."""

    model_config = example(
        public_key="11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", label="release office"
    )
    public_key: PublicKey
    label: Text = ""
    party: Identifier | None = None


class DocumentKeyView(View):
    """A key; what one with ``revoked_at`` signed counts as unsigned."""

    id: int
    party: Annotated[str, Field(validation_alias="party_id")]
    public_key: str
    label: str
    added_at: datetime
    revoked_at: datetime | None


class Per(Enum):
    """Of what a document is demanded."""

    PRODUCT = "product"
    LOT = "lot"
    CONSIGNMENT = "consignment"
    CARRIER = "carrier"


class Step(Enum):
    """For which step it is demanded."""

    DISPATCH = "dispatch"
    RECEIPT_RELEASE = "receipt_release"
    BOTH = "both"


class RequirementIn(Body):
    """A document that consignments of the product need from now on."""

    model_config = example(kind="conformity_certificate", per="lot", purpose="both", signed=True)
    kind: Kind
    per: Per = Per.LOT
    purpose: Step = Step.BOTH
    signed: bool = False


class RequirementView(View):
    """What the product demands, until ``removed_at``."""

    id: int
    product: Annotated[str, Field(validation_alias="product_id")]
    kind: str
    per: Per
    purpose: Step
    signed: bool
    added_at: datetime
    removed_at: datetime | None


class RequirementList(View):
    """What a product demands and demanded, oldest first."""

    items: list[RequirementView]
