"""Clock and canonical form: what is kept depends on the set of readings and nothing else."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import oracles
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import milli_readings

from analytics.clock import RESOLUTION_MS, ClockState, synchronise
from analytics.readings import DAY_MS, Canonical, Label, added, canonicalise
from coldgate.model import ClockPair, Quantity, ReadingFlag

if TYPE_CHECKING:
    from random import Random

MANY = settings(max_examples=200, deadline=None)
FLAGS = [0, ReadingFlag.CLIPPED, ReadingFlag.FAULT, ReadingFlag.TEST, ReadingFlag.TIME_AMBIGUOUS]
ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([-273_150, 2_000, 5_000, 8_000, 9_000]))
    .map(lambda row: (*row, 0))
    .flatmap(lambda row: st.sampled_from(FLAGS).map(lambda flag: (*row[:2], int(flag)))),
    max_size=14,
)
LABELS = [Label(low_milli=2000, high_milli=8000), Label(low_milli=None, high_milli=8000)]
LABELS += [Label(low_milli=2000, high_milli=None)]
Row = tuple[int, int, int]


def canonical(rows: list[Row], label: Label) -> Canonical:
    read = milli_readings([row[:2] for row in rows], [row[2] for row in rows])
    return canonicalise(read, Quantity.TEMPERATURE, label)


@MANY
@given(ROWS, st.sampled_from(LABELS), st.randoms(use_true_random=False))
def test_arrival_order_and_repeats_change_nothing_that_counts(
    rows: list[Row], label: Label, random: Random
) -> None:
    shuffled = rows + rows[: len(rows) // 2]
    random.shuffle(shuffled)

    one, two = canonical(rows, label), canonical(shuffled, label)

    assert one.t.tolist() == two.t.tolist()
    assert one.v.tolist() == two.v.tolist()
    assert replace(one.tally, duplicates=0) == replace(two.tally, duplicates=0)
    assert one.tally.digest == two.tally.digest


@MANY
@given(ROWS, st.sampled_from(LABELS))
def test_each_instant_keeps_the_value_that_the_conflict_rule_names(
    rows: list[Row], label: Label
) -> None:
    expected: dict[int, set[int]] = defaultdict(set)
    flags: dict[tuple[int, int], int] = defaultdict(int)
    for t, v, flag in rows:
        if not flag & (ReadingFlag.TEST | ReadingFlag.FAULT) and v > -273_150:
            expected[t].add(v)
            flags[t, v] |= flag

    kept = canonical(rows, label)

    assert dict(zip(kept.t.tolist(), kept.v.tolist(), strict=True)) == {
        t: oracles.chosen(values, label.low_milli, label.high_milli)
        for t, values in expected.items()
    }
    winners = list(zip(kept.t.tolist(), kept.v.tolist(), strict=True))
    ambiguous = [row for row in winners if flags[row] & ReadingFlag.TIME_AMBIGUOUS]
    clipped = [row[1] for row in winners if flags[row] & ReadingFlag.CLIPPED]
    ends = oracles.ends_of_scale(clipped, label.low_milli, label.high_milli)
    assert kept.tally.ambiguous == len(ambiguous)
    assert (kept.tally.clipped_high, kept.tally.clipped_low) == ends
    assert kept.tally.conflicts == sum(len(values) > 1 for values in expected.values())
    assert kept.tally.duplicates == len(rows) - len(set(rows))


@MANY
@given(ROWS, st.sampled_from(LABELS), st.integers(0, 6))
def test_tallies_of_days_add_up_to_the_tally_of_the_whole(
    rows: list[Row], label: Label, cut: int
) -> None:
    daily = [(t * DAY_MS, v, flag) for t, v, flag in rows]
    before = [row for row in daily if row[0] < cut * DAY_MS]
    after = [row for row in daily if row[0] >= cut * DAY_MS]

    whole = canonical(daily, label).tally

    assert added(canonical(before, label).tally, canonical(after, label).tally) == whole


@MANY
@given(
    st.lists(st.integers(-(2**43), 2**43), max_size=5),
    st.integers(0, 2**41),
    st.integers(1, 2**41),
    st.integers(-(10**9), 10**9),
    st.integers(-1388, 1388),
)
def test_server_time_is_the_exact_line_through_first_and_last_pair(
    instants: list[int], d0: int, elapsed: int, offset: int, drift: int
) -> None:
    gained = int(oracles.Fraction(elapsed * drift, 1_000_000))
    pairs = [(d0, d0 + offset), (d0 + elapsed, d0 + elapsed + offset + gained)]
    clock = [ClockPair(logger_ms=d, gateway_ms=s) for d, s in reversed(pairs)]

    mapped, state = synchronise(np.array(instants, np.int64), clock)

    assert state is ClockState.SYNCED
    believed = pairs[:1] if abs(gained) <= RESOLUTION_MS else pairs
    assert mapped.tolist() == [oracles.server_time(instant, believed) for instant in instants]
