"""Sets of time as sorted, disjoint, closed intervals of whole milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.arrays import Bools, Millis


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Interval ``i`` is ``[start[i], end[i]]`` in ms, shape (n,); ascending, never overlapping."""

    start: Millis
    end: Millis

    def __len__(self) -> int:
        return len(self.start)

    @property
    def total_ms(self) -> int:
        """Length of all intervals together."""
        return int((self.end - self.start).sum())

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The same as plain integers, for people and for JSON."""
        return tuple(zip(self.start.tolist(), self.end.tolist(), strict=True))


def intervals(*pairs: tuple[int, int]) -> Intervals:
    """Intervals from ascending, disjoint ``(start, end)`` pairs."""
    bounds = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Intervals(bounds[:, 0], bounds[:, 1])


NEVER: Final = intervals()


def stretches(instants: Millis, joined: Bools) -> Intervals:
    """Every unbroken stretch of time between instants (n,) whose joints (n - 1,) are True."""
    edges = np.flatnonzero(np.diff(joined, prepend=False, append=False))
    return Intervals(instants[edges[::2]], instants[edges[1::2]])


def union(left: Intervals, right: Intervals) -> Intervals:
    """Time in either set; intervals that touch become one, those of no length vanish."""
    points = _points(left, right)
    return stretches(points, _holds(left, points) | _holds(right, points))


def difference(left: Intervals, right: Intervals) -> Intervals:
    """Time in ``left`` and not in ``right``; intervals of no length vanish.

    >>> difference(intervals((0, 10), (20, 30)), intervals((5, 25))).pairs()
    ((0, 5), (25, 30))
    """
    points = _points(left, right)
    return stretches(points, _holds(left, points) & ~_holds(right, points))


def each_without(pieces: Intervals, removed: Intervals) -> Intervals:
    """What is left of each piece; pieces that touch stay apart, for something lies between.

    >>> each_without(intervals((0, 10), (10, 30)), intervals((25, 40))).pairs()
    ((0, 10), (10, 25))
    """
    left = difference(pieces, removed)
    cuts = pieces.start[1:][pieces.start[1:] == pieces.end[:-1]]
    within = np.searchsorted(left.start, cuts) > np.searchsorted(left.end, cuts, side="right")
    cuts = cuts[within]
    return Intervals(
        np.sort(np.concatenate((left.start, cuts))), np.sort(np.concatenate((left.end, cuts)))
    )


def united(sets: Iterable[Intervals]) -> Intervals:
    """Time in any of the sets."""
    together = NEVER
    for each in sets:
        together = union(together, each)
    return together


def _points(left: Intervals, right: Intervals) -> Millis:
    return np.unique(np.concatenate((left.start, left.end, right.start, right.end)))


def _holds(held: Intervals, points: Millis) -> Bools:
    """Whether the time from each point to the next lies in ``held``, shape (n - 1,)."""
    begun = np.searchsorted(held.start, points[:-1], side="right")
    ended = np.searchsorted(held.end, points[:-1], side="right")
    return begun > ended
