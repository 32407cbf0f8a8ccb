"""One simulated logger: a clock that may be wrong, and a flash ring that keeps its readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from coldgate.model import Block, Quantity, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_FLASH_READINGS: Final = 32_768  # 22 days at one a minute
_EXPONENT: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerClock:
    """A clock that was ``offset_ms`` ahead at ``set_at_ms`` and gains ``drift_ppm`` since."""

    set_at_ms: int = 0
    offset_ms: int = 0
    drift_ppm: float = 0.0

    def shows(self, true_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """What the clock shows at each true instant."""
        gained = np.rint((true_ms - self.set_at_ms) * (self.drift_ppm * 1e-6))
        shown: NDArray[np.int64] = true_ms + self.offset_ms + gained.astype(np.int64)
        return shown


class Logger:
    """Numbers its readings from 1 without holes and keeps each until a gateway confirmed it.

    When the flash is full the oldest reading is overwritten, as real loggers do; ``lost`` counts.
    """

    def __init__(
        self, serial: str, *, clock: LoggerClock, flash_readings: int = DEFAULT_FLASH_READINGS
    ) -> None:
        self.serial = serial
        self.clock = clock
        self.taken = 0
        self.confirmed = 0
        self.lost = 0
        self._stamps = np.zeros(flash_readings, np.int64)
        self._values = np.zeros((flash_readings, 2), np.int16)
        self._upto = 0  # settled: confirmed or lost

    @property
    def pending(self) -> int:
        """Readings in the flash that no gateway has confirmed."""
        return self.taken - self._upto

    def record(
        self,
        true_ms: NDArray[np.int64],
        temperature: NDArray[np.int16],
        humidity: NDArray[np.int16],
    ) -> None:
        """Write readings, all of shape (n,) with n no more than the flash can hold."""
        slots = self._slots(self.taken + 1, len(true_ms))
        self._stamps[slots] = self.clock.shows(true_ms)
        self._values[slots, 0] = temperature
        self._values[slots, 1] = humidity
        self.taken += len(true_ms)
        overwritten = max(self.taken - len(self._stamps) - self._upto, 0)
        self.lost += overwritten
        self._upto += overwritten

    def block(self, most: int) -> Block | None:
        """The oldest unconfirmed readings, at most ``most``; None when there is none."""
        count = min(self.pending, most)
        if not count:
            return None
        first = self._upto + 1
        slots = self._slots(first, count)
        stamps = self._stamps[slots]
        return Block(
            serial=self.serial,
            first_sequence=first,
            base_ms=int(stamps[0]),
            offsets_ms=(stamps - stamps[0]).astype(np.uint32),
            series=(
                self._series(Quantity.TEMPERATURE, self._values[slots, 0]),
                self._series(Quantity.HUMIDITY, self._values[slots, 1]),
            ),
        )

    def confirm(self, upto: int) -> None:
        """Let go of everything up to sequence number ``upto``; repeating it changes nothing."""
        settled = max(min(upto, self.taken) - self._upto, 0)
        self.confirmed += settled
        self._upto += settled

    def _slots(self, first: int, count: int) -> NDArray[np.int64]:
        return np.arange(first, first + count, dtype=np.int64) % len(self._stamps)

    @staticmethod
    def _series(quantity: Quantity, values: NDArray[np.int16]) -> Series:
        return Series(quantity=quantity, sensor=0, exponent=_EXPONENT, values=values)
