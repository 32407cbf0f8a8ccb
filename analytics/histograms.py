"""Time spent at each value, by channel: integer histograms that add without loss (S25, §2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import heads_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analytics.arrays import Bools, Indices, Milli, Millis
    from analytics.runs import Seam
    from analytics.table import Table

SPARSE: Final = 4  # a dense table may have so many times more places than there are readings
LEAST_DENSE: Final = 1 << 16
VALUE_BITS: Final = 32
NOWHERE: Final = np.empty(0, np.intp)
NO_MS: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OddSegments:
    """The segments of a block that are not ``usual_ms`` long; positions of their left readings.

    ``usual_ms`` is a length that is covered in each row, or 0 where there is no such length.
    """

    usual_ms: int
    at: Indices
    row: Indices
    dt: Millis
    covered: Bools


def all_usual(usual_ms: int) -> OddSegments:
    """No odd segment at all."""
    return OddSegments(
        usual_ms=usual_ms, at=NOWHERE, row=NOWHERE, dt=NO_MS, covered=NO_MS.astype(np.bool_)
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histograms:
    """Doubled time at each value: ``weight_ms[i]`` at ``v[i]`` in channel ``row[i]``.

    A covered segment of ``dt`` adds ``dt`` to the bins of both its ends: the trapezoid rule
    without its half. Sorted by channel and value, every weight positive.
    """

    row: Indices
    v: Milli
    weight_ms: Millis

    def take(self, chosen: Indices | Bools | slice) -> Histograms:
        """Some of the bins, in the order asked for."""
        return Histograms(row=self.row[chosen], v=self.v[chosen], weight_ms=self.weight_ms[chosen])


def counted(part: Table, odd: OddSegments, first_row: int, reach: tuple[int, int]) -> Histograms:
    """The histograms of a block of rows, the first of which is ``first_row``.

    Every reading is counted as if a segment of the usual length lay on both its sides; the ends
    of rows and the odd segments are put right afterwards. ``reach`` are the lowest and the highest
    value of the block, which has readings.
    """
    low, span = reach[0], reach[1] - reach[0] + 1
    if span * part.rows > max(SPARSE * len(part.v), LEAST_DENSE):
        return _sorted_counts(part, odd, first_row)
    place = part.v.astype(np.intp)  # as wide as bincount wants it
    place -= low
    if part.rows > 1:
        place += np.repeat(np.arange(part.rows) * span, part.lengths)
    weights = np.bincount(place, minlength=span * part.rows)
    weights *= 2 * odd.usual_ms
    for at, extra in _corrections(part, odd):
        np.add.at(weights, place[at], extra)
    (hit,) = np.nonzero(weights != 0)  # a mask is searched faster than numbers
    row, value = (0, hit) if part.rows == 1 else np.divmod(hit, span)
    return Histograms(
        row=np.full(len(hit), first_row, np.intp) + row,
        v=(value + low).astype(np.int32),
        weight_ms=weights[hit],
    )


def _corrections(part: Table, odd: OddSegments) -> Iterator[tuple[Indices, Millis | int]]:
    """Readings whose sides are not of the usual length, and what to add to their weight."""
    if part.rows == 1:
        yield np.array([0, len(part.v) - 1]), -odd.usual_ms
    else:
        filled = part.lengths > 0
        yield part.starts[:-1][filled], -odd.usual_ms
        yield part.starts[1:][filled] - 1, -odd.usual_ms
    if len(odd.at):
        known = np.where(odd.covered, odd.dt, 0) - odd.usual_ms
        yield odd.at, known
        yield odd.at + 1, known


def _sorted_counts(part: Table, odd: OddSegments, first_row: int) -> Histograms:
    """The same without a dense table, for values that are far apart."""
    weights = np.full(len(part.v), 2 * odd.usual_ms, np.int64)
    for at, extra in _corrections(part, odd):
        np.add.at(weights, at, extra)
    row = np.repeat(np.arange(first_row, first_row + part.rows), part.lengths)
    return _gathered(row, part.v, weights)


def added(left: Histograms, right: Histograms, seam: Seam) -> Histograms:
    """The histograms of both pieces of each channel and of the covered seam between them."""
    across = np.flatnonzero(seam.covered)
    if not len(across) and not len(right.v):
        return left
    dt = (seam.t_right - seam.t_left)[across]
    return _gathered(
        np.concatenate((left.row, right.row, across, across)),
        np.concatenate((left.v, right.v, seam.v_left[across], seam.v_right[across])),
        np.concatenate((left.weight_ms, right.weight_ms, dt, dt)),
    )


def _gathered(row: Indices, v: Milli, weight_ms: Millis) -> Histograms:
    """Equal values of a channel as one bin, in order; bins of no weight vanish."""
    key = (row.astype(np.int64) << VALUE_BITS) + (v.astype(np.int64) + (1 << (VALUE_BITS - 1)))
    order = np.argsort(key, kind="stable")
    key = key[order]
    heads = heads_of(key[1:] == key[:-1])
    sums = np.add.reduceat(weight_ms[order], heads)
    kept = order[heads[sums > 0]]
    return Histograms(row=row[kept], v=v[kept], weight_ms=sums[sums > 0])


NO_BINS: Final = Histograms(
    row=np.empty(0, np.intp), v=np.empty(0, np.int32), weight_ms=np.empty(0, np.int64)
)
