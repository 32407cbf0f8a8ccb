"""How much the outbox may hold: hours at the busiest rate, and bytes on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What the operator grants the outbox.

    ``hours`` is counted at the busiest hour of the last ``hours`` hours, so that an outage
    shorter than that never fills the outbox, whatever the loggers do meanwhile.
    """

    hours: int = 72
    max_bytes: int = 4 * 1024**3
    reserve_bytes: int = 32 * 1024**2  # left free on the disk, so that sending never needs luck

    def readings(self, busiest_hour: int) -> int:
        """How many readings the outbox may hold when ``busiest_hour`` came in within an hour."""
        return (self.hours + 1) * busiest_hour  # the present hour has only begun

    def hours_left(self, *, held: int, held_bytes: int, busiest_hour: int) -> float:
        """Hours until the outbox refuses readings if the link stays down; hours at most."""
        if busiest_hour == 0:
            return float(self.hours)
        by_count = (self.hours * busiest_hour - held) / busiest_hour
        by_bytes = self._hours_by_bytes(held, held_bytes, busiest_hour)
        return max(0.0, min(by_count, by_bytes))

    def _hours_by_bytes(self, held: int, held_bytes: int, busiest_hour: int) -> float:
        if held == 0:
            return float(self.hours)
        bytes_per_hour = held_bytes / held * busiest_hour
        return (self.max_bytes - held_bytes) / bytes_per_hour
