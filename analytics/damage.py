"""What a journey takes of a product's stability budget (S36, section 4.1)."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import heads_of
from analytics.case import Damage
from analytics.evaluation import BudgetResult
from analytics.exposure import (
    Finding,
    durations,
    hidden,
    margin_ms,
    optimistic_ms,
    pessimistic_ms,
)
from analytics.mkt import relative_rates
from analytics.panel import NO_CLIP_HIGH, summed
from analytics.profile import Decision, Mode
from analytics.readings import ABSOLUTE_ZERO_MILLI
from coldgate.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.arrays import Millis
    from analytics.case import Lot
    from analytics.mkt import Figures
    from analytics.panel import Panel
    from analytics.profile import Arrhenius, Band, Measure, Profile

WHOLE_PPB: Final = 10**9  # of a budget
MOST_DAMAGE_PPB: Final = 10**15  # a million budgets: stands for damage without a bound
FLOAT_MARGIN: Final = 1e-9  # far above the error of a sum of exponentials
UNKNOWN: Final = Damage(pessimistic_ppb=MOST_DAMAGE_PPB)


def damages(profile: Profile, panel: Panel, uncertainties_milli: Sequence[int]) -> list[Damage]:
    """What each channel of a temperature panel saw, as a share of the profile's budget."""
    stability = profile.stability
    if stability is None:
        return [Damage()] * panel.rows
    if stability.arrhenius is not None:
        return _by_rate(profile.decision, stability.arrhenius, panel, uncertainties_milli)
    return _by_bands(profile.measure, stability.bands, panel)


def spend(lot: Lot, seen: Sequence[Damage]) -> BudgetResult:
    """A lot's budget after this journey: the worst that any of its zone's channels saw.

    Without a channel in its zone nothing bounds what it may have borne.
    """
    here = _worst(seen) if seen else UNKNOWN
    total = Damage(
        optimistic_ppb=lot.spent.optimistic_ppb + here.optimistic_ppb,
        measured_ppb=lot.spent.measured_ppb + here.measured_ppb,
        pessimistic_ppb=lot.spent.pessimistic_ppb + here.pessimistic_ppb,
        sources=lot.spent.sources,
    )
    finding, verdict = _answer(total)
    return BudgetResult(
        key=lot.key,
        zone=lot.zone,
        spent=lot.spent,
        here=here,
        total=total,
        finding=finding,
        verdict=verdict,
    )


def _answer(total: Damage) -> tuple[Finding, Verdict]:
    if total.optimistic_ppb > WHOLE_PPB:
        return Finding.VIOLATED, Verdict.FAIL
    if total.pessimistic_ppb > WHOLE_PPB:
        return Finding.UNDECIDED, Verdict.HOLD
    return Finding.SATISFIED, Verdict.PASS


def _worst(seen: Sequence[Damage]) -> Damage:
    return Damage(
        optimistic_ppb=max(each.optimistic_ppb for each in seen),
        measured_ppb=max(each.measured_ppb for each in seen),
        pessimistic_ppb=max(each.pessimistic_ppb for each in seen),
    )


def _by_bands(measure: Measure, bands: Sequence[Band], panel: Panel) -> list[Damage]:
    """``D = Σ τ_k / B_k`` over exclusive bands, exact until it is rounded outwards."""
    views, margin = panel.columns.bands, margin_ms(panel)
    measured = [durations(panel.summary.runs.of_limit(view.nominal), measure) for view in views]
    best = [optimistic_ms(Mode.CUMULATIVE, view, measure, panel) - margin for view in views]
    worst = [pessimistic_ms(Mode.CUMULATIVE, view, measure, panel) + margin for view in views]
    seen = [summed(each.row, each.end - each.start, panel.rows) for each in measured]
    concealed = np.logical_or.reduce([hidden(view.pessimistic, panel) for view in views])
    return [
        Damage(
            optimistic_ppb=math.floor(_share([int(each[row]) for each in best], bands)),
            measured_ppb=round(_share([int(each[row]) for each in seen], bands)),
            pessimistic_ppb=MOST_DAMAGE_PPB
            if concealed[row]
            else min(math.ceil(_share([int(each[row]) for each in worst], bands)), MOST_DAMAGE_PPB),
        )
        for row in range(panel.rows)
    ]


def _share(above_ms: Sequence[int], bands: Sequence[Band]) -> Fraction:
    """The damage of so much time above each band's temperature, in billionths, exact."""
    above = [max(0, each) for each in above_ms]
    exclusive = [max(0, a - b) for a, b in zip(above, [*above[1:], 0], strict=True)]
    parts = (
        Fraction(WHOLE_PPB * ms, band.budget_ms) for ms, band in zip(exclusive, bands, strict=True)
    )
    return sum(parts, Fraction(0))


def _by_rate(
    decision: Decision, budget: Arrhenius, panel: Panel, uncertainties_milli: Sequence[int]
) -> list[Damage]:
    """``D = Σ dt·exp(Θ(1/T_ref - 1/T)) / B_ref``; heat in a gap has no bound."""
    uncertain = np.array(uncertainties_milli, np.int64)
    lower = uncertain if decision is Decision.NON_BINARY else 0 * uncertain
    higher = 0 * uncertain if decision is Decision.SIMPLE else uncertain
    clock = np.where(panel.frame.unsynced, 0.01, 0.0)  # S3
    best = _rate_damage(budget, panel, -lower) * (1 - clock) * (1 - FLOAT_MARGIN)
    worst = _rate_damage(budget, panel, higher) * (1 + clock) * (1 + FLOAT_MARGIN)
    seen = _rate_damage(budget, panel, 0 * uncertain)
    clipped = panel.frame.clip_high != NO_CLIP_HIGH
    return [
        Damage(
            optimistic_ppb=math.floor(best[row]),
            measured_ppb=round(float(seen[row])),
            pessimistic_ppb=MOST_DAMAGE_PPB
            if clipped[row] or len(panel.uncovered(row))
            else min(math.ceil(worst[row]), MOST_DAMAGE_PPB),
        )
        for row in range(panel.rows)
    ]


def _rate_damage(budget: Arrhenius, panel: Panel, shift_milli: Millis) -> Figures:
    """Damage in billionths of each channel, if its values were higher by ``shift_milli``."""
    bins, damage = panel.summary.bins, np.zeros(panel.rows)
    if not len(bins.v):
        return damage
    v = np.maximum(bins.v + shift_milli[bins.row], ABSOLUTE_ZERO_MILLI + 1)
    rates = relative_rates(v, budget.reference_milli, budget.activation_kj_per_mol)
    heads = heads_of(bins.row[1:] == bins.row[:-1])
    doubled = np.add.reduceat(bins.weight_ms * rates, heads)
    damage[bins.row[heads]] = doubled * (WHOLE_PPB / (2 * budget.budget_ms))
    return damage
