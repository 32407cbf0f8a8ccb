from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
import pytest

from analytics.limits import Bars
from analytics.runs import Seam
from analytics.summary import summarise
from analytics.table import Table, table
from analytics.traces import (
    MOST_LISTED,
    Demands,
    Traces,
    allowed_ms,
    merged_traces,
    trace,
)

MINUTE: Final = 60_000
BRIDGE: Final = 15 * MINUTE
OPEN: Final = np.iinfo(np.int64)


def make_demands(rows: int = 1, **changes: Any) -> Demands:
    asked = {
        "interval_ms": np.full(rows, MINUTE),
        "watched": np.ones(rows, np.bool_),
        "climatic": np.ones(rows, np.bool_),
        "label_low": np.full(rows, OPEN.min),
        "label_high": np.full(rows, OPEN.max),
        **changes,
    }
    return Demands(**asked)


def make_table(minutes: list[float], values: list[int]) -> Table:
    t = np.array([round(minute * MINUTE) for minute in minutes], np.int64)
    return table([(t, np.array(values, np.int32))], [BRIDGE])


def traces_of(whole: Table, demands: Demands) -> Traces:
    none = np.empty((0, whole.rows), np.int64)
    spread = summarise(whole, Bars(np.empty(0, np.int64), none, none)).spread
    return trace(whole, demands, spread)


def traced(minutes: list[float], values: list[int] | None = None, **changes: Any) -> Traces:
    made = make_table(minutes, [5_000] * len(minutes) if values is None else values)
    return traces_of(made, make_demands(**changes))


def test_one_and_a_half_intervals_lack_one_reading_and_two_and_a_half_as_well() -> None:
    assert traced([0, 1.5]).missing.tolist() == [1]
    assert traced([0, 2.5]).missing.tolist() == [1]
    assert traced([0, 1.4999, 3, 60]).missing.tolist() == [57]


def test_nothing_lacks_where_the_interval_is_unknown() -> None:
    assert traced([0, 600], interval_ms=np.array([0])).missing.tolist() == [0]


def test_step_up_and_back_faster_than_the_rate_is_a_spike() -> None:
    found = traced([0, 1, 2, 3], [5_000, 8_001, 5_000, 5_000], spike_milli_per_minute=3_000)

    assert found.rates.spikes.instants(0).tolist() == [MINUTE]
    assert found.rates.spikes.count.tolist() == [1]


@pytest.mark.parametrize("values", [[5_000, 8_000, 5_000], [5_000, 8_001, 11_002]])
def test_step_at_the_rate_or_one_that_goes_on_is_no_spike(values: list[int]) -> None:
    found = traced([0, 1, 2], values, spike_milli_per_minute=3_000)

    assert found.rates.spikes.count.tolist() == [0]


@pytest.mark.parametrize(("milli", "spikes"), [(875, 0), (876, 1), (-875, 0), (-876, 1)])
def test_rate_is_judged_by_the_length_of_each_segment(milli: int, spikes: int) -> None:
    found = traced([0, 0.875, 1.75], [0, milli, 0], spike_milli_per_minute=1_000)

    assert found.rates.spikes.count.tolist() == [spikes]


def test_step_that_exceeds_the_rate_by_the_least_there_is_makes_a_spike() -> None:
    found = traced([0, 59_999 / MINUTE, 2 * 59_999 / MINUTE], [0, 1, 0], spike_milli_per_minute=1)

    assert found.rates.spikes.t.tolist() == [59_999]


def test_spike_beside_a_gap_is_none() -> None:
    found = traced([0, 1, 17], [5_000, 90_000, 5_000], spike_milli_per_minute=3_000)

    assert found.rates.spikes.count.tolist() == [0]


def test_two_fast_segments_are_a_change_unless_one_is_below_half_an_interval() -> None:
    values = [0, 4_000, 8_000]

    even = traced([0, 1, 1.5], values, change_milli_per_minute=3_000)
    short = traced([0, 1, 1.4999], values, change_milli_per_minute=3_000)

    assert even.rates.changes.t.tolist() == [MINUTE]
    assert short.rates.changes.count.tolist() == [0]


def test_widest_values_neither_overflow_nor_hide_a_spike() -> None:
    ends = np.iinfo(np.int32)

    found = traced([0, 1, 2], [ends.min, ends.max, ends.min], spike_milli_per_minute=ends.max)

    assert found.rates.spikes.t.tolist() == [MINUTE]


