"""Limits of rules, for one channel and for many at once (S12, S14)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.arrays import Bools, Indices, Milli, Millis


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

    def is_out(self, milli: int) -> bool:
        """Whether one value is out."""
        return bool(self.out(np.array([milli], np.int32))[0])

    def outwards(self, by_milli: int) -> Limit:
        """The same limit, farther out."""
        by = by_milli if self.side is Side.HIGH else -by_milli
        return Limit(self.milli + by, self.side, self.inclusive)

    def inwards(self, by_milli: int, *, inclusive: bool) -> Limit:
        """The limit farther in, with its own value or without."""
        nearer = self.outwards(-by_milli)
        return Limit(nearer.milli, nearer.side, inclusive)


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Limits of many channels: limit ``k`` of row ``r`` is ``milli[k, r]``, arrays (limits, rows).

    All rows share the side of a limit: ``sign[k]`` is 1 for high, -1 for low. Its place differs
    with the uncertainty of each logger (S28). ``least`` is the smallest distance beyond a limit
    that is out: 0 for an inclusive one, else 1, for values are whole thousandths.
    """

    sign: Millis
    milli: Millis
    least: Millis

    @property
    def count(self) -> int:
        """How many limits each row has."""
        return len(self.sign)

    def take(self, rows: Indices) -> Bars:
        """The limits of some rows, in the order asked for."""
        return Bars(self.sign, self.milli[:, rows], self.least[:, rows])

    def beyond(self, k: int, rows: Indices, v: Milli) -> Millis:
        """How far values of ``rows`` lie beyond limit ``k``; negative within it."""
        limit = _of_rows(self.milli[k], rows)
        if self.sign[k] > 0:
            return np.subtract(v, limit, dtype=np.int64)
        return np.subtract(limit, v, dtype=np.int64)

    def out(self, k: int, rows: Indices, v: Milli) -> Bools:
        """Which values of ``rows`` are beyond limit ``k``."""
        edge = _of_rows(self.milli[k] + self.sign[k] * self.least[k], rows)
        out: Bools = v >= edge if self.sign[k] > 0 else v <= edge
        return out

    def inner_edges(self, rows: slice) -> tuple[Milli | Millis, Milli | Millis]:
        """The highest value within all high limits of each row, the lowest within all low ones.

        As narrow as readings, unless not even the end of their range is within a limit.
        """
        edge = self.milli[:, rows] + self.sign[:, None] * (self.least[:, rows] - 1)
        ends = np.iinfo(np.int32)
        high = edge[self.sign > 0].min(axis=0, initial=ends.max)
        low = edge[self.sign < 0].max(axis=0, initial=ends.min)
        if (high < ends.min).any() or (low > ends.max).any():
            return high, low
        return high.astype(np.int32), low.astype(np.int32)


def _of_rows(each: Millis, rows: Indices) -> Millis | int:
    """What holds for each of ``rows``; a single number, the faster one, where it is the same."""
    is_same = len(each) > 0 and bool((each == each[0]).all())
    return int(each[0]) if is_same else each[rows]


def bars(rows: Sequence[Sequence[Limit]], sides: Sequence[Side]) -> Bars:
    """The limits of several channels, one sequence each; the k-th are on the k-th side."""
    shape = len(sides), len(rows)
    return Bars(
        np.array([1 if side is Side.HIGH else -1 for side in sides], np.int64),
        np.array([one.milli for row in rows for one in row], np.int64).reshape(shape[::-1]).T,
        np.array([not one.inclusive for row in rows for one in row], np.int64)
        .reshape(shape[::-1])
        .T,
    )


NO_BARS: Final = bars([[]], [])
