"""Dates as labels write them: with two digits for the year, days left open or counted."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Final

CENTURY_YEARS: Final = 100
FAR_AHEAD_YEARS: Final = 51  # GS1 General Specifications, 7.12: further ahead means last century
FAR_BACK_YEARS: Final = 50
MONTHS: Final = 12


def full_year(two_digits: int, *, this_year: int) -> int:
    """The year that GS1 means: the one from 49 years ago to 50 years ahead."""
    year = this_year - this_year % CENTURY_YEARS + two_digits
    ahead = two_digits - this_year % CENTURY_YEARS
    if ahead >= FAR_AHEAD_YEARS:
        return year - CENTURY_YEARS
    if ahead <= -FAR_BACK_YEARS:
        return year + CENTURY_YEARS
    return year


def calendar_day(two_digit_year: int, month: int, day: int, *, today: date) -> date:
    """The day that is meant; day 0 is the last of the month. ``ValueError`` says what is wrong."""
    year = full_year(two_digit_year, this_year=today.year)
    if not 1 <= month <= MONTHS:
        raise ValueError("month must be in 01..12")
    return date(year, month, day or monthrange(year, month)[1])


def day_of_year(two_digit_year: int, number: int, *, today: date) -> date:
    """The day with that number, counted from 1; ``ValueError`` where the year has no such day."""
    year = full_year(two_digit_year, this_year=today.year)
    day = date(year, 1, 1) + timedelta(days=number - 1)
    if day.year != year:
        raise ValueError(f"{year} has no day {number:03}")
    return day
