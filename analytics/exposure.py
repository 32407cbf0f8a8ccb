"""A rule's three-valued answer for one channel, with honest bounds (S12, S16, S18, S28)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, assert_never

import numpy as np

from analytics.intervals import Intervals, longest_with_gaps
from analytics.profile import Measure, Mode, Trigger

if TYPE_CHECKING:
    from analytics.arrays import Millis
    from analytics.kernel import Events
    from analytics.profile import Rule


class Finding(Enum):
    """What is proven about a rule."""

    SATISFIED = "satisfied"  # even if every gap was as bad as can be
    UNDECIDED = "undecided"
    VIOLATED = "violated"  # even if every gap was as good as can be


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How long a rule's limit was exceeded, in ms.

    ``measured_ms`` is what the readings show; the truth lies between ``optimistic_ms`` (less the
    rounding of event ends) and ``pessimistic_ms`` (every gap counts).
    """

    finding: Finding
    measured_ms: int
    optimistic_ms: int
    pessimistic_ms: int
    first_trigger_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What one channel shows about one limit.

    ``gaps`` are those that no co-located logger closes. ``margin_ms`` is added to either bound of
    a budget where the clock is unknown (S3). ``bounds_only`` says that some values are ends of
    scale, so that events may begin and end anywhere up to their neighbours (S5);
    ``hidden`` that such a value within the limit may stand for one beyond it.
    """

    events: Events
    gaps: Intervals
    margin_ms: int = 0
    bounds_only: bool = False
    hidden: bool = False


def weigh(rule: Rule, measure: Measure, evidence: Evidence) -> Exposure:
    """What ``evidence`` proves about ``rule``.

    SATISFIED iff the worst case is within the budget: every gap was out, and joins the events that
    it touches. VIOLATED iff the best case exceeds it: every gap was in, and each event as short as
    its rounded ends allow. Everything else is UNDECIDED (S28).
    """
    events = evidence.events
    runs = _runs(events, measure)
    lengths = runs.end - runs.start
    widest = _runs(events, Measure.UPPER) if evidence.bounds_only else runs
    rounding = events.rounding_ms if measure is Measure.LIN else 0
    optimistic = _together(rule.mode, lengths - rounding)
    pessimistic = _worst_case(rule.mode, widest, evidence.gaps)
    return Exposure(
        finding=_finding(rule, evidence, optimistic, pessimistic),
        measured_ms=_together(rule.mode, lengths),
        optimistic_ms=optimistic,
        pessimistic_ms=pessimistic,
        first_trigger_ms=first_trigger(rule, events, runs),
    )


def first_trigger(rule: Rule, events: Events, runs: Intervals) -> int | None:
    """The instant at which the measured exposure set the rule off; None if it never did (S18)."""
    if not len(events):
        return None
    if rule.budget_ms is None:
        return int(events.first_out[0])
    lengths = runs.end - runs.start
    spent = np.cumsum(lengths) if rule.mode is Mode.CUMULATIVE else lengths
    reached = spent > rule.budget_ms if rule.trigger is Trigger.OVER else spent >= rule.budget_ms
    if not reached.any():
        return None
    event = int(np.argmax(reached))
    before = int(spent[event] - lengths[event])
    return int(runs.start[event]) + rule.budget_ms - before


def _runs(events: Events, measure: Measure) -> Intervals:
    """The events as intervals of the chosen duration (S16)."""
    match measure:
        case Measure.LIN:
            return Intervals(events.start, events.end)
        case Measure.HOLD:
            return Intervals(events.first_out, events.next_in)
        case Measure.UPPER:
            return Intervals(events.prev_in, events.next_in)
        case _:
            assert_never(measure)


def _together(mode: Mode, lengths: Millis) -> int:
    """One exposure from the lengths of events: their sum, or the longest."""
    if mode is Mode.CUMULATIVE:
        return int(lengths.sum())
    return int(lengths.max(initial=0))


def _worst_case(mode: Mode, runs: Intervals, gaps: Intervals) -> int:
    if mode is Mode.CUMULATIVE:
        return runs.total_ms + gaps.total_ms
    return longest_with_gaps(runs, gaps)


def _finding(rule: Rule, evidence: Evidence, optimistic: int, pessimistic: int) -> Finding:
    if rule.budget_ms is None:
        if len(evidence.events):
            return Finding.VIOLATED
        unseen = bool(len(evidence.gaps)) or evidence.hidden
        return Finding.UNDECIDED if unseen else Finding.SATISFIED
    if _too_long(rule, rule.budget_ms, optimistic - evidence.margin_ms):
        return Finding.VIOLATED
    if _too_long(rule, rule.budget_ms, pessimistic + evidence.margin_ms) or evidence.hidden:
        return Finding.UNDECIDED
    return Finding.SATISFIED


def _too_long(rule: Rule, budget_ms: int, exposure_ms: int) -> bool:
    return exposure_ms > budget_ms if rule.trigger is Trigger.OVER else exposure_ms >= budget_ms
