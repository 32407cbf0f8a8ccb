"""One scan: what a scanner or a person delivered, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


class Form(Enum):
    """How the code was written."""

    ELEMENT_STRING = "gs1_element_string"
    DIGITAL_LINK = "gs1_digital_link"
    TEXT = "gs1_text"  # as printed below the symbol: (01)…(10)…
    GTIN = "gtin"  # a retail symbol: digits and nothing else
    HIBC = "hibc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a code says; None where it is silent.

    ``gtin`` has 14 digits. ``hibc_primary`` is labeler, catalogue number and unit of measure,
    without flag and check character. ``expires_on`` is the last day of use. ``others`` are fields
    that nothing is compared with, as (identifier, value); "" where the identifier is unknown.
    """

    gtin: str | None = None
    hibc_primary: str | None = None
    lot: str | None = None
    expires_on: date | None = None
    manufactured_on: date | None = None
    serial: str | None = None
    sscc: str | None = None
    quantity: int | None = None
    others: tuple[tuple[str, str], ...] = ()
    raw: str
    form: Form

    def as_json(self) -> dict[str, object]:
        """What the code says, as plain values; `raw` is kept beside it."""
        return {
            "form": self.form.value,
            "gtin": self.gtin,
            "hibc_primary": self.hibc_primary,
            "lot": self.lot,
            "expires_on": _day(self.expires_on),
            "manufactured_on": _day(self.manufactured_on),
            "serial": self.serial,
            "sscc": self.sscc,
            "quantity": self.quantity,
            "others": [list(other) for other in self.others],
        }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
