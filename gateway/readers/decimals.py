"""Decimal text as exact integers with one exponent for a whole column; no binary float anywhere."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NO_VALUE: Final = frozenset(
    ("", "nan", "na", "n/a", "null", "none", "-", "--", "---", "--.-", "---.-", "0x7fff", "-200")
)
SENTINEL: Final = int(np.iinfo(np.int32).min)
_FINEST_EXPONENT: Final = -6
_CANONICAL_EXPONENT: Final = -3  # S1: readings are compared in thousandths
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")


def parse_decimal(text: str, *, decimal_comma: bool) -> Decimal:
    """The exact number in ``text``; ``ValueError`` for anything but digits, sign and one mark."""
    plain = text.strip()
    if decimal_comma:
        if "." in plain:
            raise ValueError(f"{plain!r} has a point where the mapping promises a comma")
        plain = plain.replace(",", ".")
    if not (plain.isascii() and _NUMBER.fullmatch(plain)):
        raise ValueError(f"{text!r} is not a decimal number")
    return Decimal(plain)


def fahrenheit_to_celsius(fahrenheit: Decimal) -> Decimal:
    """Degrees Celsius in thousandths, rounded half-even from the exact quotient."""
    milli = round(Fraction(fahrenheit - 32) * 5000 / 9)
    return Decimal(milli).scaleb(_CANONICAL_EXPONENT)


def to_integers(values: Sequence[Decimal | None]) -> tuple[NDArray[np.int32], int]:
    """Integers and the exponent they share, ``value = integer * 10**exponent``; None: a sentinel.

    The exponent keeps every digit that was written, down to 10**-6. Where that does not fit into
    32 bits it is 10**-3, rounded half-even; ``OverflowError`` names the position of a value that
    does not fit even then.
    """
    exponents = [_exponent(value) for value in values if value is not None]
    exponent = max(_FINEST_EXPONENT, min(exponents, default=0))
    integers = [_scaled(value, exponent) for value in values]
    if any(abs(i) > -SENTINEL - 1 for i in integers if i != SENTINEL):
        exponent = max(exponent, _CANONICAL_EXPONENT)
        integers = [_scaled(value, exponent) for value in values]
    for position, (value, integer) in enumerate(zip(values, integers, strict=True)):
        if value is not None and abs(integer) > -SENTINEL - 1:
            raise OverflowError(position)
    return np.array(integers, np.int32), exponent


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0


def _scaled(value: Decimal | None, exponent: int) -> int:
    if value is None:
        return SENTINEL
    return int(value.scaleb(-exponent).to_integral_value(ROUND_HALF_EVEN))
