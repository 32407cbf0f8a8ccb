"""A channel's figures, its recording interval and what looks suspicious (S21, S22, S25, 5)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from analytics.reference.answer import Extreme, Flagged, Recording, Statistics
from analytics.reference.heat import (
    deviation,
    histogram,
    mean_kinetic_celsius,
    mean_milli,
)
from analytics.reference.spans import total_ms
from coldgate.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.profile import Profile
    from analytics.profile import Recording as RecordingLimits
    from analytics.readings import Label
    from analytics.reference.observation import Observation

MINUTE_MS: Final = 60_000
SHOWN_FLAGS: Final = 100
TOLERANCE_MS: Final = 5_000  # section 5: a pair may be late by this or by 2 %
TOLERANCE_PERCENT: Final = 2
SENSED: Final = (Quantity.TEMPERATURE, Quantity.HUMIDITY)


def statistics(seen: Observation, profile: Profile) -> Statistics:
    """The figures of one channel; None wherever there is nothing to compute them from."""
    weights = histogram(seen)
    covered_ms = sum(weights.values()) // 2
    due_ms = covered_ms + total_ms(seen.gaps)
    missing = _missing(seen)
    mean = mean_milli(weights)
    heat = profile.kinetic if seen.channel.quantity is Quantity.TEMPERATURE else None
    return Statistics(
        n=len(seen.t),
        expected=None if missing is None else len(seen.t) + missing,
        missing=missing,
        invalid=seen.invalid,
        tests=seen.tests,
        conflicts=seen.conflicts,
        covered_ms=covered_ms,
        due_ms=due_ms,
        coverage_permille=covered_ms * 1000 // due_ms if due_ms else None,
        lowest=_extreme(seen, min(seen.v)) if seen.v else None,
        highest=_extreme(seen, max(seen.v)) if seen.v else None,
        mean=None if mean is None else mean / 1000,
        deviation=deviation(weights),
        mkt=mean_kinetic_celsius(weights, heat.activation_kj_per_mol) if heat else None,
        has_bounds=bool(seen.clipped),
        gaps=tuple(seen.gaps),
    )


def recording(seen: Observation, profile: Profile) -> Recording | None:
    """How the recording interval was kept: a matter of the record, never of the goods (5)."""
    limits = profile.recording
    if limits is None or seen.channel.quantity not in SENSED:
        return None
    longest_ms = _step_ms(limits, total_ms(seen.watched))
    late, compliant_ms = 0, 0
    for index, step_ms in enumerate(seen.steps_ms):
        is_out = all(
            _is_off_label(seen, value, profile.label) for value in seen.v[index : index + 2]
        )
        allowed_ms = limits.out_of_range_ms if is_out and limits.out_of_range_ms else longest_ms
        if step_ms > allowed_ms + max(TOLERANCE_MS, allowed_ms * TOLERANCE_PERCENT // 100):
            late += 1
        else:
            compliant_ms += step_ms
    all_ms = sum(seen.steps_ms)
    return Recording(
        standard=limits.standard,
        limit_ms=longest_ms,
        segments=len(seen.steps_ms),
        late=late,
        worst_ms=max(seen.steps_ms, default=None),
        compliant_permille=compliant_ms * 1000 // all_ms if all_ms else None,
    )


def spikes(seen: Observation, profile: Profile) -> Flagged:
    """Readings that depart and return faster than the air can (S21)."""
    fastest = profile.suspicion.spike_milli_per_minute
    if fastest is None or seen.channel.quantity is not Quantity.TEMPERATURE:
        return _flagged(())
    return _flagged(
        seen.t[i]
        for i in _inner(seen)
        if _is_fast(seen, i - 1, fastest)
        and _is_fast(seen, i, fastest)
        and (seen.v[i] > seen.v[i - 1]) == (seen.v[i] > seen.v[i + 1])
    )


def changes(seen: Observation, profile: Profile) -> Flagged:
    """Readings between two segments that both change faster than allowed (S22)."""
    fastest = profile.suspicion.change_milli_per_minute
    if fastest is None or seen.channel.quantity is not Quantity.TEMPERATURE:
        return _flagged(())
    shortest = seen.interval_ms or 0
    return _flagged(
        seen.t[i]
        for i in _inner(seen)
        if all(
            _is_fast(seen, j, fastest) and 2 * (seen.t[j + 1] - seen.t[j]) >= shortest
            for j in (i - 1, i)
        )
    )


def longest_standstill_ms(seen: Observation) -> int:
    """The longest time over which covered readings show one and the same value."""
    longest, begun = 0, 0
    for i in range(1, len(seen.t)):
        if seen.v[i] != seen.v[i - 1] or not seen.covered[i - 1]:
            begun = i
        longest = max(longest, seen.t[i] - seen.t[begun])
    return longest


def _missing(seen: Observation) -> int | None:
    """How many readings lack between the first and the last; None without an interval (S9)."""
    if not seen.interval_ms:
        return None
    return sum(max(0, round(Fraction(ms, seen.interval_ms)) - 1) for ms in seen.steps_ms)


def _extreme(seen: Observation, milli: int) -> Extreme:
    return Extreme(milli=milli, at_ms=seen.t[seen.v.index(milli)])


def _step_ms(limits: RecordingLimits, journey_ms: int) -> int:
    """The longest interval that a journey of this length allows; the last step is for any."""
    for step in limits.steps:
        if step.up_to_ms is None or journey_ms <= step.up_to_ms:
            return step.interval_ms
    return limits.steps[-1].interval_ms


def _is_off_label(seen: Observation, milli: int, label: Label) -> bool:
    if seen.channel.quantity is not Quantity.TEMPERATURE:
        return False
    too_cold = label.low_milli is not None and milli < label.low_milli
    return too_cold or (label.high_milli is not None and milli > label.high_milli)


def _inner(seen: Observation) -> Iterable[int]:
    """Readings whose neighbours on both sides are in sight."""
    return (i for i in range(1, len(seen.t) - 1) if seen.covered[i - 1] and seen.covered[i])


def _is_fast(seen: Observation, i: int, milli_per_minute: int) -> bool:
    """True if the value moves faster than that from reading ``i`` to the next."""
    moved, step_ms = abs(seen.v[i + 1] - seen.v[i]), seen.t[i + 1] - seen.t[i]
    return moved * MINUTE_MS > milli_per_minute * step_ms


def _flagged(instants: Iterable[int]) -> Flagged:
    found = tuple(instants)
    return Flagged(count=len(found), at_ms=found[:SHOWN_FLAGS])
