"""Measures, triggers and the findings at the very edge of a budget."""

from __future__ import annotations

import numpy as np
import pytest
from judging import MINUTE, START, make_profile, make_rule, readings

from analytics.exposure import Evidence, Finding, first_trigger, weigh
from analytics.intervals import NEVER, Intervals, intervals
from analytics.kernel import events, segments
from analytics.profile import Measure, Rule


def rule_of(**changes: object) -> Rule:
    return make_profile(rules=[make_rule(**changes)]).rules[0]


def evidence_of(rows: list[tuple[float, float]], rule: Rule, **changes: object) -> Evidence:
    """The events in these rows under a bridge of fifteen minutes; gaps as given."""
    seen = readings(rows)
    covered = segments(seen.taken_at_ms, 15 * MINUTE).covered
    found = events(seen.taken_at_ms, seen.value_milli, covered, rule.limit)
    return Evidence(**({"events": found, "gaps": NEVER} | changes))  # type: ignore[arg-type]


HOT_TEN = [(0, 7.0), (10, 9.0), (20, 9.0), (30, 7.0)]


@pytest.mark.parametrize(
    ("measure", "minutes"), [(Measure.LIN, 20), (Measure.HOLD, 20), (Measure.UPPER, 30)]
)
def test_each_measure_counts_its_own_duration(measure: Measure, minutes: int) -> None:
    rule = rule_of()

    exposure = weigh(rule, measure, evidence_of(HOT_TEN, rule))

    assert exposure.measured_ms == minutes * MINUTE
    assert exposure.optimistic_ms == exposure.pessimistic_ms == minutes * MINUTE


@pytest.mark.parametrize(
    ("budget", "trigger", "finding"),
    [
        ("20min", "at", Finding.VIOLATED),
        ("20min", "over", Finding.SATISFIED),
        ("1199999ms", "over", Finding.VIOLATED),
        ("1200001ms", "at", Finding.SATISFIED),
    ],
)
def test_an_exact_duration_is_decided_exactly(budget: str, trigger: str, finding: Finding) -> None:
    rule = rule_of(budget=budget, trigger=trigger)

    assert weigh(rule, Measure.LIN, evidence_of(HOT_TEN, rule)).finding is finding


def test_a_rounded_duration_leaves_its_last_two_milliseconds_open() -> None:
    rows = [(0, 7.0), (10, 10.0), (20, 7.0)]  # crosses at 3 min 20 s: exact
    odd = [(0, 7.0), (10, 9.999), (20, 7.0)]  # crosses between two milliseconds

    for shape, rounding in ((rows, 0), (odd, 2)):
        rule = rule_of()
        exposure = weigh(rule, Measure.LIN, evidence_of(shape, rule))
        assert exposure.pessimistic_ms - exposure.optimistic_ms == rounding


def test_a_long_gap_alone_can_neither_satisfy_nor_violate() -> None:
    rule = rule_of(budget="1h")
    gaps = intervals((START, START + 61 * MINUTE))

    exposure = weigh(rule, Measure.LIN, evidence_of([(61, 5.0), (71, 5.0)], rule, gaps=gaps))

    assert (exposure.optimistic_ms, exposure.pessimistic_ms) == (0, 61 * MINUTE)
    assert exposure.finding is Finding.UNDECIDED


def test_touching_events_stay_two_and_a_gap_between_makes_them_one() -> None:
    rule = rule_of()
    rows = [(0, 9.0), (10, 8.0), (20, 9.0)]

    apart = weigh(rule, Measure.LIN, evidence_of(rows, rule))

    assert apart.pessimistic_ms == 10 * MINUTE


def test_end_of_scale_readings_count_up_to_their_neighbours() -> None:
    rule = rule_of()

    exposure = weigh(rule, Measure.LIN, evidence_of(HOT_TEN, rule, bounds_only=True))

    assert (exposure.optimistic_ms, exposure.pessimistic_ms) == (20 * MINUTE, 30 * MINUTE)


@pytest.mark.parametrize(
    ("mode", "budget", "minute"),
    [("single", "15min", 50), ("cumulative", "25min", 50), ("instant", ..., 10)],
)
def test_first_trigger_is_the_instant_at_which_the_budget_was_used_up(
    mode: str, budget: object, minute: int
) -> None:
    rows = [(0, 7.0), (10, 9.0), (20, 7.0), (30, 7.0), (40, 9.0), (50, 9.0), (60, 7.0)]
    rule = rule_of(mode=mode, budget=budget, trigger="at")
    found = evidence_of(rows, rule).events

    instant = first_trigger(rule, found, Intervals(found.start, found.end))

    assert instant == START + minute * MINUTE


def test_no_event_is_no_trigger() -> None:
    rule = rule_of(trigger="at")
    found = evidence_of([(0, 5.0)], rule).events

    assert first_trigger(rule, found, NEVER) is None
    assert found.area2 == ()
    assert np.array_equal(found.lin_ms, [])
