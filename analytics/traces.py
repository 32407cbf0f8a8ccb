"""What a record tells of its own making: readings missing, rates, stillness, intervals kept.

None of it is about the goods. Most records are regular and calm, and the extremes of a row settle
that in a few passes over narrow columns; only what they leave open is looked at by itself. The
traces of a whole equal the merged traces of its pieces, however they are bracketed (section 7): a
piece keeps what its ends need to be judged together with their neighbours.

Domain: that of ``runs``, and rates below 2**31 milli-units a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.segments import Segments, segments_where
from analytics.stillness import (
    Stillness,
    maybe_still,
    merged_stillness,
    not_asked,
    stillness,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analytics.arrays import Bools, Indices, Millis
    from analytics.runs import Seam
    from analytics.summary import Spread
    from analytics.table import Table

    Signs = NDArray[np.int8]

MINUTE_MS: Final = 60_000
MOST_LISTED: Final = 100  # instants kept of each kind and row; all of them are counted
LEAST_TOLERANCE_MS: Final = 5_000  # section 5, as the next
TOLERANCE_PERCENT: Final = 2
NEVER_MS: Final = np.iinfo(np.int64).max
INT32_MAX: Final = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demands:
    """What is asked of each row of a table; the first five are arrays (rows,).

    ``interval_ms`` is the believed interval (S9), 0 where unknown. Rates are asked of ``watched``
    rows, stillness and recording intervals of ``climatic`` ones. Values strictly beyond the label
    are out of range; the extremes of int64 leave a side open. ``step_ms`` are the recording
    intervals of all steps, for the length of the journey is known only at its end; between two
    readings out of range ``out_of_range_ms`` takes their place. ``stuck_ms`` is positive.
    """

    interval_ms: Millis
    watched: Bools
    climatic: Bools
    label_low: Millis
    label_high: Millis
    spike_milli_per_minute: int | None = None
    change_milli_per_minute: int | None = None
    stuck_ms: int | None = None
    step_ms: tuple[int, ...] = ()
    out_of_range_ms: int | None = None

    @property
    def slowest_rate(self) -> int | None:
        """The lowest rate that any flag asks for, in milli-units per minute."""
        asked = (self.spike_milli_per_minute, self.change_milli_per_minute)
        return min((rate for rate in asked if rate is not None), default=None)

    @property
    def allowed_ms(self) -> Millis:
        """The longest compliant segment under each step, shape (steps,)."""
        return np.array([allowed_ms(step) for step in self.step_ms], np.int64)


def allowed_ms(interval_ms: int) -> int:
    """The longest time between two readings that keeps a recording interval (section 5).

    >>> allowed_ms(60_000), allowed_ms(300_000)
    (65000, 306000)
    """
    return interval_ms + max(LEAST_TOLERANCE_MS, interval_ms * TOLERANCE_PERCENT // 100)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """Instants of one kind: ``count`` of each row, and the first ones, by row and time.

    At most MOST_LISTED of a row are in ``row`` and ``t``.
    """

    count: Millis
    row: Indices
    t: Millis

    @classmethod
    def listed(cls, count: Millis, row: Indices, t: Millis) -> Marks:
        """Counts as given, and of the ascending instants of each row the first ones."""
        held = np.bincount(row, minlength=len(count))
        rank = np.arange(len(row)) - (np.cumsum(held) - held)[row]
        shown = rank < MOST_LISTED
        return cls(count=count, row=row[shown], t=t[shown])

    def instants(self, row: int) -> Millis:
        """The listed instants of one row."""
        first, last = np.searchsorted(self.row, (row, row + 1)).tolist()
        return self.t[first:last]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pace:
    """How fast the value moves on some segments; slow where the segment is a gap or not watched.

    ``spike`` is the direction, 1 or -1, of a step fast enough for a spike, else 0 (S21);
    ``change`` tells a segment fast and long enough for a change (S22).
    """

    spike: Signs
    change: Bools

    def where(self, chosen: Bools, other: Pace) -> Pace:
        """This pace where ``chosen``, elsewhere the other."""
        return Pace(
            spike=np.where(chosen, self.spike, other.spike),
            change=np.where(chosen, self.change, other.change),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rates:
    """Spikes and changes, and the pace of each row's ``first`` and ``last`` segment, (rows,)."""

    spikes: Marks
    changes: Marks
    first: Pace
    last: Pace


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traces:
    """The traces of each row, arrays (rows,); those of a recording interval (steps, rows).

    ``span_ms`` is the time in all segments, gaps included, ``longest_ms`` the longest segment,
    ``missing`` how many readings lack between the first and the last (S9). ``late`` counts the
    segments of climatic rows that are longer than a step allows, ``late_ms`` is their time.
    """

    n: Millis
    span_ms: Millis
    longest_ms: Millis
    missing: Millis
    late: Millis
    late_ms: Millis
    rates: Rates
    stillness: Stillness

    @property
    def segments(self) -> Millis:
        """How many pairs of consecutive readings each row has."""
        return np.maximum(self.n - 1, 0)

    @property
    def compliant_ms(self) -> Millis:
        """Time in segments that keep the recording interval, (steps, rows)."""
        return self.span_ms - self.late_ms


