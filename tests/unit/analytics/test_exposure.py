"""Measures, triggers and the findings at the very edge of a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from judging import (
    MINUTE,
    START,
    make_channel,
    make_panel,
    make_profile,
    make_rule,
    make_window,
    readings,
)

from analytics.exposure import FINDINGS, NEVER_MS, Finding, weigh
from coldgate.model import ReadingFlag

if TYPE_CHECKING:
    from analytics.case import Channel, Window
    from analytics.exposure import Exposures

HOT_TEN = [(0, 7.0), (10, 9.0), (20, 9.0), (30, 7.0)]


def weighed(
    channel: Channel,
    measure: str = "lin",
    *,
    window: Window | None = None,
    **rule: Any,
) -> Exposures:
    """The exposure of a single channel to a rule with these keys."""
    profile = make_profile(rules=[make_rule(**rule)], measure=measure)
    panel = make_panel(profile, channel, window=window)
    return weigh(profile.rules[0], panel.columns.views[0], profile.measure, panel)


def finding_of(exposures: Exposures) -> Finding:
    return FINDINGS[exposures.finding[0]]


@pytest.mark.parametrize(("measure", "minutes"), [("lin", 20), ("hold", 20), ("upper", 30)])
def test_each_measure_counts_its_own_duration(measure: str, minutes: int) -> None:
    exposure = weighed(make_channel(HOT_TEN), measure)

    assert exposure.measured_ms[0] == minutes * MINUTE
    assert exposure.optimistic_ms[0] == exposure.pessimistic_ms[0] == minutes * MINUTE


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
    exposure = weighed(make_channel(HOT_TEN), budget=budget, trigger=trigger)

    assert finding_of(exposure) is finding


@pytest.mark.parametrize(
    ("peak", "rounding"),
    [(10.0, 0), (9.999, 2)],  # crosses at 3 min 20 s, and between two milliseconds
)
def test_a_rounded_duration_leaves_its_last_two_milliseconds_open(
    peak: float, rounding: int
) -> None:
    exposure = weighed(make_channel([(0, 7.0), (10, peak), (20, 7.0)]))

    assert exposure.pessimistic_ms[0] - exposure.optimistic_ms[0] == rounding


def test_a_long_gap_alone_can_neither_satisfy_nor_violate() -> None:
    after = make_channel([(61, 5.0), (71, 5.0)])

    exposure = weighed(after, window=make_window(71))

    assert (exposure.optimistic_ms[0], exposure.pessimistic_ms[0]) == (0, 61 * MINUTE)
    assert finding_of(exposure) is Finding.UNDECIDED


def test_touching_events_stay_two_and_a_gap_between_makes_them_one() -> None:
    touching = make_channel([(0, 9.0), (10, 8.0), (20, 9.0)])
    parted = make_channel([(0, 9.0), (20, 9.0)])

    assert weighed(touching).pessimistic_ms[0] == 10 * MINUTE
    assert weighed(parted).pessimistic_ms[0] == 20 * MINUTE


def test_end_of_scale_readings_count_up_to_their_neighbours() -> None:
    rows = [(minute, value) for minute, value in HOT_TEN if value < 8]
    top = readings([(10, 9.0), (20, 9.0)], flags=int(ReadingFlag.CLIPPED))

    exposure = weighed(make_channel(rows, conflicts=top))

    assert (exposure.optimistic_ms[0], exposure.pessimistic_ms[0]) == (20 * MINUTE, 30 * MINUTE)


@pytest.mark.parametrize(
    ("mode", "budget", "minute"),
    [("single", "15min", 50), ("cumulative", "25min", 50), ("instant", ..., 10)],
)
def test_first_trigger_is_the_instant_at_which_the_budget_was_used_up(
    mode: str, budget: object, minute: int
) -> None:
    rows = [(0, 7.0), (10, 9.0), (20, 7.0), (30, 7.0), (40, 9.0), (50, 9.0), (60, 7.0)]

    exposure = weighed(make_channel(rows), mode=mode, budget=budget, trigger="at")

    assert exposure.first_trigger_ms[0] == START + minute * MINUTE


def test_no_event_is_no_trigger() -> None:
    exposure = weighed(make_channel([(0, 5.0)]), trigger="at")

    assert exposure.first_trigger_ms[0] == NEVER_MS
    assert (exposure.events[0], exposure.measured_ms[0]) == (0, 0)


def test_channels_of_a_panel_are_weighed_each_for_itself() -> None:
    profile = make_profile(rules=[make_rule(budget="15min")])
    hot, cold = make_channel(HOT_TEN), make_channel([(0, 5.0), (10, 5.0)], serial="tl-2")
    panel = make_panel(profile, hot, cold, hot)

    exposure = weigh(profile.rules[0], panel.columns.views[0], profile.measure, panel)

    assert exposure.measured_ms.tolist() == [20 * MINUTE, 0, 20 * MINUTE]
    assert [FINDINGS[place] for place in exposure.finding] == [
        Finding.VIOLATED,
        Finding.SATISFIED,
        Finding.VIOLATED,
    ]
