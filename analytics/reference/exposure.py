"""Three views of one channel beyond one limit, and what they prove about a rule (S18, S27, S28)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from analytics.exposure import Finding
from analytics.profile import Decision, Measure, Mode, Trigger
from analytics.reference.events import Bar, find_events
from analytics.reference.heat import histogram, mean_milli
from analytics.reference.observation import Clock
from analytics.reference.spans import longest_with_gaps, total_ms, without
from coldgate.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from analytics.profile import Profile, Rule
    from analytics.readings import Label
    from analytics.reference.events import Event
    from analytics.reference.observation import Observation
    from analytics.reference.spans import Span

UNSYNCED_SHARE: Final = 100  # S3: a verdict within one hundredth of the elapsed time is open


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one channel shows beyond a limit: as read, at best and at worst (S28).

    ``gaps`` are those in which no companion was surely within the limit (S11). ``bounds_only``
    says that some values are ends of scale, ``hidden`` that one of them may stand for a value
    beyond the limit (S5). ``margin_ms`` is what an unknown clock adds to either bound (S3).
    """

    optimistic_bar: Bar
    pessimistic_bar: Bar
    nominal: list[Event]
    optimistic: list[Event]
    pessimistic: list[Event]
    gaps: list[Span]
    bounds_only: bool
    hidden: bool
    margin_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How long the limit was passed, in ms, and what follows for the rule."""

    finding: Finding
    measured_ms: int
    optimistic_ms: int
    pessimistic_ms: int
    first_trigger_ms: int | None = None
    mean_milli: Fraction | None = None


def bars(bar: Bar, decision: Decision, uncertainty_milli: int) -> tuple[Bar, Bar]:
    """The limit as the optimist and as the pessimist sees it (S28)."""
    optimistic = bar.outward(uncertainty_milli) if decision is Decision.NON_BINARY else bar
    if decision is Decision.SIMPLE or uncertainty_milli == 0:
        return optimistic, bar
    return optimistic, replace(bar.outward(-uncertainty_milli), inclusive=True)


def view(
    seen: Observation, beside: Sequence[Observation], bar: Bar, decision: Decision, label: Label
) -> View:
    """The channel beyond one limit, its gaps as far as its companions leave them open."""
    optimistic, pessimistic = bars(bar, decision, seen.uncertainty_milli)
    within = [
        span for other in beside if seen.gaps for span in _surely_within(other, bar, decision)
    ]
    bounds = clipped_towards(seen, pessimistic, label)
    events = {each: find_events(seen, each) for each in {bar, optimistic, pessimistic}}
    return View(
        optimistic_bar=optimistic,
        pessimistic_bar=pessimistic,
        nominal=events[bar],
        optimistic=events[optimistic],
        pessimistic=events[pessimistic],
        gaps=without(seen.gaps, within),
        bounds_only=bool(bounds),
        hidden=not all(pessimistic.is_out(value) for value in bounds),
        margin_ms=margin_ms(seen),
    )


def margin_ms(seen: Observation) -> int:
    """One hundredth of the elapsed time, rounded up, where the clock was never compared (S3)."""
    return -(-total_ms(seen.watched) // UNSYNCED_SHARE) if seen.clock is Clock.UNSYNCED else 0


def weigh(rule: Rule, profile: Profile, seen: Observation, shown: View) -> Exposure:
    """The rule's exposures and what they prove (S18, S28)."""
    if rule.mode is Mode.MEAN:
        return _weigh_mean(seen, shown)
    measure = profile.measure
    optimistic_ms = together(rule.mode, shortest(shown.optimistic, measure))
    pessimistic_ms = _worst_case(rule.mode, measure, shown)
    if rule.budget_ms is None:
        finding = _existence(shown)
    elif _too_long(rule, rule.budget_ms, optimistic_ms - shown.margin_ms):
        finding = Finding.VIOLATED
    elif _too_long(rule, rule.budget_ms, pessimistic_ms + shown.margin_ms) or shown.hidden:
        finding = Finding.UNDECIDED
    else:
        finding = Finding.SATISFIED
    runs = [event.span(measure) for event in shown.nominal]
    return Exposure(
        finding=finding,
        measured_ms=together(rule.mode, [end - start for start, end in runs]),
        optimistic_ms=optimistic_ms,
        pessimistic_ms=pessimistic_ms,
        first_trigger_ms=_first_trigger(rule, shown.nominal, runs),
    )


