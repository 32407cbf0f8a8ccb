"""MKT over the hours before each excursion's end (S26, section 2.1), decided in integers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import BLOCK, heads_of, looked_up
from analytics.mkt import relative_rates
from analytics.readings import ABSOLUTE_ZERO_MILLI

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analytics.arrays import Bools, Indices, Millis
    from analytics.table import Table

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
    ages, relative to its rate at the limit, times ``2**SCALE_BITS``; over covered time only.
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

    def certainly_above(self) -> Bools:
        """Windows whose MKT exceeds the limit, however cold it was while nobody looked."""
        above: Bools = self.rate_low > _rates_at_limit(self.span_ms, self.rate_low)
        return above

    def possibly_above(self) -> Bools:
        """All windows but those with covered time whose MKT there is within the limit."""
        above: Bools = self.rate_high > _rates_at_limit(self.covered_ms, self.rate_high)
        above[self.covered_ms == 0] = True
        return above

    def worst(self, row: int) -> int:
        """The window of a channel with the highest MKT, the earliest of equals."""
        mine = np.flatnonzero(self.row == row).tolist()
        pairs = ((self.rate_high[at], self.covered_ms[at]) for at in mine)
        means = [int(rate) / int(ms) if ms else -1.0 for rate, ms in pairs]
        return int(mine[means.index(max(means))])


def kinetic_windows(
    whole: Table, row: Indices, ends: Millis, limit: KineticLimit, shift_milli: Millis
) -> KineticWindows:
    """The windows that end at ``ends`` in the channels ``row``, from prefix sums.

    A window has the readings from ``end - window_ms`` to ``end`` and no partial segment: at most
    one interval is missing on either side. What a record is too short for is never padded. The
    cost grows with the time in any window; where windows overlap it is looked at once.

    Args:
        whole: canonical readings in m°C, above absolute zero.
        row: channel of each window, ascending, shape (windows,).
        ends: ends of excursions in ms, each at or after its channel's first reading; ascending
            within a channel.
        limit: MKT, window and activation energy.
        shift_milli: what is added to the values of each channel of the table, shape (rows,).
    """
    if not len(row):
        return NO_WINDOWS
    first, last = positions(whole, row, ends - limit.window_ms, ends)
    short = ends - limit.window_ms < whole.t[whole.starts[row]]
    apart = heads_of((row[1:] == row[:-1]) & (first[1:] <= last[:-1]))
    stops = np.append(apart[1:], len(row)).tolist()
    sums = [
        _sums(whole, int(row[at]), first[at:stop], last[at:stop], limit, int(shift_milli[row[at]]))
        for at, stop in zip(apart.tolist(), stops, strict=True)
    ]
    covered, low, high = (np.concatenate(each) for each in zip(*sums, strict=True))
    return KineticWindows(
        row=row,
        first=first,
        last=last,
        short=short,
        covered_ms=covered,
        span_ms=np.where(short, limit.window_ms, whole.t[last] - whole.t[first]),
        rate_low=low,
        rate_high=high,
    )


def _sums(
    whole: Table, row: int, first: Indices, last: Indices, limit: KineticLimit, shift_milli: int
) -> tuple[Millis, Millis, Millis]:
    """Covered time, lower and upper kinetic sum of overlapping windows of one channel."""
    begin, end = int(first[0]), int(last[-1]) + 1
    v = whole.v[begin:end]
    if shift_milli:
        v = np.maximum(v + np.int64(shift_milli), ABSOLUTE_ZERO_MILLI + 1)
    known = _known(whole.t[begin:end], int(whole.bridge_ms[row]))
    places = first - begin, last - begin
    low, high = (
        _between(_integral(rates, known, limit), *places)
        for rates in (looked_up(v, partial(_bounds, limit, side)) for side in (-1, 1))
    )
    return _between(known, *places), low, high


def _known(t: Millis, bridge_ms: int) -> Millis:
    dt = t[1:] - t[:-1]
    return dt if not len(dt) or int(dt.max()) <= bridge_ms else np.where(dt <= bridge_ms, dt, 0)


def _integral(rates: Millis, known: Millis, limit: KineticLimit) -> Millis:
    """Twice the integral over each segment; Python integers where a window's may pass int64."""
    if 2 * limit.window_ms * int(rates.max()) >= INT64_SAFE:
        rates = rates.astype(object)
    return (rates[1:] + rates[:-1]) * known


def positions(whole: Table, row: Indices, begins: Millis, ends: Millis) -> tuple[Indices, Indices]:
    """Positions of the first reading at or after each begin and the last at or before each end."""
    first, last = np.empty(len(row), np.intp), np.empty(len(row), np.intp)
    for channel, mine in _each(row):
        start = int(whole.starts[channel])
        t = whole.t[start : int(whole.starts[channel + 1])]
        first[mine] = start + np.searchsorted(t, begins[mine], side="left")
        last[mine] = start + np.searchsorted(t, ends[mine], side="right") - 1
    return np.minimum(first, last), last


def _each(row: Indices) -> Iterator[tuple[int, slice]]:
    heads = heads_of(row[1:] == row[:-1])
    stops = np.append(heads[1:], len(row)).tolist()
    for channel, begin, stop in zip(row[heads].tolist(), heads.tolist(), stops, strict=True):
        yield channel, slice(begin, stop)


def _between(segments: Millis, first: Indices, last: Indices) -> Millis:
    """Sum over the segments between two positions of each window.

    The running sum may pass the end of int64; the difference is exact all the same, since no
    window's own sum does.
    """
    running = np.concatenate((np.zeros(1, segments.dtype), np.cumsum(segments)))
    sums: Millis = running[last] - running[first]
    return sums


def _rates_at_limit(ms: Millis, like: Millis) -> Millis:
    return 2 * ms.astype(like.dtype) * (1 << SCALE_BITS)


@lru_cache(maxsize=64)
def _bounds(limit: KineticLimit, side: int, first: int, last: int) -> Millis:
    """The lower (-1) or upper (1) bound of the ageing rate at each value; exact at the limit."""
    values = np.arange(first * BLOCK, (last + 1) * BLOCK)
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
