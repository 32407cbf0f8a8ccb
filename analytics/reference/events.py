"""Limits, the events beyond them and the alarms about those (S12-S17, S20)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import TYPE_CHECKING, Self

from analytics.profile import Measure, Mode
from analytics.reference.spans import joined

if TYPE_CHECKING:
    from analytics.limits import Limit
    from analytics.profile import Rule
    from analytics.reference.observation import Observation
    from analytics.reference.spans import Span


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit: out is what lies beyond it, and the limit itself if ``inclusive`` (S12)."""

    milli: int
    is_high: bool
    inclusive: bool

    @classmethod
    def of(cls, limit: Limit) -> Self:
        """The limit of a rule."""
        return cls(limit.milli, limit.side.value == "high", limit.inclusive)

    def is_out(self, milli: int | Fraction) -> bool:
        """True if the value is beyond the limit."""
        if milli == self.milli:
            return self.inclusive
        return (milli > self.milli) == self.is_high

    def beyond(self, milli: int) -> int:
        """Distance from the limit, positive on the side that is out."""
        return milli - self.milli if self.is_high else self.milli - milli

    def outward(self, by_milli: int) -> Bar:
        """The limit so much farther from the goods' own range; a negative distance is inward."""
        return replace(self, milli=self.milli + (by_milli if self.is_high else -by_milli))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A maximal run of out-readings, ``first`` to ``last``, its two ends exact (S13, S14)."""

    first: int
    last: int
    exact_start: Fraction
    exact_end: Fraction
    lower_bound: str
    upper_bound: str
    first_out: int
    prev_in: int
    next_in: int

    @property
    def start(self) -> int:
        """The whole millisecond in or before which it began."""
        return floor(self.exact_start)

    @property
    def end(self) -> int:
        """The whole millisecond in or after which it ended."""
        return ceil(self.exact_end)

    @property
    def rounding_ms(self) -> int:
        """How many of its two ends are rounded, so by how much it may be shorter."""
        return (self.start != self.exact_start) + (self.end != self.exact_end)

    def span(self, measure: Measure) -> Span:
        """The event as the chosen duration sees it (S16)."""
        if measure is Measure.LIN:
            return self.start, self.end
        return (self.first_out if measure is Measure.HOLD else self.prev_in), self.next_in


def find_events(seen: Observation, bar: Bar) -> list[Event]:
    """Every event beyond the limit, walking from reading to reading (S13)."""
    runs: list[tuple[int, int]] = []
    for index, value in enumerate(seen.v):
        if not bar.is_out(value):
            continue
        if runs and runs[-1][1] == index - 1 and seen.covered[index - 1]:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return [_event(seen, bar, first, last) for first, last in runs]


def peak(seen: Observation, bar: Bar, event: Event) -> int:
    """Index of the event's worst reading, the earliest of equals (S17)."""
    return max(range(event.first, event.last + 1), key=lambda i: (bar.beyond(seen.v[i]), -i))


def area2(seen: Observation, bar: Bar, event: Event) -> int:
    """Twice the area between limit and polygon, whose ends are the rounded ones (S17)."""
    inner = range(event.first, event.last + 1)
    corners = [(event.start, 0), *((seen.t[i], bar.beyond(seen.v[i])) for i in inner)]
    corners.append((event.end, 0))
    return sum((t1 - t0) * (b0 + b1) for (t0, b0), (t1, b1) in pairwise(corners))


def find_alarms(seen: Observation, rule: Rule) -> tuple[Span, ...]:
    """Alarms of a rule with hysteresis, debounce and merging, from its nominal events (S20)."""
    if rule.mode is Mode.MEAN or (rule.hysteresis_milli is None and rule.merge_ms is None):
        return ()
    bar = Bar.of(rule.limit)
    wide = find_events(seen, bar.outward(-(rule.hysteresis_milli or 0)))
    owner = {
        i: number for number, each in enumerate(wide) for i in range(each.first, each.last + 1)
    }
    delay_ms = rule.budget_ms or 0 if rule.mode is Mode.SINGLE else 0
    alarms: dict[int, Span] = {}
    for event in find_events(seen, bar):
        number = owner[event.first]
        if event.end - event.start >= delay_ms and number not in alarms:
            alarms[number] = (event.start + delay_ms, wide[number].end)
    return tuple(joined(alarms.values(), apart_ms=(rule.merge_ms or 0) - 1))


def _event(seen: Observation, bar: Bar, first: int, last: int) -> Event:
    lower_bound, before = _side(seen, first, first - 1)
    upper_bound, after = _side(seen, last, last + 1)
    return Event(
        first=first,
        last=last,
        exact_start=_crossing(seen, bar, first, before),
        exact_end=_crossing(seen, bar, last, after),
        lower_bound=lower_bound,
        upper_bound=upper_bound,
        first_out=seen.t[first],
        prev_in=seen.t[before],
        next_in=seen.t[after],
    )


def _side(seen: Observation, own: int, other: int) -> tuple[str, int]:
    """How the event is bounded there, and its neighbour: itself where none is in sight (S14)."""
    if not 0 <= other < len(seen.t):
        return "EDGE", own
    return ("CROSS", other) if seen.covered[min(own, other)] else ("GAP", own)


def _crossing(seen: Observation, bar: Bar, out: int, neighbour: int) -> Fraction:
    """The exact instant at which the line between the two readings meets the limit (S14)."""
    if neighbour == out:
        return Fraction(seen.t[out])
    slope = Fraction(seen.t[out] - seen.t[neighbour], seen.v[out] - seen.v[neighbour])
    return seen.t[neighbour] + (bar.milli - seen.v[neighbour]) * slope
