"""Excursions of many channels beyond many limits in exact integers (S12-S17), none by a loop.

Domain: instants strictly increasing within a channel, a channel's span below 2**45 ms, covered
segments shorter than 2**31 ms, values and limits int32. Within it nothing overflows and nothing is
rounded but the two ends of an event, outwards, to whole milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from analytics.arrays import first_of, heads_of, run_ends
from analytics.limits import Bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analytics.arrays import Bools, Flags, Indices, Milli, Millis
    from analytics.limits import Bars
    from analytics.table import Table

Column = TypeVar("Column", bound="NDArray[np.integer[Any]]")

HALF_BITS: Final = 16  # of an area: its upper and lower part are summed apart, each within int64
HALF_MASK: Final = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """Maximal runs of out-readings (S13), one per row of equally long arrays; times in ms.

    Sorted by limit, then by channel (``row``), then by time. ``rounding_ms`` is 0, 1 or 2: the
    true length is at most ``lin_ms`` and more than ``lin_ms - rounding_ms``, or equal to it at 0.
    Twice the integral of the distance from the limit, in milli-unit ms (S17), needs up to 80
    bits: it is ``(area2_high << 16) + area2_low``.
    """

    limit: Indices
    row: Indices
    start: Millis
    end: Millis
    lo: Flags
    hi: Flags
    first_out: Millis
    last_out: Millis
    prev_in: Millis
    next_in: Millis
    rounding_ms: Millis
    count: Millis
    peak: Milli
    peak_at: Millis
    area2_high: Millis
    area2_low: Millis

    def __len__(self) -> int:
        return len(self.start)

    @property
    def lin_ms(self) -> Millis:
        """Time out if the value is linear between readings (S16)."""
        return self.end - self.start

    @property
    def hold_ms(self) -> Millis:
        """Time out as a device counts that holds each reading until the next (S16)."""
        return self.next_in - self.first_out

    @property
    def upper_ms(self) -> Millis:
        """Longest time out that the readings allow (S16)."""
        return self.next_in - self.prev_in

    def area2(self, index: int) -> int:
        """Twice the area of one run, exact."""
        return (int(self.area2_high[index]) << HALF_BITS) + int(self.area2_low[index])

    def take(self, chosen: Indices | Bools | slice) -> Runs:
        """Some of the runs, in the order asked for."""
        return Runs(**{part.name: getattr(self, part.name)[chosen] for part in fields(self)})

    def of_limit(self, k: int) -> Runs:
        """The runs beyond limit ``k``, by channel and time."""
        first, last = np.searchsorted(self.limit, (k, k + 1)).tolist()
        return self.take(slice(first, last))


def together(parts: Sequence[Runs]) -> Runs:
    """The runs of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    return Runs(
        **{
            part.name: np.concatenate([getattr(runs, part.name) for runs in parts])
            for part in fields(Runs)
        }
    )


def find_runs(table: Table, bars: Bars, candidates: Indices, rows: Indices) -> Runs:
    """Every maximal run of readings beyond each limit that covered segments join (S13-S17).

    Args:
        table: canonical readings of all channels.
        bars: limits of each channel.
        candidates: ascending positions in the table, shape (m,); all readings that are beyond any
            limit must be among them.
        rows: the channel of each candidate, shape (m,).

    Returns:
        One reading within the limit ends a run, a gap does so as well, and a single reading is a
        run, of no length if nothing but gaps surrounds it (S15). The cost grows with the
        candidates, whatever the table holds besides.
    """
    if not len(candidates):
        return NO_RUNS
    near = _Candidates.of(table, candidates, rows)
    found = [_beyond_one(table, near, bars, k) for k in range(bars.count)]
    return together([runs for runs in found if len(runs)] or [NO_RUNS])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Candidates:
    """Readings that may be out; ``joined`` tells whether a covered segment leads to the next."""

    at: Indices
    row: Indices
    t: Millis
    v: Milli
    joined: Bools

    @classmethod
    def of(cls, table: Table, at: Indices, row: Indices) -> _Candidates:
        t = table.t[at]
        beside = (np.diff(at) == 1) & (row[1:] == row[:-1])
        return cls(
            at=at,
            row=row,
            t=t,
            v=table.v[at],
            joined=beside & (np.diff(t) <= table.bridge_ms[row[1:]]),
        )


def _joint(is_edge: Bools, dt: Millis, bridge: Millis) -> Flags:
    kind = np.where(dt <= bridge, np.uint8(Bound.CROSS), np.uint8(Bound.GAP))
    kind[is_edge] = Bound.EDGE
    return kind


