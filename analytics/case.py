"""What the judge is given: one consignment's window, its channels and what was planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.readings import NO_READINGS

if TYPE_CHECKING:
    from analytics.readings import Readings
    from coldgate.model import ClockPair, EventKind, Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time to be judged (S7), both ends included, in ms since 1970 UTC.

    An end without its event is a fall-back and flagged as one. ``end_ms`` None means that the
    journey goes on and any verdict is provisional (S19), unless the loggers have ``stopped`` and
    their own last reading stands in for the missing event.
    """

    begin_ms: int | None
    end_ms: int | None
    begin_event: EventKind | None = None
    end_event: EventKind | None = None
    stopped: bool = False

    @property
    def provisional(self) -> bool:
        """True while the journey goes on."""
        return self.end_ms is None and not self.stopped


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Channel:
    """One quantity of one sensor while it was placed with the consignment (S1).

    ``readings`` and ``conflicts`` carry logger time; ``clock_pairs`` map it to server time (S3).
    ``placed_from_ms`` and ``placed_to_ms`` are server time, both included, None where open.
    ``interval_ms`` is the configured one, None where nobody knows it (S9).
    """

    serial: str
    sensor: int
    quantity: Quantity
    readings: Readings
    conflicts: Readings = NO_READINGS
    zone: str | None = None
    placed_from_ms: int | None = None
    placed_to_ms: int | None = None
    interval_ms: int | None = None
    clock_pairs: tuple[ClockPair, ...] = ()

    @property
    def key(self) -> str:
        """Name of the channel within its consignment, such as ``tl-07/0/temperature``."""
        return f"{self.serial}/{self.sensor}/{self.quantity.name.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """Everything a judgement depends on besides the profile; nothing else is ever read."""

    window: Window
    channels: tuple[Channel, ...]
    freeze_sensitive: bool = False
    planned_zones: tuple[str, ...] = ()
    planned_loggers: tuple[str, ...] = ()
