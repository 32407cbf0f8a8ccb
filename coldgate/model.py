"""Frozen values that every part of Coldgate shares; no I/O, no clock, no arithmetic on readings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, IntEnum, IntFlag
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IDENTIFIER: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,31}")  # 5-edge-and-wire, section 1
PARTITIONS: Final = tuple(f"p{number:02}" for number in range(16))


class Quantity(IntEnum):
    """What a channel measures; the database keeps the number, the wire the name in lower case."""

    TEMPERATURE = 1  # m°C
    HUMIDITY = 2  # m%RH
    LIGHT = 3  # mlx
    DOOR = 4  # 1000 = open
    SHOCK = 5  # mg

    @property
    def unit(self) -> str:
        """Unit of one thousand milli-units, as people read it."""
        return _UNITS[self]


_UNITS: Final = {
    Quantity.TEMPERATURE: "°C",
    Quantity.HUMIDITY: "%RH",
    Quantity.LIGHT: "lx",
    Quantity.DOOR: "open",
    Quantity.SHOCK: "g",
}


class ReadingFlag(IntFlag):
    """What is known about one reading beside its value; stored with it for ever."""

    CLIPPED = 1  # the sensor's end of scale: a bound, not a value (S5)
    FAULT = 2  # the sensor reported a fault: not a reading (S5)
    TIME_AMBIGUOUS = 4  # local time that exists twice, or not at all
    TIME_OF_DOWNLOAD = 8  # the stamp was computed from the moment of the download
    TEST = 16  # sent by a conformance test: never counts for a consignment


class Verdict(Enum):
    """Answer of the judge, from best to worst: the worst of several counts (S30)."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    HOLD = "HOLD"
    FAIL = "FAIL"

    rank: int  # 0 for PASS, 1 for HOLD, 2 for FAIL

    def __init__(self, _: object) -> None:
        self.rank = len(type(self).__members__)


class LineState(Enum):
    """State of one consignment line (4-gate-and-evidence, section 1)."""

    PLANNED = "planned"
    IN_TRANSIT = "in_transit"
    QUARANTINED = "quarantined"
    RELEASED = "released"
    REJECTED = "rejected"
    RETURNED = "returned"
    REVOKED = "revoked"


class EventKind(Enum):
    """Custody and handling events of a consignment, in their usual order."""

    PACKED = "packed"
    DEPARTED = "departed"
    HANDED_OVER = "handed_over"
    ARRIVED = "arrived"
    RECEIVED = "received"
    OPENED = "opened"


class Purpose(Enum):
    """What a gate request asks for."""

    DISPATCH = "dispatch"
    RECEIPT_RELEASE = "receipt_release"


class ReleasePolicy(Enum):
    """Who lets goods go that came and passed; frozen when they leave."""

    AUTOMATIC = "automatic"  # the gate, as soon as they are judged
    ON_REQUEST = "on_request"  # the gate, when somebody asks it
    SIGNED = "signed"  # the gate, once QA signed the release


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPair:
    """Logger clock and gateway clock read at the same moment, both in ms since 1970 UTC (S3)."""

    logger_ms: int
    gateway_ms: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Values of one quantity of one logger: ``values[i] * 10**exponent``, shape (n,).

    ``values`` is int16 or int32; the type's minimum is the sentinel for "no value".
    """

    quantity: Quantity
    sensor: int
    exponent: int
    values: NDArray[np.int16] | NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Consecutive readings of one logger, as one gateway message carries them.

    Reading ``i`` has sequence number ``first_sequence + i`` and was taken at
    ``base_ms + offsets_ms[i]`` by the logger's clock (UTC).
    """

    serial: str
    first_sequence: int
    base_ms: int
    offsets_ms: NDArray[np.uint32]
    series: tuple[Series, ...]
    flags: NDArray[np.uint8] | None = None
    clock: ClockPair | None = None
    battery_millivolt: int | None = None

    @property
    def count(self) -> int:
        """Number of instants; each series has one value, or a sentinel, for each."""
        return len(self.offsets_ms)

    @property
    def taken_ms(self) -> NDArray[np.int64]:
        """When each reading was taken by the logger's clock, ms since 1970 UTC, shape (n,)."""
        instants: NDArray[np.int64] = self.base_ms + self.offsets_ms.astype("int64")
        return instants

    @property
    def earliest_ms(self) -> int:
        """The first stamp in time, wherever it stands."""
        return self.base_ms + int(self.offsets_ms.min())

    @property
    def latest_ms(self) -> int:
        """The last stamp in time, wherever it stands."""
        return self.base_ms + int(self.offsets_ms.max())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Message:
    """One numbered message of a gateway's stream; numbers start at 1 and have no holes."""

    gateway: str
    stream: str
    number: int
    sent_at_ms: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why the server refused a message or a block of it; the raw bytes are kept there.

    ``number`` is set where the server could trust it (the signature was good), else the sender
    finds its message by ``sha256`` (hex, of the payload as sent).
    """

    code: str
    sha256: str
    number: int | None = None
    serial: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Messages 1 to ``upto`` of the stream are committed; 0 where none is yet."""

    stream: str
    upto: int
    rejected: tuple[Rejection, ...] = ()
