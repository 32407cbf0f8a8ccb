"""Gaps and excursions of one channel in exact integers (S9-S17), whole arrays at a time.

Domain: instants strictly increasing, their span below 2**45 ms, covered segments shorter than
2**31 ms, values and limits int32. Within it nothing overflows and nothing is rounded but the two
ends of an event, outwards, to whole milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import rounded_sum
from analytics.intervals import Intervals, stretches

if TYPE_CHECKING:
    from analytics.arrays import Bools, Flags, Indices, Milli, Millis

MINUTE_MS: Final = 60_000
MAX_BRIDGE_MS: Final = 2**31 - 1  # keeps dt * |L - v| below 2**63


class Side(Enum):
    """On which side of a limit lies the harm."""

    HIGH = "high"
    LOW = "low"


class Bound(IntEnum):
    """How an event begins or ends (S14)."""

    EDGE = 0  # the record begins or ends there
    CROSS = 1  # the limit is crossed on a covered segment
    GAP = 2  # a gap begins or ends there


@dataclass(frozen=True, slots=True)
class Limit:
    """A half-line of values that are out: above or below ``milli``, with or without it (S12)."""

    milli: int
    side: Side
    inclusive: bool

    def out(self, v: Milli) -> Bools:
        """Which values are out."""
        if self.side is Side.HIGH:
            return v >= self.milli if self.inclusive else v > self.milli
        return v <= self.milli if self.inclusive else v < self.milli

    def beyond(self, v: Milli) -> Millis:
        """How far values lie beyond the limit; 0 at the limit, negative within it."""
        wide = v.astype(np.int64)
        return wide - self.milli if self.side is Side.HIGH else self.milli - wide


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Time between consecutive readings: ``dt`` in ms and whether covered, both (n - 1,)."""

    dt: Millis
    covered: Bools

    @property
    def covered_ms(self) -> int:
        """Time in which the value is known (S10)."""
        return int(self.dt @ self.covered)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Events:
    """Maximal runs of out-readings (S13), one per row, ascending; all times in ms.

    ``first`` and ``last`` index the run's own readings. ``rounding_ms`` is 0, 1 or 2: the true
    length is at most ``lin_ms`` and more than ``lin_ms - rounding_ms``, or equal to it at 0.
    ``area2`` is twice the integral of the distance from the limit, in milli-unit ms (S17).
    """

    first: Indices
    last: Indices
    start: Millis
    end: Millis
    lo: Flags
    hi: Flags
    first_out: Millis
    prev_in: Millis
    next_in: Millis
    rounding_ms: Millis
    count: Indices
    peak: Milli
    peak_at: Millis
    area2: tuple[int, ...]

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


def max_bridge(interval_ms: int, cap_ms: int) -> int:
    """Longest time between two readings that still counts as covered (S9).

    One lost reading is bridged as long as the cap allows, a late one always.

    >>> max_bridge(5 * MINUTE_MS, 15 * MINUTE_MS) // MINUTE_MS
    11
    """
    tolerated = min(2 * interval_ms + MINUTE_MS, cap_ms)
    return min(max(interval_ms + MINUTE_MS, tolerated), MAX_BRIDGE_MS)


def segments(t: Millis, bridge_ms: int) -> Segments:
    """What lies between the readings; a segment of exactly ``bridge_ms`` is covered (S9)."""
    dt = np.diff(t)
    return Segments(dt, dt <= bridge_ms)


def gaps(t: Millis, covered: Bools) -> Intervals:
    """Each uncovered segment, none of them joined (S10)."""
    before = np.flatnonzero(~covered)
    return Intervals(t[before], t[before + 1])


def covered_time(t: Millis, covered: Bools) -> Intervals:
    """The time in which the value is known."""
    return stretches(t, covered)


def missing(dt: Millis, interval_ms: int) -> int:
    """How many readings the record lacks between its first and its last (S9).

    >>> missing(np.array([600_000, 1_500_000, 1_500_001]), 600_000)
    3
    """
    due = rounded_sum(np.zeros_like(dt), dt, interval_ms)
    return int(np.maximum(due - 1, 0).sum())


