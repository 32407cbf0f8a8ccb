"""What a piece of record comes to, and the exact sum of two pieces (section 7).

The summary of a whole equals the merged summaries of its pieces, however they are bracketed: every
field is a sum over readings or over consecutive pairs of them, and the only pair that no piece has
seen is the one at the seam. All fields are integers, so equality is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from analytics.arrays import first_of, ranges
from analytics.histograms import Histograms, OddSegments, added, counted
from analytics.runs import Runs, Seam, find_runs, joined_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.arrays import Bools, Indices, Milli, Millis
    from analytics.limits import Bars
    from analytics.table import Table

BLOCK: Final = 1 << 15  # readings looked at together: their columns stay in the processor's cache


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretches:
    """Stretches of time of many channels, one per row of the arrays, by channel and time."""

    row: Indices
    start: Millis
    end: Millis

    def __len__(self) -> int:
        return len(self.start)

    def take(self, chosen: Indices | Bools | slice) -> Stretches:
        """Some of them, in the order asked for."""
        return Stretches(row=self.row[chosen], start=self.start[chosen], end=self.end[chosen])


NO_STRETCHES: Final = Stretches(
    row=np.empty(0, np.intp), start=np.empty(0, np.int64), end=np.empty(0, np.int64)
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """Ends and extremes of each channel, arrays (rows,); meaningless where ``n`` is 0."""

    n: Millis
    first_t: Millis
    first_v: Milli
    last_t: Millis
    last_v: Milli
    low: Milli
    low_at: Millis
    high: Milli
    high_at: Millis
    covered_ms: Millis

    def take(self, rows: Indices) -> Spread:
        """Some of the channels, in the order asked for; -1 stands for one without readings."""
        taken = Spread(**{part.name: getattr(self, part.name)[rows] for part in fields(self)})
        none = rows < 0
        return replace(
            taken, n=np.where(none, 0, taken.n), covered_ms=np.where(none, 0, taken.covered_ms)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Summary:
    """Everything that the rules ask about the readings of many channels.

    ``spread`` has an entry for each channel. ``gaps`` are the uncovered times between readings,
    none of them joined (S10); ``runs`` and ``bins`` name their channel in ``row``.
    """

    spread: Spread
    gaps: Stretches
    bins: Histograms
    runs: Runs

    @property
    def rows(self) -> int:
        """How many channels there are."""
        return len(self.spread.n)

    def take(self, rows: Indices) -> Summary:
        """Some channels, in ascending order; -1 among them stands for one without readings."""
        place = np.full(self.rows, -1)
        place[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        return Summary(
            spread=self.spread.take(rows),
            gaps=_of_rows(self.gaps, place),
            bins=_of_rows(self.bins, place),
            runs=_of_rows(self.runs, place),
        )


def summarise(whole: Table, bars: Bars) -> Summary:
    """The summary of each channel of a table.

    Args:
        whole: canonical readings; a channel may have none.
        bars: the limits whose runs are wanted, for the same rows.

    Returns:
        Exact for any values in the domain of ``runs``. Most readings are within all limits and as
        far apart as the ones before; they cost four passes over narrow columns. What departs from
        that is looked at by itself.

    Raises:
        ValueError: instants of a channel do not increase.
    """
    blocks = [_Block.of(whole, bars, *rows) for rows in _blocks(whole.lengths)]
    candidates = np.concatenate([block.candidates for block in blocks])
    rows = np.searchsorted(whole.starts, candidates, side="right") - 1
    return Summary(
        spread=_columns(Spread, [block.spread for block in blocks]),
        gaps=_columns(Stretches, [block.gaps for block in blocks]),
        bins=_columns(Histograms, [block.bins for block in blocks]),
        runs=find_runs(whole, bars, candidates, rows),
    )


def merge(left: Summary, right: Summary, bars: Bars, bridge_ms: Millis) -> Summary:
    """The summary of each channel's left piece followed by its right piece.

    An empty piece changes nothing. Not commutative; the pieces of a channel must not overlap.

    Raises:
        ValueError: a right piece does not begin after its left piece ends.
    """
    seam = seam_between(left.spread, right.spread, bridge_ms)
    return Summary(
        spread=_together(left.spread, right.spread, seam),
        gaps=_with_seam_gaps(left.gaps, right.gaps, seam),
        bins=added(left.bins, right.bins, seam),
        runs=joined_runs(left.runs, right.runs, seam, bars),
    )


def _blocks(lengths: Indices) -> list[tuple[int, int]]:
    """Ranges of rows of at least BLOCK readings each, but for the last; one at least."""
    total = np.cumsum(lengths)
    found, first = [(0, 0)] if not len(lengths) else [], 0
    while first < len(lengths):
        before = int(total[first - 1]) if first else 0
        last = min(int(np.searchsorted(total, before + BLOCK)) + 1, len(lengths))
        found.append((first, last))
        first = last
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """The summary of neighbouring rows but for their runs; positions are those of the table."""

    spread: Spread
    gaps: Stretches
    bins: Histograms
    candidates: Indices

    @classmethod
    def of(cls, whole: Table, bars: Bars, first: int, last: int) -> _Block:
        part = whole.part(first, last)
        odd = _odd_segments(part)
        spread = _spread(part, odd)
        open_to = odd.row[~odd.covered]
        at = odd.at[~odd.covered]
        return cls(
            spread=spread,
            gaps=Stretches(row=open_to + first, start=part.t[at], end=part.t[at + 1]),
            bins=counted(part, odd, first),
            candidates=_candidates(part, bars, slice(first, last), spread)
            + int(whole.starts[first]),
        )


def _odd_segments(part: Table) -> OddSegments:
    t, starts = part.t, part.starts
    dt = np.subtract(t[1:], t[:-1])
    usual = int(dt[0]) if len(dt) else 0
    if not 0 < usual <= int(part.bridge_ms.min()):
        usual = 0
    odd = dt != usual if usual else np.ones(len(dt), np.bool_)
    between = starts[1:-1] - 1  # from one row to the next is no segment
    odd[between[(between >= 0) & (between < len(dt))]] = True
    at = np.flatnonzero(odd)
    row = np.searchsorted(starts, at, side="right") - 1
    inside = at + 1 < starts[row + 1]
    at, row = at[inside], row[inside]
    length = dt[at]
    if len(length) and int(length.min()) <= 0:
        raise ValueError("instants of a channel must increase")
    return OddSegments(
        usual_ms=usual, at=at, row=row, dt=length, covered=length <= part.bridge_ms[row]
    )


def _spread(part: Table, odd: OddSegments) -> Spread:
    n = part.lengths.astype(np.int64)
    if not len(part.t):
        return _no_readings(n)
    first = np.minimum(part.starts[:-1], len(part.t) - 1)
    last = np.maximum(part.starts[1:] - 1, 0)
    low, high = _extremes(part)
    usual = np.maximum(n - 1, 0) - np.bincount(odd.row, minlength=part.rows)
    known = np.bincount(odd.row, np.where(odd.covered, odd.dt, 0), minlength=part.rows)
    return Spread(
        n=n,
        first_t=part.t[first],
        first_v=part.v[first],
        last_t=part.t[last],
        last_v=part.v[last],
        low=part.v[low],
        low_at=part.t[low],
        high=part.v[high],
        high_at=part.t[high],
        # bincount adds in float64: exact below 2**53 ms
        covered_ms=usual * odd.usual_ms + known.astype(np.int64),
    )


def _no_readings(n: Millis) -> Spread:
    """The spread of rows without readings."""
    t, v = np.zeros(len(n), np.int64), np.zeros(len(n), np.int32)
    return Spread(
        n=n,
        first_t=t,
        first_v=v,
        last_t=t,
        last_v=v,
        low=v,
        low_at=t,
        high=v,
        high_at=t,
        covered_ms=t,
    )


def _extremes(part: Table) -> tuple[Indices, Indices]:
    """Position of the first lowest and the first highest value of each row; 0 of an empty one."""
    if part.rows == 1:
        return np.array([part.v.argmin()]), np.array([part.v.argmax()])
    low, high = np.zeros(part.rows, np.intp), np.zeros(part.rows, np.intp)
    filled = np.flatnonzero(part.lengths)
    heads = part.starts[:-1][filled]
    low[filled] = first_of(np.minimum.reduceat(part.v, heads), part.v, heads)
    high[filled] = first_of(np.maximum.reduceat(part.v, heads), part.v, heads)
    return low, high


def _candidates(part: Table, bars: Bars, rows: slice, spread: Spread) -> Indices:
    """Positions of all readings beyond any limit; rows within all limits are not looked at."""
    high, low = bars.inner_edges(rows)
    touched = np.flatnonzero(((spread.high > high) | (spread.low < low)) & (spread.n > 0))
    if not len(touched):
        return np.empty(0, np.intp)
    if part.rows == 1:
        return np.flatnonzero((part.v > high[0]) | (part.v < low[0]))
    lengths = part.lengths[touched]
    at = ranges(part.starts[:-1][touched], lengths)
    v = part.v[at]
    return at[(v > np.repeat(high[touched], lengths)) | (v < np.repeat(low[touched], lengths))]


def seam_between(left: Spread, right: Spread, bridge_ms: Millis) -> Seam:
    """What lies between the left and the right piece of each row.

    Raises:
        ValueError: a right piece does not begin after its left piece ends.
    """
    exists = (left.n > 0) & (right.n > 0)
    dt = right.first_t - left.last_t
    if (dt[exists] <= 0).any():
        raise ValueError("a piece must begin after the one before it ends")
    return Seam(
        exists=exists,
        covered=exists & (dt <= bridge_ms),
        t_left=left.last_t,
        v_left=left.last_v,
        t_right=right.first_t,
        v_right=right.first_v,
    )


def _together(left: Spread, right: Spread, seam: Seam) -> Spread:
    has_left, has_right = left.n > 0, right.n > 0
    lower = has_right & (~has_left | (right.low < left.low))
    higher = has_right & (~has_left | (right.high > left.high))
    across = np.where(seam.covered, seam.t_right - seam.t_left, 0)
    return Spread(
        n=left.n + right.n,
        first_t=np.where(has_left, left.first_t, right.first_t),
        first_v=np.where(has_left, left.first_v, right.first_v),
        last_t=np.where(has_right, right.last_t, left.last_t),
        last_v=np.where(has_right, right.last_v, left.last_v),
        low=np.where(lower, right.low, left.low),
        low_at=np.where(lower, right.low_at, left.low_at),
        high=np.where(higher, right.high, left.high),
        high_at=np.where(higher, right.high_at, left.high_at),
        covered_ms=left.covered_ms + right.covered_ms + across,
    )


def _with_seam_gaps(left: Stretches, right: Stretches, seam: Seam) -> Stretches:
    new = np.flatnonzero(seam.exists & ~seam.covered)
    if not len(new) and not len(right):
        return left
    both = Stretches(
        row=np.concatenate((left.row, new, right.row)),
        start=np.concatenate((left.start, seam.t_left[new], right.start)),
        end=np.concatenate((left.end, seam.t_right[new], right.end)),
    )
    return both.take(np.lexsort((both.start, both.row)))


Ragged = TypeVar("Ragged", Stretches, Histograms, Runs)


def _of_rows(parts: Ragged, place: Indices) -> Ragged:
    """The parts whose row has a new place, there."""
    new = place[parts.row]
    kept = np.flatnonzero(new >= 0)
    taken = parts.take(kept)
    return replace(taken, row=new[kept])


Columns = TypeVar("Columns", Spread, Stretches, Histograms)


def _columns(kind: type[Columns], parts: Sequence[Columns]) -> Columns:
    """The columns of all parts, one part after the other."""
    return kind(
        **{
            part.name: np.concatenate([getattr(each, part.name) for each in parts])
            for part in fields(kind)
        }
    )
