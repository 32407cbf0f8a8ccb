"""Alarms that a rule shows: hysteresis, debounce, merging; its events stay as they are (S20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from judging import MINUTE, START, judged, make_profile, make_rule

from coldgate.model import Verdict

if TYPE_CHECKING:
    from analytics.evaluation import RuleResult

WAVES = [(0, 5.0), (10, 9.0), (20, 7.0), (30, 9.0), (40, 5.0), (50, 5.0), (60, 9.0), (70, 5.0)]


def result_of(rows: list[tuple[float, float]], **rule: Any) -> RuleResult:
    profile = make_profile(rules=[make_rule(**({"mode": "instant", "budget": ...} | rule))])
    return judged(rows, profile).channels[0].rules[0]


def minutes(result: RuleResult) -> list[tuple[float, float]]:
    return [((a - START) / MINUTE, (b - START) / MINUTE) for a, b in result.alarms]


def test_a_rule_that_shapes_no_alarms_shows_none() -> None:
    assert result_of(WAVES).alarms == ()


def test_without_hysteresis_the_alarms_are_the_events() -> None:
    assert minutes(result_of(WAVES, hysteresis=0.0)) == [(7.5, 15), (25, 32.5), (57.5, 62.5)]


def test_an_alarm_lasts_until_the_value_falls_below_the_hysteresis() -> None:
    result = result_of(WAVES, hysteresis=1.5)

    assert minutes(result) == [(7.5, 36.25), (57.5, 66.25)]
    assert result.events == 3
    assert result.verdict is Verdict.FAIL


def test_a_value_within_the_hysteresis_alone_raises_no_alarm() -> None:
    assert result_of([(0, 5.0), (10, 7.5), (20, 5.0)], hysteresis=1.5).alarms == ()


@pytest.mark.parametrize(("merge", "expected"), [("10min", 3), ("10001ms", 3), ("601s", 2)])
def test_alarms_less_than_the_merging_time_apart_are_one(merge: str, expected: int) -> None:
    assert len(result_of(WAVES, merge=merge).alarms) == expected


def test_merging_goes_on_from_alarm_to_alarm() -> None:
    assert minutes(result_of(WAVES, merge="1h")) == [(7.5, 62.5)]


def test_debounce_begins_the_alarm_when_an_event_has_lasted_its_budget() -> None:
    rows = [(0, 5.0), (10, 9.0), (20, 5.0), (30, 9.0), (40, 9.0), (50, 9.0), (60, 5.0)]

    result = result_of(rows, mode="single", budget="15min", trigger="at", merge="0s")

    assert minutes(result) == [(42.5, 52.5)]


def test_debounced_alarm_with_hysteresis_ends_with_the_outer_run() -> None:
    rows = [(0, 9.0), (10, 9.0), (20, 7.0), (30, 9.0), (40, 7.0), (50, 5.0)]

    result = result_of(rows, mode="single", budget="10min", trigger="at", hysteresis=1.5)

    assert minutes(result) == [(10, 42.5)]


def test_low_side_alarms_mirror_the_high_side() -> None:
    mirrored = [(minute, 16.0 - value) for minute, value in WAVES]

    low = result_of(mirrored, when="T < 8.0", hysteresis=1.5)

    assert low.alarms == result_of(WAVES, hysteresis=1.5).alarms
