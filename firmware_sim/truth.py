"""What really happened on a simulated journey, and what the emitted readings show of it.

Written beside the data, so that a test knows what must be found. Both views are computed here
from the simulation alone, without a line of the judge that they are to check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from coldgate.crypto import canonical_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firmware_sim.simulation import Samples, Simulation
    from firmware_sim.thermal import FloatArray, Solution

PROFILE: Final = "USP_CCT_2_8"
_GRID_SECONDS: Final = 10.0  # a shorter stay beyond a limit can escape the model's intervals
_BISECTIONS: Final = 20  # 10 s down to 10 µs
_LOGGERS_AT_ONCE: Final = 32
_GRID_POINTS_AT_ONCE: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit of the profile, in steps of 0.1 °C; ``inclusive`` when the limit itself is out."""

    name: str
    decicelsius: int
    above: bool
    inclusive: bool = False

    @property
    def celsius(self) -> float:
        """The limit in °C."""
        return self.decicelsius / 10.0

    def passed_by(self, values: NDArray[np.floating | np.integer]) -> NDArray[np.bool_]:
        """Which of ``values``, in 0.1 °C, lie beyond the limit."""
        beyond = values - self.decicelsius if self.above else self.decicelsius - values
        out: NDArray[np.bool_] = beyond >= 0 if self.inclusive else beyond > 0
        return out


