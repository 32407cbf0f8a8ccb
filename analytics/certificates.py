"""Calibration: corrections, and the uncertainty that they leave (S2, S27)."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from analytics.arrays import rounded_sum
from analytics.profile import Corrections
from coldgate.model import Quantity, ReadingFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.arrays import Indices, Milli, Millis
    from analytics.case import Certificate
    from analytics.profile import Uncertainty
    from analytics.readings import Readings

CLIMATIC = frozenset({Quantity.TEMPERATURE, Quantity.HUMIDITY})  # what is calibrated


def corrected(
    readings: Readings, certificates: Sequence[Certificate], policy: Uncertainty
) -> Readings:
    """The readings after the certificate in force at each instant, rounded half to even (S2).

    Codes of a faulty sensor stay as they are.
    """
    if policy.corrections is Corrections.FORBIDDEN or not any(
        certificate.corrections for certificate in certificates
    ):
        return readings
    v = readings.value_milli
    sound = (readings.flags & np.uint8(ReadingFlag.FAULT)) == 0
    places = in_force(readings.taken_at_ms, certificates)
    for place, certificate in enumerate(certificates):
        if certificate.corrections:
            here = (places == place) & sound
            v = np.where(here, _corrected(v, certificate.corrections), v)
    return readings.with_values(v.astype(np.int32))


def in_force_counts(t: Millis, certificates: Sequence[Certificate]) -> list[int]:
    """At how many of the instants no certificate is in force, and then each of them."""
    places = in_force(t, certificates) + 1
    counts: list[int] = np.bincount(places, minlength=len(certificates) + 1).tolist()
    return counts


def in_force(t: Millis, certificates: Sequence[Certificate]) -> Indices:
    """The place of the certificate in force at each instant, -1 for none.

    Of several in force the one that began last counts.
    """
    found = np.full(len(t), -1, np.intp)
    order = sorted(
        range(len(certificates)),
        key=lambda place: (certificates[place].valid_from_ms, certificates[place].number),
    )
    for place in order:
        valid = certificates[place]
        found[(t >= valid.valid_from_ms) & (t <= valid.valid_to_ms)] = place
    return found


def _corrected(v: Milli, points: Sequence[tuple[int, int]]) -> Millis:
    """Values plus the correction between the points around each, exact and rounded once."""
    raw = np.array([point for point, _ in points], np.int64)
    add = np.array([correction for _, correction in points], np.int64)
    wide = v.astype(np.int64)
    held = wide + np.where(wide < raw[0], add[0], add[-1])
    right = np.clip(np.searchsorted(raw, wide, side="right"), 1, max(len(raw) - 1, 1))
    between = (wide >= raw[0]) & (wide < raw[-1])
    for at in np.unique(right[between]).tolist():
        run, rise = int(raw[at] - raw[at - 1]), int(add[at] - add[at - 1])
        here = between & (right == at)
        held[here] = rounded_sum(wide[here] + add[at - 1], (wide[here] - raw[at - 1]) * rise, run)
    limits = np.iinfo(np.int32)
    clipped: Millis = np.clip(held, limits.min, limits.max)
    return clipped


def uncertainty_milli(
    quantity: Quantity, certificates: Sequence[Certificate | None], policy: Uncertainty
) -> int:
    """The largest expanded uncertainty (k = 2) of a channel, rounded up (S27).

    ``certificates`` are those in force at any of its readings, None for none. Quantities that are
    not calibrated are taken as exact.
    """
    if quantity not in CLIMATIC:
        return 0
    spatial = policy.spatial_milli if quantity is Quantity.TEMPERATURE else 0
    uncorrected = policy.corrections is Corrections.FORBIDDEN or not certificates
    return max(
        _without(quantity, policy, spatial) if one is None else _expanded(one, spatial)
        for one in [*certificates, *([None] if uncorrected else [])]
    )


def _expanded(certificate: Certificate, spatial_milli: int) -> int:
    """``2·√((U/2)² + res²/12 + drift²/3 + spatial²)``, rounded up, in integers (S27)."""
    thrice_squared = (
        3 * certificate.expanded_milli**2
        + certificate.resolution_milli**2
        + 4 * certificate.drift_milli**2
        + 12 * spatial_milli**2
    )
    return _root_up(thrice_squared, 3)


def _without(quantity: Quantity, policy: Uncertainty, spatial_milli: int) -> int:
    """The permissible error instead of a certificate's U."""
    is_temperature = quantity is Quantity.TEMPERATURE
    mpe = policy.temperature_mpe_milli if is_temperature else policy.humidity_mpe_milli
    return _root_up(mpe**2 + 4 * spatial_milli**2, 1)


def _root_up(numerator: int, denominator: int) -> int:
    """The smallest integer whose square times ``denominator`` is at least ``numerator``."""
    root = isqrt(numerator // denominator)
    return root if root * root * denominator >= numerator else root + 1
