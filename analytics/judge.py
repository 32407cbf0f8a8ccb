"""The judge: a profile and a case in, one immutable evaluation out; pure (S29, S30, S33)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics import mkt
from analytics.clock import ClockState
from analytics.evaluation import (
    ENGINE_VERSION,
    Constants,
    EvaluatedWindow,
    Evaluation,
    ProfileReference,
    ReasonCode,
    plain,
)
from analytics.exposure import Finding
from analytics.intervals import NEVER, difference, intervals, union
from analytics.reasons import hold
from analytics.sight import Sight, companions, look, uncovered
from analytics.verdict import judge_channel, worst
from coldgate.crypto import canonical_json, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.case import Case
    from analytics.evaluation import ChannelResult, Reason
    from analytics.intervals import Intervals
    from analytics.profile import Profile
    from analytics.record import Record


def judge(profile: Profile, case: Case) -> Evaluation:
    """What the readings of ``case`` prove under ``profile``: the worst over everything (S30).

    The answer depends on the set of readings only: neither their order, nor repeats, nor the
    order of the channels changes a byte of it (S33).
    """
    window = _window(profile, case)
    sights = sorted(
        (look(channel, case.window, profile) for channel in case.channels),
        key=lambda sight: sight.order,
    )
    judged = [
        judge_channel(
            profile, sight, companions(sight, sights), freeze_sensitive=case.freeze_sensitive
        )
        for sight in sights
    ]
    reasons = [
        *_absences(profile, case, window, sights),
        *(reason for sight in sights for reason in _incompleteness(profile, sight, sights)),
        *(reason for channel in judged for reason in channel.reasons),
    ]
    reasons.sort(key=lambda reason: -reason.verdict.rank)
    results = tuple(channel.result for channel in judged)
    return Evaluation(
        verdict=worst(reason.verdict for reason in reasons),
        provisional=window.provisional,
        with_excursions=_with_excursions(results),
        reasons=tuple(reasons),
        window=window,
        channels=results,
        excursions=tuple(event for channel in judged for event in channel.excursions),
        profile=ProfileReference(id=profile.id, version=profile.version, digest=profile.digest),
        input_digest=_input_digest(profile, case, window, results),
        engine_version=ENGINE_VERSION,
        constants=_constants(profile),
    )


def _absences(
    profile: Profile, case: Case, window: EvaluatedWindow, sights: Sequence[Sight]
) -> Iterable[Reason]:
    """What was planned or is demanded by the profile, and is not there (S30)."""
    serials = {sight.record.channel.serial for sight in sights}
    for serial in sorted(set(case.planned_loggers) - serials):
        yield hold(ReasonCode.LOGGER_MISSING, f"planned logger {serial} has no channel")
    for quantity in sorted(profile.quantities):
        watching = [sight for sight in sights if sight.record.channel.quantity is quantity]
        name = quantity.name.lower()
        if not watching:
            yield hold(ReasonCode.QUANTITY_UNWATCHED, f"no channel measures {name}")
        zones = {sight.record.channel.zone for sight in watching}
        for zone in sorted(set(case.planned_zones) - zones):
            yield hold(ReasonCode.ZONE_UNWATCHED, f"planned zone {zone}: nothing measures {name}")
        for place in sorted(zones, key=str):
            yield from _unwatched(place, window, watching)


def _unwatched(
    zone: str | None, window: EvaluatedWindow, watching: Sequence[Sight]
) -> Iterable[Reason]:
    """Stretches of the window in which no logger was placed in the zone at all.

    Where no event bounds the window, the first and last reading of any zone do; while the journey
    goes on, a zone whose readings are on their way is given time.
    """
    everywhere = [sight.record for sight in watching]
    here = [record for record in everywhere if record.channel.zone == zone]
    left = difference(
        _span(window, everywhere, here if window.provisional else everywhere),
        _united(record.watched for record in here),
    )
    tolerated = max(record.bridge_ms for record in here)
    place = "" if zone is None else f"zone {zone}: "
    for spot in left.pairs():
        if spot[1] - spot[0] > tolerated:
            name = here[0].channel.quantity.name.lower()
            text = f"{place}no logger was placed there for {name}"
            yield hold(ReasonCode.ZONE_UNWATCHED, text, spot=spot)


def _span(
    window: EvaluatedWindow, beginning: Sequence[Record], ending: Sequence[Record]
) -> Intervals:
    """The consignment's window from its events, or else from its channels; empty if unknown."""
    begins = [record.begin_ms for record in beginning if record.begin_ms is not None]
    ends = [record.end_ms for record in ending if record.end_ms is not None]
    begin = window.begin_ms if window.begin_ms is not None else min(begins, default=None)
    end = window.end_ms if window.end_ms is not None else max(ends, default=None)
    if begin is None or end is None or begin >= end:
        return NEVER
    return intervals((begin, end))


def _incompleteness(profile: Profile, sight: Sight, sights: Sequence[Sight]) -> Iterable[Reason]:
    """Whatever keeps one channel from proving anything good (S3, S4, S8, S29)."""
    record, key = sight.record, sight.record.channel.key
    if record.channel.quantity not in profile.quantities:
        return
    if not len(record.kept):
        yield hold(ReasonCode.NO_READINGS, "no reading within the window", key)
    elif not _is_complete(profile, sight, sights):
        share = f"{profile.minimum_coverage_permille / 10:g} %"
        yield hold(ReasonCode.LOW_COVERAGE, f"less than {share} of the time is covered", key)
    if record.kept.conflicts:
        count = record.kept.conflicts
        yield hold(ReasonCode.DATA_CONFLICT, f"{count} instants have several values", key)
    if record.clock is ClockState.FAULT:
        yield hold(ReasonCode.CLOCK_FAULT, "the logger's clock stepped or drifts too fast", key)
    if record.time_ambiguous:
        count = record.time_ambiguous
        yield hold(ReasonCode.TIME_AMBIGUOUS, f"{count} local times exist twice or not at all", key)


def _is_complete(profile: Profile, sight: Sight, sights: Sequence[Sight]) -> bool:
    """Whether the zone's loggers together cover enough of the channel's time (S11, S29)."""
    due_ms = sight.record.due_ms
    covered_ms = due_ms - uncovered(sight, companions(sight, sights)).total_ms
    return covered_ms > 0 and covered_ms * 1000 >= due_ms * profile.minimum_coverage_permille


def _with_excursions(results: Sequence[ChannelResult]) -> bool:
    """True unless every rule that only records is proven to have nothing to record."""
    return any(
        rule.records_only and rule.finding is not Finding.SATISFIED
        for result in results
        for rule in result.rules
    )


def _united(sets: Iterable[Intervals]) -> Intervals:
    """Time in any of the sets."""
    together = NEVER
    for each in sets:
        together = union(together, each)
    return together


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
        "channels": channels,
    }
    return sha256_hex(canonical_json(body))


def _constants(profile: Profile) -> Constants:
    return Constants(
        gas_constant_kj_per_mol_k=mkt.GAS_CONSTANT_KJ_PER_MOL_K,
        kelvin_offset=mkt.KELVIN_OFFSET,
        activation_kj_per_mol=profile.kinetic.activation_kj_per_mol if profile.kinetic else None,
    )
