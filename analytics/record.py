"""One channel seen through the window: synchronised, corrected, trimmed, canonical (S2-S9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.certificates import CLIMATIC, corrected, in_force_counts, uncertainty_milli
from analytics.clock import ClockState, synchronise
from analytics.intervals import NEVER, intervals
from analytics.readings import DAY_MS, Canonical, Label, Readings, added, canonicalise, joined
from coldgate.model import Quantity, ReadingFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.arrays import Millis
    from analytics.case import Channel, Page, Window
    from analytics.intervals import Intervals
    from analytics.profile import Profile
    from analytics.readings import Tally

UNLABELLED: Final = Label(low_milli=None, high_milli=None)  # labels speak of temperature only
REGULAR_SEGMENTS: Final = 3  # fewer cannot show that a logger keeps an interval at all
MAX_INTERVAL_MS: Final = 3_600_000  # EN 12830: the longest recording interval in transport
MINUTE_MS: Final = 60_000
MAX_BRIDGE_MS: Final = 2**31 - 1  # keeps dt * |L - v| below 2**63


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """Readings of one day by server time, or of a whole record where ``day`` is None.

    ``in_force`` counts the readings without a certificate, then those of each certificate of the
    channel.
    """

    day: int | None
    kept: Canonical
    in_force: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """What one channel has to say about the window, before any rule is asked.

    ``begin_ms`` and ``end_ms`` are the evaluated window; None where neither an event nor a
    reading sets it. ``open_end`` is True while more readings may follow (S19). ``interval_ms`` is
    None where it is unknown and cannot be inferred. ``uncertainty_milli`` is U with k = 2 (S27),
    ``uncalibrated`` counts the readings without a certificate in force. The readings are on
    ``sheets``, in order of time; those of the channel's pages are not. ``tally`` counts both.
    """

    channel: Channel
    begin_ms: int | None
    end_ms: int | None
    open_end: bool
    clock: ClockState
    sheets: tuple[Sheet, ...]
    tally: Tally
    interval_ms: int | None
    bridge_ms: int
    uncertainty_milli: int
    uncalibrated: int
    certificates: tuple[str, ...]

    @property
    def pages(self) -> tuple[Page, ...]:
        """The days of which there are no readings at hand."""
        return self.channel.pages or ()

    @property
    def watched(self) -> Intervals:
        """The time in which this channel was there to see, gaps included."""
        if self.begin_ms is None or self.end_ms is None or self.begin_ms > self.end_ms:
            return NEVER
        return intervals((self.begin_ms, self.end_ms))

    @property
    def elapsed_ms(self) -> int:
        """Length of the evaluated window, 0 where it has none."""
        return self.watched.total_ms


def observe(channel: Channel, window: Window, profile: Profile) -> Record:
    """The record of ``channel`` within the window and its own placement."""
    begin, end = bounds(profile, window, channel)
    readings, clock = _timed(channel, begin, end)
    policy, pages = profile.uncertainty, channel.pages or ()
    values = corrected(_within_range(readings, channel), channel.certificates, policy)
    is_labelled = channel.quantity is Quantity.TEMPERATURE
    sheets = _sheets(channel, values, profile.label if is_labelled else UNLABELLED)
    in_force = [*(sheet.in_force for sheet in sheets), *(page.in_force for page in pages)]
    counts = [sum(each) for each in zip(*in_force, strict=True)]
    used = [one for one, count in zip((None, *channel.certificates), counts, strict=True) if count]
    seen = _seen(sheets, pages)
    interval_ms = believed_interval(channel.interval_ms, sheets[0].kept.t, profile.gap_cap_ms)
    tally = _tally(sheets, pages)
    return Record(
        channel=channel,
        begin_ms=begin if begin is not None else min(seen, default=None),
        end_ms=end if end is not None else max(seen, default=None),
        open_end=end is None and not window.stopped,
        clock=_trust(clock, tally),
        sheets=sheets,
        tally=tally,
        interval_ms=interval_ms,
        bridge_ms=max_bridge(interval_ms or 0, profile.gap_cap_ms),
        uncertainty_milli=uncertainty_milli(channel.quantity, used, policy),
        uncalibrated=counts[0] if channel.quantity in CLIMATIC else 0,
        certificates=tuple(sorted({one.number for one in used if one is not None})),
    )


def bounds(profile: Profile, window: Window, channel: Channel) -> tuple[int | None, int | None]:
    """Begin and end of what is evaluated of a channel (S7), None where nothing sets it."""
    begin = _latest(_shifted(window.begin_ms, profile.conditioning_ms), channel.placed_from_ms)
    return begin, _earliest(window.end_ms, channel.placed_to_ms)


def max_bridge(interval_ms: int, cap_ms: int) -> int:
    """Longest time between two readings that still counts as covered (S9).

    One lost reading is bridged as long as the cap allows, a late one always.

    >>> max_bridge(5 * MINUTE_MS, 15 * MINUTE_MS) // MINUTE_MS
    11
    """
    tolerated = min(2 * interval_ms + MINUTE_MS, cap_ms)
    return min(max(interval_ms + MINUTE_MS, tolerated), MAX_BRIDGE_MS)


def believed_interval(configured_ms: int | None, t: Millis, cap_ms: int) -> int | None:
    """The interval by which gaps are told (S9): configured, as far as the readings bear it out.

    Above the cap a configured one counts only if the logger really keeps it, and none above the
    longest that a transport recorder may have: its owner would else declare every gap away.

    >>> minutes = np.arange(10) * 60_000
    >>> believed_interval(12 * 3_600_000, minutes, 900_000)
    900000
    """
    if is_trusted_interval(configured_ms, cap_ms):
        return configured_ms
    seen_ms = inferred_interval(t, cap_ms)
    if configured_ms is None:
        return None if seen_ms is None else min(seen_ms, MAX_INTERVAL_MS)
    return min(configured_ms, max(seen_ms or 0, cap_ms), MAX_INTERVAL_MS)


def is_trusted_interval(configured_ms: int | None, cap_ms: int) -> bool:
    """Whether a configured interval is believed whatever the readings show (S9)."""
    return configured_ms is not None and configured_ms <= min(cap_ms, MAX_INTERVAL_MS)


def inferred_interval(t: Millis, cap_ms: int) -> int | None:
    """The lower median of the times between readings (S9); None for fewer than two readings.

    Up to three of them do not show regularity, so the cap bounds what they claim: two readings
    three hours apart are not a logger with an interval of three hours.
    """
    dt = np.diff(t)
    if not len(dt):
        return None
    middle = (len(dt) - 1) // 2
    median = int(np.partition(dt, middle)[middle])
    return median if len(dt) >= REGULAR_SEGMENTS else max(1, min(median, cap_ms // 2))


def _timed(channel: Channel, begin: int | None, end: int | None) -> tuple[Readings, ClockState]:
    """Readings in server time, those outside the window left out (S7)."""
    raw = joined(channel.readings, channel.conflicts)
    t, clock = synchronise(raw.taken_at_ms, channel.clock_pairs)
    timed = Readings(taken_at_ms=t, value_milli=raw.value_milli, flags=raw.flags)
    inside = np.ones(len(t), np.bool_)
    if begin is not None:
        inside &= t >= begin
    if end is not None:
        inside &= t <= end
    return (timed if inside.all() else timed.where(inside)), clock


def _within_range(readings: Readings, channel: Channel) -> Readings:
    """What lies outside the sensor's range, and is no end of scale, marked as a fault (S5)."""
    if channel.range_milli is None:
        return readings
    low, high = channel.range_milli
    outside = (readings.value_milli < low) | (readings.value_milli > high)
    outside &= (readings.flags & np.uint8(ReadingFlag.CLIPPED)) == 0
    if not outside.any():
        return readings
    flags = np.where(outside, readings.flags | np.uint8(ReadingFlag.FAULT), readings.flags)
    return Readings(taken_at_ms=readings.taken_at_ms, value_milli=readings.value_milli, flags=flags)


