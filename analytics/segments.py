"""Segments of many rows, looked at in parts of a table and picked where they matter."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import ranges
from analytics.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analytics.arrays import Bools, Indices, Millis

BLOCK: Final = 1 << 15  # readings looked at together: their columns stay in the processor's cache


def row_blocks(lengths: Indices, least: int) -> Iterator[tuple[int, int]]:
    """Ranges of neighbouring rows with at least so many readings each but for the last.

    >>> list(row_blocks(np.array([2, 2, 5, 1]), 3))
    [(0, 2), (2, 3), (3, 4)]
    """
    total = np.cumsum(lengths).tolist()
    first, before = 0, 0
    while first < len(total):
        last = min(bisect_left(total, before + least, first) + 1, len(total))
        yield first, last
        first, before = last, total[last - 1]


def parts(table: Table, rows: Indices, least: int = BLOCK) -> Iterator[tuple[Indices, Table]]:
    """Some rows of a table, as tables of at least so many readings each but for the last."""
    for first, last in row_blocks(table.lengths[rows], least):
        yield rows[first:last], _taken(table, rows[first:last])


def _taken(table: Table, rows: Indices) -> Table:
    """Some rows, ascending, as a table: views where they are neighbours."""
    if rows[-1] - rows[0] == len(rows) - 1:
        return table.part(int(rows[0]), int(rows[-1]) + 1)
    lengths = table.starts[rows + 1] - table.starts[rows]
    at = ranges(table.starts[rows], lengths)
    return Table(
        t=table.t[at],
        v=table.v[at],
        starts=np.concatenate(([0], np.cumsum(lengths))),
        bridge_ms=table.bridge_ms[rows],
    )


def row_of(part: Table, at: Indices) -> Indices:
    """The row of each position."""
    return np.searchsorted(part.starts, at, side="right") - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segments:
    """Segments by row and time: position of the earlier reading in the table, row, length."""

    at: Indices
    row: Indices
    dt: Millis


def segments_where(
    table: Table, rows: Indices, wanted: Callable[[Table, Indices], Bools]
) -> Segments:
    """The segments of some rows that are ``wanted``, asked of whole parts of the table.

    ``wanted`` gets a part and the numbers of its rows, and answers for each reading but the last
    whether the segment behind it is wanted; what it says of the last of a row is not heard.
    """
    found = []
    for chosen, part in parts(table, rows):
        at = np.flatnonzero(wanted(part, chosen))
        row = row_of(part, at)
        inside = at + 1 < part.starts[row + 1]
        at, row = at[inside], row[inside]
        dt = part.t[at + 1] - part.t[at]
        at += (table.starts[chosen] - part.starts[:-1])[row]
        found.append(Segments(at=at, row=chosen[row], dt=dt))
    if not found:
        return NO_SEGMENTS
    return Segments(
        at=np.concatenate([each.at for each in found]),
        row=np.concatenate([each.row for each in found]),
        dt=np.concatenate([each.dt for each in found]),
    )


NO_SEGMENTS: Final = Segments(
    at=np.empty(0, np.intp), row=np.empty(0, np.intp), dt=np.empty(0, np.int64)
)
