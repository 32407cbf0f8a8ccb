"""What is said about parties and keys."""

from datetime import date, datetime
from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, Field

from api.identity.rights import Right
from api.schemas import Body, Identifier, Moment, Name, Secret, ShownOnce, View, example


def _held_by_keys(scope: Right) -> Right:
    if scope is Right.SIGN:
        raise ValueError("only people sign")
    return scope


Scope = Annotated[Right, AfterValidator(_held_by_keys)]


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

    model_config = example(label="warehouse system", scopes=["read", "gate"])
    label: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    scopes: list[Scope] | None = Field(
        default=None,
        min_length=1,
        max_length=len(Right),
        description="What the key may do; left out: all that a key of its party may",
    )
    expires_at: Moment | None = None

    @property
    def scope_names(self) -> list[str] | None:
        """The scopes as they are stored, each once."""
        return None if self.scopes is None else sorted({scope.value for scope in self.scopes})


class KeyView(View):
    """An API key; the key itself is not stored and cannot be shown."""

    id: int
    label: str
    scopes: list[Right] | None
    created_at: datetime
    expires_at: datetime | None
    last_used_on: date | None
    revoked_at: datetime | None


class KeyCreated(ShownOnce):
    """A new API key; ``secret`` is shown this once, null when the answer is repeated."""

    id: int
    label: str
    scopes: list[Right] | None
    created_at: datetime
    expires_at: datetime | None
    secret: Secret


class KeyList(View):
    """Keys of one party."""

    items: list[KeyView]
