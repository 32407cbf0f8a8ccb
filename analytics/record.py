"""One channel seen through the window: synchronised, trimmed, canonical, with its gaps (S3-S10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.clock import ClockState, synchronise
from analytics.intervals import Intervals, difference, intervals, union
from analytics.kernel import Segments, covered_time, gaps, max_bridge, segments
from analytics.readings import Canonical, Label, Readings, canonicalise, joined
from coldgate.model import Quantity, ReadingFlag

if TYPE_CHECKING:
    from analytics.arrays import Milli, Millis
    from analytics.case import Channel, Window
    from analytics.profile import Profile

UNLABELLED: Final = Label(low_milli=None, high_milli=None)  # labels speak of temperature only
REGULAR_SEGMENTS: Final = 3  # fewer cannot show that a logger keeps an interval at all
MAX_INTERVAL_MS: Final = 3_600_000  # EN 12830: the longest recording interval in transport


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """What one channel proves about the window, before any rule is asked.

    ``begin_ms`` and ``end_ms`` are the evaluated window; None where neither an event nor a
    reading sets it. ``open_end`` is True while more readings may follow (S19). ``interval_ms`` is
    None where it is unknown and cannot be inferred.
    """

    channel: Channel
    begin_ms: int | None
    end_ms: int | None
    open_end: bool
    clock: ClockState
    kept: Canonical
    interval_ms: int | None
    bridge_ms: int
    between: Segments
    gaps: Intervals

    @property
    def watched(self) -> Intervals:
        """The time in which this channel was there to see, gaps included."""
        if self.begin_ms is None or self.end_ms is None or self.begin_ms > self.end_ms:
            return intervals()
        return intervals((self.begin_ms, self.end_ms))

    @property
    def known(self) -> Intervals:
        """The time in which its value is known."""
        return covered_time(self.kept.t, self.between.covered)

    @property
    def due_ms(self) -> int:
        """Time that must be covered: the window without the edges that S8 ignores."""
        return self.between.covered_ms + self.gaps.total_ms

    @property
    def elapsed_ms(self) -> int:
        """Length of the evaluated window, 0 where it has none."""
        return self.watched.total_ms

    @property
    def clipped(self) -> Milli:
        """The values that are only bounds: the sensor's end of scale (S5)."""
        bounds: Milli = self.kept.v[(self.kept.flags & np.uint8(ReadingFlag.CLIPPED)) != 0]
        return bounds

    @property
    def time_ambiguous(self) -> int:
        """How many readings have a local time that exists twice or not at all."""
        return int(np.count_nonzero(self.kept.flags & np.uint8(ReadingFlag.TIME_AMBIGUOUS)))


def observe(channel: Channel, window: Window, profile: Profile) -> Record:
    """The record of ``channel`` within the window and its own placement."""
    begin = _latest(_shifted(window.begin_ms, profile.conditioning_ms), channel.placed_from_ms)
    end = _earliest(window.end_ms, channel.placed_to_ms)
    readings, clock = _timed(channel, begin, end)
    is_labelled = channel.quantity is Quantity.TEMPERATURE
    kept = canonicalise(readings, channel.quantity, profile.label if is_labelled else UNLABELLED)
    interval_ms = believed_interval(channel.interval_ms, kept.t, profile.gap_cap_ms)
    bridge_ms = max_bridge(interval_ms or 0, profile.gap_cap_ms)
    between = segments(kept.t, bridge_ms)
    return Record(
        channel=channel,
        begin_ms=begin if begin is not None or not len(kept) else int(kept.t[0]),
        end_ms=end if end is not None or not len(kept) else int(kept.t[-1]),
        open_end=end is None and not window.stopped,
        clock=_trust(clock, kept),
        kept=kept,
        interval_ms=interval_ms,
        bridge_ms=bridge_ms,
        between=between,
        gaps=_all_gaps(kept.t, between, (begin, end), bridge_ms),
    )


def believed_interval(configured_ms: int | None, t: Millis, cap_ms: int) -> int | None:
    """The interval by which gaps are told (S9): configured, as far as the readings bear it out.

    Above the cap a configured one counts only if the logger really keeps it, and none above the
    longest that a transport recorder may have: its owner would else declare every gap away.

    >>> minutes = np.arange(10) * 60_000
    >>> believed_interval(12 * 3_600_000, minutes, 900_000)
    900000
    """
    seen_ms = inferred_interval(t, cap_ms)
    if configured_ms is None:
        return None if seen_ms is None else min(seen_ms, MAX_INTERVAL_MS)
    return min(configured_ms, max(seen_ms or 0, cap_ms), MAX_INTERVAL_MS)


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


def _trust(clock: ClockState, kept: Canonical) -> ClockState:
    """A stamp computed from the moment of a download is no better than an unknown clock."""
    downloaded = (kept.flags & np.uint8(ReadingFlag.TIME_OF_DOWNLOAD)).any()
    return ClockState.UNSYNCED if clock is ClockState.SYNCED and downloaded else clock


def _all_gaps(
    t: Millis, between: Segments, window: tuple[int | None, int | None], bridge_ms: int
) -> Intervals:
    """Gaps between readings, and those at the window's edges (S8), none of them joined."""
    begin, end = window
    if not len(t):
        return _edge(begin, end, 0)
    inner = gaps(t, between.covered)
    lead = _edge(begin, int(t[0]), bridge_ms)
    trail = _edge(int(t[-1]), end, bridge_ms)
    return Intervals(
        np.concatenate((lead.start, inner.start, trail.start)),
        np.concatenate((lead.end, inner.end, trail.end)),
    )


def _edge(start: int | None, end: int | None, bridge_ms: int) -> Intervals:
    if start is None or end is None or end - start <= bridge_ms:
        return intervals()
    return intervals((start, end))


def _shifted(instant: int | None, delay_ms: int) -> int | None:
    return None if instant is None else instant + delay_ms


def _latest(first: int | None, second: int | None) -> int | None:
    known = [instant for instant in (first, second) if instant is not None]
    return max(known, default=None)


def _earliest(first: int | None, second: int | None) -> int | None:
    known = [instant for instant in (first, second) if instant is not None]
    return min(known, default=None)


def unclosed(record: Record, others: list[Intervals]) -> Intervals:
    """The record's gaps without the time in which any of ``others`` knew better (S11)."""
    if not others or not len(record.gaps):
        return record.gaps
    closed = others[0]
    for other in others[1:]:
        closed = union(closed, other)
    return difference(record.gaps, closed)
