"""Temperature channels in flat arrays, seeded: what the benchmark of the judge judges."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analytics.arrays import Milli, Millis

    MilliCelsius = NDArray[np.float64]

READINGS: Final = 43_200  # of each channel: thirty days of minutes
MINUTE_MS: Final = 60_000
BEGIN_MS: Final = 1_780_272_000_000  # 2026-06-01
SEED: Final = 659
SHARE_OUT: Final = 0.01  # of all readings
LENGTHS: Final = (30, 180)  # of an excursion, in minutes
FIVE_INSTEAD_OF_FOUR: Final = 0.114  # 4.114 excursions of 105 minutes are 1 % of the readings


class Variant(Enum):
    """What is special about a fleet."""

    STANDARD = "standard"  # steps of 0.01 °C on the minute, excursions in one piece
    COARSE = "coarse"  # steps of 0.1 °C
    JITTER = "jitter"  # no stamp on the full second
    SCATTERED = "scattered"  # out-readings strewn at random: the most events that 1 % can make


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Channels one after the other, each ``READINGS`` long and in order of time.

    ``t`` is in ms since 1970 UTC, ``v`` in m°C, both of shape (channels * READINGS,).
    """

    t: Millis
    v: Milli

    @property
    def channels(self) -> int:
        """How many there are."""
        return len(self.t) // READINGS

    @property
    def nbytes(self) -> int:
        """Size of both arrays."""
        return self.t.nbytes + self.v.nbytes

    def columns(self, number: int) -> tuple[Millis, Milli]:
        """Instants and values of one channel, as views."""
        own = slice(number * READINGS, (number + 1) * READINGS)
        return self.t[own], self.v[own]

    def part(self, channels: int) -> Fleet:
        """The first ``channels``, as views; every kind of channel is among the first hundred."""
        return Fleet(self.t[: channels * READINGS], self.v[: channels * READINGS])


def make_fleet(channels: int, variant: Variant = Variant.STANDARD) -> Fleet:
    """The same fleet for the same arguments; a channel at a time, so that it needs no more room."""
    t = np.empty(channels * READINGS, np.int64)
    v = np.empty(channels * READINGS, np.int32)
    fleet = Fleet(t, v)
    for number in range(channels):
        rng = np.random.default_rng([SEED, number])
        own_t, own_v = fleet.columns(number)
        own_t[:] = _stamps(rng, number, variant)
        step = 100 if variant is Variant.COARSE else 10
        own_v[:] = np.rint(_temperature(rng, number, variant) / step) * step
    return fleet


def _stamps(rng: np.random.Generator, number: int, variant: Variant) -> Millis:
    """Minutes; every fiftieth channel wanders by a second a step and has three gaps."""
    dt = np.full(READINGS, MINUTE_MS)
    dt[0] = 0
    if number % 50 == 23:
        dt[1:] += 1000 * rng.integers(-1, 2, READINGS - 1)
        dt[rng.integers(1, READINGS, 3)] += rng.integers(20 * MINUTE_MS, 240 * MINUTE_MS, 3)
    t = BEGIN_MS + np.cumsum(dt)
    return t + rng.integers(1, 1000, READINGS) if variant is Variant.JITTER else t


def _temperature(rng: np.random.Generator, number: int, variant: Variant) -> MilliCelsius:
    """About 5 °C with a daily swing and the sensor's noise, one reading in a hundred out.

    Every hundredth channel is warmer, so that its excursions use up the MKT.
    """
    day = np.arange(READINGS) * (2 * np.pi / 1440)
    swing = rng.uniform(300, 900) * np.sin(day + rng.uniform(0, 2 * np.pi))
    mean = 6_400 if _is_warm(number) else 5_000
    felt: MilliCelsius = mean + rng.uniform(-400, 400) + swing
    if variant is Variant.SCATTERED:
        struck = rng.random(READINGS) < SHARE_OUT
        felt[struck] = rng.uniform(8_200, 12_000, np.count_nonzero(struck))
    else:
        _add_excursions(rng, number, felt)
    felt += rng.normal(0, 30, READINGS)
    return felt


def _add_excursions(rng: np.random.Generator, number: int, felt: MilliCelsius) -> None:
    """Four or five; most reach 9 to 14 °C, a few 18 °C, 30 °C or -1 °C."""
    count = 4 + int(rng.random() < FIVE_INSTEAD_OF_FOUR)
    slot = READINGS // count
    for turn in range(count):
        length = int(rng.integers(LENGTHS[0], LENGTHS[1] + 1))
        begin = turn * slot + int(rng.integers(1, slot - length))
        bump = np.sin(np.pi * (np.arange(length) + 0.5) / length)
        edge, peak = _extremes(rng, number)
        felt[begin : begin + length] = edge + (peak - edge) * bump


def _extremes(rng: np.random.Generator, number: int) -> tuple[float, float]:
    """First and worst value of an excursion in m°C."""
    if number % 100 == 11:
        return 1_900.0, rng.uniform(-1_000, 1_500)
    if _is_warm(number):
        return 8_100.0, rng.uniform(22_000, 30_000)
    if number % 50 == 7:
        return 8_100.0, rng.uniform(12_000, 18_000)
    return 8_100.0, rng.uniform(9_000, 14_000)


def _is_warm(number: int) -> bool:
    return number % 100 == 31
