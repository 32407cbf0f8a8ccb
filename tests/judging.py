"""Factories for judgements: minutes and degrees in, values of the judge out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics.case import Case, Certificate, Channel, Window
from analytics.gathering import gather
from analytics.judge import judge
from analytics.profile import Calibration, Decision, Repeats, Suspicion, Uncertainty
from analytics.profile_format import load_builtin_profiles, parse_form
from analytics.readings import Readings
from analytics.record import observe
from coldgate.model import ClockPair, EventKind, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analytics.evaluation import Evaluation, ReasonCode
    from analytics.panel import Panel
    from analytics.profile import Profile

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_767_225_600_000  # 2026-01-01 00:00:00Z
SYNCED = (ClockPair(logger_ms=START, gateway_ms=START),)
BUILTIN: Mapping[str, Profile] = {profile.id: profile for profile in load_builtin_profiles()}


def as_exact(profile: Profile) -> Profile:
    """The profile for readings that are taken as exact, and need no certificate."""
    return replace(
        profile,
        decision=Decision.SIMPLE,
        uncertainty=Uncertainty(calibration=Calibration.OPTIONAL),
        rules=tuple(replace(rule, decision=None) for rule in profile.rules),
    )


# Most tests are about exposure: readings are exact, a second excursion holds nothing by itself, a
# course that stays at one value is not a dead sensor, and nobody asks for the seal of a log.
CCT = replace(
    as_exact(BUILTIN["USP_CCT_2_8"]),
    repeats=Repeats(consignment=None),
    suspicion=Suspicion(),
    allowed_gap_ms=30 * DAY,
)


def readings(
    rows: Iterable[tuple[float, float]], *, flags: int = 0, origin: int = START
) -> Readings:
    """Readings from (minute, value in units) rows, in the order given."""
    pairs = list(rows)
    return milli_readings(
        [(origin + round(minute * MINUTE), round(value * 1000)) for minute, value in pairs],
        [flags] * len(pairs),
    )


def milli_readings(rows: Sequence[tuple[int, int]], flags: Sequence[int] = ()) -> Readings:
    """Readings from (ms, milli-unit) rows and one flag each."""
    table = np.array(rows, np.int64).reshape(-1, 2)
    return Readings(
        taken_at_ms=table[:, 0],
        value_milli=table[:, 1].astype(np.int32),
        flags=np.array(flags or [0] * len(rows), np.uint8),
    )


def make_channel(rows: Iterable[tuple[float, float]] | Readings = (), **changes: Any) -> Channel:
    """A temperature channel with a synchronised clock and an interval of ten minutes."""
    fields: dict[str, Any] = {
        "serial": "tl-1",
        "sensor": 0,
        "quantity": Quantity.TEMPERATURE,
        "interval_ms": 10 * MINUTE,
        "clock_pairs": SYNCED,
        "readings": rows if isinstance(rows, Readings) else readings(rows),
    }
    return Channel(**(fields | changes))


def make_window(minutes: float | None, *, begin: float | None = 0, **changes: Any) -> Window:
    """From pack-out at START to receipt after ``minutes``; None for a journey that goes on."""
    fields: dict[str, Any] = {
        "begin_ms": None if begin is None else START + round(begin * MINUTE),
        "begin_event": EventKind.PACKED,
        "end_ms": None if minutes is None else START + round(minutes * MINUTE),
        "end_event": None if minutes is None else EventKind.RECEIVED,
    }
    return Window(**(fields | changes))


def make_case(*channels: Channel, minutes: float | None = None, **changes: Any) -> Case:
    """A case whose window ends with the last reading unless ``minutes`` says otherwise."""
    last = max((int(c.readings.taken_at_ms.max(initial=START)) for c in channels), default=START)
    shown = (last - START) / MINUTE if minutes is None else minutes
    return Case(**({"window": make_window(shown), "channels": channels} | changes))


def judged(
    rows: Iterable[tuple[float, float]], profile: Profile = CCT, **changes: Any
) -> Evaluation:
    """The evaluation of a single channel with these (minute, value) rows."""
    return judge(profile, make_case(make_channel(rows), **changes))


def judged_samples(samples: Sequence[tuple[int, int]], profile: Profile) -> Evaluation:
    """The evaluation of a single channel with these (ms, milli-unit) readings."""
    return judge(profile, make_case(make_channel(milli_readings(samples))))


def make_certificate(**changes: Any) -> Certificate:
    """A certificate of a tenth of a degree that is in force for the whole year."""
    fields: dict[str, Any] = {
        "number": "C-1",
        "valid_from_ms": START,
        "valid_to_ms": START + 365 * DAY,
        "expanded_milli": 100,
    }
    return Certificate(**(fields | changes))


def make_panel(profile: Profile, *channels: Channel, window: Window | None = None) -> Panel:
    """Channels of one quantity side by side; without a window, from first to last reading."""
    seen = window or make_window(None, begin=None, stopped=True)
    records = [observe(channel, seen, profile) for channel in channels]
    return gather(profile, channels[0].quantity, records, ruled=True)


def codes(evaluation: Evaluation) -> set[ReasonCode]:
    """The codes of all reasons."""
    return {reason.code for reason in evaluation.reasons}


def steady(
    value: float, minutes: int, *, every: int = 10, start: int = 0
) -> list[tuple[int, float]]:
    """Rows of one value, both ends included."""
    return [(minute, value) for minute in range(start, start + minutes + 1, every)]


def make_profile(**changes: Any) -> Profile:
    """A profile with one rule, above 8 °C for an hour, and exact readings; keys as in a file.

    Its parts may contradict one another: a test of one rule needs no label that fits it.
    """
    written: dict[str, Any] = {
        "id": "TEST_2_8",
        "version": 1,
        "description": "for tests",
        "source": "none",
        "confidence": "R",
        "label": [2.0, 8.0],
        "measure": "lin",
        "decision": "simple",
        "uncertainty": {"calibration": "optional"},
        "gaps": {"cap": "15min", "allowed": "30d"},
        "minimum_coverage": 1.0,
        "conditioning": "0s",
        "mkt": None,
        "rules": [make_rule()],
        "repeats": {"consignment": None, "apart": "0s"},
        "suspicion": {"spike_per_minute": None},
    }
    return parse_form(given(written | changes))


def given(written: dict[str, Any]) -> dict[str, Any]:
    """The keys without those that ``...`` takes away."""
    return {key: value for key, value in written.items() if value is not ...}


def make_rule(**changes: Any) -> dict[str, Any]:
    """A rule as a profile file has it: more than an hour above 8 °C fails."""
    written: dict[str, Any] = {
        "id": "HI",
        "when": "T > 8.0",
        "mode": "single",
        "budget": "1h",
        "trigger": "over",
        "action": "FAIL",
    }
    return given(written | changes)
