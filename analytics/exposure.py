"""A rule's three-valued answer for many channels, with honest bounds (S12, S16, S18, S24, S28)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, assert_never

import numpy as np

from analytics.arrays import heads_of
from analytics.panel import NO_CLIP_HIGH, NO_CLIP_LOW, summed
from analytics.profile import Measure, Mode, Trigger
from analytics.runs import HALF_BITS, HALF_MASK, area_parts
from analytics.summary import Stretches

if TYPE_CHECKING:
    from analytics.arrays import Bools, Indices, Millis
    from analytics.columns import View
    from analytics.panel import Panel
    from analytics.profile import Rule
    from analytics.runs import Runs

UNSYNCED_SHARE: Final = 100  # S3: one hundredth of the elapsed time
NEVER_MS: Final = np.iinfo(np.int64).min  # stands for no instant at all


class Finding(Enum):
    """What is proven about a rule."""

    SATISFIED = "satisfied"  # even if every gap was as bad as can be
    UNDECIDED = "undecided"
    VIOLATED = "violated"  # even if every gap was as good as can be


FINDINGS: Final = (Finding.SATISFIED, Finding.UNDECIDED, Finding.VIOLATED)
SATISFIED, UNDECIDED, VIOLATED = range(3)  # places in FINDINGS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposures:
    """How long each channel was beyond one rule's limit; arrays of shape (rows,), times in ms.

    ``measured_ms`` is what the readings show; the truth lies between ``optimistic_ms`` and
    ``pessimistic_ms``. ``finding`` is a place in FINDINGS. ``first_trigger_ms`` is NEVER_MS where
    the measured exposure did not set the rule off.
    """

    finding: Indices
    measured_ms: Millis
    optimistic_ms: Millis
    pessimistic_ms: Millis
    first_trigger_ms: Millis
    events: Millis


def weigh(rule: Rule, view: View, measure: Measure, panel: Panel) -> Exposures:
    """What the channels of ``panel`` prove about ``rule``, each for itself.

    SATISFIED iff the worst case is within the budget: values as near to harm as the uncertainty
    allows, every gap out, and joined to the runs that it touches. VIOLATED iff the best case
    exceeds it: values as far from harm, every gap in, each run as short as its rounded ends
    allow. Everything else is UNDECIDED (S28).
    """
    if rule.mode is Mode.MEAN:
        return _weigh_mean(view, panel)
    runs = panel.summary.runs.of_limit(view.nominal)
    measured = durations(runs, measure)
    optimistic = optimistic_ms(rule.mode, view, measure, panel)
    pessimistic = pessimistic_ms(rule.mode, view, measure, panel)
    return Exposures(
        finding=_findings(rule, view, panel, optimistic, pessimistic),
        measured_ms=_exposures(rule.mode, measured, panel.rows),
        optimistic_ms=optimistic,
        pessimistic_ms=pessimistic,
        first_trigger_ms=_first_triggers(rule, runs, measured, panel.rows),
        events=np.bincount(runs.row, minlength=panel.rows),
    )


def durations(runs: Runs, measure: Measure) -> Stretches:
    """The runs as stretches of the chosen duration (S16)."""
    match measure:
        case Measure.LIN:
            return Stretches(row=runs.row, start=runs.start, end=runs.end)
        case Measure.HOLD:
            return Stretches(row=runs.row, start=runs.first_out, end=runs.next_in)
        case Measure.UPPER:
            return Stretches(row=runs.row, start=runs.prev_in, end=runs.next_in)
        case _:
            assert_never(measure)


def optimistic_ms(mode: Mode, view: View, measure: Measure, panel: Panel) -> Millis:
    """The exposure that is certain: beyond the outer limit, less the rounding of the ends."""
    runs = panel.summary.runs.of_limit(view.optimistic)
    sure = durations(runs, measure)
    rounding = runs.rounding_ms if measure is Measure.LIN else 0
    less = Stretches(row=sure.row, start=sure.start + rounding, end=sure.end)
    return _exposures(mode, less, panel.rows)


def pessimistic_ms(mode: Mode, view: View, measure: Measure, panel: Panel) -> Millis:
    """The exposure that is possible: beyond the inner limit or in a gap that nobody closes."""
    k = view.pessimistic
    runs = panel.summary.runs.of_limit(k)
    likely, widest = durations(runs, measure), durations(runs, Measure.UPPER)
    vague = bounds_only(k, panel)[runs.row]  # a bound may begin and end up to its neighbours (S5)
    possible = Stretches(
        row=runs.row,
        start=np.where(vague, widest.start, likely.start),
        end=np.where(vague, widest.end, likely.end),
    )
    gaps = panel.unclosed[k]
    if mode is Mode.CUMULATIVE:
        return _exposures(mode, possible, panel.rows) + _exposures(mode, gaps, panel.rows)
    return _longest_with_gaps(possible, gaps, panel.rows)


def margin_ms(panel: Panel) -> Millis:
    """What an unknown clock adds to either bound of a budget (S3)."""
    return np.where(panel.frame.unsynced, -(-panel.elapsed_ms // UNSYNCED_SHARE), 0)


def bounds_only(k: int, panel: Panel) -> Bools:
    """Which channels have ends of scale on the side of limit ``k`` (S5)."""
    frame = panel.frame
    above: Bools = frame.clip_high != NO_CLIP_HIGH
    below: Bools = frame.clip_low != NO_CLIP_LOW
    return above if panel.bars.sign[k] > 0 else below


def hidden(k: int, panel: Panel) -> Bools:
    """Where an end of scale within limit ``k`` may stand for a value beyond it (S5)."""
    is_high = panel.bars.sign[k] > 0
    least = panel.frame.clip_high if is_high else panel.frame.clip_low
    edge = panel.bars.milli[k] + panel.bars.sign[k] * panel.bars.least[k]
    within: Bools = least < edge if is_high else least > edge
    return bounds_only(k, panel) & within


def _exposures(mode: Mode, stretches: Stretches, rows: int) -> Millis:
    """One exposure per channel from the lengths of its runs: their sum, or the longest."""
    lengths = stretches.end - stretches.start
    if mode is Mode.CUMULATIVE:
        return summed(stretches.row, lengths, rows)
    return _greatest(stretches.row, lengths, rows)


def _greatest(row: Indices, values: Millis, rows: int) -> Millis:
    """The greatest value of each channel, at least 0; ``row`` ascends."""
    greatest = np.zeros(rows, np.int64)
    if len(row):
        heads = heads_of(row[1:] == row[:-1])
        greatest[row[heads]] = np.maximum(np.maximum.reduceat(values, heads), 0)
    return greatest


def _longest_with_gaps(runs: Stretches, gaps: Stretches, rows: int) -> Millis:
    """The longest run of each channel if every gap counts as part of the runs it touches.

    A gap joins what it touches (S28). Two runs that meet at an instant stay two: the reading
    between them was within the limit (S13).
    """
    row = np.concatenate((runs.row, gaps.row))
    if not len(gaps):
        return _greatest(runs.row, runs.end - runs.start, rows)
    start, end = np.concatenate((runs.start, gaps.start)), np.concatenate((runs.end, gaps.end))
    is_gap = np.arange(len(row)) >= len(runs)
    order = np.lexsort((end, start, row))
    row, start, end, is_gap = row[order], start[order], end[order], is_gap[order]
    joins = (row[1:] == row[:-1]) & (start[1:] <= end[:-1]) & (is_gap[1:] | is_gap[:-1])
    heads = heads_of(joins)
    lengths = np.maximum.reduceat(end, heads) - start[heads]
    return _greatest(row[heads], lengths, rows)


def _findings(
    rule: Rule, view: View, panel: Panel, optimistic: Millis, pessimistic: Millis
) -> Indices:
    concealed = hidden(view.pessimistic, panel)
    if rule.budget_ms is None:
        certain = _has(panel.summary.runs.of_limit(view.optimistic).row, panel.rows)
        possible = _has(panel.summary.runs.of_limit(view.pessimistic).row, panel.rows)
        open_ = possible | concealed | _has(panel.unclosed[view.pessimistic].row, panel.rows)
    else:
        margin = margin_ms(panel)
        certain = _too_long(rule, rule.budget_ms, optimistic - margin)
        open_ = _too_long(rule, rule.budget_ms, pessimistic + margin) | concealed
    return np.where(certain, VIOLATED, np.where(open_, UNDECIDED, SATISFIED))


def _has(row: Indices, rows: int) -> Bools:
    return np.bincount(row, minlength=rows) > 0


def _too_long(rule: Rule, budget_ms: int, exposure_ms: Millis) -> Bools:
    return exposure_ms > budget_ms if rule.trigger is Trigger.OVER else exposure_ms >= budget_ms


def _first_triggers(rule: Rule, runs: Runs, measured: Stretches, rows: int) -> Millis:
    """The instant at which the measured exposure set the rule off (S18)."""
    first = np.full(rows, NEVER_MS)
    if not len(runs):
        return first
    heads = heads_of(runs.row[1:] == runs.row[:-1])
    if rule.budget_ms is None:
        first[runs.row[heads]] = runs.first_out[heads]
        return first
    lengths = measured.end - measured.start
    spent = lengths
    if rule.mode is Mode.CUMULATIVE:
        spent = np.cumsum(lengths)
        before_row = (spent - lengths)[heads]
        spent = spent - np.repeat(before_row, np.diff(heads, append=len(runs)))
    reached = np.flatnonzero(_too_long(rule, rule.budget_ms, spent))
    row = runs.row[reached]
    at = measured.start[reached] + rule.budget_ms - (spent - lengths)[reached]
    first[row[::-1]] = at[::-1]  # the earliest of a channel is written last
    return first


def _weigh_mean(view: View, panel: Panel) -> Exposures:
    """The time-weighted mean against a limit: only a whole record of values decides it (S24)."""
    certain = mean_beyond(view.optimistic, panel)
    possible = mean_beyond(view.pessimistic, panel)
    spread, frame = panel.summary.spread, panel.frame
    clipped = (frame.clip_high != NO_CLIP_HIGH) | (frame.clip_low != NO_CLIP_LOW)
    open_ = _has(panel.gaps.row, panel.rows) | clipped | (spread.covered_ms == 0)
    decided = np.where(certain, VIOLATED, np.where(possible, UNDECIDED, SATISFIED))
    none = np.zeros(panel.rows, np.int64)
    return Exposures(
        finding=np.where(open_, UNDECIDED, decided),
        measured_ms=none,
        optimistic_ms=none,
        pessimistic_ms=none,
        first_trigger_ms=np.full(panel.rows, NEVER_MS),
        events=none,
    )


def mean_beyond(k: int, panel: Panel) -> Bools:
    """Whether the exact mean of each channel lies beyond limit ``k``; False without a mean.

    The distances from the limit are summed in two parts, each within int64 for any values.
    """
    bins, bars = panel.summary.bins, panel.bars
    result = np.zeros(panel.rows, np.bool_)
    if not len(bins.v):
        return result
    beyond = bars.beyond(k, bins.row, bins.v)
    heads = heads_of(bins.row[1:] == bins.row[:-1])
    high, low = area_parts(beyond, bins.weight_ms)
    total = np.add.reduceat(high, heads) + (np.add.reduceat(low, heads) >> HALF_BITS)
    exact = (total == 0) & (np.add.reduceat(low, heads) & HALF_MASK == 0)
    row = bins.row[heads]
    result[row] = (total >= 0) & ~(exact & (bars.least[k, row] > 0))
    return result
