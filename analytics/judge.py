"""The judge: a profile and a case in, one immutable evaluation out; pure (S29, S30, S33)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics import mkt, reasons
from analytics.case import Role
from analytics.completeness import absences, demanded, incompleteness
from analytics.damage import WHOLE_PPB, damages, spend
from analytics.evaluation import (
    ENGINE_VERSION,
    Constants,
    EvaluatedWindow,
    Evaluation,
    ProfileReference,
    ReasonCode,
    RepeatResult,
    Severity,
    plain,
)
from analytics.exposure import Finding
from analytics.gathering import gather
from analytics.profile import Action, Mode
from analytics.record import observe
from analytics.summary import NO_STRETCHES, Stretches
from analytics.verdict import Sensitivity, channel_verdicts, judge_panel, worst
from coldgate.crypto import canonical_json, sha256_hex
from coldgate.model import Quantity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.case import Case, Damage
    from analytics.evaluation import (
        BudgetResult,
        ChannelResult,
        Excursion,
        Reason,
    )
    from analytics.panel import Panel
    from analytics.profile import Profile
    from analytics.record import Record
    from analytics.verdict import ChannelVerdict

GRAVE: Final = frozenset(  # evidence that is missing or was tampered with (section 4.1)
    {
        ReasonCode.NO_READINGS,
        ReasonCode.LOGGER_MISSING,
        ReasonCode.QUANTITY_UNWATCHED,
        ReasonCode.ZONE_UNWATCHED,
        ReasonCode.DATA_CONFLICT,
        ReasonCode.CLOCK_FAULT,
        ReasonCode.BUDGET_EXCEEDED,
    }
)
GRAVE_ACTIONS: Final = frozenset({Action.FAIL_UNLESS_MFR, Action.FAIL_IF_FREEZE_SENSITIVE})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bench:
    """The channels of one quantity and one role, with the records behind the panel's rows."""

    panel: Panel
    records: tuple[Record, ...]
    ruled: bool


def judge(profile: Profile, case: Case) -> Evaluation:
    """What the readings of ``case`` prove under ``profile``: the worst over everything (S30).

    The answer depends on the set of readings only: neither their order, nor repeats, nor the
    order of the channels changes a byte of it (S33).
    """
    return judge_benches(profile, case, seated(profile, case))


def seated(profile: Profile, case: Case) -> list[Bench]:
    """The channels of a case, observed and summarised, in one order however they came."""
    records = sorted(
        (observe(channel, case.window, profile) for channel in case.channels), key=_order
    )
    return seat(profile, records)


def seat(profile: Profile, records: Sequence[Record]) -> list[Bench]:
    """The records side by side, by quantity; those that are only for reference by themselves."""
    groups: dict[tuple[Quantity, bool], list[Record]] = {}
    for record in records:
        place = record.channel.quantity, record.channel.role is Role.GOODS
        groups.setdefault(place, []).append(record)
    return [
        Bench(
            panel=gather(profile, quantity, group, ruled=ruled),
            records=tuple(group),
            ruled=ruled,
        )
        for (quantity, ruled), group in sorted(groups.items())
    ]


def judge_benches(profile: Profile, case: Case, benches: Sequence[Bench]) -> Evaluation:
    """The evaluation of channels whose readings are summarised already."""
    window = _window(profile, case)
    goods = Sensitivity(freezing=case.freeze_sensitive, shock=case.shock_sensitive)
    judged = _judged(profile, benches, goods)
    records = [record for bench in benches for record in bench.records]
    budgets = tuple(_budgets(profile, case, benches))
    excursions = tuple(event for each in judged for event in each.excursions)
    repeats = RepeatResult(
        here=_distinct_excursions(profile, goods, excursions), earlier=case.earlier_on_lane
    )
    reasons_ = [
        *absences(profile, case, window, records),
        *_incompleteness(profile, case, benches),
        *(reason for each in judged for reason in each.reasons),
        *(reason for each in budgets if (reason := reasons.of_budget(each)) is not None),
        *_repeated(profile, repeats),
    ]
    reasons_.sort(key=lambda reason: -reason.verdict.rank)
    results = tuple(each.result for each in judged)
    with_excursions = _with_excursions(results)
    return Evaluation(
        verdict=worst(reason.verdict for reason in reasons_),
        severity=_severity(goods, reasons_, results, budgets, with_excursions=with_excursions),
        provisional=window.provisional,
        with_excursions=with_excursions,
        reasons=tuple(reasons_),
        window=window,
        channels=results,
        excursions=excursions,
        budgets=budgets,
        repeats=repeats,
        profile=ProfileReference(id=profile.id, version=profile.version, digest=profile.digest),
        input_digest=_input_digest(profile, case, window, results),
        engine_version=ENGINE_VERSION,
        constants=_constants(profile),
    )


