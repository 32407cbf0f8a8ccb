"""What is said about parties and keys."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Self

from pydantic import Field

from api.schemas import Body, Identifier, Name, ShownOnce, View, example


class PartyKind(Enum):
    """What an organisation mainly does."""

    MANUFACTURER = "manufacturer"
    CARRIER = "carrier"
    CONSIGNEE = "consignee"
    OPERATOR = "operator"


class PartyIn(Body):
    """An organisation to add."""

    model_config = example(id="north-freight", name="North Freight AB", kind="carrier")
    id: Identifier
    name: Name
    kind: PartyKind


class PartyView(View):
    """An organisation."""

    id: str
    name: str
    kind: PartyKind
    created_at: datetime


class KeyIn(Body):
    """An API key to make."""

    model_config = example(label="warehouse system")
    label: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


class KeyView(View):
    """An API key; the key itself is not stored and cannot be shown."""

    id: int
    label: str
    created_at: datetime
    revoked_at: datetime | None


class KeyCreated(ShownOnce):
    """A new API key; ``secret`` is shown this once, null when the answer is repeated."""

    id: int
    label: str
    created_at: datetime
    secret: str | None

    def without_secret(self) -> Self:
        """The same answer with the key withheld."""
        return self.model_copy(update={"secret": None})


class KeyList(View):
    """Keys of one party."""

    items: list[KeyView]