def events(t: Millis, v: Milli, covered: Bools, limit: Limit) -> Events:
    """Every maximal run of readings beyond ``limit`` that covered segments join (S13-S17).

    Args:
        t: instants in ms, shape (n,), strictly increasing.
        v: values in milli-units, shape (n,).
        covered: whether the value between readings i and i + 1 is known, shape (n - 1,).
        limit: what is out.

    Returns:
        Events in order of time. One reading within the limit ends an event, a gap does so as well,
        and a single reading is an event, of no length if nothing but gaps surrounds it (S15).
        Cost: one comparison per reading, the rest grows with the out-readings only.

    Five degrees, nine, five, ten minutes apart: out from 7.5 to 12.5 minutes (vector E01).

    >>> t, v = np.array([0, 600_000, 1_200_000]), np.array([5000, 9000, 5000], np.int32)
    >>> found = events(t, v, np.array([True, True]), Limit(8000, Side.HIGH, inclusive=False))
    >>> found.start.tolist(), found.end.tolist(), found.area2
    ([450000], [750000], (300000000,))
    """
    out = np.flatnonzero(limit.out(v))
    if not len(out):
        return NO_EVENTS
    follows = (np.diff(out) == 1) & covered[out[1:] - 1]
    heads = np.flatnonzero(np.concatenate(([True], ~follows)))
    counts = np.diff(heads, append=len(out))
    first, last = out[heads], out[heads + counts - 1]
    joints = _joints(covered)
    lo, hi = joints[first], joints[last + 1]
    start, prev_in, start_rounded = _bound(t, v, first, lo, limit, step=-1)
    end, next_in, end_rounded = _bound(t, v, last, hi, limit, step=1)
    peaks = out[_peaks(limit.beyond(v[out]), heads, counts)]
    return Events(
        first=first,
        last=last,
        start=start,
        end=end,
        lo=lo,
        hi=hi,
        first_out=t[first],
        prev_in=prev_in,
        next_in=next_in,
        rounding_ms=start_rounded + end_rounded,
        count=counts,
        peak=v[peaks],
        peak_at=t[peaks],
        area2=_areas(limit.beyond(v[out]), _weights(t[out], heads, start, end), heads),
    )


def _joints(covered: Bools) -> Flags:
    """The bound on the left of each reading, and one more for the right of the last."""
    edge = np.array([Bound.EDGE], np.uint8)
    inner = np.where(covered, np.uint8(Bound.CROSS), np.uint8(Bound.GAP))
    return np.concatenate((edge, inner, edge))


def _bound(
    t: Millis, v: Milli, own: Indices, kind: Flags, limit: Limit, *, step: int
) -> tuple[Millis, Millis, Millis]:
    """Where events end on one side, the time of the neighbour there, and ms of rounding (0, 1).

    The neighbour is the in-reading across a covered segment, or the event's own reading where
    there is none. The crossing is measured from the neighbour and rounded down, so that an event
    starts at a floor and ends at a ceiling (S14).
    """
    neighbour = np.where(kind == Bound.CROSS, own + step, own)
    dt = np.abs(t[own] - t[neighbour])
    rise = np.abs(limit.beyond(v[own]) - limit.beyond(v[neighbour]))
    within = np.where(kind == Bound.CROSS, -limit.beyond(v[neighbour]), 0)
    inset, rest = np.divmod(dt * within, np.maximum(rise, 1))
    return t[neighbour] - step * inset, t[neighbour], np.minimum(rest, 1)


def _peaks(beyond: Millis, heads: Indices, counts: Indices) -> Indices:
    """Position of each run's worst reading, the earliest of equals (S17)."""
    worst = np.maximum.reduceat(beyond, heads)
    at = np.flatnonzero(beyond == np.repeat(worst, counts))
    return at[np.searchsorted(at, heads)]


def _weights(t: Millis, heads: Indices, start: Millis, end: Millis) -> Millis:
    """Time that each out-reading governs in the trapezoid rule, doubled; to the events' ends."""
    before = np.diff(t, prepend=t[:1])
    before[heads] = t[heads] - start
    after = np.roll(before, -1)
    after[np.append(heads[1:], len(t)) - 1] = end - t[np.append(heads[1:], len(t)) - 1]
    return before + after


def _areas(beyond: Millis, weights: Millis, heads: Indices) -> tuple[int, ...]:
    """Sum of ``beyond * weights`` per run, exact: it may need 80 bits, so 16 are split off.

    ``beyond`` stays below 2**32 and the weights of a run add to at most twice the record's span,
    so that neither partial sum reaches 2**63.
    """
    upper = np.add.reduceat((beyond >> 16) * weights, heads).tolist()
    lower = np.add.reduceat((beyond & 0xFFFF) * weights, heads).tolist()
    return tuple((high << 16) + low for high, low in zip(upper, lower, strict=True))


def _no_events() -> Events:
    instants, indices = np.empty(0, np.int64), np.empty(0, np.intp)
    kinds, values = np.empty(0, np.uint8), np.empty(0, np.int32)
    return Events(
        first=indices,
        last=indices,
        start=instants,
        end=instants,
        lo=kinds,
        hi=kinds,
        first_out=instants,
        prev_in=instants,
        next_in=instants,
        rounding_ms=instants,
        count=indices,
        peak=values,
        peak_at=instants,
        area2=(),
    )


NO_EVENTS: Final = _no_events()
