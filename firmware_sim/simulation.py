"""A scenario played on one journey by so many loggers: any reading of it can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from firmware_sim.sensor import Sensor
from firmware_sim.thermal import Solution, relative_humidity, solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firmware_sim.scenario import Journey, Scenario

THERMOMETER: Final = Sensor(noise=0.15, exponent=-1, salt=0x7E39)
HYGROMETER: Final = Sensor(noise=1.5, exponent=-1, salt=0x4116, ceiling=100.0)
_DEW_POINT_CELSIUS: Final = 0.0  # of the air in the box: about 70 % at 5 °C


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """Readings of all loggers at the same instants, as raw numbers of the sensors' steps."""

    first_sequence: int
    taken_at_ms: NDArray[np.int64]  # (n,), true time
    temperature: NDArray[np.int16]  # (n, loggers), 0.1 °C
    humidity: NDArray[np.int16]  # (n, loggers), 0.1 %


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """Everything that happens, ready to be sampled; logger i is the same in any size of fleet."""

    scenario: Scenario
    journey: Journey
    seed: int
    serials: tuple[str, ...]
    solution: Solution

    @classmethod
    def create(
        cls, scenario: Scenario, journey: Journey, *, seed: int, serials: tuple[str, ...]
    ) -> Self:
        """Play ``scenario``; ``SettingsError`` when the journey is too short for it."""
        scenario.check(journey)
        boxes = scenario.box.build(len(serials), seed=seed)
        solution = solve(boxes, scenario.ambient(journey))
        return cls(
            scenario=scenario, journey=journey, seed=seed, serials=serials, solution=solution
        )

    def sample(self, first: int, count: int, *, loggers: slice = slice(None)) -> Samples:
        """Readings with sequence numbers ``first`` (from 1) and the ``count - 1`` after it."""
        sequences = np.arange(first, first + count, dtype=np.int64)
        since_ms = (sequences - 1) * self.journey.interval_ms
        celsius = self.solution.only(loggers).load_celsius(since_ms / 1000.0)
        percent = relative_humidity(celsius, _DEW_POINT_CELSIUS)
        numbers = np.arange(len(self.serials), dtype=np.int64)[loggers]
        return Samples(
            first_sequence=first,
            taken_at_ms=self.journey.begin_ms + since_ms,
            temperature=THERMOMETER.read(
                celsius, seed=self.seed, loggers=numbers, sequences=sequences
            ),
            humidity=HYGROMETER.read(percent, seed=self.seed, loggers=numbers, sequences=sequences),
        )


def serial_numbers(prefix: str, count: int) -> tuple[str, ...]:
    """``PREFIX-0001`` and so on, with as many digits as the largest needs, at least four."""
    digits = max(4, len(str(count)))
    return tuple(f"{prefix}-{number:0{digits}}" for number in range(1, count + 1))
