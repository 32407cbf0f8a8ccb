"""Facts: single statements of a code, and how they become one scan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from coldgate.errors import ScanError
from coldgate.udi.scan import Form, Scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    Value: TypeAlias = str | int | date

Kind = TypeVar("Kind", str, int, date)


class Field(Enum):
    """What a fact is about, in words for people."""

    GTIN = "GTIN"
    HIBC = "HIBC article"
    LINK = "link character"  # ties a HIBC secondary code to its primary one
    LOT = "lot"
    EXPIRY = "expiry"
    MADE = "date of manufacture"
    SERIAL = "serial number"
    SSCC = "SSCC"
    QUANTITY = "quantity"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement; ``place`` counts the characters of the raw text from 1."""

    field: Field
    value: Value
    place: int
    identifier: str = ""  # as the code has it; it tells facts of `Field.OTHER` apart


def as_scan(raw: str, form: Form, facts: Sequence[Fact]) -> Scan:
    """The facts as one scan; `ScanError` where two of them contradict one another."""
    return Scan(
        gtin=_only(facts, Field.GTIN, str),
        hibc_primary=_hibc(facts),
        lot=_only(facts, Field.LOT, str),
        expires_on=_only(facts, Field.EXPIRY, date),
        manufactured_on=_only(facts, Field.MADE, date),
        serial=_only(facts, Field.SERIAL, str),
        sscc=_only(facts, Field.SSCC, str),
        quantity=_only(facts, Field.QUANTITY, int),
        others=tuple(
            (fact.identifier, str(fact.value)) for fact in facts if fact.field is Field.OTHER
        ),
        raw=raw,
        form=form,
    )


def _hibc(facts: Sequence[Fact]) -> str | None:
    """The article, once it is sure that the secondary code was printed for it."""
    article = _only(facts, Field.HIBC, str)
    _only(facts, Field.LINK, str)
    return article


def _only(facts: Sequence[Fact], field: Field, kind: type[Kind]) -> Kind | None:
    """The one value that is said of ``field``; None where nothing is."""
    found: Kind | None = None
    for fact in facts:
        if fact.field is not field or not isinstance(fact.value, kind):
            continue
        if found is not None and fact.value != found:
            raise ScanError(
                "SCAN_CONTRADICTION",
                fact.place,
                f"{field.value} {fact.value} contradicts {found} before it; "
                "scan the codes of one label only",
            )
        found = fact.value
    return found
