"""What a sensor makes of a true value: bounded noise, then whole steps of its resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firmware_sim import noise

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A sensor that reports whole multiples of ``10**exponent``; ``noise`` is a hard bound.

    ``salt`` keeps the noise of two sensors of one logger apart.
    """

    noise: float
    exponent: int
    salt: int
    ceiling: float = math.inf  # physical end of the scale, such as 100 % of humidity

    @property
    def bound(self) -> float:
        """Furthest that a reading can lie from the true value: noise and half a step."""
        return self.noise + 0.5 * 10.0**self.exponent

    def read(
        self,
        true: NDArray[np.float64],
        *,
        seed: int,
        loggers: NDArray[np.int64],
        sequences: NDArray[np.int64],
    ) -> NDArray[np.int16]:
        """Raw readings of ``true`` (n, loggers), rounded half-even, same shape."""
        jitter = noise.triangular(seed ^ self.salt, loggers, sequences[:, np.newaxis])
        steps = (true + self.noise * jitter) * 10.0**-self.exponent
        return np.rint(np.minimum(steps, self.ceiling * 10.0**-self.exponent)).astype(np.int16)