def test_every_spike_is_counted_but_only_the_first_hundred_are_listed() -> None:
    zigzag = [0, 9_000] * 100

    found = traced(list(range(200)), zigzag, spike_milli_per_minute=3_000).rates.spikes

    assert found.count.tolist() == [198]
    assert found.instants(0).tolist() == [k * MINUTE for k in range(1, MOST_LISTED + 1)]


def test_of_two_equally_long_stretches_without_a_move_the_earlier_one_is_told() -> None:
    found = traced([0, 1, 2, 3, 4, 5, 6], [1, 7, 7, 7, 2, 2, 2], stuck_ms=2 * MINUTE).stillness

    assert (int(found.start[0]), int(found.end[0])) == (MINUTE, 3 * MINUTE)
    assert found.lasting_ms.tolist() == [2 * MINUTE]


def test_gap_ends_a_stretch_without_a_move() -> None:
    found = traced([0, 15, 31, 46], stuck_ms=16 * MINUTE).stillness

    assert found.lasting_ms.tolist() == [0]
    assert found.opening_end.tolist() == [15 * MINUTE]
    assert found.closing_start.tolist() == [31 * MINUTE]


def test_segment_is_late_beyond_the_tolerance_and_not_at_it() -> None:
    allowed = allowed_ms(5 * MINUTE) / MINUTE

    found = traced([0, allowed, 2 * allowed + 0.001], step_ms=(5 * MINUTE, 15 * MINUTE))

    assert found.late.tolist() == [[1], [0]]
    assert found.compliant_ms[0].tolist() == [allowed_ms(5 * MINUTE)]
    assert found.segments.tolist() == [2]


def test_two_readings_out_of_range_ask_for_the_shorter_interval() -> None:
    found = traced(
        [0, 5, 10, 15],
        [8_001, 8_001, 8_000, 1_999],
        label_low=np.array([2_000]),
        label_high=np.array([8_000]),
        step_ms=(5 * MINUTE,),
        out_of_range_ms=2 * MINUTE,
    )

    assert found.late.tolist() == [[1]]
    assert found.late_ms.tolist() == [[5 * MINUTE]]


def test_rows_that_are_not_asked_have_nothing_to_tell() -> None:
    no = np.zeros(1, np.bool_)
    asked = {"spike_milli_per_minute": 0, "stuck_ms": MINUTE, "step_ms": (1_000,)}

    found = traced([0, 1, 2, 3, 4], [0, 0, 0, 9, 0], watched=no, climatic=no, **asked)

    assert found.rates.spikes.count.tolist() == [0]
    assert found.stillness.lasting_ms.tolist() == [0]
    assert found.late.tolist() == [[0]]


def test_table_without_rows_has_traces_without_rows() -> None:
    found = traces_of(table([], []), make_demands(0, step_ms=(MINUTE,), stuck_ms=MINUTE))

    assert found.n.shape == (0,)
    assert found.late.shape == (1, 0)


def joined(pieces: list[Table], demands: Demands) -> Traces:
    """The traces of pieces without a gap between them, merged one after another."""
    whole = traces_of(pieces[0], demands)
    for before, after in pairwise(pieces):
        seam = Seam(
            exists=np.array([True]),
            covered=np.array([True]),
            t_left=before.t[-1:],
            v_left=before.v[-1:],
            t_right=after.t[:1],
            v_right=after.v[:1],
        )
        whole = merged_traces(whole, traces_of(after, demands), seam, demands)
    return whole


def test_spike_is_found_when_pieces_of_one_reading_each_meet() -> None:
    pieces = [make_table([0], [5_000]), make_table([1], [9_000]), make_table([2], [5_000])]

    whole = joined(pieces, make_demands(spike_milli_per_minute=3_000))

    assert whole.rates.spikes.t.tolist() == [MINUTE]


def test_stretch_in_the_left_piece_wins_over_an_equal_one_across_the_seam_or_behind_it() -> None:
    pieces = [make_table([0, 1, 2], [7, 7, 8]), make_table([3, 4, 5], [8, 9, 9])]

    whole = joined(pieces, make_demands(stuck_ms=MINUTE)).stillness

    assert (int(whole.start[0]), int(whole.end[0])) == (0, MINUTE)
