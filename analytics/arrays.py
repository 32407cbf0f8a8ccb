"""Array types of the judge, and integer arithmetic that is exact on whole arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

Table = TypeVar("Table", bound="NDArray[Any]")
Whole = TypeVar("Whole", bound="NDArray[np.integer[Any]]")
Numbers = TypeVar("Numbers", bound="NDArray[np.number[Any]]")

TABLE_BLOCK_BITS: Final = 12
TABLE_BLOCK: Final = (
    1 << TABLE_BLOCK_BITS
)  # values; the part of a table of values that is made at a time
DENSE_BLOCKS: Final = 1 << 7  # a table without holes is not made longer

if TYPE_CHECKING:
    from collections.abc import Callable

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


def heads_of(joined: Bools) -> Indices:
    """Where runs begin among n elements, from whether each of the last n - 1 joins the one before.

    >>> heads_of(np.array([True, False, True])).tolist()
    [0, 2]
    """
    return np.flatnonzero(np.concatenate(([True], ~joined)))


def run_ends(heads: Indices, total: int) -> Indices:
    """The last element of each run that ``heads`` begin; ``total`` elements in all."""
    return np.append(heads[1:], total) - 1


def first_of(wanted: Numbers, values: Numbers, heads: Indices) -> Indices:
    """Position of the first element in each run that equals the run's ``wanted`` value."""
    lengths = np.diff(heads, append=len(values))
    at = np.flatnonzero(values == np.repeat(wanted, lengths))
    first: Indices = at[np.searchsorted(at, heads)]
    return first


def ranges(first: Indices, lengths: Indices) -> Indices:
    """All positions ``first[i] … first[i] + lengths[i] - 1``, one range after the other.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    before = np.cumsum(lengths) - lengths
    found: Indices = np.arange(int(lengths.sum())) + np.repeat(first - before, lengths)
    return found


def looked_up(values: Whole, table: Callable[[int, int], Table]) -> Table:
    """The entry of each value in a table that is made in blocks of TABLE_BLOCK values.

    ``table`` gives the entries of the blocks from the first to the last asked for, and is best
    cached: measured values are few and close together, so that one table serves most channels.
    """
    low, high = int(values.min()) >> TABLE_BLOCK_BITS, int(values.max()) >> TABLE_BLOCK_BITS
    if high - low < DENSE_BLOCKS:
        found: Table = table(low, high)[values - low * TABLE_BLOCK]
        return found
    numbers, place = np.unique(values >> TABLE_BLOCK_BITS, return_inverse=True)
    entries = np.stack([table(number, number) for number in numbers.tolist()])
    sparse: Table = entries[place, values & (TABLE_BLOCK - 1)]
    return sparse
