"""One channel as the window shows it: clock, correction, one value per instant, gaps (S1-S10)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from struct import pack
from typing import TYPE_CHECKING, Final

from analytics.profile import Corrections
from analytics.reference.certificates import corrected, expanded_milli, in_force
from analytics.reference.spans import united
from coldgate.model import Quantity, ReadingFlag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.case import Certificate, Channel, Window
    from analytics.profile import Profile
    from analytics.readings import Label
    from analytics.reference.spans import Span
    from coldgate.model import ClockPair

DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
DRIFT_MS_PER_DAY: Final = 120_000  # S3
CLOCK_RESOLUTION_MS: Final = 2_000  # decision 0040
LONGEST_INTERVAL_MS: Final = 3_600_000  # EN 12830, in transport
LONGEST_BRIDGE_MS: Final = 2**31 - 1
REGULAR: Final = 3  # times between readings that it takes to show an interval
CALIBRATED: Final = (Quantity.TEMPERATURE, Quantity.HUMIDITY)
ABSOLUTE_ZERO_MILLI: Final = -273_150


class Clock(Enum):
    """What is known about a logger's clock (S3)."""

    SYNCED = "synced"
    UNSYNCED = "unsynced"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Row:
    """One reading as it was stored, in server time, its value corrected."""

    at_ms: int
    milli: int
    flags: int

    def has(self, flag: ReadingFlag) -> bool:
        """True if the reading carries the flag."""
        return bool(self.flags & flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The readings that count, ``t`` strictly increasing, and everything known about them.

    ``covered[i]`` says whether the value between readings ``i`` and ``i + 1`` is known (S9).
    """

    channel: Channel
    begin_ms: int | None
    end_ms: int | None
    open_end: bool
    clock: Clock
    t: list[int]
    v: list[int]
    flags: list[int]
    covered: list[bool]
    interval_ms: int | None
    bridge_ms: int
    gaps: list[Span]
    invalid: int
    tests: int
    conflicts: int
    uncertainty_milli: int
    certificates: tuple[str, ...]
    uncalibrated: int
    digest: str

    @property
    def steps_ms(self) -> list[int]:
        """Times between readings."""
        return [later - earlier for earlier, later in pairwise(self.t)]

    @property
    def known(self) -> list[Span]:
        """The time in which the value is known."""
        segments = zip(pairwise(self.t), self.covered, strict=True)
        return united(span for span, is_covered in segments if is_covered)

    @property
    def watched(self) -> list[Span]:
        """The time in which the channel was there to see."""
        if self.begin_ms is None or self.end_ms is None or self.begin_ms > self.end_ms:
            return []
        return [(self.begin_ms, self.end_ms)]

    def count(self, flag: ReadingFlag) -> int:
        """How many of the readings carry the flag."""
        return sum(1 for flags in self.flags if flags & flag)

    @property
    def clipped(self) -> list[int]:
        """Values that are ends of the sensor's scale, so bounds only (S5)."""
        marked = zip(self.v, self.flags, strict=True)
        return [value for value, flags in marked if flags & ReadingFlag.CLIPPED]


def observe(channel: Channel, window: Window, profile: Profile) -> Observation:
    """The channel within the consignment's window and its own placement (S7)."""
    delayed = None if window.begin_ms is None else window.begin_ms + profile.conditioning_ms
    begin = max(_known(delayed, channel.placed_from_ms), default=None)
    end = min(_known(window.end_ms, channel.placed_to_ms), default=None)
    rows, clock = _rows(channel, profile, begin, end)
    real = [row for row in rows if not row.has(ReadingFlag.TEST)]
    valid = [row for row in real if _is_reading(row, channel.quantity)]
    kept, conflicts = _one_per_instant(valid, channel.quantity, profile.label)
    t = [row.at_ms for row in kept]
    interval = believed_interval_ms(channel.interval_ms, t, profile.gap_cap_ms)
    bridge = bridge_ms(interval or 0, profile.gap_cap_ms)
    in_use = [in_force(channel.certificates, instant) for instant in t]
    return Observation(
        channel=channel,
        begin_ms=begin if begin is not None or not t else t[0],
        end_ms=end if end is not None or not t else t[-1],
        open_end=end is None and not window.stopped,
        clock=_trusted(clock, kept),
        t=t,
        v=[row.milli for row in kept],
        flags=[row.flags for row in kept],
        covered=[later - earlier <= bridge for earlier, later in pairwise(t)],
        interval_ms=interval,
        bridge_ms=bridge,
        gaps=_gaps(t, begin, end, bridge),
        invalid=len(real) - len(valid),
        tests=len(rows) - len(real),
        conflicts=conflicts,
        uncertainty_milli=_uncertainty_milli(channel, in_use, profile),
        certificates=tuple(sorted({each.number for each in in_use if each is not None})),
        uncalibrated=in_use.count(None) if channel.quantity in CALIBRATED else 0,
        digest=_digest(real),
    )


def server_times(stamps: Sequence[int], pairs: Iterable[ClockPair]) -> tuple[list[int], Clock]:
    """Server time of logger stamps: the line through the first and the last comparison (S3)."""
    known = sorted({(pair.logger_ms, pair.gateway_ms) for pair in pairs})
    if not known:
        return list(stamps), Clock.UNSYNCED
    (logger0, server0), (logger1, server1) = known[0], known[-1]
    shifted = [stamp - logger0 + server0 for stamp in stamps]
    gained = (server1 - server0) - (logger1 - logger0)
    stepped = any(a[1] - b[1] > CLOCK_RESOLUTION_MS for a, b in pairwise(known))
    drifted = max(0, abs(gained) - CLOCK_RESOLUTION_MS) * DAY_MS
    if stepped or drifted > DRIFT_MS_PER_DAY * (logger1 - logger0):
        return shifted, Clock.FAULT
    if abs(gained) <= CLOCK_RESOLUTION_MS:
        return shifted, Clock.SYNCED
    slope = Fraction(server1 - server0, logger1 - logger0)
    return [round(server0 + (stamp - logger0) * slope) for stamp in stamps], Clock.SYNCED


def believed_interval_ms(configured: int | None, t: Sequence[int], cap_ms: int) -> int | None:
    """The interval that gaps are told by: configured, as far as the readings bear it out (S9)."""
    steps = sorted(later - earlier for earlier, later in pairwise(t))
    seen = steps[(len(steps) - 1) // 2] if steps else None
    if seen is not None and len(steps) < REGULAR:
        seen = max(1, min(seen, cap_ms // 2))
    if configured is None:
        return None if seen is None else min(seen, LONGEST_INTERVAL_MS)
    return min(configured, max(seen or 0, cap_ms), LONGEST_INTERVAL_MS)


def bridge_ms(interval_ms: int, cap_ms: int) -> int:
    """The longest time between two readings that is covered (S9)."""
    one_lost = min(2 * interval_ms + MINUTE_MS, cap_ms)
    return min(max(interval_ms + MINUTE_MS, one_lost), LONGEST_BRIDGE_MS)


def _known(*instants: int | None) -> list[int]:
    return [instant for instant in instants if instant is not None]


def _rows(
    channel: Channel, profile: Profile, begin: int | None, end: int | None
) -> tuple[list[Row], Clock]:
    """The distinct readings within the window, in order, and how far to trust their clock."""
    stamps: list[int] = []
    values: list[int] = []
    flags: list[int] = []
    for part in (channel.readings, channel.conflicts):
        stamps += part.taken_at_ms.tolist()
        values += part.value_milli.tolist()
        flags += part.flags.tolist()
    times, clock = server_times(stamps, channel.clock_pairs)
    rows = {
        _row(channel, profile, reading)
        for reading in zip(times, values, flags, strict=True)
        if (begin is None or reading[0] >= begin) and (end is None or reading[0] <= end)
    }
    return sorted(rows, key=lambda row: (row.at_ms, row.milli, row.flags)), clock


def _row(channel: Channel, profile: Profile, reading: tuple[int, int, int]) -> Row:
    """The reading as the certificate in force corrects it (S2); a fault if out of range (S5)."""
    at_ms, raw, flags = reading
    low, high = channel.range_milli or (raw, raw)
    if not low <= raw <= high and not flags & ReadingFlag.CLIPPED:
        flags |= ReadingFlag.FAULT
    certificate = in_force(channel.certificates, at_ms)
    is_forbidden = profile.uncertainty.corrections is Corrections.FORBIDDEN
    if certificate is None or is_forbidden or flags & ReadingFlag.FAULT:
        return Row(at_ms, raw, flags)
    return Row(at_ms, corrected(raw, certificate), flags)


def _is_reading(row: Row, quantity: Quantity) -> bool:
    """False for what is invalid: faults, and what no temperature can be (S5)."""
    is_impossible = quantity is Quantity.TEMPERATURE and row.milli <= ABSOLUTE_ZERO_MILLI
    return not is_impossible and not row.has(ReadingFlag.FAULT)


def _one_per_instant(
    rows: Sequence[Row], quantity: Quantity, label: Label
) -> tuple[list[Row], int]:
    """The worst value of each instant, and how many instants had several (S4)."""
    values: dict[int, dict[int, int]] = {}
    for row in rows:
        flags = values.setdefault(row.at_ms, {})
        flags[row.milli] = flags.get(row.milli, 0) | row.flags
    kept = []
    for at_ms in sorted(values):
        milli = max(values[at_ms], key=lambda value: (_harm(value, quantity, label), value))
        kept.append(Row(at_ms, milli, values[at_ms][milli]))
    return kept, sum(1 for flags in values.values() if len(flags) > 1)


def _harm(milli: int, quantity: Quantity, label: Label) -> int:
    """The larger, the worse: distance from the label's middle, or towards its only limit (S4)."""
    low, high = label.low_milli, label.high_milli
    if quantity is not Quantity.TEMPERATURE or low is None:
        return milli
    return -milli if high is None else abs(2 * milli - low - high)


def _trusted(clock: Clock, kept: Sequence[Row]) -> Clock:
    """A stamp made up from the moment of a download is as good as no comparison."""
    downloaded = any(row.has(ReadingFlag.TIME_OF_DOWNLOAD) for row in kept)
    return Clock.UNSYNCED if clock is Clock.SYNCED and downloaded else clock


def _gaps(t: Sequence[int], begin: int | None, end: int | None, bridge: int) -> list[Span]:
    """What lies between the readings and is not covered, and the edges of the window (S8, S10)."""
    if not t:
        return [] if begin is None or end is None or end <= begin else [(begin, end)]
    marks = [*t]
    if begin is not None:
        marks.insert(0, begin)
    if end is not None:
        marks.append(end)
    return [(earlier, later) for earlier, later in pairwise(marks) if later - earlier > bridge]


def _uncertainty_milli(
    channel: Channel, in_use: Sequence[Certificate | None], profile: Profile
) -> int:
    """The largest U of any reading that counts (S27)."""
    policy = profile.uncertainty
    certificates: set[Certificate | None] = set(in_use) or {None}
    if policy.corrections is Corrections.FORBIDDEN:
        certificates.add(None)
    return max(expanded_milli(channel.quantity, each, policy) for each in certificates)


def _digest(rows: Sequence[Row]) -> str:
    """SHA-256 over the days' own: their columns one after another, little-endian (S33)."""
    days: dict[int, list[Row]] = {}
    for row in rows:
        days.setdefault(row.at_ms // DAY_MS, []).append(row)
    written = sha256()
    for day, its in sorted(days.items()):
        columns = sha256(pack(f"<{len(its)}q", *(row.at_ms for row in its)))
        columns.update(pack(f"<{len(its)}i", *(row.milli for row in its)))
        columns.update(bytes(row.flags for row in its))
        written.update(f"{day}:{columns.hexdigest()}\n".encode())
    return written.hexdigest()
