"""What a piece of record comes to, and the exact sum of two pieces (section 7).

The summary of a whole equals the merged summaries of its pieces, however they are bracketed: every
field is a sum over readings or over consecutive pairs of them, and the only pair that no piece has
seen is the one at the seam. All fields are integers, so equality is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from analytics.arrays import first_of, heads_of, ranges
from analytics.histograms import NO_BINS, Histograms, OddSegments, added, all_usual, counted
from analytics.runs import NO_RUNS, Runs, Seam, find_runs, joined_runs
from analytics.segments import BLOCK, row_blocks, row_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.arrays import Bools, Indices, Milli, Millis
    from analytics.limits import Bars
    from analytics.table import Table

    Limits = Milli | Millis

NEVER_MS: Final = np.iinfo(np.int64).max


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
    """Ends and extremes of each channel, arrays (rows,); meaningless where ``n`` is 0.

    ``shortest_ms`` and ``longest_ms`` are those of the segments, gaps included; 0 without any.
    """

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
    shortest_ms: Millis
    longest_ms: Millis

    def take(self, rows: Indices) -> Spread:
        """Some of the channels, in the order asked for; -1 stands for one without readings."""
        taken = Spread(**{part.name: getattr(self, part.name)[rows] for part in fields(self)})
        counted = ("n", "covered_ms", "shortest_ms", "longest_ms")
        return replace(
            taken, **{name: np.where(rows < 0, 0, getattr(taken, name)) for name in counted}
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
    edges = bars.inner_edges(slice(None))
    blocks = [
        _Block.of(whole, edges, first, last)
        for first, last in row_blocks(whole.lengths, BLOCK)
        if whole.starts[first] < whole.starts[last]
    ]
    if not blocks:
        none = _no_readings(whole.rows)
        return Summary(spread=none, gaps=NO_STRETCHES, bins=NO_BINS, runs=NO_RUNS)
    candidates = np.concatenate([block.candidates for block in blocks])
    gaps = _columns(Stretches, [block.gaps for block in blocks])
    return Summary(
        spread=_spread(whole, blocks, gaps),
        gaps=gaps,
        bins=_columns(Histograms, [block.bins for block in blocks]),
        runs=find_runs(whole, bars, candidates, row_of(whole, candidates)),
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """What is seen of neighbouring rows while their readings are at hand, at least one.

    ``low``, ``high`` and ``candidates`` are positions in the table.
    """

    rows: slice
    low: Indices
    high: Indices
    shortest_ms: Millis | int
    longest_ms: Millis | int
    gaps: Stretches
    bins: Histograms
    candidates: Indices

    @classmethod
    def of(cls, whole: Table, edges: tuple[Limits, Limits], first: int, last: int) -> _Block:
        part, rows, begin = whole.part(first, last), slice(first, last), int(whole.starts[first])
        odd = _odd_segments(part)
        low, high = _extremes(part)
        reach = part.v[low], part.v[high]
        shortest, longest = _lengths(part, odd)
        return cls(
            rows=rows,
            low=low + begin,
            high=high + begin,
            shortest_ms=shortest,
            longest_ms=longest,
            gaps=_open(part, odd, first),
            bins=counted(part, odd, first, (int(reach[0].min()), int(reach[1].max()))),
            candidates=_candidates(part, (edges[0][rows], edges[1][rows]), reach) + begin,
        )


def _odd_segments(part: Table) -> OddSegments:
    t, starts = part.t, part.starts
    dt = t[1:] - t[:-1]
    usual = int(dt[0]) if len(dt) else 0
    if not 0 < usual <= int(part.bridge_ms.min()):
        usual = 0
    odd = dt != usual if usual else np.ones(len(dt), np.bool_)
    if part.rows > 1:
        between = starts[1:-1] - 1  # from one row to the next is no segment
        odd[between[(between >= 0) & (between < len(dt))]] = True
    (at,) = odd.nonzero()
    if not len(at):
        return all_usual(usual)
    row = row_of(part, at)
    inside = at + 1 < starts[row + 1]
    at, row = at[inside], row[inside]
    length = dt[at]
    if len(length) and int(length.min()) <= 0:
        raise ValueError("instants of a channel must increase")
    return OddSegments(
        usual_ms=usual, at=at, row=row, dt=length, covered=length <= part.bridge_ms[row]
    )


def _lengths(part: Table, odd: OddSegments) -> tuple[Millis | int, Millis | int]:
    """The shortest and the longest segment of each row that has any."""
    if not len(odd.at):
        return odd.usual_ms, odd.usual_ms
    shortest, longest = np.full((2, part.rows), odd.usual_ms)
    heads = heads_of(odd.row[1:] == odd.row[:-1])
    row = odd.row[heads]
    alone = np.diff(heads, append=len(odd.at)) == part.lengths[row] - 1
    least, most = np.minimum.reduceat(odd.dt, heads), np.maximum.reduceat(odd.dt, heads)
    shortest[row] = np.where(alone, least, np.minimum(least, odd.usual_ms))
    longest[row] = np.where(alone, most, np.maximum(most, odd.usual_ms))
    return shortest, longest


def _open(part: Table, odd: OddSegments, first_row: int) -> Stretches:
    """The segments that are not covered."""
    if not len(odd.at) or odd.covered.all():
        return NO_STRETCHES
    at = odd.at[~odd.covered]
    return Stretches(row=odd.row[~odd.covered] + first_row, start=part.t[at], end=part.t[at + 1])


def _spread(whole: Table, blocks: Sequence[_Block], gaps: Stretches) -> Spread:
    low, high, shortest, longest = np.zeros((4, whole.rows), np.int64)
    for block in blocks:
        low[block.rows], high[block.rows] = block.low, block.high
        shortest[block.rows], longest[block.rows] = block.shortest_ms, block.longest_ms
    n = whole.lengths.astype(np.int64)
    first = np.minimum(whole.starts[:-1], len(whole.t) - 1)
    last = np.maximum(whole.starts[1:] - 1, 0)
    first_t, last_t = whole.t[first], whole.t[last]
    # bincount adds in float64: exact below 2**53 ms
    lost = np.bincount(gaps.row, gaps.end - gaps.start, minlength=whole.rows)
    return Spread(
        n=n,
        first_t=first_t,
        first_v=whole.v[first],
        last_t=last_t,
        last_v=whole.v[last],
        low=whole.v[low],
        low_at=whole.t[low],
        high=whole.v[high],
        high_at=whole.t[high],
        covered_ms=np.where(n > 0, last_t - first_t, 0) - lost.astype(np.int64),
        shortest_ms=np.where(n > 1, shortest, 0),
        longest_ms=np.where(n > 1, longest, 0),
    )


def _no_readings(rows: int) -> Spread:
    """The spread of rows without readings."""
    t, v = np.zeros(rows, np.int64), np.zeros(rows, np.int32)
    return Spread(
        n=t,
        first_t=t,
        first_v=v,
        last_t=t,
        last_v=v,
        low=v,
        low_at=t,
        high=v,
        high_at=t,
        covered_ms=t,
        shortest_ms=t,
        longest_ms=t,
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


def _candidates(part: Table, edges: tuple[Limits, Limits], reach: tuple[Milli, Milli]) -> Indices:
    """Positions of all readings beyond any limit; rows within all limits are not looked at.

    Args:
        part: the readings of some rows.
        edges: the highest and the lowest value within all limits of each row.
        reach: the lowest and the highest value of each row.
    """
    if part.rows == 1:
        return _beyond_either(part.v, edges[0][0], edges[1][0], (reach[0][0], reach[1][0]))
    over, under = reach[1] > edges[0], reach[0] < edges[1]
    touched = np.flatnonzero((over | under) & (part.lengths > 0))
    lengths = part.lengths[touched]
    at = ranges(part.starts[:-1][touched], lengths)
    v = part.v[at]
    over_high = v > np.repeat(edges[0][touched], lengths)
    return at[over_high | (v < np.repeat(edges[1][touched], lengths))]


def _beyond_either(v: Milli, high: int, low: int, reach: tuple[int, int]) -> Indices:
    """Positions of the values above ``high`` or below ``low``; ``reach`` tells if there are any."""
    if reach[0] >= low:
        return (v > high).nonzero()[0] if reach[1] > high else np.empty(0, np.intp)
    return (v < low if reach[1] <= high else (v < low) | (v > high)).nonzero()[0]


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
    dt = np.where(seam.exists, seam.t_right - seam.t_left, 0)
    across = np.where(seam.covered, dt, 0)
    lengths = left.shortest_ms, right.shortest_ms, dt
    shortest = np.min([np.where(ms > 0, ms, NEVER_MS) for ms in lengths], axis=0)
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
        shortest_ms=np.where(shortest < NEVER_MS, shortest, 0),
        longest_ms=np.maximum(np.maximum(left.longest_ms, right.longest_ms), dt),
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
