"""Mean, spread and mean kinetic temperature, the exponentials to sixty digits (section 2)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analytics.reference.observation import Observation
    from analytics.windows import KineticLimit

SIXTY_DIGITS: Final = Context(prec=60, Emin=MIN_EMIN, Emax=MAX_EMAX)
GAS_CONSTANT: Final = Decimal("0.008314462618")  # kJ/(mol K), CODATA 2018
ZERO_CELSIUS: Final = Decimal("273.15")  # K
COLDEST_MILLI: Final = -273_149  # what uncertainty makes colder is taken as this
RATE_UNIT: Final = 1 << 24  # limits of MKT are compared with this resolution, enclosing the truth


def theta(activation_kj_per_mol: float) -> Decimal:
    """Activation energy over the gas constant, in K."""
    return SIXTY_DIGITS.divide(Decimal(str(activation_kj_per_mol)), GAS_CONSTANT)


def kelvin(milli: int) -> Decimal:
    """Absolute temperature of a value in m°C."""
    return Decimal(milli).scaleb(-3) + ZERO_CELSIUS


def histogram(seen: Observation, first: int = 0, last: int | None = None) -> dict[int, int]:
    """Twice the covered time at each value, from reading ``first`` to ``last`` (S25)."""
    weights: dict[int, int] = {}
    for i in range(first, len(seen.t) - 1 if last is None else last):
        if seen.covered[i]:
            step_ms = seen.t[i + 1] - seen.t[i]
            weights[seen.v[i]] = weights.get(seen.v[i], 0) + step_ms
            weights[seen.v[i + 1]] = weights.get(seen.v[i + 1], 0) + step_ms
    return weights


def mean_milli(weights: Mapping[int, int]) -> Fraction | None:
    """The exact time-weighted mean; None where no time is covered."""
    if not weights:
        return None
    return Fraction(sum(v * w for v, w in weights.items()), sum(weights.values()))


def deviation(weights: Mapping[int, int]) -> Decimal | None:
    """The time-weighted standard deviation in units; None where no time is covered."""
    mean = mean_milli(weights)
    if mean is None:
        return None
    squares = sum(v * v * w for v, w in weights.items())
    variance = Fraction(squares, sum(weights.values())) - mean * mean
    with localcontext(SIXTY_DIGITS):
        return (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt() / 1000


def mean_kinetic_celsius(weights: Mapping[int, int], activation: float) -> Decimal | None:
    """``Θ / -ln(Σ w·exp(-Θ/T) / Σ w)`` in °C; None where no time is covered."""
    if not weights:
        return None
    with localcontext(SIXTY_DIGITS):
        over_r = theta(activation)
        rates = (w * (-over_r / kelvin(v)).exp() for v, w in weights.items())
        mean = sum(rates, Decimal(0)) / sum(weights.values())
        return over_r / -mean.ln() - ZERO_CELSIUS


def ageing(milli: int, activation: float, reference_milli: int) -> Decimal:
    """``exp(Θ(1/Tref - 1/T))``: how fast goods age, relative to the reference (4.1)."""
    with localcontext(SIXTY_DIGITS):
        over_r = theta(activation)
        return (over_r / kelvin(reference_milli) - over_r / kelvin(milli)).exp()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatWindow:
    """Readings ``first`` to ``last`` and what lies between them, as far as it is known (S26).

    ``low`` and ``high`` enclose twice the sum of time and rate, the rate at the limit being
    ``RATE_UNIT``. Before a record that is too ``short`` it may have been cold, as in a gap.
    """

    first: int
    last: int
    short: bool
    span_ms: int
    covered_ms: int
    low: int
    high: int

    @property
    def certainly_above(self) -> bool:
        """True if the MKT exceeds the limit, however cold it was while nobody looked."""
        return self.low > 2 * self.span_ms * RATE_UNIT

    @property
    def possibly_above(self) -> bool:
        """True unless the known time is known to keep the limit."""
        return self.covered_ms == 0 or self.high > 2 * self.covered_ms * RATE_UNIT

    @property
    def intensity(self) -> Fraction:
        """Its mean rate, by which windows are compared."""
        return Fraction(self.high, self.covered_ms) if self.covered_ms else Fraction(-1)


@dataclass(frozen=True, slots=True)
class _Running:
    """Sums up to each reading of known time and of its enclosed rates, for any window."""

    covered_ms: list[int]
    low: list[int]
    high: list[int]


def heat_windows(
    seen: Observation, ends: Iterable[int], limit: KineticLimit, *, shifted_milli: int = 0
) -> list[HeatWindow]:
    """The windows that end at ``ends``, as if every value were higher by ``shifted_milli``.

    Readings from ``end - window`` to ``end`` count, and no part of a segment (section 2.1).
    """
    running = _running(seen, limit, shifted_milli)
    return [_window(seen, running, end, limit.window_ms) for end in ends]


def _running(seen: Observation, limit: KineticLimit, shifted_milli: int) -> _Running:
    rates = {
        value: _enclosed(max(value + shifted_milli, COLDEST_MILLI), limit) for value in set(seen.v)
    }
    running = _Running([0], [0], [0])
    for i in range(len(seen.t) - 1):
        known_ms = seen.t[i + 1] - seen.t[i] if seen.covered[i] else 0
        (low0, high0), (low1, high1) = rates[seen.v[i]], rates[seen.v[i + 1]]
        running.covered_ms.append(running.covered_ms[i] + known_ms)
        running.low.append(running.low[i] + known_ms * (low0 + low1))
        running.high.append(running.high[i] + known_ms * (high0 + high1))
    return running


def _window(seen: Observation, running: _Running, end: int, window_ms: int) -> HeatWindow:
    last = bisect_right(seen.t, end) - 1
    first = min(bisect_left(seen.t, end - window_ms), last)
    short = end - window_ms < seen.t[0]
    return HeatWindow(
        first=first,
        last=last,
        short=short,
        span_ms=window_ms if short else seen.t[last] - seen.t[first],
        covered_ms=running.covered_ms[last] - running.covered_ms[first],
        low=running.low[last] - running.low[first],
        high=running.high[last] - running.high[first],
    )


def _enclosed(milli: int, limit: KineticLimit) -> tuple[int, int]:
    """Whole units below and above the rate of ageing relative to that at the limit."""
    if milli == limit.limit_milli:
        return RATE_UNIT, RATE_UNIT
    with localcontext(SIXTY_DIGITS):
        rate = ageing(milli, limit.activation_kj_per_mol, limit.limit_milli) * RATE_UNIT
        half = Decimal("0.5")
        return max(floor(rate - half), 0), ceil(rate + half)
