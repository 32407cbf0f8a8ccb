"""The verdict on each channel of a panel: every rule, the MKT, and the reasons (S18, S26-S30)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import numpy as np

from analytics import reasons
from analytics.alarms import alarms
from analytics.certificates import CLIMATIC
from analytics.evaluation import ChannelResult, Excursion, Flagged, RecordingResult, RuleResult
from analytics.exposure import FINDINGS, NEVER_MS, Finding, weigh
from analytics.figures import figures, rounded, statistics
from analytics.intervals import Intervals
from analytics.kinetic import judge_kinetics, kinetic_result
from analytics.limits import Bound
from analytics.panel import of_row
from analytics.profile import Action, Mode
from coldgate.model import Quantity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.evaluation import KineticResult, Reason
    from analytics.exposure import Exposures
    from analytics.figures import PanelFigures
    from analytics.kinetic import Kinetics
    from analytics.panel import Panel
    from analytics.profile import Profile, Rule
    from analytics.record import Record
    from analytics.runs import Runs
    from analytics.summary import Stretches
    from analytics.traces import Marks


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelVerdict:
    """What the rules say about one channel; completeness and clocks come on top."""

    result: ChannelResult
    reasons: tuple[Reason, ...]
    excursions: tuple[Excursion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What the goods cannot bear at all (S23, S24)."""

    freezing: bool
    shock: bool

    def of(self, action: Action) -> Action:
        """What an action comes to for these goods."""
        if action is Action.FAIL_IF_FREEZE_SENSITIVE and not self.freezing:
            return Action.EXCURSION
        if action is Action.HOLD_IF_SHOCK_SENSITIVE:
            return Action.HOLD if self.shock else Action.NOTE
        return action


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of several verdicts; PASS of none (S30)."""
    return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.PASS)


def consequence(action: Action, finding: Finding) -> Verdict:
    """The verdict that follows when a rule with this action comes to this finding."""
    if finding is Finding.SATISFIED:
        return Verdict.PASS
    match action:
        case Action.NOTE | Action.EXCURSION:
            return Verdict.PASS
        case Action.HOLD | Action.HOLD_IF_SHOCK_SENSITIVE:
            return Verdict.HOLD
        case Action.FAIL | Action.FAIL_UNLESS_MFR | Action.FAIL_IF_FREEZE_SENSITIVE:
            return Verdict.FAIL if finding is Finding.VIOLATED else Verdict.HOLD
        case _:
            assert_never(action)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgedPanel:
    """The panel with every rule weighed, still side by side: a few arrays per rule."""

    panel: Panel
    exposures: tuple[Exposures, ...]
    kinetics: Kinetics | None


def judge_panel(profile: Profile, panel: Panel) -> JudgedPanel:
    """What each rule comes to on each channel; the cost hardly grows with the channels."""
    columns = panel.columns
    limit = profile.kinetic.limit if profile.kinetic and columns.kinetic else None
    return JudgedPanel(
        panel=panel,
        exposures=tuple(
            weigh(rule, view, profile.measure, panel)
            for rule, view in zip(columns.rules, columns.views, strict=True)
        ),
        kinetics=None if limit is None else judge_kinetics(panel, limit),
    )


def channel_verdicts(
    profile: Profile,
    judged: JudgedPanel,
    records: Sequence[Record],
    goods: Sensitivity,
    doors: Stretches,
) -> list[ChannelVerdict]:
    """The judged panel, channel by channel in words and figures."""
    is_warm = records[0].channel.quantity is Quantity.TEMPERATURE
    shown = figures(judged.panel, profile.kinetic if is_warm else None)
    scene = _Scene(profile=profile, judged=judged, goods=goods, doors=doors, shown=shown)
    return [_channel(scene, record, row) for row, record in enumerate(records)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scene:
    """What the channels of a panel have in common."""

    profile: Profile
    judged: JudgedPanel
    goods: Sensitivity
    doors: Stretches
    shown: PanelFigures


def _channel(scene: _Scene, record: Record, row: int) -> ChannelVerdict:
    channel, panel = record.channel, scene.judged.panel
    places = range(len(panel.columns.rules))
    results = tuple(_rule_result(scene, place, row) for place in places)
    kinetic = _kinetic_result(scene, row)
    said = [_rule_reason(scene, record, place, row, results[place]) for place in places]
    if kinetic is not None:
        said.append(_kinetic_reason(scene, kinetic, channel.key, row))
    verdicts = [result.verdict for result in results]
    result = ChannelResult(
        channel=channel.key,
        serial=channel.serial,
        sensor=channel.sensor,
        quantity=channel.quantity,
        zone=channel.zone,
        role=channel.role,
        uncertainty_milli=record.uncertainty_milli,
        certificates=record.certificates,
        uncalibrated=record.uncalibrated,
        begin_ms=record.begin_ms,
        end_ms=record.end_ms,
        interval_ms=record.interval_ms,
        bridge_ms=record.bridge_ms,
        clock=record.clock.value,
        statistics=statistics(panel, row, scene.shown, record.tally),
        rules=results,
        kinetic=kinetic,
        recording=_recording(scene.profile, panel, record, row),
        spikes=_flagged(panel.traces.rates.spikes, row),
        changes=_flagged(panel.traces.rates.changes, row),
        verdict=worst([*verdicts, kinetic.verdict] if kinetic else verdicts),
        readings_digest=record.tally.digest,
    )
    return ChannelVerdict(
        result=result,
        reasons=tuple(reason for reason in said if reason is not None),
        excursions=tuple(_excursions(scene, record, row)),
    )


def _rule_result(scene: _Scene, place: int, row: int) -> RuleResult:
    profile, panel = scene.profile, scene.judged.panel
    rule, view = panel.columns.rules[place], panel.columns.views[place]
    exposures = scene.judged.exposures[place]
    finding, trigger = FINDINGS[exposures.finding[row]], int(exposures.first_trigger_ms[row])
    action = scene.goods.of(rule.action)
    return RuleResult(
        rule=rule.id,
        when=rule.when,
        action=rule.action,
        decision=rule.decision or profile.decision,
        optimistic_limit_milli=int(panel.bars.milli[view.optimistic, row]),
        pessimistic_limit_milli=int(panel.bars.milli[view.pessimistic, row]),
        finding=finding,
        measured_ms=int(exposures.measured_ms[row]),
        optimistic_ms=int(exposures.optimistic_ms[row]),
        pessimistic_ms=int(exposures.pessimistic_ms[row]),
        budget_ms=rule.budget_ms,
        first_trigger_ms=None if trigger == NEVER_MS else trigger,
        events=int(exposures.events[row]),
        mean=rounded(scene.shown.mean[row]) if rule.mode is Mode.MEAN else None,
        alarms=_alarms(panel, place, row),
        records_only=action is Action.EXCURSION,
        verdict=consequence(action, finding),
    )


def _alarms(panel: Panel, place: int, row: int) -> tuple[tuple[int, int], ...]:
    columns = panel.columns
    outer = columns.alarms[place]
    if outer is None:
        return ()
    events = _runs_of(panel, columns.views[place].nominal, row)
    return alarms(columns.rules[place], events, _runs_of(panel, outer, row)).pairs()


def _runs_of(panel: Panel, k: int, row: int) -> Runs:
    runs = panel.summary.runs.of_limit(k)
    first, last = np.searchsorted(runs.row, (row, row + 1)).tolist()
    return runs.take(slice(first, last))


def _rule_reason(
    scene: _Scene, record: Record, place: int, row: int, result: RuleResult
) -> Reason | None:
    panel = scene.judged.panel
    rule, view = panel.columns.rules[place], panel.columns.views[place]
    if result.finding is Finding.SATISFIED or scene.goods.of(rule.action) is Action.NOTE:
        return None
    decisive = view.nominal if result.finding is Finding.VIOLATED else view.pessimistic
    runs, gaps = _runs_of(panel, decisive, row), panel.unclosed[view.pessimistic]
    return reasons.of_rule(
        rule,
        result,
        record.channel.key,
        reasons.Spots(
            runs=Intervals(runs.start, runs.end),
            gaps=of_row(gaps.row, gaps.start, gaps.end, row),
            uncertainty_milli=record.uncertainty_milli,
        ),
    )


def _kinetic_result(scene: _Scene, row: int) -> KineticResult | None:
    kinetics = scene.judged.kinetics
    if kinetics is None:
        return None
    verdict = consequence(Action.FAIL, FINDINGS[kinetics.finding[row]])
    return kinetic_result(kinetics, row, scene.judged.panel, verdict)


def _kinetic_reason(scene: _Scene, result: KineticResult, channel: str, row: int) -> Reason | None:
    view = scene.judged.panel.columns.kinetic
    assert view is not None  # noqa: S101 - there is a result
    gaps = scene.judged.panel.unclosed[view.pessimistic]
    return reasons.of_mkt(result, channel, of_row(gaps.row, gaps.start, gaps.end, row))


def _recording(profile: Profile, panel: Panel, record: Record, row: int) -> RecordingResult | None:
    """How the recording interval for a journey of this length was kept (section 5)."""
    recording, traces = profile.recording, panel.traces
    if recording is None or record.channel.quantity not in CLIMATIC:
        return None
    steps = recording.steps
    place = next(
        place
        for place, step in enumerate(steps)
        if step.up_to_ms is None or record.elapsed_ms <= step.up_to_ms
    )
    span_ms, segments = int(traces.span_ms[row]), int(traces.segments[row])
    kept_ms = int(traces.compliant_ms[place, row])
    return RecordingResult(
        standard=recording.standard,
        limit_ms=steps[place].interval_ms,
        segments=segments,
        late=int(traces.late[place, row]),
        worst_ms=int(traces.longest_ms[row]) if segments else None,
        compliant_permille=kept_ms * 1000 // span_ms if span_ms else None,
    )


def _flagged(marks: Marks, row: int) -> Flagged:
    return Flagged(count=int(marks.count[row]), at_ms=tuple(marks.instants(row).tolist()))


def _excursions(scene: _Scene, record: Record, row: int) -> Iterable[Excursion]:
    """The events of each distinct limit, once, under the first rule that has it."""
    columns = scene.judged.panel.columns
    listed: set[int] = set()
    for rule, view in zip(columns.rules, columns.views, strict=True):
        if rule.mode is not Mode.MEAN and view.nominal not in listed:
            listed.add(view.nominal)
            runs = _runs_of(scene.judged.panel, view.nominal, row)
            yield from _listed(rule, runs, record, scene.doors)


def _listed(rule: Rule, runs: Runs, record: Record, doors: Stretches) -> Iterable[Excursion]:
    near_ms = record.interval_ms or 0
    for index in range(len(runs)):
        start_ms, end_ms = int(runs.start[index]), int(runs.end[index])
        yield Excursion(
            rule=rule.id,
            channel=record.channel.key,
            action=rule.action,
            start_ms=start_ms,
            end_ms=end_ms,
            lower_bound=Bound(int(runs.lo[index])).name,
            upper_bound=Bound(int(runs.hi[index])).name,
            lin_ms=end_ms - start_ms,
            hold_ms=int(runs.next_in[index] - runs.first_out[index]),
            upper_ms=int(runs.next_in[index] - runs.prev_in[index]),
            readings=int(runs.count[index]),
            peak_milli=int(runs.peak[index]),
            peak_at_ms=int(runs.peak_at[index]),
            area2=runs.area2(index),
            door=_meets(doors, start_ms - near_ms, end_ms + near_ms),
            provisional=record.open_end and int(runs.hi[index]) == Bound.EDGE,
        )


def _meets(doors: Stretches, start_ms: int, end_ms: int) -> bool:
    """Whether a door stood open at any time between two instants (S24)."""
    return bool(((doors.start <= end_ms) & (doors.end >= start_ms)).any())
