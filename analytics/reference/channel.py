"""Everything about one channel: rules, MKT, excursions, completeness (S11-S29)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.case import Role
from analytics.evaluation import ReasonCode
from analytics.exposure import Finding
from analytics.profile import Calibration, Decision, Mode
from analytics.reference.answer import ChannelAnswer, Excursion, KineticAnswer, RuleAnswer
from analytics.reference.consequence import Weight, demanded, reason, verdict_of, weight, worst
from analytics.reference.events import Bar, area2, find_alarms, peak
from analytics.reference.exposure import view, weigh
from analytics.reference.figures import (
    SENSED,
    changes,
    longest_standstill_ms,
    recording,
    spikes,
    statistics,
)
from analytics.reference.heat import heat_windows, histogram, mean_kinetic_celsius
from analytics.reference.observation import Clock
from analytics.reference.spans import total_ms, without
from coldgate.model import Quantity, ReadingFlag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.case import Case
    from analytics.profile import Profile, Rule
    from analytics.reference.answer import ReasonAnswer
    from analytics.reference.events import Event
    from analytics.reference.exposure import View
    from analytics.reference.observation import Observation
    from analytics.reference.spans import Span
    from analytics.windows import KineticLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One channel amid its case: the companions of its zone, and when which door was open."""

    profile: Profile
    case: Case
    seen: Observation
    beside: tuple[Observation, ...]
    doors: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRule:
    """One rule with everything that its verdict rests on."""

    rule: Rule
    weight: Weight
    shown: View
    answer: RuleAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedChannel:
    """One channel's answer, and what it contributes to that about the consignment."""

    answer: ChannelAnswer
    rules: tuple[JudgedRule, ...]
    reasons: tuple[ReasonAnswer, ...]
    excursions: tuple[Excursion, ...]


def judge_channel(scene: Scene) -> JudgedChannel:
    """The channel under every rule for its quantity; a reference channel under none (S30)."""
    seen, profile, channel = scene.seen, scene.profile, scene.seen.channel
    is_goods = channel.role is Role.GOODS
    rules = [rule for rule in profile.rules if is_goods and rule.quantity is channel.quantity]
    judged = tuple(_judge_rule(scene, rule) for rule in rules)
    kinetic = _judge_mkt(scene) if is_goods else None
    verdicts = [each.answer.verdict for each in judged]
    answer = ChannelAnswer(
        channel=channel.key,
        quantity=channel.quantity,
        zone=channel.zone,
        role=channel.role,
        begin_ms=seen.begin_ms,
        end_ms=seen.end_ms,
        interval_ms=seen.interval_ms,
        bridge_ms=seen.bridge_ms,
        clock=seen.clock,
        uncertainty_milli=seen.uncertainty_milli,
        certificates=seen.certificates,
        uncalibrated=seen.uncalibrated,
        statistics=statistics(seen, profile),
        recording=recording(seen, profile),
        spikes=spikes(seen, profile),
        changes=changes(seen, profile),
        rules=tuple(each.answer for each in judged),
        kinetic=kinetic,
        verdict=worst([*verdicts, kinetic.verdict] if kinetic else verdicts),
        readings_digest=seen.digest,
    )
    return JudgedChannel(
        answer=answer,
        rules=judged,
        reasons=(*_rule_reasons(judged, kinetic, channel.key), *_incompleteness(scene)),
        excursions=tuple(_excursions(scene, judged)),
    )


def open_doors(seen: Observation) -> list[Span]:
    """From each reading of an open door to the next of a closed one, or to the last (S24)."""
    opened: list[Span] = []
    since: int | None = None
    for at_ms, value in zip(seen.t, seen.v, strict=True):
        if value > 0 and since is None:
            since = at_ms
        if value <= 0 and since is not None:
            opened.append((since, at_ms))
            since = None
    return opened if since is None else [*opened, (since, seen.t[-1])]


def unseen(scene: Scene) -> list[Span]:
    """The channel's gaps in which no companion knew the value either (S11)."""
    return without(scene.seen.gaps, [span for other in scene.beside for span in other.known])


