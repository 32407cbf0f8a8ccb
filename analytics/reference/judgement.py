"""The whole case: every channel, what is absent, lots, repeats, severity and verdict (S30-S36)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.case import Role
from analytics.evaluation import ReasonCode
from analytics.exposure import Finding
from analytics.profile import Action
from analytics.reference.answer import Reference, RepeatsAnswer
from analytics.reference.channel import Scene, judge_channel, open_doors
from analytics.reference.consequence import Weight, demanded, reason, worst
from analytics.reference.lots import WHOLE_PPB, judge_lot
from analytics.reference.observation import observe
from analytics.reference.spans import joined, without
from coldgate.model import Quantity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.case import Case
    from analytics.profile import Profile
    from analytics.reference.answer import BudgetAnswer, ReasonAnswer
    from analytics.reference.channel import JudgedChannel, JudgedRule
    from analytics.reference.observation import Observation
    from analytics.reference.spans import Span

GRAVE = frozenset(
    {
        ReasonCode.BUDGET_EXCEEDED.value,
        ReasonCode.NO_READINGS.value,
        ReasonCode.LOGGER_MISSING.value,
        ReasonCode.QUANTITY_UNWATCHED.value,
        ReasonCode.ZONE_UNWATCHED.value,
        ReasonCode.DATA_CONFLICT.value,
        ReasonCode.CLOCK_FAULT.value,
    }
)


def reference(profile: Profile, case: Case) -> Reference:
    """What the case proves under the profile, worked out slowly and exactly."""
    scenes = _scenes(profile, case)
    channels = [judge_channel(scene) for scene in scenes]
    stability = profile.stability
    budgets = [] if stability is None else [judge_lot(lot, stability, scenes) for lot in case.lots]
    repeats = RepeatsAnswer(here=_repeats(profile, channels), earlier=case.earlier_on_lane)
    reasons = sorted(
        [
            *_absences(profile, case, [scene.seen for scene in scenes]),
            *(each for channel in channels for each in channel.reasons),
            *_budget_reasons(budgets),
            *_repeat_reasons(profile, repeats),
        ],
        key=_reason_order,
    )
    with_excursions = any(
        rule.weight is Weight.RECORD and rule.answer.finding is not Finding.SATISFIED
        for channel in channels
        for rule in channel.rules
    )
    return Reference(
        verdict=worst(Verdict(each.verdict) for each in reasons),
        provisional=case.window.end_ms is None and not case.window.stopped,
        with_excursions=with_excursions,
        severity=_severity(channels, budgets, reasons, with_excursions=with_excursions),
        reasons=tuple(reasons),
        channels=tuple(channel.answer for channel in channels),
        excursions=tuple(event for channel in channels for event in channel.excursions),
        budgets=tuple(budgets),
        repeats=repeats,
    )


def _scenes(profile: Profile, case: Case) -> list[Scene]:
    """Every channel amid its case, in one order, however they came."""
    observed = [observe(channel, case.window, profile) for channel in case.channels]
    observed.sort(key=lambda seen: (seen.channel.key, _or_before(seen.begin_ms), seen.digest))
    doors = [
        span
        for seen in observed
        if seen.channel.quantity is Quantity.DOOR and seen.channel.role is Role.GOODS
        for span in open_doors(seen)
    ]
    return [
        Scene(
            profile=profile,
            case=case,
            seen=seen,
            beside=tuple(_companions(seen, observed)),
            doors=tuple(doors),
        )
        for seen in observed
    ]


def _companions(seen: Observation, observed: Sequence[Observation]) -> Iterable[Observation]:
    """The others of the same quantity in the same declared zone (S11)."""
    mine = seen.channel
    for other in observed:
        its = other.channel
        is_near = mine.zone is not None and (its.zone, its.quantity) == (mine.zone, mine.quantity)
        if other is not seen and is_near and its.role is Role.GOODS:
            yield other


def _absences(
    profile: Profile, case: Case, observed: Sequence[Observation]
) -> Iterable[ReasonAnswer]:
    """What was planned, or is demanded, and is not there (S30)."""
    serials = {seen.channel.serial for seen in observed}
    for serial in set(case.planned_loggers):
        if serial not in serials:
            yield reason(ReasonCode.LOGGER_MISSING)
    for quantity in demanded(profile, case):
        watching = [
            seen
            for seen in observed
            if seen.channel.quantity is quantity and seen.channel.role is Role.GOODS
        ]
        if not watching:
            yield reason(ReasonCode.QUANTITY_UNWATCHED)
        zones = {seen.channel.zone for seen in watching}
        absent = [zone for zone in set(case.planned_zones) if zone not in zones]
        holes = [hole for zone in zones for hole in _unwatched(profile, case, zone, watching)]
        for _ in [*absent, *holes]:
            yield reason(ReasonCode.ZONE_UNWATCHED)


def _unwatched(
    profile: Profile, case: Case, zone: str | None, watching: Sequence[Observation]
) -> list[Span]:
    """Long stretches of the journey in which no logger was placed in the zone."""
    here = [seen for seen in watching if seen.channel.zone == zone]
    is_over = case.window.end_ms is not None or case.window.stopped
    begin, end = case.window.begin_ms, case.window.end_ms
    if begin is not None:
        begin += profile.conditioning_ms
    else:
        begin = min((seen.begin_ms for seen in watching if seen.begin_ms is not None), default=None)
    if end is None:
        ending = watching if is_over else here  # while it goes on, readings may be on their way
        end = max((seen.end_ms for seen in ending if seen.end_ms is not None), default=None)
    if begin is None or end is None or begin >= end:
        return []
    tolerated_ms = max(seen.bridge_ms for seen in here)
    left = without([(begin, end)], [span for seen in here for span in seen.watched])
    return [span for span in left if span[1] - span[0] > tolerated_ms]


def _repeats(profile: Profile, channels: Sequence[JudgedChannel]) -> int:
    """Excursions that rules put on record, those at about the same time counted once (S32)."""
    spans = [
        (event.start, event.end)
        for channel in channels
        for rule in channel.rules
        if rule.weight is Weight.RECORD and rule.answer.events
        for event in rule.shown.nominal
    ]
    return len(joined(spans, apart_ms=profile.repeats.apart_ms))


def _budget_reasons(budgets: Iterable[BudgetAnswer]) -> Iterable[ReasonAnswer]:
    for budget in budgets:
        if budget.finding is Finding.VIOLATED:
            yield reason(ReasonCode.BUDGET_EXCEEDED, budget.verdict)
        if budget.finding is Finding.UNDECIDED:
            yield reason(ReasonCode.BUDGET_UNDECIDED, budget.verdict)


def _repeat_reasons(profile: Profile, repeats: RepeatsAnswer) -> Iterable[ReasonAnswer]:
    """What happens again and again is no longer excused (S32)."""
    most = profile.repeats
    if most.consignment is not None and repeats.here >= most.consignment:
        yield reason(ReasonCode.REPEATED_EXCURSIONS)
    if most.lane is not None and repeats.here and repeats.earlier + 1 >= most.lane:
        yield reason(ReasonCode.REPEATED_EXCURSIONS)


def _severity(
    channels: Sequence[JudgedChannel],
    budgets: Sequence[BudgetAnswer],
    reasons: Sequence[ReasonAnswer],
    *,
    with_excursions: bool,
) -> str:
    """How grave the deviation is (4.1)."""
    rules = [rule for channel in channels for rule in channel.rules]
    if any(each.code in GRAVE for each in reasons) or any(_is_hard(rule) for rule in rules):
        return "CRITICAL"
    is_blocked = any(Verdict(each.verdict) is not Verdict.PASS for each in reasons)
    is_half_used = any(2 * each.total.pessimistic_ppb.whole > WHOLE_PPB for each in budgets)
    if is_blocked or is_half_used or any(_is_half_spent(rule) for rule in rules):
        return "MAJOR"
    return "MINOR" if with_excursions else "NONE"


def _is_hard(judged: JudgedRule) -> bool:
    """True if a hard limit is passed, or goods that freezing harms were frozen."""
    hard = (Action.FAIL_UNLESS_MFR, Action.FAIL_IF_FREEZE_SENSITIVE)
    is_violated = judged.answer.finding is Finding.VIOLATED
    return is_violated and judged.weight is Weight.FAIL and judged.rule.action in hard


def _is_half_spent(judged: JudgedRule) -> bool:
    """True if more than half of a rule's budget may be used up."""
    budget_ms = judged.rule.budget_ms
    if budget_ms is None or judged.weight is Weight.NOTE:
        return False
    return 2 * judged.answer.pessimistic_ms > budget_ms


def _reason_order(each: ReasonAnswer) -> tuple[str, str, str, str]:
    return each.code, each.rule or "", each.channel or "", each.verdict


def _or_before(instant: int | None) -> int:
    return -1 if instant is None else instant
