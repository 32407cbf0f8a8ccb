"""Pieces of record, such as days, put together again (section 7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from analytics.stillness import Stillness
from analytics.summary import Summary, merge, seam_between
from analytics.traces import Marks, Pace, Rates, Traces, merged_traces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analytics.arrays import Indices, Millis
    from analytics.limits import Bars
    from analytics.traces import Demands

Column = TypeVar("Column", bound="NDArray[Any]")

NO_PIECE: Final = -1  # where a row has nothing to take


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """Summary and traces of several pieces of record, one to the row."""

    summary: Summary
    traces: Traces

    def take(self, rows: Indices) -> Pieces:
        """Some pieces, in ascending order of their rows, which are numbered anew."""
        return Pieces(summary=self.summary.take(rows), traces=_taken(self.traces, rows))


def merged(left: Pieces, right: Pieces, bars: Bars, bridge_ms: Millis, wanted: Demands) -> Pieces:
    """Each row's left piece followed by its right piece."""
    seam = seam_between(left.summary.spread, right.summary.spread, bridge_ms)
    return Pieces(
        summary=merge(left.summary, right.summary, bars, bridge_ms),
        traces=merged_traces(left.traces, right.traces, seam, wanted),
    )


def collapsed(
    pieces: Pieces, owner: Indices, bars: Bars, bridge_ms: Millis, wanted: Demands
) -> Pieces:
    """The pieces of each owner as one, in log2(most pieces of an owner) rounds of merging.

    Args:
        pieces: by owner and time.
        owner: the channel of each piece, ascending; every channel has one at least.
        bars: the limits of each channel, as those of its pieces.
        bridge_ms: the longest covered segment of each channel.
        wanted: what is asked of each channel, as of its pieces.
    """
    while len(owner) > len(bridge_ms):
        rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
        left = np.flatnonzero(rank % 2 == 0)
        followed = np.append(owner[1:] == owner[:-1], [False])[left]
        right = np.where(followed, left + 1, NO_PIECE)
        owner = owner[left]
        pieces = merged(
            pieces.take(left),
            pieces.take(right),
            bars.take(owner),
            bridge_ms[owner],
            asked_of(wanted, owner),
        )
    return pieces


def asked_of(wanted: Demands, rows: Indices) -> Demands:
    """What is asked of some rows, in the order given."""
    return replace(
        wanted,
        interval_ms=wanted.interval_ms[rows],
        watched=wanted.watched[rows],
        climatic=wanted.climatic[rows],
        label_low=wanted.label_low[rows],
        label_high=wanted.label_high[rows],
    )


def _taken(traces: Traces, rows: Indices) -> Traces:
    """The traces of some rows, in ascending order; -1 stands for one without readings."""
    none = rows < 0
    place = np.full(len(traces.n), NO_PIECE)
    place[rows[~none]] = np.flatnonzero(~none)

    def known(column: Column) -> Column:
        return np.where(none, column.dtype.type(0), column[..., rows])  # type: ignore[return-value]  # same kind

    def marks(each: Marks) -> Marks:
        new = place[each.row]
        return Marks(count=known(each.count), row=new[new >= 0], t=each.t[new >= 0])

    def pace(each: Pace) -> Pace:
        return Pace(spike=known(each.spike), change=known(each.change))

    rates, still = traces.rates, traces.stillness
    return Traces(
        n=known(traces.n),
        span_ms=known(traces.span_ms),
        longest_ms=known(traces.longest_ms),
        missing=known(traces.missing),
        late=known(traces.late),
        late_ms=known(traces.late_ms),
        rates=Rates(
            spikes=marks(rates.spikes),
            changes=marks(rates.changes),
            first=pace(rates.first),
            last=pace(rates.last),
        ),
        stillness=Stillness(
            opening_end=known(still.opening_end),
            closing_start=known(still.closing_start),
            start=known(still.start),
            end=known(still.end),
        ),
    )