def _order(record: Record) -> tuple[str | int, ...]:
    """Sorts the records of a case in one way, however they came."""
    channel = record.channel
    seat = (channel.zone or "", channel.role.value, *map(repr, (record.end_ms, record.interval_ms)))
    begin = -1 if record.begin_ms is None else record.begin_ms
    return channel.key, begin, record.tally.digest, *seat


def _judged(profile: Profile, benches: Sequence[Bench], goods: Sensitivity) -> list[ChannelVerdict]:
    watched = (
        _open_times(bench.panel)
        for bench in benches
        if bench.ruled and bench.records[0].channel.quantity is Quantity.DOOR
    )
    doors = next(watched, NO_STRETCHES)  # all of one quantity sit on one bench
    judged = [
        (_order(record), verdict)
        for bench in benches
        for record, verdict in zip(
            bench.records,
            channel_verdicts(
                profile, judge_panel(profile, bench.panel), bench.records, goods, doors
            ),
            strict=True,
        )
    ]
    return [verdict for _, verdict in sorted(judged, key=lambda pair: pair[0])]


def _open_times(panel: Panel) -> Stretches:
    """From each reading above 0 of a door's channel to the one after it, if there is one (S24)."""
    readings = panel.readings
    row = np.repeat(np.arange(readings.rows), readings.lengths)
    at = np.flatnonzero(readings.v > 0)
    until = np.minimum(at + 1, readings.starts[row[at] + 1] - 1)
    return Stretches(row=row[at], start=readings.t[at], end=readings.t[until])


def _incompleteness(profile: Profile, case: Case, benches: Sequence[Bench]) -> list[Reason]:
    wanted = demanded(profile, case)
    found = [
        (_order(record), reason)
        for bench in benches
        if bench.ruled and bench.records[0].channel.quantity in wanted
        for row, record in enumerate(bench.records)
        for reason in incompleteness(profile, bench.panel, row, record)
    ]
    return [reason for _, reason in sorted(found, key=lambda pair: pair[0])]


def _budgets(profile: Profile, case: Case, benches: Sequence[Bench]) -> Iterable[BudgetResult]:
    """What each lot has spent, by the channels of its zone and those without one (S36)."""
    if profile.stability is None:
        return
    seen: list[tuple[str | None, Damage]] = []
    for bench in benches:
        if bench.ruled and bench.records[0].channel.quantity is Quantity.TEMPERATURE:
            uncertain = [record.uncertainty_milli for record in bench.records]
            zones = [record.channel.zone for record in bench.records]
            seen += zip(zones, damages(profile, bench.panel, uncertain), strict=True)
    for lot in sorted(case.lots, key=lambda lot: (lot.key, lot.zone)):
        yield spend(lot, [damage for zone, damage in seen if zone in {lot.zone, None}])


def _distinct_excursions(
    profile: Profile, goods: Sensitivity, excursions: Sequence[Excursion]
) -> int:
    """How many times the goods were out, whoever saw it; what is near in time is one (S32)."""
    timed = [rule for rule in profile.rules if rule.mode is not Mode.MEAN]
    excused = {
        (rule.quantity, rule.limit) for rule in timed if goods.of(rule.action) is Action.EXCURSION
    }
    listed = {rule.id for rule in timed if (rule.quantity, rule.limit) in excused}
    together: list[list[int]] = []
    for start, end in sorted((e.start_ms, e.end_ms) for e in excursions if e.rule in listed):
        if together and start - together[-1][1] <= profile.repeats.apart_ms:
            together[-1][1] = max(together[-1][1], end)
        else:
            together.append([start, end])
    return len(together)


