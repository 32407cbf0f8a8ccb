"""Shapes and field types that all feature folders share."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Generic, Self, TypeVar

from fastapi import Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
)

from coldgate.model import IDENTIFIER, Quantity

Item = TypeVar("Item")
Shape = TypeVar("Shape", bound="View")

FIRST_YEAR = 1990
LAST_YEAR = 2200
MAX_ID = 2**63 - 1
MAX_INT = 2**31 - 1
MAX_PAGE = 1_000


def _in_utc(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        raise ValueError(f"year must be between {FIRST_YEAR} and {LAST_YEAR - 1}")
    return moment.astimezone(UTC)


def _in_utf8(text: str) -> None:
    """Return if UTF-8 can say it: JSON can spell half a surrogate pair, which is no character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("unable to parse raw data as a unicode string") from None


def _secret_in_utf8(secret: SecretStr) -> SecretStr:
    _in_utf8(secret.get_secret_value())
    return secret


def _document_in_utf8(document: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _in_utf8(json.dumps(document, ensure_ascii=False))
    return document


Identifier = Annotated[
    str, Field(pattern=f"^{IDENTIFIER.pattern}$", description="3 to 32 of a-z, 0-9 and -")
]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
# Of a text with a length or a pattern pydantic sees by itself that it is in UTF-8, of these not.
SecretText = Annotated[SecretStr, AfterValidator(_secret_in_utf8)]
JsonDocument = Annotated[dict[str, JsonValue], AfterValidator(_document_in_utf8)]
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Reason = Annotated[
    str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$", description="For the record")
]
Zone = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[!-~]+$")]
Serial = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
LotNumber = Annotated[str, Field(pattern=r"^[!-z]{1,20}$", description="GS1 AI (10)")]
ProfileId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
RowId = Annotated[int, Field(ge=1, le=MAX_ID)]
Version = Annotated[int, Field(ge=1, le=MAX_INT)]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Rows in this answer")]
AfterText = Annotated[
    str, Query(max_length=64, pattern=r"^[^\x00]*$", description="`next` of the page before")
]
AfterId = Annotated[int, Query(ge=0, le=MAX_ID, description="`next` of the page before")]


class QuantityName(Enum):
    """What a channel measures."""

    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    LIGHT = "light"
    DOOR = "door"
    SHOCK = "shock"

    @property
    def number(self) -> Quantity:
        """The quantity by its number."""
        return Quantity[self.name]


class Body(BaseModel):
    """What a client sends: unknown members are refused, so that a typing error is seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(BaseModel):
    """What a client receives."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class _Withheld:
    """Marks what is in an answer once, and null when the answer is sent again."""


Secret = Annotated[str | None, _Withheld()]


class ShownOnce(View):
    """An answer with one `Secret` or more; `without_secret` is what may be kept and sent again."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """A secret that nobody marked would be kept: refuse a class without any."""
        if not cls._secrets():
            raise TypeError(f"{cls.__name__} names no Secret")

    @classmethod
    def _secrets(cls) -> list[str]:
        fields = cls.model_fields.items()
        return [
            name for name, field in fields if any(isinstance(m, _Withheld) for m in field.metadata)
        ]

    def without_secret(self) -> Self:
        """The same answer with every secret withheld."""
        return self.model_copy(update=dict.fromkeys(self._secrets()))


class Page(View, Generic[Item]):
    """Part of a list; ``next`` is the cursor of the following part, None at the end."""

    items: list[Item]
    next: str | int | None = None


def page_of(
    view: type[Shape], rows: Sequence[object], *, limit: int, cursor: str = "id"
) -> Page[Shape]:
    """The rows as a page; a full one has a ``next``, the ``cursor`` of its last item."""
    items = [view.model_validate(row) for row in rows]
    full = len(items) == limit
    return Page(items=items, next=getattr(items[-1], cursor) if full else None)


def example(**members: object) -> ConfigDict:
    """Model configuration of a `Body` with the example that OpenAPI shows."""
    extra: dict[str, Any] = {"examples": [members]}
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra=extra)