def _beyond_one(table: Table, near: _Candidates, bars: Bars, k: int) -> Runs:
    out = np.flatnonzero(bars.out(k, near.row, near.v))
    if not len(out):
        return NO_RUNS
    t, beyond = near.t[out], bars.beyond(k, near.row[out], near.v[out])
    # those between which another lies that is within the limit are no longer side by side
    first = heads_of(near.joined[out[:-1]] & (out[1:] == out[:-1] + 1))
    last = run_ends(first, len(out))
    heads, tails = near.at[out[first]], near.at[out[last]]
    row, t_first, t_last = near.row[out[first]], t[first], t[last]
    before, after = np.maximum(heads - 1, 0), np.minimum(tails + 1, len(table.t) - 1)
    t_before, t_after, bridge = table.t[before], table.t[after], table.bridge_ms[row]
    lo = _joint(heads == table.starts[row], t_first - t_before, bridge)
    hi = _joint(tails == table.starts[row + 1] - 1, t_after - t_last, bridge)
    within_before = bars.beyond(k, row, table.v[before])
    within_after = bars.beyond(k, row, table.v[after])
    into, prev_in, up_rest = crossing(lo, t_first, beyond[first], t_before, within_before)
    out_of, next_in, down_rest = crossing(hi, t_last, beyond[last], t_after, within_after)
    start, end = prev_in + into, next_in - out_of
    high, low = _areas(beyond, _weights(t, first, last, start, end), first)
    peak = first_of(np.maximum.reduceat(beyond, first), beyond, first)
    return Runs(
        limit=np.full(len(first), k, np.intp),
        row=row,
        start=start,
        end=end,
        lo=lo,
        hi=hi,
        first_out=t_first,
        last_out=t_last,
        prev_in=prev_in,
        next_in=next_in,
        rounding_ms=up_rest + down_rest,
        count=(last - first + 1).astype(np.int64),
        peak=near.v[out[peak]],
        peak_at=t[peak],
        area2_high=high,
        area2_low=low,
    )


def crossing(
    kind: Flags, t_out: Millis, out: Millis, t_in: Millis, within: Millis
) -> tuple[Millis, Millis, Millis]:
    """Distance from the neighbour to the limit, the neighbour's time, ms of rounding (0 or 1).

    ``out`` and ``within`` are distances beyond the limit, of the run's last reading and of its
    neighbour. Without a neighbour across a covered segment the reading stands for itself. Measured
    from the neighbour and rounded down: an event starts at a floor and ends at a ceiling (S14).
    """
    crossed = kind == Bound.CROSS
    neighbour = np.where(crossed, t_in, t_out)
    dt = np.abs(t_out - neighbour)
    depth = np.where(crossed, -within, 0)
    inset, rest = np.divmod(dt * depth, np.maximum(np.where(crossed, out - within, 1), 1))
    return inset, neighbour, np.minimum(rest, 1)


def _weights(t: Millis, first: Indices, last: Indices, start: Millis, end: Millis) -> Millis:
    """Time that each out-reading governs in the trapezoid rule, doubled; to the runs' ends."""
    before, after = np.empty((2, len(t)), np.int64)
    before[1:] = t[1:] - t[:-1]
    after[:-1] = before[1:]
    before[first] = t[first] - start
    after[last] = end - t[last]
    return before + after


def _areas(beyond: Millis, weights: Millis, first: Indices) -> tuple[Millis, Millis]:
    if int(beyond.max()) <= HALF_MASK:  # as most values are
        return np.zeros(len(first), np.int64), np.add.reduceat(beyond * weights, first)
    high, low = area_parts(beyond, weights)
    return np.add.reduceat(high, first), np.add.reduceat(low, first)


def area_parts(beyond: Millis, weights: Millis) -> tuple[Millis, Millis]:
    """``beyond * weights`` in two parts that may be summed in int64 without overflow.

    ``beyond`` stays below 2**33 and the weights of a run add to at most twice the record's span.
    """
    return (beyond >> HALF_BITS) * weights, (beyond & HALF_MASK) * weights


def _no_runs() -> Runs:
    kinds: dict[str, type[np.generic]] = {
        "limit": np.intp,
        "row": np.intp,
        "lo": np.uint8,
        "hi": np.uint8,
        "peak": np.int32,
    }
    return Runs(**{part.name: np.empty(0, kinds.get(part.name, np.int64)) for part in fields(Runs)})


NO_RUNS: Final = _no_runs()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seam:
    """The segment between two pieces of each row: the last reading before, the first after it.

    Rows in which a piece is empty have no seam: ``exists`` is False and the rest is meaningless.
    """

    exists: Bools
    covered: Bools
    t_left: Millis
    v_left: Milli
    t_right: Millis
    v_right: Milli


def joined_runs(left: Runs, right: Runs, seam: Seam, bars: Bars) -> Runs:
    """The runs of both pieces of each row, those at the seam joined, closed or opened (§7).

    Both-out joins the last run of the left with the first of the right; out-in closes, in-out
    opens at the crossing; a gap marks both ends. Every other run is a run of the whole.
    """
    rows = len(seam.exists)
    key = np.concatenate((left.limit * rows + left.row, right.limit * rows + right.row))
    both = together((left, right))
    if not len(both):
        return both
    order = np.argsort(key, kind="stable")
    key, both = key[order], both.take(order)
    is_right = order >= len(left)
    # a run that touches the seam: the last of the left, the first of the right, still with an EDGE
    last_left = ~is_right & np.append(is_right[1:] | (key[1:] != key[:-1]), [True])
    first_right = is_right & np.concatenate(([True], ~is_right[:-1] | (key[1:] != key[:-1])))
    has_seam = seam.exists[both.row]
    at_left = last_left & has_seam & (both.last_out == seam.t_left[both.row])
    at_right = first_right & has_seam & (both.first_out == seam.t_right[both.row])
    met = np.flatnonzero(at_left | at_right)
    if not len(met):
        return both
    covered = seam.covered[both.row]
    joins = at_left & covered & np.append(at_right[1:] & (key[1:] == key[:-1]), [False])
    ended = np.flatnonzero(at_left & ~joins)
    begun = np.flatnonzero(at_right & ~np.concatenate(([False], joins[:-1])))
    both = _begun(_ended(both, ended, seam, bars), begun, seam, bars)
    return _fused(both, np.flatnonzero(joins), seam, bars) if joins.any() else both