def _repeated(profile: Profile, repeats: RepeatResult) -> Iterable[Reason]:
    """Excursions that are no longer an exception: nothing excuses them (S32)."""
    most = profile.repeats
    if most.consignment is not None and repeats.here >= most.consignment:
        text = f"{repeats.here} excursions in one consignment; {most.consignment} are too many"
        yield reasons.hold(ReasonCode.REPEATED_EXCURSIONS, text)
    on_lane = repeats.earlier + 1
    if most.lane is not None and repeats.here and on_lane >= most.lane:
        text = f"excursions in {on_lane} consignments on this lane within twelve months"
        yield reasons.hold(ReasonCode.REPEATED_EXCURSIONS, text)


def _severity(
    goods: Sensitivity,
    found: Sequence[Reason],
    results: Sequence[ChannelResult],
    budgets: Sequence[BudgetResult],
    *,
    with_excursions: bool,
) -> Severity:
    """How grave the judgement is (section 4.1)."""
    rules = [rule for result in results for rule in result.rules]
    violated = [rule for rule in rules if rule.finding is Finding.VIOLATED]
    if any(reason.code in GRAVE for reason in found) or any(
        goods.of(rule.action) in GRAVE_ACTIONS for rule in violated
    ):
        return Severity.CRITICAL
    half_spent = any(each.total.pessimistic_ppb * 2 > WHOLE_PPB for each in budgets) or any(
        rule.budget_ms is not None
        and goods.of(rule.action) is not Action.NOTE
        and rule.pessimistic_ms * 2 > rule.budget_ms
        for rule in rules
    )
    if half_spent or any(reason.verdict is not Verdict.PASS for reason in found):
        return Severity.MAJOR
    return Severity.MINOR if with_excursions else Severity.NONE


def _with_excursions(results: Sequence[ChannelResult]) -> bool:
    """True unless every rule that only records is proven to have nothing to record."""
    return any(
        rule.records_only and rule.finding is not Finding.SATISFIED
        for result in results
        for rule in result.rules
    )


def _window(profile: Profile, case: Case) -> EvaluatedWindow:
    window = case.window
    delayed = None if window.begin_ms is None else window.begin_ms + profile.conditioning_ms
    return EvaluatedWindow(
        begin_ms=delayed,
        end_ms=window.end_ms,
        begin_event=window.begin_event,
        end_event=window.end_event,
        provisional=window.provisional,
    )


def _input_digest(
    profile: Profile, case: Case, window: EvaluatedWindow, results: Sequence[ChannelResult]
) -> str:
    """SHA-256 over everything the evaluation depends on, the profile's own digest included."""
    channels = [
        {
            "channel": result.channel,
            "zone": result.zone,
            "window": [result.begin_ms, result.end_ms],
            "interval_ms": result.interval_ms,
            "clock": result.clock,
            "role": result.role.value,
            "certificates": list(result.certificates),
            "uncertainty_milli": result.uncertainty_milli,
            "readings": result.readings_digest,
        }
        for result in results
    ]
    body = {
        "profile": profile.digest,
        "window": plain(window),
        "freeze_sensitive": case.freeze_sensitive,
        "planned_zones": sorted(set(case.planned_zones)),
        "planned_loggers": sorted(set(case.planned_loggers)),
        "shock_sensitive": case.shock_sensitive,
        "earlier_on_lane": case.earlier_on_lane,
        "lots": [plain(lot) for lot in sorted(case.lots, key=lambda lot: (lot.key, lot.zone))],
        "channels": channels,
    }
    return sha256_hex(canonical_json(body))


def _constants(profile: Profile) -> Constants:
    return Constants(
        gas_constant_kj_per_mol_k=mkt.GAS_CONSTANT_KJ_PER_MOL_K,
        kelvin_offset=mkt.KELVIN_OFFSET,
        activation_kj_per_mol=profile.kinetic.activation_kj_per_mol if profile.kinetic else None,
    )
