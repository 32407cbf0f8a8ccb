"""Journeys by name: what happens to the boxes on the way, and what a judge must find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from coldgate.errors import NotFoundError, SettingsError
from coldgate.model import Verdict
from firmware_sim import noise
from firmware_sim.thermal import Ambient, Boxes

HOUR: Final = 3600.0  # seconds
_DAY: Final = 24 * HOUR
_BOX_SALT: Final = 0xB0C5


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """When loggers record: from ``begin_ms`` every ``interval_ms``, up to and with ``end_ms``."""

    begin_ms: int
    end_ms: int
    interval_ms: int = 60_000

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return (self.end_ms - self.begin_ms) / 1000.0

    @property
    def readings(self) -> int:
        """How many instants each logger records."""
        return (self.end_ms - self.begin_ms) // self.interval_ms + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Some hours in other surroundings: ``at`` is 0 at the journey's begin, 1 at its end."""

    what: str
    at: float
    hours: float
    celsius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Stretch without a link, as fractions of the journey; it may outlast the journey."""

    begin: float
    end: float

    def covers(self, journey: Journey, now_ms: float) -> bool:
        """Whether the link is down at ``now_ms``."""
        share = (now_ms - journey.begin_ms) / (journey.end_ms - journey.begin_ms)
        return self.begin <= share < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxDesign:
    """One kind of insulated box; single boxes differ from it by ``spread`` of each lag."""

    start_celsius: float = 5.0
    wall_hours: float = 4.0
    load_hours: float = 1.0
    coolant_hours: float = 0.5
    coolant_celsius: float = 5.0
    coolant_kelvin_hours: float = 20.0
    spread: float = 0.1
    start_spread_celsius: float = 0.2

    def build(self, count: int, *, seed: int) -> Boxes:
        """``count`` boxes; box i is the same whatever the count."""
        box = np.arange(count)
        wall, load, coolant, capacity, start = (
            2.0 * noise.uniform(seed ^ _BOX_SALT, box, part) - 1.0 for part in range(5)
        )
        return Boxes(
            start_celsius=self.start_celsius + self.start_spread_celsius * start,
            wall_seconds=self.wall_hours * HOUR * (1.0 + self.spread * wall),
            load_seconds=self.load_hours * HOUR * (1.0 + self.spread * load),
            coolant_seconds=self.coolant_hours * HOUR * (1.0 + self.spread * coolant),
            coolant_celsius=np.full(count, self.coolant_celsius),
            coolant_kelvin_seconds=(
                self.coolant_kelvin_hours * HOUR * (1.0 + self.spread * capacity)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens on a journey, and the verdict on it under USP_CCT_2_8.

    The truck holds ``truck_celsius``, give or take ``swing_celsius`` over the day, except during
    ``exposures``. ``verdict`` is for goods that frost does not harm, and for complete data.
    """

    name: str
    summary: str
    verdict: Verdict
    verdict_if_freeze_sensitive: Verdict
    shortest_hours: float
    exposures: tuple[Exposure, ...]
    box: BoxDesign = BoxDesign()
    outage: Outage | None = None
    truck_celsius: float = 5.0
    swing_celsius: float = 1.0

    def ambient(self, journey: Journey) -> Ambient:
        """Surroundings of the boxes, in seconds since the journey began; knots every hour."""
        hours = np.append(np.arange(0.0, journey.seconds, HOUR), journey.seconds)
        phase = (journey.begin_ms / 1000.0 + hours) * (2.0 * np.pi / _DAY)
        course = Ambient(
            seconds=hours, celsius=self.truck_celsius - self.swing_celsius * np.cos(phase)
        )
        for exposure in self.exposures:
            begin_s = exposure.at * (journey.seconds - exposure.hours * HOUR)
            course = course.during(begin_s, begin_s + exposure.hours * HOUR, exposure.celsius)
        return course

    def check(self, journey: Journey) -> None:
        """``SettingsError`` unless everything that the scenario tells fits into the journey."""
        if journey.seconds < self.shortest_hours * HOUR:
            raise SettingsError(
                f"scenario {self.name} needs a journey of at least {self.shortest_hours:g} hours"
            )


def scenario_named(name: str) -> Scenario:
    """The scenario ``name``; ``NotFoundError`` if there is none."""
    try:
        return SCENARIOS[name]
    except KeyError:
        raise NotFoundError("scenario", name) from None


_LOADING: Final = Exposure(what="loading dock", at=0.0, hours=0.5, celsius=18.0)
_UNLOADING: Final = Exposure(what="unloading dock", at=1.0, hours=0.5, celsius=20.0)
_HEATER: Final = Exposure(what="truck heater", at=0.4, hours=6.0, celsius=32.0)
_OVERCOOLED: Final = BoxDesign(
    load_hours=1.5, coolant_hours=2.0, coolant_celsius=-18.0, coolant_kelvin_hours=60.0
)

_ALL: Final = (
    Scenario(
        name="clean",
        summary="2 to 8 °C kept with margin",
        verdict=Verdict.PASS,
        verdict_if_freeze_sensitive=Verdict.PASS,
        shortest_hours=2.0,
        exposures=(_LOADING, _UNLOADING),
    ),
    Scenario(
        name="warm-truck",
        summary="the truck's heater runs for six hours and the coolant does not last",
        verdict=Verdict.FAIL,
        verdict_if_freeze_sensitive=Verdict.FAIL,
        shortest_hours=12.0,
        exposures=(_LOADING, _HEATER, _UNLOADING),
        box=BoxDesign(wall_hours=2.0, coolant_kelvin_hours=4.0),
    ),
    Scenario(
        name="late-upload",
        summary="2 to 8 °C kept, but the gateway's link is down until after arrival",
        verdict=Verdict.PASS,
        verdict_if_freeze_sensitive=Verdict.PASS,
        shortest_hours=2.0,
        exposures=(_LOADING, _UNLOADING),
        outage=Outage(begin=0.5, end=1.2),
    ),
    Scenario(
        name="frozen-packs",
        summary="coolant straight from the deep freezer takes the load below 0 °C",
        verdict=Verdict.HOLD,
        verdict_if_freeze_sensitive=Verdict.FAIL,
        shortest_hours=8.0,
        exposures=(_LOADING, _UNLOADING),
        box=_OVERCOOLED,
    ),
)
SCENARIOS: Final = {scenario.name: scenario for scenario in _ALL}
