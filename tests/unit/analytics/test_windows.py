"""Which readings an MKT window has, and that its sums are exact however hot it was."""

from __future__ import annotations

import math

import numpy as np
import pytest
from judging import (
    HOUR,
    MINUTE,
    START,
    make_case,
    make_certificate,
    make_channel,
    make_profile,
    make_window,
    readings,
    steady,
)

from analytics.exposure import Finding
from analytics.judge import judge
from analytics.table import Table, table
from analytics.windows import SCALE_BITS, KineticLimit, KineticWindows, kinetic_windows

HOURLY = KineticLimit(activation_kj_per_mol=83.144, limit_milli=8000, window_ms=HOUR)


def table_of(*rows: list[tuple[float, float]]) -> Table:
    series = [readings(each) for each in rows]
    columns = [(each.taken_at_ms, each.value_milli) for each in series]
    return table(columns, [15 * MINUTE] * len(columns))


def instants(*minutes: float) -> np.ndarray:
    return np.array([START + round(minute * MINUTE) for minute in minutes], np.int64)


def windows_of(rows: list[tuple[float, float]], *ends: float, shift: int = 0) -> KineticWindows:
    """The windows of one channel that end at these minutes, its values moved by ``shift``."""
    row = np.zeros(len(ends), np.intp)
    return kinetic_windows(table_of(rows), row, instants(*ends), HOURLY, np.array([shift]))


def test_a_window_has_the_readings_at_both_its_ends() -> None:
    found = windows_of(steady(8.0, 240), 120, 125)

    assert (found.first.tolist(), found.last.tolist()) == ([6, 7], [12, 12])
    assert found.span_ms.tolist() == [HOUR, 50 * MINUTE]
    assert found.short.tolist() == [False, False]


def test_a_window_before_the_record_is_short_and_reaches_back_in_full() -> None:
    found = windows_of(steady(8.0, 240), 30, 60)

    assert found.short.tolist() == [True, False]
    assert found.covered_ms.tolist() == [30 * MINUTE, HOUR]
    assert found.span_ms.tolist() == [HOUR, HOUR]


def test_at_the_limit_both_bounds_are_exact() -> None:
    found = windows_of(steady(8.0, 240), 120)

    assert found.rate_low.tolist() == found.rate_high.tolist() == [2 * HOUR << SCALE_BITS]
    assert found.possibly_above().tolist() == [False]


@pytest.mark.parametrize("celsius", [60.0, 300.0, 2_000_000.0])
def test_sums_are_exact_even_where_int64_would_overflow(celsius: float) -> None:
    found = windows_of(steady(celsius, 60), 60)

    low, high = int(found.rate_low[0]), int(found.rate_high[0])
    theta = 83.144 / 8.314462618e-3
    expected = math.exp(theta / 281.15 - theta / (celsius + 273.15))
    assert low / (2 * HOUR << SCALE_BITS) == pytest.approx(expected, rel=1e-5)
    assert 0 <= high - low <= 2 * (2 * HOUR)
    assert found.certainly_above().tolist() == [True]


def test_a_window_without_covered_time_is_open() -> None:
    found = windows_of([(0, 9.0), (60, 9.0)], 60)

    assert found.covered_ms.tolist() == [0]
    assert found.possibly_above().tolist() == [True]
    assert found.certainly_above().tolist() == [False]


def test_the_worst_window_is_the_one_with_the_highest_mean() -> None:
    rows = [*steady(5.0, 110), *steady(9.0, 50, start=120), *steady(12.0, 60, start=180)]

    found = windows_of(rows, 110, 170, 240)

    assert found.worst(1).tolist() == [2]
    assert len(found) == 3


def test_uncertainty_moves_every_value_of_a_window() -> None:
    exact, warmer = windows_of(steady(7.5, 60), 60), windows_of(steady(7.5, 60), 60, shift=500)

    assert exact.possibly_above().tolist() == [False]
    assert warmer.rate_low.tolist() == warmer.rate_high.tolist() == [2 * HOUR << SCALE_BITS]


def test_windows_of_many_channels_are_those_of_each_by_itself() -> None:
    rows = [steady(9.0, 240), [(0, 12.0)], steady(7.0, 90)]
    ends = [(60, 240), (0,), (30, 40, 90)]
    owner = np.repeat([0, 1, 2], [len(each) for each in ends])

    found = kinetic_windows(
        table_of(*rows),
        owner,
        instants(*(m for each in ends for m in each)),
        HOURLY,
        np.zeros(3, np.int64),
    )

    alone = [windows_of(series, *each) for series, each in zip(rows, ends, strict=True)]
    for name in ("covered_ms", "span_ms", "short", "rate_low", "rate_high"):
        expected = [value for each in alone for value in getattr(each, name).tolist()]
        assert getattr(found, name).tolist() == expected


def test_a_possible_window_that_ends_between_two_readings_is_judged_too() -> None:
    kinetic = {"applies": "high", "dH": 83.144, "limit": 8.0, "window": "20min"}
    truth = [(-30, -5), (-20, -5), (-10, -5), (0, -5), (0.4, 11.1), (1.0, 11.1), (1.01, 7.9)]
    truth += [(6, 7.9), (12, 7.9), (18, 7.9), (20, 8.05), (20.6, 7.95), (21, 5), (30, 5)]
    read = [(minute, v if minute == 20.6 else v - 0.1) for minute, v in truth]
    channel = make_channel(read, certificates=(make_certificate(valid_from_ms=START - HOUR),))
    profile = make_profile(mkt=kinetic, decision="non-binary")

    found = judge(profile, make_case(channel, window=make_window(30, begin=-30)))

    result = found.channels[0].kinetic
    assert result is not None
    assert result.finding is Finding.UNDECIDED
