"""What a calibration adds to a reading, and what it leaves uncertain (S2, S27)."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import isqrt
from typing import TYPE_CHECKING

from coldgate.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.case import Certificate
    from analytics.profile import Uncertainty


def in_force(certificates: Sequence[Certificate], at_ms: int) -> Certificate | None:
    """The certificate at this instant: of several the one that began last, then by number (S2)."""
    valid = [each for each in certificates if each.valid_from_ms <= at_ms <= each.valid_to_ms]
    return max(valid, key=lambda each: (each.valid_from_ms, each.number), default=None)


def corrected(raw_milli: int, certificate: Certificate) -> int:
    """The reading plus its correction, to the thousandth, half to even, within int32 (S1, S2)."""
    exact = raw_milli + _correction(raw_milli, certificate.corrections)
    return min(max(round(exact), -(2**31)), 2**31 - 1)


def _correction(raw_milli: int, points: Sequence[tuple[int, int]]) -> Fraction:
    """Linear between the certificate's points, constant outside them, 0 without any."""
    if not points:
        return Fraction(0)
    if raw_milli <= points[0][0]:
        return Fraction(points[0][1])
    for (left, left_adds), (right, right_adds) in pairwise(points):
        if raw_milli <= right:
            slope = Fraction(right_adds - left_adds, right - left)
            return left_adds + (raw_milli - left) * slope
    return Fraction(points[-1][1])


def expanded_milli(quantity: Quantity, certificate: Certificate | None, policy: Uncertainty) -> int:
    """U with k = 2 of one certificate, or of none, rounded up (S27).

    ``U = sqrt(Ucal² + res²/3 + 4·drift²/3 + 4·spatial²)``, and the permissible error in place of
    the first three without a certificate. Quantities that have none are exact.
    """
    if quantity is Quantity.TEMPERATURE:
        permissible, spatial = policy.temperature_mpe_milli, policy.spatial_milli
    elif quantity is Quantity.HUMIDITY:
        permissible, spatial = policy.humidity_mpe_milli, 0
    else:
        return 0
    if certificate is None:
        return _root_rounded_up(permissible**2 + Fraction(4 * spatial**2))
    return _root_rounded_up(
        certificate.expanded_milli**2
        + Fraction(certificate.resolution_milli**2, 3)
        + Fraction(4 * certificate.drift_milli**2, 3)
        + 4 * spatial**2
    )


def _root_rounded_up(square: Fraction) -> int:
    """The smallest whole number whose square is no less than ``square``."""
    root = isqrt(int(square))
    return root if root * root >= square else root + 1
