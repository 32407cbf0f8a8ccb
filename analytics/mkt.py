"""Mean kinetic temperature, mean and spread from one integer histogram (S25, section 2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from analytics.arrays import Milli, Millis
    from analytics.kernel import Segments

GAS_CONSTANT_KJ_PER_MOL_K: Final = 8.314462618e-3  # CODATA 2018, exact to the digits shown
KELVIN_OFFSET: Final = 273.15  # 0 °C, by the definition of the Celsius scale
ACTIVATION_KJ_PER_MOL: Final = 83.144  # USP <1160>, unless studies give a better one
DENSE_BINS: Final = 1 << 16  # a span of 65 °C; beyond it the histogram is built by sorting


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Time spent at each value, doubled: ``weight_ms[i]`` at ``v[i]``, both of shape (bins,).

    A covered segment of ``dt`` adds ``dt`` to the bins of both its ends: the trapezoid rule
    without its half, so that histograms of disjoint times add without loss.
    """

    v: Milli
    weight_ms: Millis

    @property
    def total(self) -> int:
        """Twice the covered time in ms."""
        return int(self.weight_ms.sum())

    def bins(self) -> zip[tuple[int, int]]:
        """Pairs of value and weight as Python integers."""
        return zip(self.v.tolist(), self.weight_ms.tolist(), strict=True)


def histogram(v: Milli, between: Segments) -> Histogram:
    """The histogram of one channel; exact, whatever the values.

    It does not depend on the activation energy: the mean, its spread, the MKT for any product and
    every Arrhenius budget come from this one summary (section 2).

    Args:
        v: values in milli-units, shape (n,).
        between: the n - 1 segments between them; uncovered ones add nothing (S10).

    Returns:
        Bins in ascending order of value, each with a positive weight.
    """
    if not between.covered.any():
        return Histogram(np.empty(0, np.int32), np.empty(0, np.int64))
    known = np.where(between.covered, between.dt, 0)
    weights = np.append(known, 0) + np.append(0, known)
    low, high = int(v.min()), int(v.max())
    if high - low < DENSE_BINS:
        # bincount adds in float64: exact below 2**53 ms
        dense = np.bincount(v - low, weights=weights).astype(np.int64)
        hit = np.flatnonzero(dense)
        return Histogram((hit + low).astype(np.int32), dense[hit])
    order = np.argsort(v, kind="stable")
    values, heads = np.unique(v[order], return_index=True)
    sums = np.add.reduceat(weights[order], heads)
    return Histogram(values[sums > 0], sums[sums > 0])


def theta(activation_kj_per_mol: float) -> float:
    """Activation energy over the gas constant, in K."""
    return activation_kj_per_mol / GAS_CONSTANT_KJ_PER_MOL_K


def mean_kinetic_celsius(known: Histogram, activation_kj_per_mol: float) -> float | None:
    """MKT in °C, unrounded; None where no time is covered.

    ``T = Θ / -ln(Σ w·exp(-Θ/T_i) / Σ w)`` with ``Θ = ΔH/R``, the trapezoid rule on the
    exponential (Tong and Lock, 2015): never below the truth along a straight line, because the
    exponential is convex. The hottest bin is factored out, and ``fsum`` rounds once: the result
    does not depend on the order of the bins.

    >>> half = Histogram(np.array([5000, 8000], np.int32), np.array([1, 1]))
    >>> round(mean_kinetic_celsius(half, ACTIVATION_KJ_PER_MOL), 9)
    6.635007071
    """
    if not known.total:
        return None
    over_r = theta(activation_kj_per_mol)
    hottest = 1 / kelvin(int(known.v[-1]))
    rate = math.fsum(w * math.exp(over_r * (hottest - 1 / kelvin(v))) for v, w in known.bins())
    return over_r / (over_r * hottest - math.log(rate / known.total)) - KELVIN_OFFSET


def mean_and_deviation(known: Histogram) -> tuple[float, float] | None:
    """Time-weighted mean and standard deviation in units; None where no time is covered.

    The sums are exact integers, so that neither order nor cancellation can change a digit.
    """
    total = known.total
    if not total:
        return None
    first = sum(v * w for v, w in known.bins())
    second = sum(v * v * w for v, w in known.bins())
    variance = (second * total - first * first) / (total * total)
    return first / total / 1000, math.sqrt(variance) / 1000


def kelvin(celsius_milli: int) -> float:
    """Absolute temperature of a value in m°C."""
    return celsius_milli / 1000 + KELVIN_OFFSET
