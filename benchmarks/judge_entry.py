"""The judge as the benchmarks call it: a whole fleet, live batches, one late reading.

The only place to change when the judge gets another entry; what is measured and what it is
compared with stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.case import Case, Certificate, Channel, Window
from analytics.columns import columns
from analytics.figures import figures
from analytics.judge import judge
from analytics.panel import NO_CLIP_HIGH, NO_CLIP_LOW, Frame, panel
from analytics.profile import Suspicion
from analytics.profile_format import load_builtin_profiles
from analytics.readings import Readings
from analytics.record import max_bridge
from analytics.summary import merge, seam_between, summarise
from analytics.table import Table
from analytics.traces import Demands, merged_traces, trace
from analytics.verdict import judge_panel
from benchmarks.judge_data import BEGIN_MS, MINUTE_MS, READINGS
from coldgate.model import ClockPair, Quantity

if TYPE_CHECKING:
    from analytics.arrays import Bools, Indices, Milli, Millis
    from analytics.columns import Columns
    from analytics.evaluation import Evaluation
    from analytics.figures import PanelFigures
    from analytics.limits import Bars
    from analytics.profile import Profile
    from analytics.summary import Summary
    from analytics.traces import Traces
    from analytics.verdict import JudgedPanel
    from benchmarks.judge_data import Fleet

INTERVAL_MS: Final = MINUTE_MS
UNCERTAINTY_MILLI: Final = 200
CERTIFICATE: Final = Certificate(
    number="BENCH-1",
    valid_from_ms=BEGIN_MS - 86_400_000,
    valid_to_ms=BEGIN_MS + 365 * 86_400_000,
    expanded_milli=UNCERTAINTY_MILLI,
)
NO_FLAGS: Final = Suspicion(spike_milli_per_minute=None)
SYNCED: Final = (ClockPair(logger_ms=BEGIN_MS, gateway_ms=BEGIN_MS),)


def cold_profile() -> Profile:
    """USP_CCT_2_8 as it ships."""
    return next(profile for profile in load_builtin_profiles() if profile.id == "USP_CCT_2_8")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FleetAnswer:
    """Everything the profile asks about every channel, side by side as the judge leaves it."""

    judged: JudgedPanel
    shown: PanelFigures


def judge_fleet(fleet: Fleet, profile: Profile, *, flags: bool = False) -> FleetAnswer:
    """The judgement of all channels of a fleet, each from its first to its last reading.

    With ``flags`` spikes and dead sensors are looked for as well, which the baseline does not.
    """
    setting = _Setting.of(profile, fleet.channels, flags=flags)
    starts = np.arange(fleet.channels + 1) * READINGS
    readings = setting.table(fleet.t, fleet.v, starts)
    summary = summarise(readings, setting.bars)
    traces = trace(readings, setting.demands, summary.spread)
    return setting.answer(summary, traces, readings, ends=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Setting:
    """What is asked of channels of one kind, whatever they have read."""

    profile: Profile
    columns: Columns
    bars: Bars
    demands: Demands
    bridge_ms: Millis

    @classmethod
    def of(cls, profile: Profile, channels: int, *, flags: bool) -> _Setting:
        wanted = columns(profile, Quantity.TEMPERATURE)
        bridge_ms = max_bridge(INTERVAL_MS, profile.gap_cap_ms)
        return cls(
            profile=profile,
            columns=wanted,
            bars=wanted.bars([UNCERTAINTY_MILLI] * channels),
            demands=_demands(profile, channels, flags=flags),
            bridge_ms=np.full(channels, bridge_ms),
        )

    def table(self, t: Millis, v: Milli, starts: Indices) -> Table:
        """The readings of all channels."""
        return Table(t=t, v=v, starts=starts, bridge_ms=self.bridge_ms)

    def answer(
        self, summary: Summary, traces: Traces, readings: Table, *, ends: bool
    ) -> FleetAnswer:
        """The judgement of what the channels come to."""
        whole = panel(
            self.columns, self.bars, summary, traces, _frame(summary, ends=ends), readings
        )
        return FleetAnswer(
            judged=judge_panel(self.profile, whole), shown=figures(whole, self.profile.kinetic)
        )


def _demands(profile: Profile, channels: int, *, flags: bool) -> Demands:
    doubt, label = profile.suspicion if flags else NO_FLAGS, profile.label
    every = np.ones(channels, np.bool_)
    return Demands(
        interval_ms=np.full(channels, INTERVAL_MS),
        watched=every,
        climatic=every,
        label_low=np.full(channels, label.low_milli),
        label_high=np.full(channels, label.high_milli),
        spike_milli_per_minute=doubt.spike_milli_per_minute,
        change_milli_per_minute=doubt.change_milli_per_minute,
        stuck_ms=doubt.stuck_ms,
    )


def _frame(summary: Summary, *, ends: bool) -> Frame:
    """Loggers with a synchronised clock, each in a zone of its own."""
    spread, every = summary.spread, np.ones(summary.rows, np.bool_)
    return Frame(
        begin_ms=spread.first_t,
        end_ms=spread.last_t,
        has_begin=every,
        has_end=every & ends,
        interval_ms=np.full(summary.rows, INTERVAL_MS),
        unsynced=~every,
        clip_high=np.full(summary.rows, NO_CLIP_HIGH),
        clip_low=np.full(summary.rows, NO_CLIP_LOW),
        group=np.full(summary.rows, -1),
    )


class LiveJudge:
    """Open consignments of as many channels each: summaries, merged with every batch.

    ``_stored`` stands for the database: only channels with an excursion are read again.
    """

    def __init__(self, profile: Profile, t: Millis, v: Milli, channels_each: int) -> None:
        """Begin with a history: ``t`` (readings,) for all, ``v`` (channels, readings)."""
        channels = len(v)
        self._each = channels_each
        self._setting = _Setting.of(profile, channels, flags=True)
        self._stored = (list(t), list(v.T))
        readings = self._setting.table(
            np.tile(t, channels), v.ravel(), np.arange(channels + 1) * len(t)
        )
        self._summary = summarise(readings, self._setting.bars)
        self._traces = trace(readings, self._setting.demands, self._summary.spread)

    def take(self, t: Millis, v: Milli) -> int:
        """Merge one reading of every channel, both (channels,), and judge all consignments.

        Returns:
            How many consignments have excursions.
        """
        self._merge(self._setting.table(t, v, np.arange(len(t) + 1)))
        self._stored[0].append(t[0])
        self._stored[1].append(v)
        answer = self._setting.answer(self._summary, self._traces, self._hot_readings(), ends=False)
        events = answer.judged.exposures[0].events
        return int((events > 0).reshape(-1, self._each).any(axis=1).sum())

    def _merge(self, batch: Table) -> None:
        setting, before = self._setting, self._summary
        new = summarise(batch, setting.bars)
        traces = trace(batch, setting.demands, new.spread)
        seam = seam_between(before.spread, new.spread, setting.bridge_ms)
        self._traces = merged_traces(self._traces, traces, seam, setting.demands)
        self._summary = merge(before, new, setting.bars, setting.bridge_ms)

    def _hot_readings(self) -> Table:
        """All readings of the channels beyond the worst MKT limit, none of the others."""
        view = self._setting.columns.kinetic
        assert view is not None
        hot: Bools = np.zeros(self._summary.rows, np.bool_)
        hot[self._summary.runs.of_limit(view.pessimistic).row] = True
        t, rows = np.array(self._stored[0]), np.flatnonzero(hot)
        v = np.stack([column[rows] for column in self._stored[1]], axis=1)
        starts = np.concatenate(([0], np.cumsum(hot * len(t))))
        return self._setting.table(np.tile(t, len(rows)), v.ravel(), starts)


class LateJudge:
    """One channel's complete record but for what comes late."""

    def __init__(self, profile: Profile, t: Millis, v: Milli) -> None:
        self._profile = profile
        self._t = t
        self._v = v

    def take(self, t: int, v: int) -> Evaluation:
        """The evaluation with one more reading; the record itself stays as it was."""
        place = int(np.searchsorted(self._t, t))
        return judge_record(
            self._profile, np.insert(self._t, place, t), np.insert(self._v, place, v)
        )


def judge_record(profile: Profile, t: Millis, v: Milli) -> Evaluation:
    """The evaluation of one channel from its first to its last reading."""
    channel = Channel(
        serial="logger-000001",
        sensor=0,
        quantity=Quantity.TEMPERATURE,
        readings=Readings(taken_at_ms=t, value_milli=v, flags=np.zeros(len(t), np.uint8)),
        placed_from_ms=int(t[0]),
        placed_to_ms=int(t[-1]),
        interval_ms=INTERVAL_MS,
        clock_pairs=SYNCED,
        certificates=(CERTIFICATE,),
    )
    window = Window(begin_ms=int(t[0]), end_ms=int(t[-1]))
    return judge(profile, Case(window=window, channels=(channel,)))
