"""The verdict on one channel: every rule, the MKT, and the reasons (S18, S26, S28, S30)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from analytics import reasons
from analytics.evaluation import ChannelResult, Excursion, KineticResult, RuleResult
from analytics.exposure import Evidence, Finding, weigh
from analytics.figures import rounded, statistics
from analytics.kernel import Bound, Segments
from analytics.mkt import histogram, mean_kinetic_celsius
from analytics.profile import Action
from analytics.sight import Sight, evidence, kinetic_limit
from analytics.windows import kinetic_windows
from coldgate.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analytics.evaluation import Reason
    from analytics.kernel import Limit
    from analytics.profile import Measure, Profile, Rule
    from analytics.windows import KineticLimit, KineticWindows


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelVerdict:
    """What the rules say about one channel; completeness and clocks come on top."""

    result: ChannelResult
    reasons: tuple[Reason, ...]
    excursions: tuple[Excursion, ...]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of several verdicts; PASS of none (S30)."""
    return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.PASS)


def consequence(action: Action, finding: Finding, *, freeze_sensitive: bool) -> Verdict:
    """The verdict that follows when a rule with this action comes to this finding."""
    if finding is Finding.SATISFIED or records_only(action, freeze_sensitive=freeze_sensitive):
        return Verdict.PASS
    match action:
        case Action.EXCURSION | Action.HOLD:
            return Verdict.HOLD
        case Action.FAIL | Action.FAIL_UNLESS_MFR | Action.FAIL_IF_FREEZE_SENSITIVE:
            return Verdict.FAIL if finding is Finding.VIOLATED else Verdict.HOLD
        case _:
            assert_never(action)


def records_only(action: Action, *, freeze_sensitive: bool) -> bool:
    """True if a violation is put on record and leaves the verdict to the other rules."""
    return action is Action.EXCURSION or (
        action is Action.FAIL_IF_FREEZE_SENSITIVE and not freeze_sensitive
    )


def judge_channel(
    profile: Profile, sight: Sight, beside: Sequence[Sight], *, freeze_sensitive: bool
) -> ChannelVerdict:
    """Every rule of the profile that concerns this channel, judged by its own readings."""
    record, channel = sight.record, sight.record.channel
    rules = [rule for rule in profile.rules if rule.quantity is channel.quantity]
    shown = {limit: evidence(sight, beside, limit, profile.label) for limit in sight.events}
    judged = [
        judge_rule(rule, profile.measure, shown[rule.limit], freeze_sensitive=freeze_sensitive)
        for rule in rules
    ]
    said = [
        reasons.of_rule(rule, result, channel.key, shown[rule.limit])
        for rule, result in zip(rules, judged, strict=True)
    ]
    kinetic, kinetic_reason = _judge_mkt(profile, sight, shown)
    verdicts = [result.verdict for result in judged]
    result = ChannelResult(
        channel=channel.key,
        serial=channel.serial,
        sensor=channel.sensor,
        quantity=channel.quantity,
        zone=channel.zone,
        begin_ms=record.begin_ms,
        end_ms=record.end_ms,
        interval_ms=record.interval_ms,
        bridge_ms=record.bridge_ms,
        clock=record.clock.value,
        statistics=statistics(record, profile.kinetic),
        rules=tuple(judged),
        kinetic=kinetic,
        verdict=worst([*verdicts, kinetic.verdict] if kinetic else verdicts),
        readings_digest=record.kept.digest,
    )
    return ChannelVerdict(
        result=result,
        reasons=tuple(reason for reason in [*said, kinetic_reason] if reason is not None),
        excursions=_excursions(rules, sight),
    )


def judge_rule(
    rule: Rule, measure: Measure, about: Evidence, *, freeze_sensitive: bool
) -> RuleResult:
    """One rule's exposures and verdict, from what a channel shows about its limit."""
    exposure = weigh(rule, measure, about)
    return RuleResult(
        rule=rule.id,
        when=rule.when,
        action=rule.action,
        finding=exposure.finding,
        measured_ms=exposure.measured_ms,
        optimistic_ms=exposure.optimistic_ms,
        pessimistic_ms=exposure.pessimistic_ms,
        budget_ms=rule.budget_ms,
        first_trigger_ms=exposure.first_trigger_ms,
        events=len(about.events),
        records_only=records_only(rule.action, freeze_sensitive=freeze_sensitive),
        verdict=consequence(rule.action, exposure.finding, freeze_sensitive=freeze_sensitive),
    )


