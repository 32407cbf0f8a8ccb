"""Expiry dates as people and as GS1 barcodes write them."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from coldgate.udi.dates import calendar_day

_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_GS1: Final = re.compile(r"(\d{2})(\d{2})(\d{2})", re.ASCII)  # application identifier 17


def parse_expiry(text: str, *, today: date) -> date:
    """The last day of use: ``YYYY-MM-DD``, or ``YYMMDD`` where day 00 is the last of the month.

    ``ValueError`` says what is wrong.
    """
    if _ISO.fullmatch(text):
        return date.fromisoformat(text)
    match = _GS1.fullmatch(text)
    if match is None:
        raise ValueError("expiry is neither YYYY-MM-DD nor YYMMDD")
    return calendar_day(int(match[1]), int(match[2]), int(match[3]), today=today)
