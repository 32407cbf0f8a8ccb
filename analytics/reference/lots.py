"""Stability budgets: how much of a lot's life a journey used up (section 4.1, S36)."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import TYPE_CHECKING, Final

from analytics.case import Role
from analytics.exposure import Finding
from analytics.profile import Decision, Mode
from analytics.reference.answer import BudgetAnswer, Near, Share
from analytics.reference.channel import unseen
from analytics.reference.consequence import Weight, verdict_of
from analytics.reference.events import Bar
from analytics.reference.exposure import (
    clipped_towards,
    margin_ms,
    shortest,
    together,
    view,
    widest,
)
from analytics.reference.heat import COLDEST_MILLI, SIXTY_DIGITS, ageing, histogram
from analytics.reference.observation import Clock
from analytics.reference.spans import total_ms
from coldgate.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.case import Damage, Lot
    from analytics.profile import Arrhenius, Band, Stability
    from analytics.reference.channel import Scene
    from analytics.reference.exposure import View

WHOLE_PPB: Final = 10**9
MOST_PPB: Final = 10**15  # nothing is known: more than any product bears
FLOAT_SHARE: Final = Decimal("1e-9")  # what exponentials in floating point may be wrong by
UNSYNCED_SHARE: Final = Decimal("0.01")  # S3


NOTHING: Final = Near(0)
MOST: Final = Near(MOST_PPB)


def judge_lot(lot: Lot, stability: Stability, scenes: Sequence[Scene]) -> BudgetAnswer:
    """The lot's budget after this journey; of several loggers the worst counts, bound by bound."""
    shares = [
        _banded(stability.bands, scene)
        if stability.arrhenius is None
        else _by_rate(stability.arrhenius, scene)
        for scene in scenes
        if _speaks_of(scene, lot)
    ]
    here = Share(
        optimistic_ppb=max((share.optimistic_ppb for share in shares), default=NOTHING),
        measured_ppb=max((share.measured_ppb for share in shares), default=NOTHING),
        pessimistic_ppb=max((share.pessimistic_ppb for share in shares), default=MOST),
    )
    spent = _spent(lot.spent)
    total = Share(
        optimistic_ppb=spent.optimistic_ppb + here.optimistic_ppb,
        measured_ppb=spent.measured_ppb + here.measured_ppb,
        pessimistic_ppb=spent.pessimistic_ppb + here.pessimistic_ppb,
    )
    finding = _finding(total)
    return BudgetAnswer(
        key=lot.key,
        zone=lot.zone,
        spent=spent,
        here=here,
        total=total,
        finding=finding,
        verdict=verdict_of(Weight.FAIL, finding),
    )


def _speaks_of(scene: Scene, lot: Lot) -> bool:
    channel = scene.seen.channel
    is_thermometer = channel.quantity is Quantity.TEMPERATURE and channel.role is Role.GOODS
    return is_thermometer and channel.zone in (lot.zone, None)


def _spent(before: Damage) -> Share:
    return Share(
        optimistic_ppb=Near(before.optimistic_ppb),
        measured_ppb=Near(before.measured_ppb),
        pessimistic_ppb=Near(before.pessimistic_ppb),
    )


def _finding(total: Share) -> Finding:
    if total.optimistic_ppb.whole > WHOLE_PPB:
        return Finding.VIOLATED
    is_left = total.pessimistic_ppb.whole <= WHOLE_PPB
    return Finding.SATISFIED if is_left else Finding.UNDECIDED


def _banded(bands: Sequence[Band], scene: Scene) -> Share:
    """Time above each temperature over its budget, summed over exclusive bands."""
    views = [_view(band, scene) for band in bands]
    times = [_above_ms(shown, scene) for shown in views]
    optimistic, measured, pessimistic = (
        _damage(bands, [each[side] for each in times]) for side in range(3)
    )
    return Share(
        optimistic_ppb=Near(floor(optimistic * WHOLE_PPB)),
        measured_ppb=Near(round(measured * WHOLE_PPB)),
        pessimistic_ppb=MOST
        if any(shown.hidden for shown in views)
        else Near(min(ceil(pessimistic * WHOLE_PPB), MOST_PPB)),
    )


def _view(band: Band, scene: Scene) -> View:
    bar = Bar(band.above_milli, is_high=True, inclusive=False)
    return view(scene.seen, scene.beside, bar, scene.profile.decision, scene.profile.label)


def _above_ms(shown: View, scene: Scene) -> tuple[int, int, int]:
    """Time above a band's temperature at best, as read, and at worst (S28)."""
    profile, seen = scene.profile, scene.seen
    read = [event.span(profile.measure) for event in shown.nominal]
    optimistic = together(Mode.CUMULATIVE, shortest(shown.optimistic, profile.measure))
    pessimistic = total_ms(widest(shown, profile.measure)) + total_ms(shown.gaps)
    margin = margin_ms(seen)
    return max(0, optimistic - margin), total_ms(read), pessimistic + margin


def _damage(bands: Sequence[Band], above_ms: Sequence[int]) -> Fraction:
    """The sum of each band's own time over its budget: 1 is the whole life (4.1)."""
    own_ms = [max(0, time - hotter) for time, hotter in pairwise([*above_ms, 0])]
    return sum(
        (Fraction(ms, band.budget_ms) for ms, band in zip(own_ms, bands, strict=True)), Fraction(0)
    )


def _by_rate(life: Arrhenius, scene: Scene) -> Share:
    """Damage by rate; the bounds take in what floating point may be wrong by (4.1)."""
    seen, decision = scene.seen, scene.profile.decision
    uncertainty = 0 if decision is Decision.SIMPLE else seen.uncertainty_milli
    lower = -uncertainty if decision is Decision.NON_BINARY else 0
    slack = UNSYNCED_SHARE if seen.clock is Clock.UNSYNCED else Decimal(0)
    weights = histogram(seen)
    optimistic, measured, pessimistic = (
        _rate_damage(life, weights, shift) for shift in (lower, 0, uncertainty)
    )
    with localcontext(SIXTY_DIGITS):
        optimistic *= (1 - FLOAT_SHARE) * (1 - slack)
        pessimistic *= (1 + FLOAT_SHARE) * (1 + slack)
    reference = Bar(life.reference_milli, is_high=True, inclusive=False)
    has_no_end = unseen(scene) or clipped_towards(seen, reference, scene.profile.label)
    return Share(
        optimistic_ppb=_near(floor(optimistic)),
        measured_ppb=_near(round(measured)),
        pessimistic_ppb=MOST if has_no_end else _near(min(ceil(pessimistic), MOST_PPB)),
    )


def _rate_damage(life: Arrhenius, weights: dict[int, int], shifted_milli: int) -> Decimal:
    """The damage in billionths if every value were higher by ``shifted_milli``."""
    with localcontext(SIXTY_DIGITS):
        aged = Decimal(0)
        for value, ms in weights.items():
            milli = max(value + shifted_milli, COLDEST_MILLI)
            aged += ms * ageing(milli, life.activation_kj_per_mol, life.reference_milli)
        return aged * WHOLE_PPB / (2 * life.budget_ms)


def _near(whole: int) -> Near:
    """What floating point may show instead: one more or less, or its eleventh digit."""
    return Near(whole, 1 + whole // 10**11)