def _judge_mkt(
    profile: Profile, sight: Sight, shown: Mapping[Limit, Evidence]
) -> tuple[KineticResult | None, Reason | None]:
    """The MKT over the hours before each excursion's end, and why it is no PASS (S26)."""
    limit = kinetic_limit(profile, sight.record.channel.quantity)
    if limit is None or profile.kinetic is None or profile.kinetic.limit is None:
        return None, None
    bound, about = profile.kinetic.limit, shown[limit]
    kept, between = sight.record.kept, sight.record.between
    windows = kinetic_windows(kept.t, kept.v, between.covered, about.events.end, bound)
    finding = _kinetic_finding(windows, about, covered_ms=between.covered_ms)
    result = _kinetic_result(sight, bound, windows, finding)
    return result, reasons.of_mkt(result, sight.record.channel.key, about.gaps)


def _kinetic_finding(windows: KineticWindows, about: Evidence, *, covered_ms: int) -> Finding:
    """A gap may hide heat, so it leaves the question open unless the rest answers it."""
    if windows.certainly_above():
        return Finding.VIOLATED
    unseen = len(about.gaps) > 0 or about.bounds_only or covered_ms == 0
    return Finding.UNDECIDED if unseen or windows.possibly_above() else Finding.SATISFIED


def _kinetic_result(
    sight: Sight, bound: KineticLimit, windows: KineticWindows, finding: Finding
) -> KineticResult:
    kept, between = sight.record.kept, sight.record.between
    verdict = consequence(Action.FAIL, finding, freeze_sensitive=False)
    if not len(windows):
        return KineticResult(
            limit_milli=bound.limit_milli,
            finding=finding,
            windows=0,
            mkt=None,
            start_ms=None,
            end_ms=None,
            short=False,
            verdict=verdict,
        )
    index = windows.worst()
    first, last = int(windows.first[index]), int(windows.last[index])
    part = Segments(between.dt[first:last], between.covered[first:last])
    known = histogram(kept.v[first : last + 1], part)
    return KineticResult(
        limit_milli=bound.limit_milli,
        finding=finding,
        windows=len(windows),
        mkt=rounded(mean_kinetic_celsius(known, bound.activation_kj_per_mol)),
        start_ms=int(kept.t[first]),
        end_ms=int(kept.t[last]),
        short=bool(windows.short[index]),
        verdict=verdict,
    )


def _excursions(rules: Sequence[Rule], sight: Sight) -> tuple[Excursion, ...]:
    """The events of each distinct limit, once, under the first rule that has it."""
    by_limit = {rule.limit: rule for rule in reversed(rules)}
    return tuple(
        excursion
        for rule in rules
        if by_limit[rule.limit] is rule
        for excursion in _listed(rule, sight)
    )


def _listed(rule: Rule, sight: Sight) -> Iterable[Excursion]:
    found = sight.events[rule.limit]
    lin, hold, upper = found.lin_ms, found.hold_ms, found.upper_ms
    for index in range(len(found)):
        yield Excursion(
            rule=rule.id,
            channel=sight.record.channel.key,
            action=rule.action,
            start_ms=int(found.start[index]),
            end_ms=int(found.end[index]),
            lower_bound=Bound(int(found.lo[index])).name,
            upper_bound=Bound(int(found.hi[index])).name,
            lin_ms=int(lin[index]),
            hold_ms=int(hold[index]),
            upper_ms=int(upper[index]),
            readings=int(found.count[index]),
            peak_milli=int(found.peak[index]),
            peak_at_ms=int(found.peak_at[index]),
            area2=found.area2[index],
            provisional=sight.record.open_end and int(found.hi[index]) == Bound.EDGE,
        )
