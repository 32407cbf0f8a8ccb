"""Mean kinetic temperature, mean and spread from integer histograms (S25, section 2)."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import TABLE_BLOCK, heads_of, looked_up, run_ends

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analytics.arrays import Indices, Milli, Millis
    from analytics.histograms import Histograms

    Figures = NDArray[np.float64]

GAS_CONSTANT_KJ_PER_MOL_K: Final = 8.314462618e-3  # CODATA 2018, exact to the digits shown
KELVIN_OFFSET: Final = 273.15  # 0 °C, by the definition of the Celsius scale
ACTIVATION_KJ_PER_MOL: Final = 83.144  # USP <1160>, unless studies give a better one
COLDEST_MILLI: Final = -150_000  # below it, rates relative to 0 °C would leave a double's range
INT64_SAFE: Final = 2**62
MILLI: Final = 1000
MOST_EXPONENT: Final = 650.0  # keeps rates of absurd values within a double


def theta(activation_kj_per_mol: float) -> float:
    """Activation energy over the gas constant, in K."""
    return activation_kj_per_mol / GAS_CONSTANT_KJ_PER_MOL_K


def kelvin(celsius_milli: int) -> float:
    """Absolute temperature of a value in m°C."""
    return celsius_milli / 1000 + KELVIN_OFFSET


def mean_kinetic_celsius(bins: Histograms, rows: int, activation_kj_per_mol: float) -> Figures:
    """MKT of each channel in °C, unrounded; NaN where no time is covered.

    ``T = Θ / -ln(Σ w·exp(-Θ/T_i) / Σ w)`` with ``Θ = ΔH/R``, the trapezoid rule on the
    exponential (Tong and Lock, 2015): never below the truth along a straight line, because the
    exponential is convex. The bins of a channel are summed in their order; values may repeat.
    """
    result = np.full(rows, np.nan)
    if not len(bins.v):
        return result
    heads = heads_of(bins.row[1:] == bins.row[:-1])
    hottest = np.maximum.reduceat(bins.v, heads)
    references = np.where(hottest < COLDEST_MILLI, hottest, 0)
    total = np.add.reduceat(bins.weight_ms, heads)
    for reference in np.unique(references).tolist():
        rates = relative_rates(bins.v, reference, activation_kj_per_mol)
        shares = np.add.reduceat(bins.weight_ms * rates, heads) / total
        here = np.flatnonzero(references == reference)
        over_r = theta(activation_kj_per_mol)
        result[bins.row[heads[here]]] = [
            over_r / (over_r / kelvin(reference) - math.log(share)) - KELVIN_OFFSET
            for share in shares[here].tolist()
        ]
    return result


def relative_rates(
    v: Milli | Millis, reference_milli: int, activation_kj_per_mol: float
) -> Figures:
    """How fast a product ages at each value, relative to the reference temperature.

    Values at and below absolute zero, which nothing has, get 0.
    """
    return looked_up(v, partial(_rate_table, activation_kj_per_mol, reference_milli))


@lru_cache(maxsize=64)
def _rate_table(
    activation_kj_per_mol: float, reference_milli: int, first: int, last: int
) -> Figures:
    over_r = theta(activation_kj_per_mol)
    origin = over_r / kelvin(reference_milli)
    values = range(first * TABLE_BLOCK, (last + 1) * TABLE_BLOCK)
    warm = (kelvin(v) for v in values)
    return np.array(
        [math.exp(min(origin - over_r / k, MOST_EXPONENT)) if k > 0 else 0.0 for k in warm]
    )


def mean_and_deviation(bins: Histograms, rows: int) -> tuple[Figures, Figures]:
    """Time-weighted mean and standard deviation of each channel in units; NaN where none.

    The sums are exact integers, so that neither order nor cancellation can change a digit.
    """
    mean, deviation = np.full(rows, np.nan), np.full(rows, np.nan)
    if not len(bins.v):
        return mean, deviation
    heads = heads_of(bins.row[1:] == bins.row[:-1])
    counts = np.diff(heads, append=len(bins.v))
    lowest = bins.v[heads].astype(np.int64)
    above = bins.v.astype(np.int64) - np.repeat(lowest, counts)
    share, variance = _moments(above, bins.weight_ms, heads)
    reach = above[run_ends(heads, len(bins.v))].astype(np.float64)
    wide = reach * reach * np.add.reduceat(bins.weight_ms, heads) >= INT64_SAFE
    if wide.any():
        own = np.repeat(wide, counts)
        starts = np.cumsum(counts[wide]) - counts[wide]
        exact = above[own].astype(object), bins.weight_ms[own].astype(object)
        share[wide], variance[wide] = _moments(*exact, starts)
    row = bins.row[heads]
    mean[row] = (lowest + share) / MILLI
    deviation[row] = np.sqrt(np.maximum(variance, 0.0)) / MILLI
    return mean, deviation


def _moments(above: Millis, weight: Millis, heads: Indices) -> tuple[Figures, Figures]:
    """Mean and variance of each channel's values; of no use where the sums pass int64."""
    total = np.add.reduceat(weight, heads)
    weighted = above * weight
    share = (np.add.reduceat(weighted, heads) / total).astype(np.float64)
    squares = (np.add.reduceat(above * weighted, heads) / total).astype(np.float64)
    return share, squares - share * share
