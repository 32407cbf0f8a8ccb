"""Temperature inside an insulated box, solved exactly between the knots of its surroundings.

Two lags: the air in the box follows the surroundings and, while it lasts, the coolant; the load
follows the air.

    d(air)/dt  = (ambient - air) / wall + (melting - air) / coolant
    d(load)/dt = (air - load) / load_lag

The coolant takes up heat in proportion to (air - melting) until its capacity, in kelvin seconds,
is used up; from then on its term is gone. Between two knots ambient is a straight line, so
everything has a closed form: there is no step size, and any instant can be asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = NDArray[np.float64]

# Magnus over water: Alduchov and Eskridge, J. Appl. Meteor. 35 (1996), 601
_MAGNUS_FACTOR: Final = 17.625
_MAGNUS_CELSIUS: Final = 243.04
_BISECTIONS: Final = 60  # halves an hour down to less than a double can hold


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ambient:
    """Surroundings as straight lines between knots; an instant that occurs twice is a jump.

    ``seconds`` (knots,) ascends; ``celsius`` has the same shape.
    """

    seconds: FloatArray
    celsius: FloatArray

    def during(self, begin_s: float, end_s: float, celsius: float) -> Ambient:
        """The same surroundings, but constantly at ``celsius`` from ``begin_s`` to ``end_s``."""
        before, after = self.seconds < begin_s, self.seconds > end_s
        edges = np.interp([begin_s, end_s], self.seconds, self.celsius)
        middle_s = [begin_s, begin_s, end_s, end_s]
        middle = [edges[0], celsius, celsius, edges[1]]
        return Ambient(
            seconds=np.concatenate([self.seconds[before], middle_s, self.seconds[after]]),
            celsius=np.concatenate([self.celsius[before], middle, self.celsius[after]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Boxes:
    """Constants of each box, all of shape (boxes,); the lags are time constants in seconds."""

    start_celsius: FloatArray
    wall_seconds: FloatArray
    load_seconds: FloatArray
    coolant_seconds: FloatArray
    coolant_celsius: FloatArray  # melting point
    coolant_kelvin_seconds: FloatArray  # heat it can take up, over its conductance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Arc:
    """Air and load while ambient is one straight line and the coolant's state does not change.

    The air strives for ``target + slope * s``, s being the seconds since the arc began.
    """

    target: FloatArray
    slope: FloatArray
    air_rate: FloatArray
    load_rate: FloatArray
    air_start: FloatArray
    load_start: FloatArray

    def air(self, s: FloatArray) -> FloatArray:
        """Celsius of the air after ``s`` seconds."""
        straight = self.target + self.slope * (s - 1.0 / self.air_rate)
        return straight + self._excess() * np.exp(-self.air_rate * s)

    def air_area(self, s: FloatArray) -> FloatArray:
        """Integral of the air's temperature over the first ``s`` seconds, in celsius seconds."""
        lag = 1.0 / self.air_rate
        straight = self.target * s + self.slope * (s * s / 2.0 - lag * s)
        return straight - self._excess() * lag * np.expm1(-self.air_rate * s)

    def load(self, s: FloatArray) -> FloatArray:
        """Celsius of the load after ``s`` seconds."""
        lag = 1.0 / self.air_rate + 1.0 / self.load_rate
        own = self.load_start - self.target + self.slope * lag
        straight = self.target + self.slope * (s - lag)
        return straight + own * np.exp(-self.load_rate * s) + self._excess() * self._passed_on(s)

    def pick(self, segment: NDArray[np.intp]) -> _Arc:
        """The arcs of these segments, one row each."""
        return _Arc(**{name: getattr(self, name)[segment] for name in _ARC_FIELDS})

    def _excess(self) -> FloatArray:
        """How far the air is from its straight course when the arc begins."""
        return self.air_start - self.target + self.slope / self.air_rate

    def _passed_on(self, s: FloatArray) -> FloatArray:
        """Part of the air's excess that has reached the load; regular where both rates agree."""
        slower = np.minimum(self.air_rate, self.load_rate)
        apart = np.abs(self.load_rate - self.air_rate) * s
        share = np.where(apart > 0.0, -np.expm1(-apart) / np.where(apart > 0.0, apart, 1.0), 1.0)
        return self.load_rate * s * np.exp(-slower * s) * share