def _judge_rule(scene: Scene, rule: Rule) -> JudgedRule:
    seen, profile = scene.seen, scene.profile
    decision = rule.decision or profile.decision
    shown = view(seen, scene.beside, Bar.of(rule.limit), decision, profile.label)
    exposure = weigh(rule, profile, seen, shown)
    weighs = weight(rule.action, scene.case)
    answer = RuleAnswer(
        rule=rule.id,
        action=rule.action,
        decision=decision,
        optimistic_limit_milli=shown.optimistic_bar.milli,
        pessimistic_limit_milli=shown.pessimistic_bar.milli,
        finding=exposure.finding,
        measured_ms=exposure.measured_ms,
        optimistic_ms=exposure.optimistic_ms,
        pessimistic_ms=exposure.pessimistic_ms,
        budget_ms=rule.budget_ms,
        first_trigger_ms=exposure.first_trigger_ms,
        events=0 if rule.mode is Mode.MEAN else len(shown.nominal),
        mean=None if exposure.mean_milli is None else exposure.mean_milli / 1000,
        alarms=find_alarms(seen, rule),
        records_only=weighs is Weight.RECORD,
        verdict=verdict_of(weighs, exposure.finding),
    )
    return JudgedRule(rule=rule, weight=weighs, shown=shown, answer=answer)


def _judge_mkt(scene: Scene) -> KineticAnswer | None:
    """The MKT of every window that ends with an excursion above its limit (S26)."""
    profile, seen = scene.profile, scene.seen
    if profile.kinetic is None or profile.kinetic.limit is None:
        return None
    if seen.channel.quantity is not Quantity.TEMPERATURE:
        return None
    limit = profile.kinetic.limit
    bar = Bar(limit.limit_milli, is_high=True, inclusive=False)
    shown = view(seen, scene.beside, bar, profile.decision, profile.label)
    finding = _mkt_finding(scene, limit, shown)
    windows = heat_windows(seen, [event.end for event in shown.nominal], limit)
    hottest = max(windows, key=lambda window: window.intensity, default=None)
    weights = {} if hottest is None else histogram(seen, hottest.first, hottest.last)
    return KineticAnswer(
        limit_milli=limit.limit_milli,
        finding=finding,
        windows=len(windows),
        mkt=mean_kinetic_celsius(weights, limit.activation_kj_per_mol),
        start_ms=None if hottest is None else seen.t[hottest.first],
        end_ms=None if hottest is None else seen.t[hottest.last],
        short=hottest is not None and hottest.short,
        verdict=verdict_of(Weight.FAIL, finding),
    )


def _mkt_finding(scene: Scene, limit: KineticLimit, shown: View) -> Finding:
    """Exceeded even by the lowest true values; kept even by the highest; else open (S26, S28)."""
    seen, decision = scene.seen, scene.profile.decision
    uncertainty = 0 if decision is Decision.SIMPLE else seen.uncertainty_milli
    lower = -uncertainty if decision is Decision.NON_BINARY else 0
    ends = {event.end for event in shown.optimistic}
    if any(each.certainly_above for each in heat_windows(seen, ends, limit, shifted_milli=lower)):
        return Finding.VIOLATED
    ends = {event.end for event in shown.pessimistic}
    if decision is not Decision.SIMPLE:
        ends |= set(_turns(seen, shown.pessimistic, limit.window_ms))
    possible = heat_windows(seen, ends, limit, shifted_milli=uncertainty)
    is_open = shown.gaps or shown.bounds_only or not any(seen.covered)
    if is_open or any(each.possibly_above for each in possible):
        return Finding.UNDECIDED
    return Finding.SATISFIED


def _turns(seen: Observation, events: Sequence[Event], window_ms: int) -> Iterable[int]:
    """The instants within the events at which the readings of a window change.

    One comes in at its own time, and leaves a millisecond after it is as old as the window.
    """
    turns = [turn for t in seen.t for turn in (t, t + window_ms, t + window_ms + 1)]
    for event in events:
        yield from (turn for turn in turns if event.first_out <= turn <= event.end)


def _rule_reasons(
    judged: Sequence[JudgedRule], kinetic: KineticAnswer | None, key: str
) -> Iterable[ReasonAnswer]:
    """Why a rule, or the MKT, is not plainly satisfied; rules that only note say nothing."""
    for each in judged:
        finding, verdict = each.answer.finding, each.answer.verdict
        if finding is Finding.SATISFIED or each.weight is Weight.NOTE:
            continue
        violated, undecided = ReasonCode.RULE_VIOLATED, ReasonCode.RULE_UNDECIDED
        if each.weight is Weight.RECORD:
            violated, undecided = ReasonCode.EXCURSION, ReasonCode.EXCURSION_POSSIBLE
        code = violated if finding is Finding.VIOLATED else undecided
        yield reason(code, verdict, rule=each.rule.id, channel=key)
    if kinetic is not None and kinetic.finding is not Finding.SATISFIED:
        is_violated = kinetic.finding is Finding.VIOLATED
        code = ReasonCode.MKT_EXCEEDED if is_violated else ReasonCode.MKT_UNDECIDED
        yield reason(code, kinetic.verdict, rule="MKT", channel=key)


