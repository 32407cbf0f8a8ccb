"""Which readings an MKT window has, and that its sums are exact however hot it was."""

from __future__ import annotations

import math

import numpy as np
import pytest
from judging import HOUR, MINUTE, START, readings, steady

from analytics.kernel import segments
from analytics.windows import SCALE_BITS, KineticLimit, KineticWindows, kinetic_windows

HOURLY = KineticLimit(activation_kj_per_mol=83.144, limit_milli=8000, window_ms=HOUR)


def windows_of(rows: list[tuple[float, float]], *ends: float) -> KineticWindows:
    seen = readings(rows)
    covered = segments(seen.taken_at_ms, 15 * MINUTE).covered
    instants = np.array([START + round(end * MINUTE) for end in ends], np.int64)
    return kinetic_windows(seen.taken_at_ms, seen.value_milli, covered, instants, HOURLY)


def test_a_window_has_the_readings_at_both_its_ends() -> None:
    found = windows_of(steady(8.0, 240), 120, 125)

    assert (found.first.tolist(), found.last.tolist()) == ([6, 7], [12, 12])
    assert found.span_ms == (HOUR, 50 * MINUTE)
    assert found.short.tolist() == [False, False]


def test_a_window_before_the_record_is_short_and_reaches_back_in_full() -> None:
    found = windows_of(steady(8.0, 240), 30, 60)

    assert found.short.tolist() == [True, False]
    assert found.covered_ms == (30 * MINUTE, HOUR)
    assert found.span_ms == (HOUR, HOUR)


def test_at_the_limit_both_bounds_are_exact() -> None:
    found = windows_of(steady(8.0, 240), 120)

    assert found.rate_low == found.rate_high == (2 * HOUR << SCALE_BITS,)
    assert not found.possibly_above()


@pytest.mark.parametrize("celsius", [60.0, 300.0, 2_000_000.0])
def test_sums_are_exact_even_where_int64_would_overflow(celsius: float) -> None:
    found = windows_of(steady(celsius, 60), 60)

    low, high = found.rate_low[0], found.rate_high[0]
    theta = 83.144 / 8.314462618e-3
    expected = math.exp(theta / 281.15 - theta / (celsius + 273.15))
    assert low / (2 * HOUR << SCALE_BITS) == pytest.approx(expected, rel=1e-5)
    assert 0 <= high - low <= 2 * (2 * HOUR)
    assert found.certainly_above()


def test_a_window_without_covered_time_is_open() -> None:
    found = windows_of([(0, 9.0), (60, 9.0)], 60)

    assert found.covered_ms == (0,)
    assert found.possibly_above()
    assert not found.certainly_above()


def test_the_worst_window_is_the_one_with_the_highest_mean() -> None:
    rows = [*steady(5.0, 110), *steady(9.0, 50, start=120), *steady(12.0, 60, start=180)]

    found = windows_of(rows, 110, 170, 240)

    assert found.worst() == 2
    assert len(found) == 3
