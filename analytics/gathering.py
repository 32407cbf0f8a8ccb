"""From the records of single channels to panels of channels that are judged side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analytics.certificates import CLIMATIC
from analytics.clock import ClockState
from analytics.columns import NO_COLUMNS, columns
from analytics.panel import NO_CLIP_HIGH, NO_CLIP_LOW, Frame, panel
from analytics.summary import summarise
from analytics.table import table
from analytics.traces import Demands, trace
from coldgate.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.arrays import Millis
    from analytics.panel import Panel
    from analytics.profile import Profile
    from analytics.record import Record


def gather(
    profile: Profile, quantity: Quantity, records: Sequence[Record], *, ruled: bool
) -> Panel:
    """The panel of channels of one quantity; without ``ruled``, nothing is asked of them."""
    wanted = columns(profile, quantity) if ruled else NO_COLUMNS
    bars = wanted.bars([record.uncertainty_milli for record in records])
    readings = table(
        [(record.kept.t, record.kept.v) for record in records],
        [record.bridge_ms for record in records],
    )
    return panel(
        wanted,
        bars,
        summarise(readings, bars),
        trace(readings, demands(profile, quantity, records)),
        frame(records),
        readings,
    )


def frame(records: Sequence[Record]) -> Frame:
    """What is known of the channels besides their readings."""
    tallies = [record.tally for record in records]
    zones = sorted({record.channel.zone for record in records if record.channel.zone is not None})
    number = {zone: index for index, zone in enumerate(zones)}
    return Frame(
        begin_ms=_millis(record.begin_ms or 0 for record in records),
        end_ms=_millis(record.end_ms or 0 for record in records),
        has_begin=np.array([record.begin_ms is not None for record in records], np.bool_),
        has_end=np.array([record.end_ms is not None for record in records], np.bool_),
        interval_ms=_millis(record.interval_ms or 0 for record in records),
        unsynced=np.array([record.clock is ClockState.UNSYNCED for record in records], np.bool_),
        clip_high=_millis(_or(tally.clipped_high, NO_CLIP_HIGH) for tally in tallies),
        clip_low=_millis(_or(tally.clipped_low, NO_CLIP_LOW) for tally in tallies),
        group=_millis(number.get(record.channel.zone or "", -1) for record in records),
    )


def demands(profile: Profile, quantity: Quantity, records: Sequence[Record]) -> Demands:
    """What is asked of the records themselves, whatever the rules (S9, S21, S22, section 5)."""
    rows = len(records)
    is_temperature = quantity is Quantity.TEMPERATURE
    label, doubt, recording = profile.label, profile.suspicion, profile.recording
    high, low = (label.high_milli, label.low_milli) if is_temperature else (None, None)
    return Demands(
        interval_ms=_millis(record.interval_ms or 0 for record in records),
        watched=np.full(rows, is_temperature),
        climatic=np.full(rows, quantity in CLIMATIC),
        label_low=np.full(rows, _or(low, NO_CLIP_LOW)),
        label_high=np.full(rows, _or(high, NO_CLIP_HIGH)),
        spike_milli_per_minute=doubt.spike_milli_per_minute,
        change_milli_per_minute=doubt.change_milli_per_minute,
        stuck_ms=doubt.stuck_ms,
        step_ms=tuple(step.interval_ms for step in recording.steps) if recording else (),
        out_of_range_ms=recording.out_of_range_ms if recording else None,
    )


def _millis(values: Iterable[int]) -> Millis:
    return np.fromiter(values, np.int64)


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