def _sheets(channel: Channel, values: Readings, label: Label) -> tuple[Sheet, ...]:
    """The readings as canonical ones, by day where the channel has pages, those of pages left out.

    At least one sheet, which may be empty.
    """
    if channel.pages is None:
        return (_sheet(channel, None, values, label),)
    paged = np.array([page.day for page in channel.pages], np.int64)
    loose = values.where(~np.isin(values.taken_at_ms // DAY_MS, paged))
    by_day = loose.taken_at_ms // DAY_MS
    days = np.unique(by_day).tolist()
    if not days:
        return (_sheet(channel, None, loose, label),)
    return tuple(_sheet(channel, day, loose.where(by_day == day), label) for day in days)


def _sheet(channel: Channel, day: int | None, values: Readings, label: Label) -> Sheet:
    kept = canonicalise(values, channel.quantity, label)
    counts = in_force_counts(kept.t, channel.certificates)
    return Sheet(day=day, kept=kept, in_force=tuple(counts))


def _seen(sheets: Sequence[Sheet], pages: Sequence[Page]) -> list[int]:
    """The first and the last instant of each sheet and page that has any."""
    ends = [end for one in sheets if len(one.kept) for end in one.kept.t[[0, -1]].tolist()]
    return ends + [
        end for page in pages for end in (page.first_ms, page.last_ms) if end is not None
    ]


def _tally(sheets: Sequence[Sheet], pages: Sequence[Page]) -> Tally:
    total = reduce(added, [*(one.kept.tally for one in sheets), *(one.tally for one in pages)])
    return replace(total, digests=tuple(sorted(total.digests)))


def _trust(clock: ClockState, tally: Tally) -> ClockState:
    """A stamp computed from the moment of a download is no better than an unknown clock."""
    return ClockState.UNSYNCED if clock is ClockState.SYNCED and tally.downloaded else clock


def _shifted(instant: int | None, delay_ms: int) -> int | None:
    return None if instant is None else instant + delay_ms


def _latest(first: int | None, second: int | None) -> int | None:
    known = [instant for instant in (first, second) if instant is not None]
    return max(known, default=None)


def _earliest(first: int | None, second: int | None) -> int | None:
    known = [instant for instant in (first, second) if instant is not None]
    return min(known, default=None)
