"""Randomness by address: the draw for (seed, stream, index) never depends on any other draw.

A logger's noise is thus the same alone or in a fleet, in one piece or in many, and with every
version of numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014
_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_HALF_BITS: Final = np.uint64(32)
_LOW_HALF: Final = np.uint64(0xFFFFFFFF)
_HALF_SCALE: Final = 2.0**-32


def draw(seed: int, stream: ArrayLike, index: ArrayLike) -> NDArray[np.uint64]:
    """64 random bits for each (stream, index), broadcast against each other."""
    key = _mix(_words(seed))
    key = _mix(key ^ _words(stream))
    return _mix(key + _words(index) * _GAMMA)


def uniform(seed: int, stream: ArrayLike, index: ArrayLike) -> NDArray[np.float64]:
    """Evenly spread numbers in [0, 1)."""
    return (draw(seed, stream, index) >> _HALF_BITS).astype(np.float64) * _HALF_SCALE


def triangular(seed: int, stream: ArrayLike, index: ArrayLike) -> NDArray[np.float64]:
    """Numbers in [-1, 1), most often near 0: the sum of two even draws, so the bound is hard."""
    bits = draw(seed, stream, index)
    high, low = bits >> _HALF_BITS, bits & _LOW_HALF
    return (high.astype(np.float64) + low.astype(np.float64)) * _HALF_SCALE - 1.0


def _words(numbers: ArrayLike) -> NDArray[np.uint64]:
    """As 64-bit words of at least one dimension; numpy lets arrays, not scalars, wrap silently."""
    return np.atleast_1d(np.asarray(numbers, dtype=np.int64)).view(np.uint64)


def _mix(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's next output after the state ``word``."""
    word = word + _GAMMA
    word = (word ^ (word >> np.uint64(30))) * _FIRST
    word = (word ^ (word >> np.uint64(27))) * _SECOND
    return word ^ (word >> np.uint64(31))
