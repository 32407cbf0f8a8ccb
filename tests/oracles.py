"""Slow oracles in exact arithmetic: plain loops over plain lists, no line shared with the judge."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Sample = tuple[int, int]  # (ms, milli-units)
Span = tuple[int, int]
Kind = Literal["EDGE", "CROSS", "GAP"]


@dataclass(frozen=True)
class Bar:
    """A limit: out is beyond ``milli`` on the ``high`` or low side, with or without equality."""

    milli: int
    high: bool
    inclusive: bool

    def is_out(self, value: int) -> bool:
        if value == self.milli:
            return self.inclusive
        return (value > self.milli) == self.high


@dataclass
class Event:
    """One event, its two ends exact as well as rounded outwards to ms."""

    exact_start: Fraction
    exact_end: Fraction
    lo: Kind
    hi: Kind
    prev_in: int
    next_in: int
    samples: list[Sample]
    bar: Bar

    @property
    def start(self) -> int:
        return floor(self.exact_start)

    @property
    def end(self) -> int:
        return ceil(self.exact_end)

    @property
    def rounding(self) -> int:
        return int(self.exact_start != self.start) + int(self.exact_end != self.end)

    @property
    def peak(self) -> Sample:
        best = self.samples[0]
        for sample in self.samples[1:]:
            beyond = sample[1] - best[1] if self.bar.high else best[1] - sample[1]
            if beyond > 0:
                best = sample
        return best

    @property
    def area2(self) -> int:
        """Twice the area between limit and polygon, the polygon's ends rounded outwards."""
        corners = [(self.start, self.bar.milli)] if self.start < self.samples[0][0] else []
        corners += self.samples
        corners += [(self.end, self.bar.milli)] if self.end > self.samples[-1][0] else []
        return sum(
            (t1 - t0) * (abs(v0 - self.bar.milli) + abs(v1 - self.bar.milli))
            for (t0, v0), (t1, v1) in itertools.pairwise(corners)
        )


def events(samples: Sequence[Sample], bridge: int, bar: Bar) -> list[Event]:
    """Every event, by walking from reading to reading."""
    found: list[Event] = []
    previous: Sample | None = None
    current: Event | None = None
    for sample in samples:
        near = previous is not None and sample[0] - previous[0] <= bridge
        if current is not None and not (near and bar.is_out(sample[1])):
            if near:
                current.exact_end, current.hi = crossing(current.samples[-1], sample, bar), "CROSS"
                current.next_in = sample[0]
            else:
                current.hi = "GAP"
            current = None
        if bar.is_out(sample[1]):
            if current is None:
                current = _opened(previous, sample, bar, near=near)
                found.append(current)
            else:
                current.samples.append(sample)
            current.exact_end, current.next_in = Fraction(sample[0]), sample[0]
        previous = sample
    return found


def _opened(previous: Sample | None, sample: Sample, bar: Bar, *, near: bool) -> Event:
    start, prev_in = Fraction(sample[0]), sample[0]
    lo: Kind = "EDGE" if previous is None else "GAP"
    if previous is not None and near:
        start, prev_in, lo = crossing(previous, sample, bar), previous[0], "CROSS"
    return Event(start, start, lo, "EDGE", prev_in, sample[0], [sample], bar)


def crossing(a: Sample, b: Sample, bar: Bar) -> Fraction:
    """The exact instant at which the line from ``a`` to ``b`` meets the limit."""
    return a[0] + Fraction((b[0] - a[0]) * (bar.milli - a[1]), b[1] - a[1])


def gaps(samples: Sequence[Sample], bridge: int) -> list[Span]:
    times = [t for t, _ in samples]
    return [(a, b) for a, b in itertools.pairwise(times) if b - a > bridge]


def window_gaps(samples: Sequence[Sample], bridge: int, window: Span) -> list[Span]:
    """Gaps between readings and at the window's edges; the whole window without a reading."""
    if not samples:
        return [window]
    lead, trail = (window[0], samples[0][0]), (samples[-1][0], window[1])
    edges = [edge for edge in (lead, trail) if edge[1] - edge[0] > bridge]
    return sorted(gaps(samples, bridge) + edges)


def histogram(samples: Sequence[Sample], bridge: int) -> dict[int, int]:
    """Twice the covered time at each value, by the trapezoid rule."""
    bins: dict[int, int] = {}
    for (t0, v0), (t1, v1) in itertools.pairwise(samples):
        if t1 - t0 <= bridge:
            bins[v0] = bins.get(v0, 0) + t1 - t0
            bins[v1] = bins.get(v1, 0) + t1 - t0
    return bins


def mkt(bins: dict[int, int], activation: str = "83.144") -> Decimal | None:
    """Mean kinetic temperature in °C to 50 digits, straight from its definition."""
    if not bins:
        return None
    with localcontext() as context:
        context.prec = 60
        theta = Decimal(activation) / Decimal("0.008314462618")
        zero = Decimal("273.15")
        total = Decimal(sum(bins.values()))
        rates = [w * (-theta / (Decimal(v) / 1000 + zero)).exp() for v, w in bins.items()]
        return theta / -(sum(rates) / total).ln() - zero


