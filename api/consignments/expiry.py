"""Expiry dates as people and as GS1 barcodes write them."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from typing import Final

_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_GS1: Final = re.compile(r"(\d{2})(\d{2})(\d{2})", re.ASCII)  # application identifier 17
CENTURY_YEARS: Final = 100
FAR_AHEAD_YEARS: Final = 51  # GS1 General Specifications, 7.12: further ahead means last century
FAR_BACK_YEARS: Final = 50


def parse_expiry(text: str, *, today: date) -> date:
    """The last day of use: ``YYYY-MM-DD``, or ``YYMMDD`` where day 00 is the last of the month.

    ``ValueError`` says what is wrong.
    """
    if _ISO.fullmatch(text):
        return date.fromisoformat(text)
    match = _GS1.fullmatch(text)
    if match is None:
        raise ValueError("expiry is neither YYYY-MM-DD nor YYMMDD")
    year = full_year(int(match[1]), this_year=today.year)
    month = int(match[2])
    if not 1 <= month <= 12:  # noqa: PLR2004 - months of a year
        raise ValueError("month must be in 01..12")
    return date(year, month, int(match[3]) or monthrange(year, month)[1])


def full_year(two_digits: int, *, this_year: int) -> int:
    """The year that GS1 means: the one from 49 years ago to 50 years ahead."""
    year = this_year - this_year % CENTURY_YEARS + two_digits
    ahead = two_digits - this_year % CENTURY_YEARS
    if ahead >= FAR_AHEAD_YEARS:
        return year - CENTURY_YEARS
    if ahead <= -FAR_BACK_YEARS:
        return year + CENTURY_YEARS
    return year
