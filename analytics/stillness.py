"""Values that do not move: stretches of equal readings, exact and mergeable (section 7).

A sensor that repeats one value for hours is no evidence of anything. Stretches too short to matter
are told apart by samples; only rows that may have a longer one are looked at reading by reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import heads_of, run_ends
from analytics.segments import BLOCK, parts, row_of

if TYPE_CHECKING:
    from analytics.arrays import Bools, Indices, Millis
    from analytics.runs import Seam
    from analytics.table import Table

SAMPLES: Final = 16  # of a stretch that is long enough to matter; noise seldom repeats so often
SAMPLED_BLOCK: Final = BLOCK * SAMPLES  # readings sampled together
FIRST_STEPS: Final = 4  # into a row when looking for the end of its first or last stretch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stillness:
    """Stretches of equal readings that covered segments join, arrays (rows,).

    The stretch at the beginning of a row lasts until ``opening_end``, that at its end from
    ``closing_start``. ``start`` and ``end`` are those of the longest, of equal ones the earliest,
    if it lasts ``stuck_ms``; else both are 0. All are 0 where nothing is asked.
    """

    opening_end: Millis
    closing_start: Millis
    start: Millis
    end: Millis

    @property
    def lasting_ms(self) -> Millis:
        """How long the longest stretch is; 0 where none lasts long enough to matter."""
        return self.end - self.start


def maybe_still(
    table: Table, asked: Bools, longest_ms: Millis, span_ms: Millis, stuck_ms: int
) -> Bools:
    """Which ``asked`` rows may have a stretch that lasts ``stuck_ms``; no others have one.

    Such a stretch has so many readings that a number of samples in a row fall into it. Arrays
    have shape (rows,): the longest segment and the time between first and last reading.
    """
    maybe = asked & (span_ms >= stuck_ms)
    slowest_ms = np.minimum(longest_ms, table.bridge_ms)
    for rows, part in parts(table, np.flatnonzero(maybe), SAMPLED_BLOCK):
        fewest = -(-stuck_ms // max(int(slowest_ms[rows].max()), 1)) + 1
        stride = max(fewest // SAMPLES, 1)
        sampled = part.v[::stride]
        same = _runs_of(sampled[1:] == sampled[:-1], fewest // stride - 1)
        maybe[rows] = np.bincount(row_of(part, np.flatnonzero(same) * stride), minlength=part.rows)
    return maybe


def _runs_of(wanted: Bools, length: int) -> Bools:
    """Where at least ``length`` True begin, in log2(length) passes.

    >>> _runs_of(np.array([True, True, False, True, True, True]), 3).tolist()
    [False, False, False, True]
    """
    width = 1
    while width < length:
        step = min(width, length - width)
        wanted = wanted[step:] & wanted[:-step]
        width += step
    return wanted


def stillness(table: Table, asked: Bools, suspects: Bools, stuck_ms: int) -> Stillness:
    """The stretches of the ``asked`` rows; only ``suspects`` have any that lasts ``stuck_ms``."""
    opening, closing, start, end = np.zeros((4, table.rows), np.int64)
    filled = np.flatnonzero(asked & (table.lengths > 0))
    opening[filled] = _unmoved(table, filled, inwards=1)
    closing[filled] = _unmoved(table, filled, inwards=-1)
    if suspects.any():
        rows, starts, ends = _lasting(table, np.flatnonzero(suspects), stuck_ms)
        best = np.lexsort((starts, starts - ends, rows))
        rows, first = np.unique(rows[best], return_index=True)
        start[rows], end[rows] = starts[best[first]], ends[best[first]]
    return Stillness(opening_end=opening, closing_start=closing, start=start, end=end)


def not_asked(rows: int) -> Stillness:
    """The stretches of rows of which none is asked."""
    none = np.zeros(rows, np.int64)
    return Stillness(opening_end=none, closing_start=none, start=none, end=none)


def _unmoved(table: Table, rows: Indices, *, inwards: int) -> Millis:
    """When the stretch at an end of each row is over, seen from there; in growing strides."""
    left = table.starts[rows + 1] - table.starts[rows] - 1
    edge = table.starts[rows] if inwards > 0 else table.starts[rows + 1] - 1
    reach = np.zeros(len(rows), np.intp)
    active, width = np.flatnonzero(left), FIRST_STEPS
    while len(active):
        ahead = reach[active, None] + np.arange(1, width + 1)
        at = edge[active, None] + inwards * np.minimum(ahead, left[active, None])
        same = (ahead <= left[active, None]) & (table.v[at] == table.v[edge[active], None])
        dt = np.abs(table.t[at] - table.t[at - inwards])
        same &= dt <= table.bridge_ms[rows[active], None]
        steps = np.logical_and.accumulate(same, axis=1).sum(axis=1)
        reach[active] += steps
        active = active[steps == width]
        width = min(4 * width, max(BLOCK // max(len(active), 1), 1))
    over: Millis = table.t[edge + inwards * reach]
    return over


def _lasting(table: Table, suspects: Indices, stuck_ms: int) -> tuple[Indices, Millis, Millis]:
    """Row, start and end of every stretch of equal values that lasts ``stuck_ms``."""
    rows, starts, ends = [], [], []
    for chosen, part in parts(table, suspects):
        bridge = np.repeat(part.bridge_ms, part.lengths)[:-1]
        joined = (part.v[1:] == part.v[:-1]) & (part.t[1:] - part.t[:-1] <= bridge)
        joined[part.starts[1:-1] - 1] = False
        heads = heads_of(joined)
        start, end = part.t[heads], part.t[run_ends(heads, len(part.t))]
        long = np.flatnonzero(end - start >= stuck_ms)
        rows.append(chosen[row_of(part, heads[long])])
        starts.append(start[long])
        ends.append(end[long])
    return np.concatenate(rows), np.concatenate(starts), np.concatenate(ends)


def merged_stillness(
    left: Stillness, right: Stillness, seam: Seam, asked: Bools, stuck_ms: int
) -> Stillness:
    """The stretches of each row's left piece followed by its right piece."""
    goes_on = asked & seam.exists & seam.covered & (seam.v_left == seam.v_right)
    through_left = goes_on & (left.opening_end == seam.t_left)
    through_right = goes_on & (right.closing_start == seam.t_right)
    # without a seam one of the pieces is empty, all its figures are 0, and the sum is the other's
    opening = np.where(seam.exists, left.opening_end, left.opening_end + right.opening_end)
    closing = np.where(seam.exists, right.closing_start, left.closing_start + right.closing_start)
    start, end = _longer(
        _longer((left.start, left.end), _across(left, right, goes_on, stuck_ms)),
        (right.start, right.end),
    )
    return Stillness(
        opening_end=np.where(through_left, right.opening_end, opening),
        closing_start=np.where(through_right, left.closing_start, closing),
        start=start,
        end=end,
    )


def _across(
    left: Stillness, right: Stillness, goes_on: Bools, stuck_ms: int
) -> tuple[Millis, Millis]:
    """Start and end of the stretch across the seam; 0 where there is none that lasts."""
    lasts = goes_on & (right.opening_end - left.closing_start >= stuck_ms)
    return left.closing_start * lasts, right.opening_end * lasts


def _longer(earlier: tuple[Millis, Millis], later: tuple[Millis, Millis]) -> tuple[Millis, Millis]:
    """The longer of two stretches in each row, the earlier of equal ones."""
    chosen = later[1] - later[0] > earlier[1] - earlier[0]
    return np.where(chosen, later[0], earlier[0]), np.where(chosen, later[1], earlier[1])