def longest(runs: Iterable[Span], holes: Iterable[Span]) -> int:
    """Longest stretch of pieces that hang together, where only a hole holds pieces together."""
    pieces = [(*run, False) for run in runs] + [(*hole, True) for hole in holes]
    best = 0
    for first in pieces:
        reached, ahead = [first], [first]
        while ahead:
            near = ahead.pop()
            found = [piece for piece in pieces if piece not in reached and _hold(near, piece)]
            reached += found
            ahead += found
        best = max(best, max(piece[1] for piece in reached) - min(piece[0] for piece in reached))
    return best


def _hold(a: tuple[int, int, bool], b: tuple[int, int, bool]) -> bool:
    return a[0] <= b[1] and b[0] <= a[1] and (a[2] or b[2])


def true_longest(samples: Sequence[Sample], bar: Bar) -> Fraction:
    """Longest event of the polygon through all samples, exact."""
    lengths = [e.exact_end - e.exact_start for e in events(samples, 2**62, bar)]
    return max(lengths, default=Fraction(0))


def true_total(samples: Sequence[Sample], bar: Bar) -> Fraction:
    """Time beyond the limit of the polygon through all samples, exact."""
    return sum((e.exact_end - e.exact_start for e in events(samples, 2**62, bar)), Fraction(0))


def chosen(values: set[int], low: int | None, high: int | None) -> int:
    """S4: of several values at one instant, the one to keep."""
    if low is not None and high is not None:
        middle = Fraction(low + high, 2)
        return max(values, key=lambda value: (abs(value - middle), value))
    return max(values) if low is None else min(values)


def mean(samples: Sequence[Sample]) -> Fraction:
    """Time-weighted mean of the polygon through all samples, exact."""
    twice = sum((b[0] - a[0]) * (a[1] + b[1]) for a, b in itertools.pairwise(samples))
    return Fraction(twice, 2 * (samples[-1][0] - samples[0][0]))


def band_damage(samples: Sequence[Sample], bands: Sequence[Span]) -> Fraction:
    """Share of a budget that the polygon uses up; bands are (above, budget in ms), ascending."""
    above = [true_total(samples, Bar(milli, high=True, inclusive=False)) for milli, _ in bands]
    own = [more - less for more, less in itertools.pairwise([*above, Fraction(0)])]
    return sum((ms / budget for ms, (_, budget) in zip(own, bands, strict=True)), Fraction(0))


def rate_damage(bins: dict[int, int], activation: str, reference: int, budget: int) -> Decimal:
    """Share of an Arrhenius budget that a doubled histogram uses up, to 50 digits."""
    with localcontext() as context:
        context.prec = 60
        theta = Decimal(activation) / Decimal("0.008314462618")
        origin = theta / (Decimal(reference) / 1000 + Decimal("273.15"))
        rates = [
            ms * (origin - theta / (Decimal(v) / 1000 + Decimal("273.15"))).exp()
            for v, ms in bins.items()
        ]
        return sum(rates, Decimal(0)) / (2 * budget)


def alarms(
    samples: Sequence[Sample], bridge: int, milli: int, hysteresis: int, merge: int
) -> list[Span]:
    """S20 above ``milli``: per outer event, from its first inner one; close ones joined."""
    inner = events(samples, bridge, Bar(milli, high=True, inclusive=False))
    found: list[Span] = []
    for outer in events(samples, bridge, Bar(milli - hysteresis, high=True, inclusive=False)):
        within = [event for event in inner if event.samples[0] in outer.samples]
        if within and found and within[0].start - found[-1][1] < merge:
            found[-1] = (found[-1][0], outer.end)
        elif within:
            found.append((within[0].start, outer.end))
    return found


def ends_of_scale(
    values: Sequence[int], low: int | None, high: int | None
) -> tuple[int | None, int | None]:
    """S5: the least of the values that may stand for more, the greatest that may for less."""
    middle = None if low is None or high is None else (low + high) // 2
    above = [value for value in values if middle is None or value >= middle]
    below = [value for value in values if middle is None or value <= middle]
    return min(above, default=None), max(below, default=None)


def server_time(device: int, pairs: Sequence[tuple[int, int]]) -> int:
    """S3's line through the first and the last pair, rounded half to even by ``round``."""
    (d0, s0), (d1, s1) = min(pairs), max(pairs)
    slope = Fraction(s1 - s0, d1 - d0) if d1 != d0 else Fraction(1)
    return round(s0 + (device - d0) * slope)


def members(spans: Iterable[Span]) -> set[int]:
    """The unit steps ``[k, k + 1)`` within the spans, for small integers."""
    return {step for start, end in spans for step in range(start, end)}
