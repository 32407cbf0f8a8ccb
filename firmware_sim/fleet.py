"""All loggers of one simulation: they record what is due and keep it until it is confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from firmware_sim.logger import DEFAULT_FLASH_READINGS, Logger, LoggerClock

if TYPE_CHECKING:
    from coldgate.model import Block
    from firmware_sim.simulation import Simulation

_CELLS_AT_ONCE: Final = 200_000  # instants times loggers, so that memory stays flat


class Fleet:
    """The loggers of ``simulation``, all with the same kind of clock and flash."""

    def __init__(
        self,
        simulation: Simulation,
        *,
        offset_ms: int = 0,
        drift_ppm: float = 0.0,
        flash_readings: int = DEFAULT_FLASH_READINGS,
    ) -> None:
        self.simulation = simulation
        self.clock = LoggerClock(
            set_at_ms=simulation.journey.begin_ms, offset_ms=offset_ms, drift_ppm=drift_ppm
        )
        self._loggers = {
            serial: Logger(serial, clock=self.clock, flash_readings=flash_readings)
            for serial in simulation.serials
        }
        self._recorded = 0
        self._most_at_once = min(flash_readings, max(_CELLS_AT_ONCE // len(self._loggers), 1))

    @property
    def expected(self) -> int:
        """Readings of the whole journey, over all loggers."""
        return self.simulation.journey.readings * len(self._loggers)

    @property
    def taken(self) -> int:
        """Readings recorded so far."""
        return sum(logger.taken for logger in self._loggers.values())

    @property
    def confirmed(self) -> int:
        """Readings that a gateway has on its disk."""
        return sum(logger.confirmed for logger in self._loggers.values())

    @property
    def pending(self) -> int:
        """Readings that only the loggers have."""
        return sum(logger.pending for logger in self._loggers.values())

    @property
    def lost(self) -> int:
        """Readings overwritten in full flashes."""
        return sum(logger.lost for logger in self._loggers.values())

    @property
    def finished(self) -> bool:
        """Whether every reading of the journey was recorded and none is waiting."""
        return self._recorded == self.simulation.journey.readings and not self.pending

    def advance(self, now_ms: int) -> None:
        """Record every reading that is due at ``now_ms``; going backwards records nothing."""
        journey = self.simulation.journey
        now_ms = min(now_ms, journey.end_ms)
        due = max((now_ms - journey.begin_ms) // journey.interval_ms + 1, 0)
        while self._recorded < due:
            self._record(min(due - self._recorded, self._most_at_once))

    def blocks(self, most: int) -> list[Block]:
        """The oldest unconfirmed readings of each logger that has any, ``most`` of each."""
        offers = (logger.block(most) for logger in self._loggers.values())
        return [block for block in offers if block is not None]

    def confirm(self, serial: str, upto: int) -> None:
        """The gateway has everything of ``serial`` up to ``upto``; others' serials are ignored."""
        logger = self._loggers.get(serial)
        if logger is not None:
            logger.confirm(upto)

    def _record(self, count: int) -> None:
        samples = self.simulation.sample(self._recorded + 1, count)
        for column, logger in enumerate(self._loggers.values()):
            logger.record(
                samples.taken_at_ms, samples.temperature[:, column], samples.humidity[:, column]
            )
        self._recorded += count
