"""Who and what the demo is about: parties, goods, gateways, consignments, and how each must end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from coldgate.model import LineState, Verdict

PROFILE: Final = "USP_CCT_2_8"
MANUFACTURER: Final = "nordic-vaccines"
CARRIER: Final = "north-freight"
CONSIGNEE: Final = "city-hospital"
PARTIES: Final = (
    (MANUFACTURER, "Nordic Vaccines AB", "manufacturer"),
    (CARRIER, "North Freight AB", "carrier"),
    (CONSIGNEE, "City Hospital", "consignee"),
)
PRODUCT: Final = "vaccine"
INTERVAL: Final = timedelta(minutes=1)
HOURS: Final = 36
FACTOR: Final = 10_000  # simulated seconds to a second: the whole journey takes 13 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a consignment's story ends: verdicts that the gate gave, and what became of the lot."""

    verdicts: tuple[Verdict, ...]
    state: LineState
    stopped_under_way: bool = False
    deviation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """One consignment with its simulated loggers, behind one gateway."""

    id: str
    lot: str
    scenario: str
    loggers: int
    gateway: str
    seed: int
    expected: Ending

    @property
    def serial_prefix(self) -> str:
        """What the serial numbers of its loggers begin with."""
        return f"SIM-{self.lot}"

    @property
    def serials(self) -> tuple[str, ...]:
        """The serial numbers, as the simulator makes them."""
        return tuple(f"{self.serial_prefix}-{number:04}" for number in range(1, self.loggers + 1))


SOUTH: Final = "gateway-south"
NORTH: Final = "gateway-north"  # the one that loses its link
GATEWAYS: Final = (SOUTH, NORTH)

RELEASED: Final = Ending(verdicts=(Verdict.PASS,), state=LineState.RELEASED)
CLEAN: Final = Shipment(
    id="shipment-1",
    lot="A101",
    scenario="clean",
    loggers=3,
    gateway=SOUTH,
    seed=11,
    expected=RELEASED,
)
WARM: Final = Shipment(
    id="shipment-2",
    lot="B202",
    scenario="warm-truck",
    loggers=3,
    gateway=SOUTH,
    seed=22,
    expected=Ending(
        verdicts=(Verdict.FAIL,),
        state=LineState.QUARANTINED,
        stopped_under_way=True,
        deviation=True,
    ),
)
LATE: Final = Shipment(
    id="shipment-3",
    lot="C303",
    scenario="late-upload",
    loggers=2,
    gateway=NORTH,
    seed=33,
    expected=Ending(
        verdicts=(Verdict.HOLD, Verdict.PASS), state=LineState.RELEASED, deviation=True
    ),
)
SHIPMENTS: Final = (CLEAN, WARM, LATE)

REAL_ID: Final = "shipment-4"
REAL_LOT: Final = "D404"
REAL_PROFILE: Final = "WHO_ESI_TYPE1"
REAL_READINGS: Final = 424
REAL_LOWEST: Final = 9.7
REAL_HIGHEST: Final = 12.7
REAL_MKT: Final = 10.4  # the device's own, cut off after one decimal
REAL_MKT_TOLERANCE: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """When the simulated goods travel, ending in the minute that the story begins in."""

    begin: datetime
    end: datetime

    @classmethod
    def until(cls, now: datetime) -> Self:
        """The journey that has just ended at ``now``."""
        end = now.astimezone(UTC).replace(second=0, microsecond=0)
        return cls(begin=end - timedelta(hours=HOURS), end=end)

    @property
    def readings(self) -> int:
        """How many instants each logger records."""
        return (self.end - self.begin) // INTERVAL + 1
