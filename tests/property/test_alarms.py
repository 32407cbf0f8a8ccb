"""Alarms with hysteresis equal their definition, event by event (S20)."""

from __future__ import annotations

import oracles
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import START, judged_samples, make_profile, make_rule

BRIDGE = 900_000  # of an interval of ten minutes under a cap of fifteen
STEPS = st.one_of(st.just(600_000), st.sampled_from([1, BRIDGE, BRIDGE + 1]))
VALUES = st.one_of(st.integers(7_400, 8_600), st.sampled_from([7_500, 8_000, 8_001]))
SERIES = st.lists(st.tuples(STEPS, VALUES), min_size=1, max_size=14)


@settings(max_examples=300, deadline=None)
@given(SERIES, st.sampled_from([0, 1, 500]), st.sampled_from([0, 1, 600_000, 1_200_000]))
def test_alarm_lasts_from_the_first_event_in_an_outer_run_to_the_end_of_that_run(
    steps: list[tuple[int, int]], hysteresis: int, merge: int
) -> None:
    instant, samples = START, []
    for step, value in steps:
        samples.append((instant, value))
        instant += step
    rule = make_rule(mode="instant", budget=..., hysteresis=hysteresis / 1000, merge=f"{merge}ms")

    found = judged_samples(samples, make_profile(rules=[rule])).channels[0].rules[0]

    assert list(found.alarms) == oracles.alarms(samples, BRIDGE, 8_000, hysteresis, merge)
    if not hysteresis and not merge:
        bar = oracles.Bar(8_000, high=True, inclusive=False)
        events = oracles.events(samples, BRIDGE, bar)
        assert list(found.alarms) == [(event.start, event.end) for event in events]
