"""Expiry dates as written by people and by barcodes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.consignments.expiry import parse_expiry
from coldgate.udi.dates import full_year

TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-03-31", date(2027, 3, 31)),
        ("270331", date(2027, 3, 31)),
        ("270200", date(2027, 2, 28)),
        ("280200", date(2028, 2, 29)),
        ("261200", date(2026, 12, 31)),
        ("760101", date(2076, 1, 1)),
        ("770101", date(1977, 1, 1)),
    ],
)
def test_expiry_is_the_last_day_of_use(text: str, expected: date) -> None:
    assert parse_expiry(text, today=TODAY) == expected


@pytest.mark.parametrize(
    "text",
    ["", "2027-02-30", "270230", "271301", "270001", "31.12.2027", "2027-3-1", "27031", "٢٧٠٣٣١"],
)
def test_text_that_is_no_expiry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_expiry(text, today=TODAY)


@given(st.dates(date(2000, 1, 1), date(2149, 12, 31)), st.integers(-49, 50))
def test_two_digits_mean_the_year_from_49_back_to_50_ahead(today: date, distance: int) -> None:
    meant = today.year + distance

    assert full_year(meant % 100, this_year=today.year) == meant


@given(st.dates(TODAY - timedelta(days=10_000), TODAY + timedelta(days=10_000)))
def test_both_spellings_of_a_day_mean_the_same(day: date) -> None:
    assert parse_expiry(day.strftime("%y%m%d"), today=TODAY) == day
    assert parse_expiry(day.isoformat(), today=TODAY) == day


@given(st.dates(TODAY - timedelta(days=10_000), TODAY + timedelta(days=10_000)))
def test_day_00_is_the_day_before_the_next_month_begins(day: date) -> None:
    last = parse_expiry(day.strftime("%y%m00"), today=TODAY)

    assert (last.year, last.month) == (day.year, day.month)
    assert (last + timedelta(days=1)).day == 1
