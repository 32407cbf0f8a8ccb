"""What the judge is given: one consignment's window, its channels and what was planned."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from analytics.readings import NO_READINGS

if TYPE_CHECKING:
    from analytics.readings import Readings, Tally
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


class Role(Enum):
    """What a logger's readings speak of; set before departure only (S30)."""

    GOODS = "goods"
    REFERENCE = "reference"  # the air outside: shown, never judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One calibration of a channel's sensor, in force at both ends of its validity (S2, S27).

    ``expanded_milli`` is the certificate's U with k = 2. ``corrections`` are (reading, what to add
    to it) in milli-units, readings strictly ascending; between them the correction is linear,
    outside it is constant.
    """

    number: str
    valid_from_ms: int
    valid_to_ms: int
    expanded_milli: int
    resolution_milli: int = 0
    drift_milli: int = 0
    corrections: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What the sequence numbers of a logger say about its window; asked only where gaps are (S29).

    ``missing`` counts the numbers between the first and the last one due that are not stored;
    ``sealed`` says that the last one was declared and is stored.
    """

    missing: int
    sealed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One day of a channel, by server time: all that its readings say, but not they themselves.

    ``day`` counts from 1970 UTC. ``first_ms`` and ``last_ms`` are those of the readings that count,
    None where none does. ``in_force`` counts the readings without a certificate, then those of each
    certificate of the channel. ``piece`` is the summary for limits moved by ``uncertainty_milli``,
    as ``packing.pack`` has it; ``warm_ms`` is the first reading beyond the limit of the MKT.
    """

    day: int
    first_ms: int | None
    last_ms: int | None
    in_force: tuple[int, ...]
    uncertainty_milli: int
    tally: Tally
    warm_ms: int | None
    piece: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Channel:
    """One quantity of one sensor while it was placed with the consignment (S1).

    ``readings`` and ``conflicts`` carry logger time; ``clock_pairs`` map it to server time (S3).
    ``placed_from_ms`` and ``placed_to_ms`` are server time, both included, None where open.
    ``interval_ms`` is the configured one, None where nobody knows it (S9). ``range_milli`` is the
    sensor's physical range: what lies outside is not a reading (S5). ``pages`` stand for the
    readings of their days, which are not looked at then; None where none are kept.
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
    certificates: tuple[Certificate, ...] = ()
    range_milli: tuple[int, int] | None = None
    role: Role = Role.GOODS
    log: Log | None = None
    pages: tuple[Page, ...] | None = None

    @property
    def key(self) -> str:
        """Name of the channel within its consignment, such as ``tl-07/0/temperature``."""
        return f"{self.serial}/{self.sensor}/{self.quantity.name.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A share of a stability budget in billionths, bounded from both sides; 10**9 is all of it.

    ``sources`` name the evaluations that it comes from.
    """

    optimistic_ppb: int = 0
    measured_ppb: int = 0
    pessimistic_ppb: int = 0
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """A lot, or one serial of it, as it travels in one zone, with what it spent before (S36)."""

    key: str
    zone: str
    spent: Damage = Damage()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """Everything a judgement depends on besides the profile; nothing else is ever read.

    ``earlier_on_lane`` counts the consignments with excursions on this lane in the twelve months
    before this one (S32).
    """

    window: Window
    channels: tuple[Channel, ...]
    freeze_sensitive: bool = False
    planned_zones: tuple[str, ...] = ()
    planned_loggers: tuple[str, ...] = ()
    shock_sensitive: bool = False
    lots: tuple[Lot, ...] = ()
    earlier_on_lane: int = 0
