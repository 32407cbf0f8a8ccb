"""What keeps a consignment from being proven good, whatever its readings say (S29, S30)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analytics.case import Role
from analytics.clock import ClockState
from analytics.evaluation import ReasonCode
from analytics.intervals import NEVER, Intervals, difference, intervals, united
from analytics.profile import Action, Calibration
from analytics.reasons import duration_words, hold

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.case import Case
    from analytics.evaluation import EvaluatedWindow, Reason
    from analytics.panel import Panel
    from analytics.profile import Profile
    from analytics.record import Record
    from coldgate.model import Quantity


def absences(
    profile: Profile, case: Case, window: EvaluatedWindow, records: Sequence[Record]
) -> Iterable[Reason]:
    """What was planned or is demanded by the profile, and is not there (S30)."""
    serials = {record.channel.serial for record in records}
    goods = [record for record in records if record.channel.role is Role.GOODS]
    for serial in sorted(set(case.planned_loggers) - serials):
        yield hold(ReasonCode.LOGGER_MISSING, f"planned logger {serial} has no channel")
    for quantity in sorted(demanded(profile, case)):
        watching = [record for record in goods if record.channel.quantity is quantity]
        name = quantity.name.lower()
        if not watching:
            yield hold(ReasonCode.QUANTITY_UNWATCHED, f"no channel measures {name}")
        zones = {record.channel.zone for record in watching}
        for zone in sorted(set(case.planned_zones) - zones):
            yield hold(ReasonCode.ZONE_UNWATCHED, f"planned zone {zone}: nothing measures {name}")
        for place in sorted(zones, key=str):
            yield from _unwatched(place, window, watching)


def demanded(profile: Profile, case: Case) -> frozenset[Quantity]:
    """What has to be measured for these goods."""
    shock = {
        rule.quantity
        for rule in profile.rules
        if case.shock_sensitive and rule.action is Action.HOLD_IF_SHOCK_SENSITIVE
    }
    return profile.quantities | shock


def _unwatched(
    zone: str | None, window: EvaluatedWindow, watching: Sequence[Record]
) -> Iterable[Reason]:
    """Stretches of the window in which no logger was placed in the zone at all.

    Where no event bounds the window, the first and last reading of any zone do; while the journey
    goes on, a zone whose readings are on their way is given time.
    """
    here = [record for record in watching if record.channel.zone == zone]
    left = difference(
        _span(window, watching, here if window.provisional else watching),
        united(record.watched for record in here),
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


def incompleteness(profile: Profile, panel: Panel, row: int, record: Record) -> Iterable[Reason]:
    """Whatever keeps one channel from proving anything good (S3, S4, S8, S29)."""
    key, tally = record.channel.key, record.tally
    if not panel.summary.spread.n[row]:
        yield hold(ReasonCode.NO_READINGS, "no reading within the window", key)
    else:
        yield from _coverage(profile, panel, row, record)
    if tally.conflicts:
        text = f"{tally.conflicts} instants have several values"
        yield hold(ReasonCode.DATA_CONFLICT, text, key)
    if record.clock is ClockState.FAULT:
        yield hold(ReasonCode.CLOCK_FAULT, "the logger's clock stepped or drifts too fast", key)
    if tally.ambiguous:
        text = f"{tally.ambiguous} local times exist twice or not at all"
        yield hold(ReasonCode.TIME_AMBIGUOUS, text, key)
    if record.uncalibrated and profile.uncertainty.calibration is Calibration.REQUIRED:
        text = f"no calibration certificate is in force for {record.uncalibrated} readings"
        yield hold(ReasonCode.UNCALIBRATED, text, key)
    stuck_ms = int(panel.traces.stillness.lasting_ms[row])
    if profile.suspicion.stuck_ms is not None and stuck_ms >= profile.suspicion.stuck_ms:
        begin = int(panel.traces.stillness.start[row])
        text = f"the value did not move by a thousandth for {duration_words(stuck_ms)}"
        yield hold(ReasonCode.SENSOR_STUCK, text, key, (begin, begin + stuck_ms))


def _coverage(profile: Profile, panel: Panel, row: int, record: Record) -> Iterable[Reason]:
    """Whether the zone's loggers together cover enough, and the log accounts for the rest (S29)."""
    key, due_ms = record.channel.key, int(panel.due_ms[row])
    left = panel.uncovered(row)
    covered_ms = due_ms - left.total_ms
    if covered_ms <= 0 or covered_ms * 1000 < due_ms * profile.minimum_coverage_permille:
        share = f"{profile.minimum_coverage_permille / 10:g} %"
        yield hold(ReasonCode.LOW_COVERAGE, f"less than {share} of the time is covered", key)
    log = record.channel.log
    if log is not None and log.sealed and not log.missing:
        return
    lengths = left.end - left.start
    if len(left) and int(lengths.max()) > profile.allowed_gap_ms:
        at = int(np.argmax(lengths))
        text = "the log is not sealed, or numbers are missing in it"
        spot = (int(left.start[at]), int(left.end[at]))
        yield hold(ReasonCode.LOG_INCOMPLETE, text, key, spot)