LIMITS: Final = (  # 3-semantics, section 3
    Limit(name="above 8", decicelsius=80, above=True),
    Limit(name="above 15", decicelsius=150, above=True),
    Limit(name="below 2", decicelsius=20, above=False),
    Limit(name="at or below 0", decicelsius=0, above=False, inclusive=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A stay beyond a limit, in ms since 1970 UTC."""

    begin_ms: int
    end_ms: int

    def as_json(self) -> list[int]:
        """Begin and end, in this order."""
        return [self.begin_ms, self.end_ms]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerTruth:
    """Truth about one logger: its readings in figures, its stays beyond each limit.

    ``model`` has the stays of the noiseless load; ``measured`` those of the readings, straight
    lines between them (S10, S13, S14), where all of them arrive.
    """

    serial: str
    readings: int
    minimum_decicelsius: int
    maximum_decicelsius: int
    coolant_exhausted_at_ms: int | None
    model: dict[str, tuple[Interval, ...]]
    measured: dict[str, tuple[Interval, ...]]

    def as_json(self) -> dict[str, object]:
        """The same as plain JSON values."""
        return {
            "serial": self.serial,
            "readings": self.readings,
            "minimum_decicelsius": self.minimum_decicelsius,
            "maximum_decicelsius": self.maximum_decicelsius,
            "coolant_exhausted_at_ms": self.coolant_exhausted_at_ms,
            "model": _plain(self.model),
            "measured": _plain(self.measured),
        }


def loggers_truth(simulation: Simulation) -> tuple[LoggerTruth, ...]:
    """The truth about each logger, in the order of its serial number."""
    truths: list[LoggerTruth] = []
    for start in range(0, len(simulation.serials), _LOGGERS_AT_ONCE):
        truths.extend(_some_truths(simulation, slice(start, start + _LOGGERS_AT_ONCE)))
    return tuple(truths)


def truth_file(simulation: Simulation) -> bytes:
    """The whole truth as canonical JSON: scenario, journey, expected verdicts, loggers."""
    scenario, journey = simulation.scenario, simulation.journey
    outage = scenario.outage
    return canonical_json(
        {
            "scenario": scenario.name,
            "summary": scenario.summary,
            "seed": simulation.seed,
            "begin_ms": journey.begin_ms,
            "end_ms": journey.end_ms,
            "interval_ms": journey.interval_ms,
            "link_down": [outage.begin, outage.end] if outage else None,
            "expected": {
                "profile": PROFILE,
                "verdict": scenario.verdict.value,
                "verdict_if_freeze_sensitive": scenario.verdict_if_freeze_sensitive.value,
            },
            "loggers": [truth.as_json() for truth in loggers_truth(simulation)],
        }
    )


def model_intervals(
    solution: Solution, limit: Limit, *, begin_ms: int, seconds: float
) -> list[tuple[Interval, ...]]:
    """For each box, when its noiseless load lies beyond ``limit``, to the nearest ms.

    Crossings are found on a grid of 10 s and then narrowed down on the exact solution.
    """
    grid = np.append(np.arange(0.0, seconds, _GRID_SECONDS), seconds)
    parts = np.array_split(grid, len(grid) // _GRID_POINTS_AT_ONCE + 1)
    out = np.concatenate([limit.passed_by(10.0 * solution.load_celsius(part)) for part in parts])
    return [
        _box_intervals(solution.only(slice(box, box + 1)), limit, grid, out[:, box], begin_ms)
        for box in range(out.shape[1])
    ]


def measured_intervals(
    taken_at_ms: NDArray[np.int64], decicelsius: NDArray[np.integer], limit: Limit
) -> tuple[Interval, ...]:
    """When the line through one logger's readings lies beyond ``limit``, rounded as S14 says."""
    values = decicelsius.astype(np.int64)
    first, last = _runs(limit.passed_by(values))
    enters, leaves = first > 0, last < len(values) - 1
    into, away = np.where(enters, first - 1, first), np.where(leaves, last + 1, last)
    begin = taken_at_ms[into] + _crossing_ms(taken_at_ms, values, limit, (into, first))
    end = taken_at_ms[away] - _crossing_ms(taken_at_ms, values, limit, (away, last))
    return _intervals(begin, end)


def _crossing_ms(
    taken_at_ms: NDArray[np.int64],
    values: NDArray[np.int64],
    limit: Limit,
    ends: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> NDArray[np.int64]:
    """Whole ms from the reading within the limit to the crossing, rounded down; 0 without one.

    Counting from the inner reading makes entries round down and exits round up, as S14 wants.
    """
    inner, outer = ends
    length = np.abs(taken_at_ms[outer] - taken_at_ms[inner])
    rise = np.abs(values[outer] - values[inner])
    inside = np.abs(limit.decicelsius - values[inner])
    crossing: NDArray[np.int64] = length * inside // np.maximum(rise, 1)
    return crossing


def _some_truths(simulation: Simulation, loggers: slice) -> list[LoggerTruth]:
    """Truth of the loggers in one slice, small enough for the memory."""
    journey = simulation.journey
    samples = simulation.sample(1, journey.readings, loggers=loggers)
    solution = simulation.solution.only(loggers)
    by_limit = {
        limit.name: model_intervals(
            solution, limit, begin_ms=journey.begin_ms, seconds=journey.seconds
        )
        for limit in LIMITS
    }
    return [
        _logger_truth(
            serial,
            samples,
            box,
            exhausted_ms=_exhausted_ms(journey.begin_ms, float(solution.exhausted_at[box])),
            model={name: intervals[box] for name, intervals in by_limit.items()},
        )
        for box, serial in enumerate(simulation.serials[loggers])
    ]


def _logger_truth(
    serial: str,
    samples: Samples,
    box: int,
    *,
    exhausted_ms: int | None,
    model: dict[str, tuple[Interval, ...]],
) -> LoggerTruth:
    readings = samples.temperature[:, box]
    return LoggerTruth(
        serial=serial,
        readings=len(readings),
        minimum_decicelsius=int(readings.min()),
        maximum_decicelsius=int(readings.max()),
        coolant_exhausted_at_ms=exhausted_ms,
        model=model,
        measured={
            limit.name: measured_intervals(samples.taken_at_ms, readings, limit) for limit in LIMITS
        },
    )


def _exhausted_ms(begin_ms: int, exhausted_at: float) -> int | None:
    return begin_ms + round(exhausted_at * 1000.0) if np.isfinite(exhausted_at) else None


def _box_intervals(
    box: Solution, limit: Limit, grid: FloatArray, out: NDArray[np.bool_], begin_ms: int
) -> tuple[Interval, ...]:
    """Stays of one box beyond ``limit``, from its states on the grid."""
    first, last = _runs(out)
    begin = np.where(first > 0, _narrowed(box, limit, grid, first - 1), grid[first])
    end = np.where(last < len(grid) - 1, _narrowed(box, limit, grid, last), grid[last])
    to_ms = [begin_ms + np.rint(edge * 1000.0).astype(np.int64) for edge in (begin, end)]
    return _intervals(to_ms[0], to_ms[1])


def _narrowed(box: Solution, limit: Limit, grid: FloatArray, left: NDArray[np.intp]) -> FloatArray:
    """Seconds of the crossing between each grid point ``left`` and the next one."""
    low = grid[np.maximum(left, 0)]
    high = grid[np.minimum(left + 1, len(grid) - 1)]
    before = limit.passed_by(10.0 * box.load_celsius(low)[:, 0])
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        same = limit.passed_by(10.0 * box.load_celsius(middle)[:, 0]) == before
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return high


def _runs(out: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last index of every unbroken stretch of True."""
    edges = np.flatnonzero(np.diff(out, prepend=False, append=False))
    return edges[::2], edges[1::2] - 1


def _intervals(begin: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[Interval, ...]:
    pairs = zip(begin.tolist(), end.tolist(), strict=True)
    return tuple(Interval(begin_ms=one, end_ms=other) for one, other in pairs)


def _plain(stays: dict[str, tuple[Interval, ...]]) -> dict[str, list[list[int]]]:
    return {name: [stay.as_json() for stay in intervals] for name, intervals in stays.items()}
