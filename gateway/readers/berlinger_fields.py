"""Single values in Berlinger exports; each refuses with the line it stands on."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.readers.indented import Document

_TEMPERATURE: Final = re.compile(r"[+-]?\d{1,3}\.\d")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")


def degrees(document: Document, line: int, text: str) -> Decimal:
    """A temperature as the devices write it: one decimal, in the unit of the file."""
    if not _TEMPERATURE.fullmatch(text):
        raise document.refuse(line, f"{text!r} is not a temperature with one decimal")
    return Decimal(text)


def local_time(document: Document, line: int, text: str) -> datetime:
    """A time without a zone, to the minute."""
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # such as the 31st of February: the same answer as for any other text
    raise document.refuse(line, f"{text!r} is not a time `yyyy-MM-dd hh:mm`")


def whole(document: Document, line: int, text: str) -> int:
    """A count, such as minutes."""
    if not (text.isascii() and text.isdigit()):
        raise document.refuse(line, f"{text!r} is not a whole number")
    return int(text)
