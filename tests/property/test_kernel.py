"""Runs, coverage and sets of time equal an exact oracle that walks from reading to reading."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import oracles
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judging import make_channel, make_panel, make_profile, make_rule, milli_readings

from analytics.exposure import pessimistic_ms
from analytics.intervals import Intervals, difference, intervals, union
from analytics.limits import NO_BARS, Bound, Limit, Side, bars
from analytics.mkt import mean_kinetic_celsius
from analytics.profile import Measure, Mode
from analytics.summary import summarise
from analytics.table import table

if TYPE_CHECKING:
    from analytics.runs import Runs
    from analytics.summary import Summary

BRIDGE = 900_000
INT32 = np.iinfo(np.int32)
STEPS = st.one_of(
    st.sampled_from([1, BRIDGE - 1, BRIDGE, BRIDGE + 1, 600_000]), st.integers(1, 3 * BRIDGE)
)
VALUES = st.one_of(
    st.integers(7_990, 8_010),  # plateaus at the limit and crossings that do not divide
    st.integers(-20_000, 60_000),
    st.sampled_from([INT32.min, INT32.min + 1, INT32.max - 1, INT32.max]),
)
BARS = st.builds(
    oracles.Bar,
    milli=st.one_of(
        st.integers(7_995, 8_005), st.sampled_from([8000, 0, -500, INT32.min, INT32.max])
    ),
    high=st.booleans(),
    inclusive=st.booleans(),
)
MANY = settings(max_examples=200, deadline=None)


@st.composite
def series(draw: st.DrawFn, values: st.SearchStrategy[int] = VALUES) -> list[oracles.Sample]:
    """A strictly increasing series of up to a dozen readings."""
    instant = draw(st.sampled_from([0, 1_767_225_600_000, -(2**40)]))
    samples = []
    for step, value in draw(st.lists(st.tuples(STEPS, values), max_size=12)):
        instant += step
        samples.append((instant, value))
    return samples


def summary_of(samples: list[oracles.Sample], bar: oracles.Bar | None = None) -> Summary:
    rows = np.array(samples, np.int64).reshape(-1, 2)
    whole = table([(rows[:, 0].copy(), rows[:, 1].astype(np.int32))], [BRIDGE])
    if bar is None:
        return summarise(whole, NO_BARS)
    side = Side.HIGH if bar.high else Side.LOW
    return summarise(whole, bars([[Limit(bar.milli, side, bar.inclusive)]], [side]))


def runs_of(samples: list[oracles.Sample], bar: oracles.Bar) -> Runs:
    return summary_of(samples, bar).runs


@MANY
@given(series(), BARS)
def test_events_equal_the_oracle_in_every_field(
    samples: list[oracles.Sample], bar: oracles.Bar
) -> None:
    expected = oracles.events(samples, BRIDGE, bar)

    found = runs_of(samples, bar)

    assert found.start.tolist() == [event.start for event in expected]
    assert found.end.tolist() == [event.end for event in expected]
    assert [Bound(code).name for code in found.lo] == [event.lo for event in expected]
    assert [Bound(code).name for code in found.hi] == [event.hi for event in expected]
    assert found.prev_in.tolist() == [event.prev_in for event in expected]
    assert found.next_in.tolist() == [event.next_in for event in expected]
    assert found.first_out.tolist() == [event.samples[0][0] for event in expected]
    assert found.last_out.tolist() == [event.samples[-1][0] for event in expected]
    assert found.count.tolist() == [len(event.samples) for event in expected]
    assert found.rounding_ms.tolist() == [event.rounding for event in expected]
    assert list(zip(found.peak_at, found.peak, strict=True)) == [e.peak for e in expected]
    assert [found.area2(i) for i in range(len(found))] == [event.area2 for event in expected]


@MANY
@given(series(), BARS)
def test_an_event_is_never_shorter_than_the_truth_and_less_than_its_rounding_longer(
    samples: list[oracles.Sample], bar: oracles.Bar
) -> None:
    truth = [e.exact_end - e.exact_start for e in oracles.events(samples, BRIDGE, bar)]

    found = runs_of(samples, bar)

    for true, lin, rounding in zip(truth, found.lin_ms, found.rounding_ms, strict=True):
        assert true <= int(lin)
        assert int(lin) == true if rounding == 0 else int(lin) - int(rounding) < true


@MANY
@given(series())
def test_covered_time_gaps_and_histogram_equal_the_oracle(samples: list[oracles.Sample]) -> None:
    steps = [b[0] - a[0] for a, b in pairwise(samples)]

    found = summary_of(samples)

    gaps = zip(found.gaps.start.tolist(), found.gaps.end.tolist(), strict=True)
    bins = zip(found.bins.v.tolist(), found.bins.weight_ms.tolist(), strict=True)
    assert list(gaps) == oracles.gaps(samples, BRIDGE)
    assert found.spread.covered_ms.tolist() == [sum(step for step in steps if step <= BRIDGE)]
    assert dict(bins) == oracles.histogram(samples, BRIDGE)


@settings(max_examples=100, deadline=None)
@given(series(st.integers(-80_000, 80_000)))
def test_mean_kinetic_temperature_equals_fifty_digits_of_decimal(
    samples: list[oracles.Sample],
) -> None:
    exact = oracles.mkt(oracles.histogram(samples, BRIDGE))

    (celsius,) = mean_kinetic_celsius(summary_of(samples).bins, 1, 83.144)

    assert np.isnan(celsius) == (exact is None)
    assert exact is None or abs(celsius - float(exact)) < 1e-9


@st.composite
def spans(draw: st.DrawFn) -> Intervals:
    """Up to four disjoint intervals among small integers; they may touch."""
    bounds = sorted(draw(st.lists(st.integers(0, 30), max_size=8)))
    pairs = zip(bounds[::2], bounds[1::2], strict=False)
    return intervals(*((start, end) for start, end in pairs if start < end))


@MANY
@given(spans(), spans())
def test_sets_of_time_behave_as_sets(left: Intervals, right: Intervals) -> None:
    a, b = oracles.members(left.pairs()), oracles.members(right.pairs())

    assert oracles.members(union(left, right).pairs()) == a | b
    assert oracles.members(difference(left, right).pairs()) == a - b
    assert union(left, right).total_ms == len(a | b)
    assert difference(left, right).total_ms == len(a - b)


@MANY
@given(
    st.lists(series(st.integers(7_995, 8_005)), min_size=1, max_size=3),
    st.sampled_from(["T > 8.0", "T >= 8.0", "T < 8.0", "T <= 8.0"]),
)
@example([[(1, 7990), (900_002, 7990), (900_003, 7995), (900_004, 7990)]], "T < 7.995")
def test_longest_run_with_gaps_equals_the_longest_chain_that_gaps_hold_together(
    several: list[list[oracles.Sample]], when: str
) -> None:
    _, sign, number = when.split()
    bar = oracles.Bar(round(float(number) * 1000), ">" in sign, "=" in sign)
    channels = [
        make_channel(milli_readings(samples), serial=f"tl-{index}")
        for index, samples in enumerate(several)
    ]
    panel = make_panel(make_profile(rules=[make_rule(when=when)]), *channels)

    worst = pessimistic_ms(Mode.SINGLE, panel.columns.views[0], Measure.LIN, panel)

    assert worst.tolist() == [
        oracles.longest(
            [(event.start, event.end) for event in oracles.events(samples, BRIDGE, bar)],
            oracles.gaps(samples, BRIDGE),
        )
        for samples in several
    ]
