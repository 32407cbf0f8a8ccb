"""The channels of one quantity side by side: their summary, their gaps, who helps whom (S8-S11)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.intervals import NEVER, Intervals, difference, each_without, intervals, united
from analytics.summary import Stretches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.arrays import Bools, Indices, Millis
    from analytics.columns import Columns
    from analytics.limits import Bars
    from analytics.summary import Spread, Summary
    from analytics.table import Table
    from analytics.traces import Traces

NO_CLIP_HIGH: Final = np.iinfo(np.int64).max
NO_CLIP_LOW: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """What is known of each channel besides its readings; arrays of shape (rows,).

    ``begin_ms`` and ``end_ms`` are the evaluated window, ``has_begin`` and ``has_end`` whether it
    is known where it begins and ends. ``interval_ms`` is the believed one, 0 where unknown.
    ``clip_high`` and ``clip_low`` are the ends of scale that say least (S5). ``unsynced`` channels
    need a margin (S3). ``group`` numbers the declared zone, channels without one have -1: only
    those of one zone help one another (S11).
    """

    begin_ms: Millis
    end_ms: Millis
    has_begin: Bools
    has_end: Bools
    interval_ms: Millis
    unsynced: Bools
    clip_high: Millis
    clip_low: Millis
    group: Millis


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Channels of one quantity with everything that rules ask about them.

    ``readings`` are asked for MKT windows only: a channel without a run beyond that limit may be
    empty there. ``gaps`` are those between readings and at the window's edges (S8), by row and
    time.
    ``unclosed[k]`` leaves out the time in which a co-located logger was within limit ``k`` (S11),
    for each limit that is a rule's pessimistic one.
    """

    columns: Columns
    bars: Bars
    summary: Summary
    traces: Traces
    frame: Frame
    readings: Table
    gaps: Stretches
    unclosed: Mapping[int, Stretches]

    @property
    def rows(self) -> int:
        """How many channels there are."""
        return self.summary.rows

    @property
    def elapsed_ms(self) -> Millis:
        """Length of each channel's window, 0 where it has none."""
        frame = self.frame
        length = np.maximum(frame.end_ms - frame.begin_ms, 0)
        return np.where(frame.has_begin & frame.has_end, length, 0)

    @property
    def gap_ms(self) -> Millis:
        """Time in the gaps of each channel."""
        return summed(self.gaps.row, self.gaps.end - self.gaps.start, self.rows)

    @property
    def due_ms(self) -> Millis:
        """Time that must be covered: the window without the edges that S8 ignores."""
        return self.summary.spread.covered_ms + self.gap_ms

    @property
    def helped(self) -> Indices:
        """The channels that have gaps, and a co-located logger that may close them (S11)."""
        group = self.frame.group
        zoned = group[group >= 0]
        shared = np.flatnonzero(np.bincount(zoned) > 1) if len(zoned) else zoned
        rows = np.unique(self.gaps.row)
        return rows[np.isin(group[rows], shared)]

    def uncovered(self, row: int) -> Intervals:
        """The gaps of a channel in which no co-located logger knew the value either."""
        others = self._companions(row)
        return self._without(row, [self._known(other) for other in others])

    def closed_by(self, row: int, k: int) -> Intervals:
        """The gaps of a channel without the time in which a companion was within limit ``k``."""
        runs = self.summary.runs.of_limit(k)
        return self._without(
            row,
            [
                difference(self._known(other), of_row(runs.row, runs.start, runs.end, other))
                for other in self._companions(row)
            ],
        )

    def _without(self, row: int, closed: Sequence[Intervals]) -> Intervals:
        gaps = of_row(self.gaps.row, self.gaps.start, self.gaps.end, row)
        return each_without(gaps, united(closed)) if closed else gaps

    def _companions(self, row: int) -> list[int]:
        group = self.frame.group
        if group[row] < 0:
            return []
        return [other for other in np.flatnonzero(group == group[row]).tolist() if other != row]

    def _known(self, row: int) -> Intervals:
        """The time in which a channel's value is known."""
        spread, gaps = self.summary.spread, self.summary.gaps
        if not spread.n[row]:
            return NEVER
        whole = intervals((int(spread.first_t[row]), int(spread.last_t[row])))
        return difference(whole, of_row(gaps.row, gaps.start, gaps.end, row))


def panel(
    columns: Columns, bars: Bars, summary: Summary, traces: Traces, frame: Frame, readings: Table
) -> Panel:
    """The panel of channels whose readings are summarised already."""
    gaps = _with_edges(summary.gaps, summary.spread, frame, readings.bridge_ms)
    alone = Panel(
        columns=columns,
        bars=bars,
        summary=summary,
        traces=traces,
        frame=frame,
        readings=readings,
        gaps=gaps,
        unclosed={},
    )
    worst = {view.pessimistic for view in (*columns.views, *columns.bands)}
    worst |= {columns.kinetic.pessimistic} if columns.kinetic else set()
    return replace(alone, unclosed={k: _unclosed(alone, k) for k in sorted(worst)})


def summed(rows: Millis, values: Millis, count: int) -> Millis:
    """The sum of the values of each row; exact below 2**53."""
    return np.bincount(rows, values, minlength=count).astype(np.int64)


def _with_edges(inner: Stretches, spread: Spread, frame: Frame, bridge_ms: Millis) -> Stretches:
    """Gaps between readings and at the window's edges (S8); the whole window without readings."""
    none = spread.n == 0
    first = np.where(none, frame.end_ms, spread.first_t)
    least = np.where(none, 0, bridge_ms)
    bounded = frame.has_begin & (~none | frame.has_end)
    lead = np.flatnonzero(bounded & (first - frame.begin_ms > least))
    trail = np.flatnonzero(~none & frame.has_end & (frame.end_ms - spread.last_t > bridge_ms))
    if not len(lead) and not len(trail):
        return inner
    both = Stretches(
        row=np.concatenate((lead, inner.row, trail)),
        start=np.concatenate((frame.begin_ms[lead], inner.start, spread.last_t[trail])),
        end=np.concatenate((first[lead], inner.end, frame.end_ms[trail])),
    )
    return both.take(np.lexsort((both.start, both.row)))


def _unclosed(whole: Panel, k: int) -> Stretches:
    """The gaps without the time in which a companion was within limit ``k``."""
    helped = whole.helped
    if not len(helped):
        return whole.gaps
    kept = whole.gaps.take(~np.isin(whole.gaps.row, helped))
    left = [(row, whole.closed_by(row, k)) for row in helped.tolist()]
    both = Stretches(
        row=np.concatenate((kept.row, *(np.full(len(each), row) for row, each in left))),
        start=np.concatenate((kept.start, *(each.start for _, each in left))),
        end=np.concatenate((kept.end, *(each.end for _, each in left))),
    )
    return both.take(np.lexsort((both.start, both.row)))


def of_row(rows: Indices, start: Millis, end: Millis, row: int) -> Intervals:
    """The stretches of one channel, from columns sorted by channel."""
    first, last = np.searchsorted(rows, (row, row + 1)).tolist()
    return Intervals(start[first:last], end[first:last])