def together(mode: Mode, lengths: Sequence[int]) -> int:
    """The sum of the lengths for a cumulative rule, else the longest; 0 of none (S18)."""
    return sum(lengths) if mode is Mode.CUMULATIVE else max(lengths, default=0)


def shortest(events: Sequence[Event], measure: Measure) -> list[int]:
    """Each event's duration, less what rounding its ends may have added (S28)."""
    rounded = measure is Measure.LIN
    spans = [(event.span(measure), event.rounding_ms if rounded else 0) for event in events]
    return [end - start - rounding for (start, end), rounding in spans]


def widest(shown: View, measure: Measure) -> list[Span]:
    """The pessimist's events; to their neighbours where values are only bounds (S5)."""
    chosen = Measure.UPPER if shown.bounds_only else measure
    return [event.span(chosen) for event in shown.pessimistic]


def _surely_within(other: Observation, bar: Bar, decision: Decision) -> list[Span]:
    """The time in which a companion knew the value and it kept the pessimist's limit (S11)."""
    _, pessimistic = bars(bar, decision, other.uncertainty_milli)
    out = [(event.start, event.end) for event in find_events(other, pessimistic)]
    return without(other.known, out)


def clipped_towards(seen: Observation, bar: Bar, label: Label) -> list[int]:
    """Ends of scale on the limit's side of the label's middle; all of them without a middle."""
    low, high = label.low_milli, label.high_milli
    if seen.channel.quantity is not Quantity.TEMPERATURE or low is None or high is None:
        return seen.clipped
    middle = replace(bar, milli=(low + high) // 2, inclusive=True)
    return [value for value in seen.clipped if middle.is_out(value)]


def _worst_case(mode: Mode, measure: Measure, shown: View) -> int:
    runs = widest(shown, measure)
    if mode is Mode.CUMULATIVE:
        return total_ms(runs) + total_ms(shown.gaps)
    return longest_with_gaps(runs, shown.gaps)


def _existence(shown: View) -> Finding:
    """Without a budget any event violates, and whatever is unseen leaves the question open."""
    if shown.optimistic:
        return Finding.VIOLATED
    is_open = shown.pessimistic or shown.gaps or shown.hidden
    return Finding.UNDECIDED if is_open else Finding.SATISFIED


def _weigh_mean(seen: Observation, shown: View) -> Exposure:
    """The time-weighted mean against the limit; any gap leaves it open (S24)."""
    mean = mean_milli(histogram(seen))
    finding = Finding.UNDECIDED
    if mean is not None and not seen.gaps and not seen.clipped:
        if shown.optimistic_bar.is_out(mean):
            finding = Finding.VIOLATED
        elif not shown.pessimistic_bar.is_out(mean):
            finding = Finding.SATISFIED
    return Exposure(
        finding=finding, measured_ms=0, optimistic_ms=0, pessimistic_ms=0, mean_milli=mean
    )


def _first_trigger(rule: Rule, events: Sequence[Event], runs: Sequence[Span]) -> int | None:
    """The instant at which what was read set the rule off (S18)."""
    if rule.budget_ms is None:
        return events[0].first_out if events else None
    before = 0
    for start, end in runs:
        if _too_long(rule, rule.budget_ms, before + end - start):
            return start + rule.budget_ms - before
        if rule.mode is Mode.CUMULATIVE:
            before += end - start
    return None


def _too_long(rule: Rule, budget_ms: int, exposure_ms: int) -> bool:
    """At the budget for alarms, beyond it for a "not more than" (S18)."""
    return exposure_ms > budget_ms if rule.trigger is Trigger.OVER else exposure_ms >= budget_ms
