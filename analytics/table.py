"""Canonical readings of many channels in flat columns, one channel after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.arrays import Indices, Milli, Millis


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Row ``r`` has the readings from ``starts[r]`` to ``starts[r + 1]``, instants increasing.

    ``t`` in ms and ``v`` in milli-units have shape (n,), ``starts`` (rows + 1,), ``bridge_ms``
    (rows,): the longest time between two readings that counts as covered (S9).
    """

    t: Millis
    v: Milli
    starts: Indices
    bridge_ms: Millis

    @property
    def rows(self) -> int:
        """How many channels there are."""
        return len(self.bridge_ms)

    @property
    def lengths(self) -> Indices:
        """How many readings each channel has."""
        return self.starts[1:] - self.starts[:-1]

    def part(self, first: int, last: int) -> Table:
        """Rows ``first`` to ``last - 1`` as views of the same columns."""
        begin, end = int(self.starts[first]), int(self.starts[last])
        return Table(
            t=self.t[begin:end],
            v=self.v[begin:end],
            starts=self.starts[first : last + 1] - begin,
            bridge_ms=self.bridge_ms[first:last],
        )


def table(series: Sequence[tuple[Millis, Milli]], bridge_ms: Sequence[int]) -> Table:
    """The table of several channels, each as instants and values."""
    lengths = [len(t) for t, _ in series]
    return Table(
        t=np.concatenate([np.empty(0, np.int64), *(t for t, _ in series)]),
        v=np.concatenate([np.empty(0, np.int32), *(v for _, v in series)]),
        starts=np.concatenate(([0], np.cumsum(lengths, dtype=np.intp))).astype(np.intp),
        bridge_ms=np.array(bridge_ms, np.int64),
    )
