"""Intervals beyond a limit, from readings and from the model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from firmware_sim.truth import LIMITS, Interval, measured_intervals, truth_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware_sim.simulation import Simulation

ABOVE_8, _, BELOW_2, FROZEN = LIMITS
MINUTE_MS = 60_000


def stays(limit: object, *points: tuple[float, int]) -> list[tuple[float, float]]:
    """Intervals in minutes for readings given as (minute, 0.1 °C)."""
    taken_at = np.array([round(minute * MINUTE_MS) for minute, _ in points])
    found = measured_intervals(taken_at, np.array([value for _, value in points]), limit)
    return [(stay.begin_ms / MINUTE_MS, stay.end_ms / MINUTE_MS) for stay in found]


def test_crossings_lie_on_the_line_between_readings() -> None:
    assert stays(ABOVE_8, (0, 50), (10, 90), (20, 50)) == [(7.5, 12.5)]
    assert stays(BELOW_2, (0, 30), (10, 10), (20, 30)) == [(5.0, 15.0)]


def test_entry_is_rounded_down_and_exit_up_to_whole_ms() -> None:
    found = measured_intervals(np.array([0, 600_000, 1_200_001]), np.array([70, 100, 70]), ABOVE_8)

    assert found == (Interval(begin_ms=200_000, end_ms=1_000_001),)


def test_reading_at_the_limit_ends_a_stay_unless_the_limit_is_inclusive() -> None:
    assert stays(ABOVE_8, (0, 90), (10, 80), (20, 90)) == [(0.0, 10.0), (10.0, 20.0)]
    assert stays(FROZEN, (0, 5), (10, 0), (20, 5)) == [(10.0, 10.0)]


def test_stay_that_begins_or_ends_with_the_record_keeps_the_record_s_instant() -> None:
    assert stays(ABOVE_8, (0, 90), (10, 90)) == [(0.0, 10.0)]
    assert stays(ABOVE_8, (0, 80), (10, 80)) == []


def test_truth_file_is_the_same_bytes_twice(simulate: Callable[..., Simulation]) -> None:
    one, again = (truth_file(simulate("frozen-packs", hours=24.0)) for _ in range(2))

    assert one == again


@pytest.mark.parametrize("loggers", [1, 33])
def test_truth_file_tells_the_journey_the_verdict_and_each_logger(
    simulate: Callable[..., Simulation], loggers: int
) -> None:
    truth = json.loads(truth_file(simulate("warm-truck", hours=12.0, loggers=loggers)))

    assert truth["expected"]["verdict"] == "FAIL"
    assert truth["end_ms"] - truth["begin_ms"] == 12 * 60 * MINUTE_MS
    assert len({logger["serial"] for logger in truth["loggers"]}) == loggers
    assert all(logger["readings"] == 721 for logger in truth["loggers"])
    assert all(logger["coolant_exhausted_at_ms"] is not None for logger in truth["loggers"])