def _incompleteness(scene: Scene) -> Iterable[ReasonAnswer]:
    """Whatever keeps the channel from proving anything good (S3, S4, S8, S29)."""
    seen, quantity = scene.seen, scene.seen.channel.quantity
    if seen.channel.role is not Role.GOODS or quantity not in demanded(scene.profile, scene.case):
        return
    doubts = {
        ReasonCode.NO_READINGS: not seen.t,
        ReasonCode.LOW_COVERAGE: bool(seen.t) and not _is_covered(scene),
        ReasonCode.DATA_CONFLICT: seen.conflicts > 0,
        ReasonCode.CLOCK_FAULT: seen.clock is Clock.FAULT,
        ReasonCode.TIME_AMBIGUOUS: seen.count(ReadingFlag.TIME_AMBIGUOUS) > 0,
        ReasonCode.UNCALIBRATED: _is_uncalibrated(scene),
        ReasonCode.LOG_INCOMPLETE: bool(seen.t) and _is_incomplete(scene),
        ReasonCode.SENSOR_STUCK: _is_stuck(scene),
    }
    for code, is_doubtful in doubts.items():
        if is_doubtful:
            yield reason(code, channel=seen.channel.key)


def _is_covered(scene: Scene) -> bool:
    """True if the zone's loggers together saw enough of the channel's time (S29)."""
    weights = histogram(scene.seen)
    due_ms = sum(weights.values()) // 2 + total_ms(scene.seen.gaps)
    covered_ms = due_ms - total_ms(unseen(scene))
    return covered_ms > 0 and covered_ms * 1000 >= due_ms * scene.profile.minimum_coverage_permille


def _is_uncalibrated(scene: Scene) -> bool:
    """True if a certificate is required and some reading that counts has none in force (S29)."""
    is_required = scene.profile.uncertainty.calibration is Calibration.REQUIRED
    return is_required and scene.seen.uncalibrated > 0


def _is_incomplete(scene: Scene) -> bool:
    """True if a long gap stays open and the log does not prove that nothing is missing (S29)."""
    log = scene.seen.channel.log
    is_whole = log is not None and log.sealed and log.missing == 0
    longest_ms = max((end - start for start, end in unseen(scene)), default=0)
    return not is_whole and longest_ms > scene.profile.allowed_gap_ms


def _is_stuck(scene: Scene) -> bool:
    """True if the value stood still for longer than any air does."""
    limit_ms = scene.profile.suspicion.stuck_ms
    if limit_ms is None or scene.seen.channel.quantity not in SENSED or not scene.seen.t:
        return False
    return longest_standstill_ms(scene.seen) >= limit_ms


def _excursions(scene: Scene, judged: Sequence[JudgedRule]) -> Iterable[Excursion]:
    """The events of each limit, listed once, under the first rule that has it."""
    told: set[Bar] = set()
    for each in judged:
        bar = Bar.of(each.rule.limit)
        if bar in told or each.rule.mode is Mode.MEAN:
            continue
        told.add(bar)
        for event in each.shown.nominal:
            yield _excursion(scene, each.rule, bar, event)


def _excursion(scene: Scene, rule: Rule, bar: Bar, event: Event) -> Excursion:
    seen = scene.seen
    worst_at = peak(seen, bar, event)
    return Excursion(
        rule=rule.id,
        channel=seen.channel.key,
        action=rule.action,
        start_ms=event.start,
        end_ms=event.end,
        lower_bound=event.lower_bound,
        upper_bound=event.upper_bound,
        lin_ms=event.end - event.start,
        hold_ms=event.next_in - event.first_out,
        upper_ms=event.next_in - event.prev_in,
        readings=event.last - event.first + 1,
        peak_milli=seen.v[worst_at],
        peak_at_ms=seen.t[worst_at],
        area2=area2(seen, bar, event),
        provisional=seen.open_end and event.upper_bound == "EDGE",
        door=_beside_door(scene, event),
    )


def _beside_door(scene: Scene, event: Event) -> bool:
    """True if a door stood open during the event, give or take an interval (S24)."""
    slack_ms = scene.seen.interval_ms or 0
    begin, end = event.start - slack_ms, event.end + slack_ms
    return any(opened <= end and closed >= begin for opened, closed in scene.doors)
