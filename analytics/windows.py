"""MKT over the hours before each excursion's end (S26, section 2.1), decided in integers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from analytics.arrays import TABLE_BLOCK, first_of, heads_of, looked_up, run_ends
from analytics.mkt import relative_rates
from analytics.readings import ABSOLUTE_ZERO_MILLI
from analytics.segments import BLOCK, row_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import DTypeLike, NDArray

    from analytics.arrays import Bools, Indices, Milli, Millis
    from analytics.table import Table

Kind = TypeVar("Kind", bound=np.generic)

SCALE_BITS: Final = 24  # of the fixed point: one unit is 5e-7 °C at 8 °C
SLACK: Final = 0.5  # units; exp's own error reaches that above 200 °C only
INT64_SAFE: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class KineticLimit:
    """An MKT that no window of ``window_ms`` ending with an excursion may exceed."""

    activation_kj_per_mol: float
    limit_milli: int
    window_ms: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KineticWindows:
    """One window per element: readings ``first`` to ``last`` of a table's ``row``.

    ``rate_low`` and ``rate_high`` enclose twice the integral of the rate at which the product
    ages, relative to its rate at the limit, times ``2**SCALE_BITS``; over covered time only. Where
    the upper one is below the limit ``rate_low`` is 0, for nobody asks for it.
    ``span_ms`` is the time from first to last, or the whole window where the record is too
    ``short`` to fill it: like a gap, what came before may have been cold. The sums are int64 where
    they fit, else Python integers in an object array.
    """

    row: Indices
    first: Indices
    last: Indices
    short: Bools
    covered_ms: Millis
    span_ms: Millis
    rate_low: Millis
    rate_high: Millis

    def __len__(self) -> int:
        return len(self.row)

    def take(self, chosen: Indices | Bools) -> KineticWindows:
        """Some of the windows, in the order asked for."""
        return KineticWindows(
            **{part.name: getattr(self, part.name)[chosen] for part in fields(self)}
        )

    def certainly_above(self) -> Bools:
        """Windows whose MKT exceeds the limit, however cold it was while nobody looked."""
        above: Bools = self.rate_low > rates_at_limit(self.span_ms, self.rate_low.dtype)
        return above

    def possibly_above(self) -> Bools:
        """All windows but those with covered time whose MKT there is within the limit."""
        above: Bools = self.rate_high > rates_at_limit(self.covered_ms, self.rate_high.dtype)
        above[self.covered_ms == 0] = True
        return above

    def worst(self, rows: int) -> Indices:
        """The window of each channel with the highest MKT, the earliest of equals; else -1."""
        worst = np.full(rows, -1)
        if len(self):
            rate = self.rate_high.astype(np.float64) / np.maximum(self.covered_ms, 1)
            rate[self.covered_ms == 0] = -1.0
            heads = heads_of(self.row[1:] == self.row[:-1])
            worst[self.row[heads]] = first_of(np.maximum.reduceat(rate, heads), rate, heads)
        return worst


def kinetic_windows(
    whole: Table,
    row: Indices,
    ends: Millis,
    limit: KineticLimit,
    shift_milli: Millis,
    longer_ms: Millis | int = 0,
    even_ms: Millis | None = None,
) -> KineticWindows:
    """The windows that end at ``ends`` in the channels ``row``, from prefix sums.

    A window has the readings from ``end - window_ms`` to ``end`` and no partial segment: at most
    one interval is missing on either side. What a record is too short for is never padded. The
    cost grows with the time in any window; where windows overlap it is looked at once.

    Args:
        whole: canonical readings in m°C, above absolute zero.
        row: channel of each window, ascending, shape (windows,).
        ends: ends of excursions in ms, each at or after its channel's first reading.
        limit: MKT, window and activation energy.
        shift_milli: what is added to the values of each channel of the table, shape (rows,).
        longer_ms: how much earlier than that each window begins.
        even_ms: length of all segments of each channel of the table, 0 where they differ.
    """
    if not len(row):
        return NO_WINDOWS
    length_ms = limit.window_ms + longer_ms
    first, last = positions(whole, row, ends - length_ms, ends)
    short = ends - length_ms < whole.t[whole.starts[row]]
    even = np.zeros(whole.rows, np.int64) if even_ms is None else even_ms
    covered, high = _sums(whole, row, first, last, _Rates(limit, 1, shift_milli, even))
    low = np.zeros_like(high)
    asked = np.flatnonzero(high >= rates_at_limit(covered, high.dtype))
    if len(asked):
        bounds = _Rates(limit, -1, shift_milli, even)
        _, low[asked] = _sums(whole, row[asked], first[asked], last[asked], bounds)
    return KineticWindows(
        row=row,
        first=first,
        last=last,
        short=short,
        covered_ms=covered,
        span_ms=np.where(short, length_ms, whole.t[last] - whole.t[first]),
        rate_low=low,
        rate_high=high,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Rates:
    """Bounds of the ageing rate: the lower ones with ``side`` -1, the upper ones with 1.

    ``shift_milli`` and ``even_ms`` are those of the channels, as ``kinetic_windows`` gets them.
    """

    limit: KineticLimit
    side: int
    shift_milli: Millis
    even_ms: Millis

    def of(self, v: Milli, row: Indices, lengths: Indices) -> Millis:
        """The bound at each of the values, ``lengths[i]`` of which are those of ``row[i]``."""
        shift = self.shift_milli[row]
        moved: Milli | Millis = v
        if shift.any():
            moved = np.maximum(v + np.repeat(shift, lengths), ABSOLUTE_ZERO_MILLI + 1)
        return looked_up(moved, partial(_bounds, self.limit, self.side))


def _sums(
    whole: Table, row: Indices, first: Indices, last: Indices, rates: _Rates
) -> tuple[Millis, Millis]:
    """Covered time and kinetic sum of each window, some BLOCK of readings at a time."""
    covered, sums = np.zeros((2, len(row)), np.int64)
    even = rates.even_ms[row] > 0
    for mine, block_sums in ((even, _even_sums), (~even, _block_sums)):
        order = np.flatnonzero(mine)
        order = order[np.argsort(first[order], kind="stable")]
        for own in _blocks(first[order], last[order]):
            at = order[own]
            known, found = block_sums(whole, row[at], first[at], last[at], rates)
            if found.dtype == object:
                sums = sums.astype(object)
            covered[at], sums[at] = known, found
    return covered, sums


def _blocks(first: Indices, last: Indices) -> Iterator[slice]:
    """Windows that reach over some BLOCK of readings and share none with those of other blocks."""
    if len(first):
        heads, lengths = _apart(first, last)
        edges = np.append(heads, len(first)).tolist()
        for begin, end in row_blocks(lengths, BLOCK):
            yield slice(edges[begin], edges[end])


def _apart(first: Indices, last: Indices) -> tuple[Indices, Indices]:
    """The windows that share no reading with any before them, and the readings until the next.

    ``first`` ascends; positions in a table are never shared by channels.
    """
    reach = np.maximum.accumulate(last)
    heads = heads_of(first[1:] <= reach[:-1])
    return heads, reach[run_ends(heads, len(first))] + 1 - first[heads]


def _even_sums(
    whole: Table, row: Indices, first: Indices, last: Indices, rates: _Rates
) -> tuple[Millis, Millis]:
    """Where all segments are of one length, which is covered, nobody asks for instants."""
    heads, lengths = _apart(first, last)
    begins, stops, even_ms = first[heads], np.cumsum(lengths), rates.even_ms[row]
    moved = np.repeat(stops - lengths - begins, np.diff(heads, append=len(row)))
    ageing = rates.of(joined(whole.v, begins, lengths), row[heads], lengths)
    covered, first, last = (last - first) * even_ms, first + moved, last + moved
    if 2 * int(covered.max()) * int(ageing.max()) >= INT64_SAFE:
        ageing = ageing.astype(object)
    once = _between(ageing, first, last)  # all rates but the last one
    return covered, (2 * once - ageing[first] + ageing[last]) * even_ms


def _block_sums(
    whole: Table, row: Indices, first: Indices, last: Indices, rates: _Rates
) -> tuple[Millis, Millis]:
    heads, lengths = _apart(first, last)
    begins, owner, stops = first[heads], row[heads], np.cumsum(lengths)
    t, v = joined(whole.t, begins, lengths), joined(whole.v, begins, lengths)
    moved = np.repeat(stops - lengths - begins, np.diff(heads, append=len(row)))
    first, last = first + moved, last + moved
    known, bridge = t[1:] - t[:-1], whole.bridge_ms[owner]
    known[stops[:-1] - 1] = 0  # from one stretch to the next is no segment
    span = covered = t[last] - t[first]
    if len(known) and int(known.max()) > int(bridge.min()):
        known = np.where(known <= np.repeat(bridge, lengths)[:-1], known, 0)
        covered = _between(known, first, last)
    ageing = rates.of(v, owner, lengths)
    if 2 * int(span.max()) * int(ageing.max()) >= INT64_SAFE:
        ageing = ageing.astype(object)
    return covered, _between((ageing[1:] + ageing[:-1]) * known, first, last)


def joined(column: NDArray[Kind], begins: Indices, lengths: Indices) -> NDArray[Kind]:
    """Stretches of a column, one after the other."""
    stops = (begins + lengths).tolist()
    pairs = zip(begins.tolist(), stops, strict=True)
    return np.concatenate([column[begin:stop] for begin, stop in pairs])


def positions(whole: Table, row: Indices, begins: Millis, ends: Millis) -> tuple[Indices, Indices]:
    """Positions of the first reading at or after each begin and the last at or before each end."""
    first, last = _at_or_after(whole, row, begins), _at_or_after(whole, row, ends + 1) - 1
    return np.minimum(first, last), last


def _at_or_after(whole: Table, row: Indices, instants: Millis) -> Indices:
    """Position of the first reading of ``row`` at or after each instant, else the row's end.

    Most rows are regular, so that the instant tells the position; the others are searched.
    """
    t, start, stop = whole.t, whole.starts[row], whole.starts[row + 1]
    mean_ms = np.maximum((t[stop - 1] - t[start]) // np.maximum(stop - start - 1, 1), 1)
    at: Indices = np.clip(start - (t[start] - instants) // mean_ms, start, stop)
    early = (at > start) & (t[np.maximum(at - 1, 0)] >= instants)
    late = (at < stop) & (t[np.minimum(at, len(t) - 1)] < instants)
    missed = np.flatnonzero(early | late)
    for channel, places in _each(row, missed):
        begin = int(whole.starts[channel])
        own = t[begin : int(whole.starts[channel + 1])]
        at[places] = begin + own.searchsorted(instants[places])
    return at


def _each(row: Indices, places: Indices) -> Iterator[tuple[int, Indices]]:
    """Each channel of some places, which are by channel, with its own ones."""
    if len(places):
        heads = heads_of(row[places[1:]] == row[places[:-1]])
        yield from zip(row[places[heads]].tolist(), np.split(places, heads[1:]), strict=True)


def _between(segments: Millis, first: Indices, last: Indices) -> Millis:
    """Sum over the segments between two positions of each window.

    A running sum from edge to edge may pass the end of int64; the difference is exact all the
    same, since no window's own sum does.
    """
    edges = np.unique(np.concatenate((first, last)))
    running = np.zeros(len(edges), segments.dtype)
    if len(edges) > 1:
        np.cumsum(np.add.reduceat(segments[: edges[-1]], edges[:-1]), out=running[1:])
    sums: Millis = running[np.searchsorted(edges, last)] - running[np.searchsorted(edges, first)]
    return sums


def rates_at_limit(ms: Millis, kind: DTypeLike) -> Millis:
    """What covered time adds up to that was spent at the limit, in a kind of number."""
    return 2 * ms.astype(kind) * (1 << SCALE_BITS)


@lru_cache(maxsize=64)
def _bounds(limit: KineticLimit, side: int, first: int, last: int) -> Millis:
    """The lower (-1) or upper (1) bound of the ageing rate at each value; exact at the limit."""
    values = np.arange(first * TABLE_BLOCK, (last + 1) * TABLE_BLOCK)
    rates = relative_rates(values, limit.limit_milli, limit.activation_kj_per_mol)
    scaled = np.ldexp(rates, SCALE_BITS)
    scaled[values != limit.limit_milli] += side * SLACK
    bounds = np.maximum(np.floor(scaled), 0) if side < 0 else np.ceil(scaled)
    if bounds.max() < INT64_SAFE:
        return bounds.astype(np.int64)
    return np.array([int(bound) for bound in bounds.tolist()], object)


NO_WINDOWS: Final = KineticWindows(
    row=np.empty(0, np.intp),
    first=np.empty(0, np.intp),
    last=np.empty(0, np.intp),
    short=np.empty(0, np.bool_),
    covered_ms=np.empty(0, np.int64),
    span_ms=np.empty(0, np.int64),
    rate_low=np.empty(0, np.int64),
    rate_high=np.empty(0, np.int64),
)
