"""Array types of the judge, and integer arithmetic that is exact on whole arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Flags = NDArray[np.uint8]
    Indices = NDArray[np.intp]
    Milli = NDArray[np.int32]  # thousandths of the quantity's unit
    Millis = NDArray[np.int64]  # milliseconds, since 1970 UTC where they name an instant


def strictly_increasing(instants: Millis) -> bool:
    """True if each instant lies after the one before; true for none and for one."""
    return bool(np.all(instants[1:] > instants[:-1]))


def rounded_sum(base: Millis, numerator: Millis, denominator: int) -> Millis:
    """``base + numerator / denominator``, shape (n,), rounded half to even; exact in integers.

    ``denominator`` must be positive. The parity of the whole sum decides a tie, not that of the
    quotient alone. ``numerator`` may hold Python integers where int64 would overflow.

    >>> rounded_sum(np.array([0, 1, 1]), np.array([5, 5, -7]), 2).tolist()
    [2, 4, -2]
    """
    quotient = numerator // denominator  # not divmod: it refuses arrays of Python integers
    rest = numerator - quotient * denominator
    floor = base + quotient
    tie_to_even = (2 * rest == denominator) & (floor % 2 == 1)
    rounded: Millis = floor + ((2 * rest > denominator) | tie_to_even)
    return rounded
