"""MKT over the hours before each excursion's end (S26, section 2.1), decided in integers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.mkt import kelvin, theta

if TYPE_CHECKING:
    from analytics.arrays import Bools, Indices, Milli, Millis

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
    """One window per row: readings ``first`` to ``last``, and bounds of its kinetic sum.

    ``rate_low`` and ``rate_high`` enclose twice the integral of the rate at which the product
    ages, relative to its rate at the limit, times ``2**SCALE_BITS``; over covered time only.
    ``span_ms`` is the time from first to last, or the whole window where the record is too
    ``short`` to fill it: like a gap, what came before may have been cold.
    """

    first: Indices
    last: Indices
    short: Bools
    covered_ms: tuple[int, ...]
    span_ms: tuple[int, ...]
    rate_low: tuple[int, ...]
    rate_high: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.span_ms)

    def certainly_above(self) -> bool:
        """True if a window's MKT exceeds the limit, however cold it was while nobody looked."""
        pairs = zip(self.rate_low, self.span_ms, strict=True)
        return any(rate > _rate_at_limit(ms) for rate, ms in pairs)

    def possibly_above(self) -> bool:
        """True unless each window has covered time, and its MKT there is within the limit."""
        pairs = zip(self.rate_high, self.covered_ms, strict=True)
        return any(ms == 0 or rate > _rate_at_limit(ms) for rate, ms in pairs)

    def worst(self) -> int:
        """Index of the window with the highest MKT, the earliest of equals."""
        pairs = zip(self.rate_high, self.covered_ms, strict=True)
        means = [rate / ms if ms else -1.0 for rate, ms in pairs]
        return means.index(max(means))


def kinetic_windows(
    t: Millis, v: Milli, covered: Bools, ends: Millis, limit: KineticLimit
) -> KineticWindows:
    """The windows that end at ``ends``, from prefix sums in O(n + windows).

    A window has the readings from ``end - window_ms`` to ``end`` and no partial segment: at most
    one interval is missing on either side. What a record is too short for is never padded.

    Args:
        t: instants in ms, shape (n,), strictly increasing.
        v: values in m°C, shape (n,), above absolute zero.
        covered: whether the value between readings i and i + 1 is known, shape (n - 1,).
        ends: ends of excursions in ms, each at or after the first reading.
        limit: MKT, window and activation energy.
    """
    if not len(ends):
        return NO_WINDOWS
    begins = ends - limit.window_ms
    first = np.searchsorted(t, begins, side="left")
    last = np.searchsorted(t, ends, side="right") - 1
    short = begins < t[0]
    span = np.where(short, limit.window_ms, t[last] - t[first])
    known = np.where(covered, np.diff(t), 0)
    low, high = _rates(v, limit)
    return KineticWindows(
        first=first,
        last=last,
        short=short,
        covered_ms=_sums(known, first, last),
        span_ms=tuple(span.tolist()),
        rate_low=_sums(_weighted(known, low), first, last),
        rate_high=_sums(_weighted(known, high), first, last),
    )


def _rate_at_limit(ms: int) -> int:
    return 2 * ms << SCALE_BITS


def _rates(v: Milli, limit: KineticLimit) -> tuple[Millis, Millis]:
    """Lower and upper bound of each reading's ageing rate; equal and exact at the limit."""
    values, place = np.unique(v, return_inverse=True)
    over_r = theta(limit.activation_kj_per_mol)
    reference = over_r / kelvin(limit.limit_milli)
    scaled = [
        math.ldexp(math.exp(reference - over_r / kelvin(value)), SCALE_BITS)
        for value in values.tolist()
    ]
    slack = np.where(values == limit.limit_milli, 0, SLACK).tolist()
    low = [max(math.floor(x - s), 0) for x, s in zip(scaled, slack, strict=True)]
    high = [math.ceil(x + s) for x, s in zip(scaled, slack, strict=True)]
    return _integers(low)[place], _integers(high)[place]


def _integers(values: list[int]) -> Millis:
    """As int64 where they fit, else as Python integers in an object array."""
    return np.array(values, np.int64 if max(values) < INT64_SAFE else object)


def _weighted(known: Millis, rates: Millis) -> Millis:
    """Twice each segment's integral; in Python integers where the sum could leave int64."""
    both = rates[1:] + rates[:-1]
    if int(known.sum()) * int(both.max(initial=0)) >= INT64_SAFE:
        both = both.astype(object)
    return known * both


def _sums(segment: Millis, first: Indices, last: Indices) -> tuple[int, ...]:
    """Sum over the segments between readings ``first`` and ``last`` of each window."""
    prefix = np.concatenate((np.zeros(1, segment.dtype), np.cumsum(segment)))
    return tuple(int(total) for total in prefix[last] - prefix[first])


NO_WINDOWS: Final = KineticWindows(
    first=np.empty(0, np.intp),
    last=np.empty(0, np.intp),
    short=np.empty(0, np.bool_),
    covered_ms=(),
    span_ms=(),
    rate_low=(),
    rate_high=(),
)
