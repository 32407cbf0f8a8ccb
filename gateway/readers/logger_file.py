"""What a logger file says: readings ready to be stored, and the device's own conclusions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta
    from decimal import Decimal

    from coldgate.model import Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Extreme:
    """Lowest or highest value that the device reports, and when it says that it was."""

    value: Decimal
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAlarm:
    """One alarm rule of the device; ``raised_at`` is None if it never sounded."""

    number: int
    limit: Decimal
    allowed_minutes: int
    outside_minutes: int | None
    raised_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDay:
    """The device's own summary of one local day."""

    day: date
    minimum: Extreme
    maximum: Extreme
    average: Decimal
    alarm_minutes: tuple[tuple[int, int], ...]  # number of the alarm, minutes outside


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """The device's own statistics and alarms, in ``unit``; kept beside ours, never instead."""

    unit: str
    minimum: Extreme | None = None
    maximum: Extreme | None = None
    average: Decimal | None = None
    mean_kinetic: Decimal | None = None
    activation_kilojoule_per_mole: Decimal | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    alarms: tuple[DeviceAlarm, ...] = ()
    days: tuple[DeviceDay, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerFile:
    """Everything taken from one logger file.

    ``blocks`` carry no sequence numbers yet and stand in the order of the file. ``differences``
    names every statistic of the device that its own readings do not bear out.
    """

    serial: str
    model: str
    firmware: str | None
    zone: str
    interval: timedelta | None
    blocks: tuple[Block, ...]
    report: DeviceReport | None = None
    differences: tuple[str, ...] = ()
    rows_without_values: int = 0

    @property
    def readings(self) -> int:
        """Number of instants in the file, with a value or with an explicit "no value"."""
        return sum(block.count for block in self.blocks)