_ARC_FIELDS: Final = tuple(field.name for field in fields(_Arc))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Temperatures of all boxes at any instant within the ambient's knots.

    Each stretch between knots has a cooled arc for the first ``switch`` seconds and an uncooled
    one for the rest; ``switch`` and the arcs' arrays have shape (stretches, boxes).
    """

    knots: FloatArray
    switch: FloatArray
    cooled: _Arc
    uncooled: _Arc
    exhausted_at: FloatArray  # (boxes,), seconds; infinity where the coolant outlasts the journey

    def load_celsius(self, seconds: FloatArray) -> FloatArray:
        """Temperature of the load at ``seconds`` (n,), shape (n, boxes)."""
        stretch = np.searchsorted(self.knots, seconds, side="right") - 1
        stretch = np.clip(stretch, 0, len(self.switch) - 1)
        since = (seconds - self.knots[stretch])[:, np.newaxis]
        switch = self.switch[stretch]
        cooled = self.cooled.pick(stretch).load(np.minimum(since, switch))
        uncooled = self.uncooled.pick(stretch).load(np.maximum(since - switch, 0.0))
        return np.where(since < switch, cooled, uncooled)

    def only(self, boxes: slice) -> Self:
        """The same for some of the boxes."""
        every_row = (slice(None), boxes)
        return type(self)(
            knots=self.knots,
            switch=self.switch[every_row],
            cooled=_columns(self.cooled, boxes),
            uncooled=_columns(self.uncooled, boxes),
            exhausted_at=self.exhausted_at[boxes],
        )


def solve(boxes: Boxes, ambient: Ambient) -> Solution:
    """The course of every box through ``ambient``, starting with air and load alike.

    Exhaustion is looked for at the end of each stretch: keep knots no further apart than an hour
    or two where the air can fall below the melting point and freeze the coolant again.
    """
    air = load = boxes.start_celsius
    heat = np.zeros_like(air)
    exhausted_at = np.full_like(air, np.inf)
    cooled, uncooled, switches = [], [], []
    for begin_s, length_s, celsius, slope in _stretches(ambient):
        first = _arc(boxes, air, load, (celsius, slope), cooled=True)
        fresh = np.isinf(exhausted_at)
        left = np.where(fresh, boxes.coolant_kelvin_seconds - heat, np.inf)
        lasts = _seconds_of_cooling(first, boxes.coolant_celsius, left, length_s)
        switch = np.where(fresh, lasts, 0.0)
        heat = heat + first.air_area(switch) - boxes.coolant_celsius * switch
        ends = fresh & (switch < length_s)
        exhausted_at = np.where(ends, begin_s + switch, exhausted_at)
        turn = (celsius + slope * switch, slope)
        second = _arc(boxes, first.air(switch), first.load(switch), turn, cooled=False)
        air, load = second.air(length_s - switch), second.load(length_s - switch)
        cooled.append(first)
        uncooled.append(second)
        switches.append(switch)
    return Solution(
        knots=ambient.seconds,
        switch=np.stack(switches),
        cooled=_stack(cooled),
        uncooled=_stack(uncooled),
        exhausted_at=exhausted_at,
    )


def relative_humidity(celsius: FloatArray, dew_point_celsius: float) -> FloatArray:
    """Humidity in % of air that was saturated at ``dew_point_celsius``; 100 below it."""
    exponent = _magnus(np.asarray(dew_point_celsius)) - _magnus(celsius)
    return np.minimum(100.0 * np.exp(exponent), 100.0)


def _stretches(ambient: Ambient) -> list[tuple[float, float, float, float]]:
    """Begin, length, celsius at the begin and slope between each knot and the next."""
    length = np.diff(ambient.seconds)
    rise = np.diff(ambient.celsius)
    slope = np.divide(rise, length, out=np.zeros_like(rise), where=length > 0.0)
    columns = np.stack([ambient.seconds[:-1], length, ambient.celsius[:-1], slope], axis=1)
    return [(row[0], row[1], row[2], row[3]) for row in columns.tolist()]


def _arc(
    boxes: Boxes,
    air: FloatArray,
    load: FloatArray,
    line: tuple[FloatArray | float, float],
    *,
    cooled: bool,
) -> _Arc:
    """The arc that starts at ``air`` and ``load`` with ambient at ``line`` = (celsius, slope)."""
    celsius, slope = line
    wall = 1.0 / boxes.wall_seconds
    coolant = 1.0 / boxes.coolant_seconds if cooled else np.zeros_like(wall)
    rate = wall + coolant
    return _Arc(
        target=(celsius * wall + boxes.coolant_celsius * coolant) / rate,
        slope=slope * wall / rate,
        air_rate=rate,
        load_rate=1.0 / boxes.load_seconds,
        air_start=air,
        load_start=load,
    )


def _seconds_of_cooling(
    arc: _Arc, melting: FloatArray, left: FloatArray, length_s: float
) -> FloatArray:
    """How long ``left`` kelvin seconds of coolant last, at most ``length_s``; by bisection."""
    low, high = np.zeros_like(left), np.full_like(left, length_s)
    lasts = arc.air_area(high) - melting * high < left
    if lasts.all():
        return high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        enough = arc.air_area(middle) - melting * middle < left
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return np.where(lasts, length_s, low)


def _stack(arcs: Sequence[_Arc]) -> _Arc:
    """One arc whose arrays have a row for each of ``arcs``."""
    return _Arc(**{name: np.stack([getattr(arc, name) for arc in arcs]) for name in _ARC_FIELDS})


def _columns(arc: _Arc, boxes: slice) -> _Arc:
    """The arc for some of the boxes."""
    return _Arc(**{name: getattr(arc, name)[:, boxes] for name in _ARC_FIELDS})


def _magnus(celsius: FloatArray) -> FloatArray:
    """Logarithm of the saturation pressure, up to a constant."""
    return _MAGNUS_FACTOR * celsius / (_MAGNUS_CELSIUS + celsius)