def trace(table: Table, demands: Demands, spread: Spread) -> Traces:
    """The traces of each row of a table; a row may have no readings.

    Args:
        table: canonical readings.
        demands: what is asked, for the same rows.
        spread: what is known of these readings already, from their summary.
    """
    extent = _extent(table, demands, spread)
    late, late_ms, missing = _kept_intervals(table, demands, extent)
    return Traces(
        n=table.lengths.astype(np.int64),
        span_ms=extent.span_ms,
        longest_ms=extent.longest_ms,
        missing=missing,
        late=late,
        late_ms=late_ms,
        rates=_rates(table, demands, extent),
        stillness=_stillness(table, demands, extent.still),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Extent:
    """What the segments and values of each row keep within, arrays (rows,); 0 without segments.

    ``low`` and ``high`` are int64. Rows that are not ``still`` have no stretch that lasts
    ``stuck_ms``; others may.
    """

    span_ms: Millis
    shortest_ms: Millis
    longest_ms: Millis
    low: Millis
    high: Millis
    still: Bools


def _extent(table: Table, demands: Demands, spread: Spread) -> _Extent:
    span = np.where(spread.n > 0, spread.last_t - spread.first_t, 0)
    low, high = spread.low.astype(np.int64), spread.high.astype(np.int64)
    still = np.zeros(table.rows, np.bool_)
    if demands.stuck_ms is not None:
        still = maybe_still(table, demands.climatic, spread.longest_ms, span, demands.stuck_ms)
    return _Extent(
        span_ms=span,
        shortest_ms=spread.shortest_ms,
        longest_ms=spread.longest_ms,
        low=low,
        high=high,
        still=still,
    )


def _kept_intervals(
    table: Table, demands: Demands, extent: _Extent
) -> tuple[Millis, Millis, Millis]:
    """Late segments and their time under each step, (steps, rows), and readings missing, (rows,).

    A row whose segments are all within a limit, or all beyond it, needs no closer look.
    """
    allowed = demands.allowed_ms[:, None]
    shortest, longest = extent.shortest_ms, extent.longest_ms
    every = demands.climatic & (shortest > allowed)
    some = demands.climatic & (shortest <= allowed) & (longest > allowed)
    enough = (3 * demands.interval_ms - 1) // 2  # 1.5 intervals round to two: one lacks
    lacks = (demands.interval_ms > 0) & (longest > enough)
    least = np.where(some, allowed, NEVER_MS).min(axis=0, initial=NEVER_MS)
    least = np.minimum(least, np.where(lacks, enough, NEVER_MS))
    long = segments_where(
        table,
        np.flatnonzero(least < NEVER_MS),
        lambda part, rows: part.t[1:] - part.t[:-1] > int(least[rows].min()),
    )
    late, late_ms = every * (table.lengths - 1), every * extent.span_ms
    for k, limit in enumerate(demands.allowed_ms.tolist() if len(long.at) else ()):
        beyond = ((long.dt > limit) & some[k, long.row]).astype(np.int64)
        late[k] += _summed(long.row, beyond, table.rows)
        late_ms[k] += _summed(long.row, beyond * long.dt, table.rows)
    more, more_ms = _late_out_of_range(table, demands, extent)
    lacking = _lacking(long.dt, demands.interval_ms[long.row])
    return late + more, late_ms + more_ms, _summed(long.row, lacking, table.rows)


def _summed(row: Indices, values: Millis, rows: int) -> Millis:
    """The sum of the values of each row; exact below 2**53."""
    return np.bincount(row, values, minlength=rows).astype(np.int64)


def _lacking(dt: Millis, interval_ms: Millis) -> Millis:
    """How many readings lack in each segment (S9); none where the interval is 0, or unknown.

    >>> _lacking(np.array([15, 25, 26, 25]), np.array([10, 10, 10, 0])).tolist()
    [1, 1, 2, 0]
    """
    twice = 2 * np.maximum(interval_ms, 1)
    due = (2 * dt + interval_ms) // twice  # half up; half to even takes one back from an odd one
    tie = (2 * dt + interval_ms) % twice == 0
    return np.where(interval_ms > 0, np.maximum(due - (tie & (due % 2 == 1)) - 1, 0), 0)


def _late_out_of_range(table: Table, demands: Demands, extent: _Extent) -> tuple[Millis, Millis]:
    """What changes in the late segments and their time where both readings are out of range."""
    count, time_ms = np.zeros((2, len(demands.step_ms), table.rows), np.int64)
    if demands.out_of_range_ms is None or not len(demands.step_ms):
        return count, time_ms
    limit = allowed_ms(demands.out_of_range_ms)
    allowed = demands.allowed_ms
    beyond = (extent.low < demands.label_low) | (extent.high > demands.label_high)
    matters = (extent.longest_ms > min(limit, int(allowed.min()))) & (
        extent.shortest_ms <= max(limit, int(allowed.max()))
    )
    both = segments_where(
        table,
        np.flatnonzero(demands.climatic & beyond & matters),
        lambda part, rows: _pairs(_out_of_range(part, demands, rows)),
    )
    for k, usual in enumerate(allowed.tolist() if len(both.at) else ()):
        change = (both.dt > limit).astype(np.int64) - (both.dt > usual)
        count[k] = _summed(both.row, change, table.rows)
        time_ms[k] = _summed(both.row, change * both.dt, table.rows)
    return count, time_ms


def _pairs(chosen: Bools) -> Bools:
    return chosen[1:] & chosen[:-1]


def _out_of_range(part: Table, demands: Demands, rows: Indices) -> Bools:
    low = np.repeat(demands.label_low[rows], part.lengths)
    return (part.v < low) | (part.v > np.repeat(demands.label_high[rows], part.lengths))


def _rates(table: Table, demands: Demands, extent: _Extent) -> Rates:
    """Spikes and changes of the rows that may have any, and the pace at the ends of all rows."""
    rate = demands.slowest_rate or 0
    shortest_ms = np.minimum(extent.shortest_ms, table.bridge_ms)  # of the covered segments
    wide = (extent.high - extent.low) * MINUTE_MS > rate * shortest_ms
    asked = np.flatnonzero(wide & demands.watched & (table.lengths > 1))
    if demands.slowest_rate is None or not len(asked):
        return _no_rates(table.rows)
    mean_ms = extent.span_ms // np.maximum(table.lengths - 1, 1)
    typical_ms = np.where(demands.interval_ms > 0, demands.interval_ms, mean_ms)
    usual_ms = np.minimum(typical_ms, table.bridge_ms) * 7 // 8

    def maybe_fast(part: Table, rows: Indices) -> Bools:
        reach = int(extent.high[rows].max()) - int(extent.low[rows].min())
        wider = part.v if reach <= INT32_MAX else part.v.astype(np.int64)
        dv, usual = wider[1:] - wider[:-1], int(usual_ms[rows].min())
        most = rate * usual // MINUTE_MS
        steep = (dv > most) | (dv < -most)
        regular = int(shortest_ms[rows].min()) >= usual
        return steep if regular else steep | (part.t[1:] - part.t[:-1] < usual)

    fast = segments_where(table, asked, maybe_fast)
    pace = _pace(table, demands, fast)
    meet = (
        fast.at[1:] == fast.at[:-1] + 1
    )  # never across rows: the last reading of one has no segment
    spikes, changes = _turns(
        Pace(spike=pace.spike[:-1], change=pace.change[:-1]),
        Pace(spike=pace.spike[1:], change=pace.change[1:]),
    )
    return Rates(
        spikes=_marked(table, fast, meet & spikes),
        changes=_marked(table, fast, meet & changes),
        first=_end_pace(table, demands, asked, table.starts[asked]),
        last=_end_pace(table, demands, asked, table.starts[asked + 1] - 2),
    )


def _no_rates(rows: int) -> Rates:
    """The rates of rows whose segments are all slow."""
    slow = Pace(spike=np.zeros(rows, np.int8), change=np.zeros(rows, np.bool_))
    none = Marks(count=np.zeros(rows, np.int64), row=np.empty(0, np.intp), t=np.empty(0, np.int64))
    return Rates(spikes=none, changes=none, first=slow, last=slow)


def _pace(table: Table, demands: Demands, chosen: Segments) -> Pace:
    dv = table.v[chosen.at + 1].astype(np.int64) - table.v[chosen.at]
    known = demands.watched[chosen.row] & (chosen.dt <= table.bridge_ms[chosen.row])
    return _classified(dv, chosen.dt, known, demands.interval_ms[chosen.row], demands)


def _classified(
    dv: Millis, dt: Millis, known: Bools, interval_ms: Millis, demands: Demands
) -> Pace:
    """The pace of segments, each with what it steps, its length and the interval of its row."""
    short = 2 * dt < interval_ms
    leaps = known & _faster(dv, dt, demands.spike_milli_per_minute)
    return Pace(
        spike=np.where(leaps, np.sign(dv).astype(np.int8), 0),
        change=known & ~short & _faster(dv, dt, demands.change_milli_per_minute),
    )


def _faster(dv: Millis, dt: Millis, rate: int | None) -> Bools:
    """Which steps exceed a rate; of gaps, which are never asked, the product may overflow."""
    if rate is None:
        return np.zeros(len(dv), np.bool_)
    return np.abs(dv) * MINUTE_MS > rate * dt


def _turns(before: Pace, after: Pace) -> tuple[Bools, Bools]:
    """Whether the reading between two segments is a spike (S21), and whether a change (S22)."""
    return before.spike * after.spike < 0, before.change & after.change


def _marked(table: Table, fast: Segments, later: Bools) -> Marks:
    """The readings at which the marked segments, ``later`` of each two, begin."""
    at = np.flatnonzero(later) + 1
    row = fast.row[at]
    count = np.bincount(row, minlength=table.rows).astype(np.int64)
    return Marks.listed(count, row, table.t[fast.at[at]])


def _end_pace(table: Table, demands: Demands, rows: Indices, at: Indices) -> Pace:
    """The pace of one segment of each of some rows; all others are slow."""
    spike, change = np.zeros(table.rows, np.int8), np.zeros(table.rows, np.bool_)
    found = _pace(table, demands, Segments(at=at, row=rows, dt=table.t[at + 1] - table.t[at]))
    spike[rows], change[rows] = found.spike, found.change
    return Pace(spike=spike, change=change)


def _stillness(table: Table, demands: Demands, suspects: Bools) -> Stillness:
    if demands.stuck_ms is None:
        return not_asked(table.rows)
    return stillness(table, demands.climatic, suspects, demands.stuck_ms)


def merged_traces(left: Traces, right: Traces, seam: Seam, demands: Demands) -> Traces:
    """The traces of each row's left piece followed by its right piece (section 7).

    An empty piece of a row changes nothing of it. Not commutative.
    """
    dt = np.where(seam.exists, seam.t_right - seam.t_left, 0)
    late = _late_seam(dt, seam, demands)
    return Traces(
        n=left.n + right.n,
        span_ms=left.span_ms + dt + right.span_ms,
        longest_ms=np.maximum(np.maximum(left.longest_ms, right.longest_ms), dt),
        missing=left.missing + _lacking(dt, demands.interval_ms) + right.missing,
        late=left.late + late + right.late,
        late_ms=left.late_ms + late * dt + right.late_ms,
        rates=_merged_rates(left, right, seam, demands),
        stillness=_merged_stillness(left, right, seam, demands),
    )


def _late_seam(dt: Millis, seam: Seam, demands: Demands) -> Bools:
    """Whether the segment at the seam is late under each step, (steps, rows)."""
    limits = demands.allowed_ms[:, None]
    if demands.out_of_range_ms is not None:
        low, high = demands.label_low, demands.label_high
        out = ((seam.v_left < low) | (seam.v_left > high)) & (
            (seam.v_right < low) | (seam.v_right > high)
        )
        limits = np.where(out, allowed_ms(demands.out_of_range_ms), limits)
    return demands.climatic & (dt > limits)


def _merged_rates(left: Traces, right: Traces, seam: Seam, demands: Demands) -> Rates:
    before, after = left.rates, right.rates
    dv = seam.v_right.astype(np.int64) - seam.v_left
    known = seam.exists & seam.covered & demands.watched
    across = _classified(dv, seam.t_right - seam.t_left, known, demands.interval_ms, demands)
    left_spike, left_change = _turns(before.last, across)
    right_spike, right_change = _turns(across, after.first)
    return Rates(
        spikes=_merged_marks(before.spikes, after.spikes, seam, left_spike, right_spike),
        changes=_merged_marks(before.changes, after.changes, seam, left_change, right_change),
        first=before.first.where(left.n > 1, across.where(seam.exists, after.first)),
        last=after.last.where(right.n > 1, across.where(seam.exists, before.last)),
    )


def _merged_marks(left: Marks, right: Marks, seam: Seam, at_left: Bools, at_right: Bools) -> Marks:
    """All marks of both pieces, and those at the readings on both sides of the seam."""
    here, there = np.flatnonzero(at_left), np.flatnonzero(at_right)
    row = np.concatenate((left.row, here, there, right.row))
    t = np.concatenate((left.t, seam.t_left[here], seam.t_right[there], right.t))
    order = np.argsort(row, kind="stable")  # of each row they are in order already
    count = left.count + at_left + at_right + right.count
    return Marks.listed(count, row[order], t[order])


def _merged_stillness(left: Traces, right: Traces, seam: Seam, demands: Demands) -> Stillness:
    if demands.stuck_ms is None:
        return left.stillness
    return merged_stillness(
        left.stillness, right.stillness, seam, demands.climatic, demands.stuck_ms
    )