def _beyond_each(bars: Bars, runs: Runs, at: Indices, v: Milli) -> Millis:
    """How far the seam's value lies beyond the limit of each run ``at``."""
    limit, row = runs.limit[at], runs.row[at]
    distance: Millis = bars.sign[limit] * (v[row].astype(np.int64) - bars.milli[limit, row])
    return distance


def _ended(runs: Runs, at: Indices, seam: Seam, bars: Bars) -> Runs:
    """The runs ``at``, open to the right until now, end at the seam."""
    if not len(at):
        return runs
    row = runs.row[at]
    kind = np.where(seam.covered[row], np.uint8(Bound.CROSS), np.uint8(Bound.GAP))
    out = _beyond_each(bars, runs, at, seam.v_left)
    within = _beyond_each(bars, runs, at, seam.v_right)
    inset, next_in, rest = crossing(kind, runs.last_out[at], out, seam.t_right[row], within)
    end = next_in - inset
    high, low = area_parts(out, end - runs.last_out[at])
    return replace(
        runs,
        hi=_put(runs.hi, at, kind),
        end=_put(runs.end, at, end),
        next_in=_put(runs.next_in, at, next_in),
        rounding_ms=_put(runs.rounding_ms, at, runs.rounding_ms[at] + rest),
        area2_high=_put(runs.area2_high, at, runs.area2_high[at] + high),
        area2_low=_put(runs.area2_low, at, runs.area2_low[at] + low),
    )


def _begun(runs: Runs, at: Indices, seam: Seam, bars: Bars) -> Runs:
    """The runs ``at``, open to the left until now, begin at the seam."""
    if not len(at):
        return runs
    row = runs.row[at]
    kind = np.where(seam.covered[row], np.uint8(Bound.CROSS), np.uint8(Bound.GAP))
    out = _beyond_each(bars, runs, at, seam.v_right)
    within = _beyond_each(bars, runs, at, seam.v_left)
    inset, prev_in, rest = crossing(kind, runs.first_out[at], out, seam.t_left[row], within)
    start = prev_in + inset
    high, low = area_parts(out, runs.first_out[at] - start)
    return replace(
        runs,
        lo=_put(runs.lo, at, kind),
        start=_put(runs.start, at, start),
        prev_in=_put(runs.prev_in, at, prev_in),
        rounding_ms=_put(runs.rounding_ms, at, runs.rounding_ms[at] + rest),
        area2_high=_put(runs.area2_high, at, runs.area2_high[at] + high),
        area2_low=_put(runs.area2_low, at, runs.area2_low[at] + low),
    )


def _fused(runs: Runs, at: Indices, seam: Seam, bars: Bars) -> Runs:
    """Each run ``at`` and the one behind it as one."""
    behind, row = at + 1, runs.row[at]
    across = seam.t_right[row] - seam.t_left[row]
    reach = _beyond_each(bars, runs, at, seam.v_left) + _beyond_each(bars, runs, at, seam.v_right)
    high, low = area_parts(reach, across)
    sign = bars.sign[runs.limit[at]]
    worse = sign * runs.peak[behind] > sign * runs.peak[at]  # the earlier of equals stays
    whole = replace(
        runs,
        end=_put(runs.end, at, runs.end[behind]),
        hi=_put(runs.hi, at, runs.hi[behind]),
        last_out=_put(runs.last_out, at, runs.last_out[behind]),
        next_in=_put(runs.next_in, at, runs.next_in[behind]),
        rounding_ms=_put(runs.rounding_ms, at, runs.rounding_ms[at] + runs.rounding_ms[behind]),
        count=_put(runs.count, at, runs.count[at] + runs.count[behind]),
        peak=_put(runs.peak, at, np.where(worse, runs.peak[behind], runs.peak[at])),
        peak_at=_put(runs.peak_at, at, np.where(worse, runs.peak_at[behind], runs.peak_at[at])),
        area2_high=_put(runs.area2_high, at, runs.area2_high[at] + runs.area2_high[behind] + high),
        area2_low=_put(runs.area2_low, at, runs.area2_low[at] + runs.area2_low[behind] + low),
    )
    kept = np.ones(len(runs), np.bool_)
    kept[behind] = False
    return whole.take(kept)


def _put(column: Column, at: Indices, values: Column) -> Column:
    """A copy of ``column`` with ``values`` at some places."""
    changed = column.copy()
    changed[at] = values
    return changed
