"""Canonical readings: one set, in any order and with any repeats, gives the same arrays (S4-S6)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import strictly_increasing
from coldgate.model import Quantity, ReadingFlag

if TYPE_CHECKING:
    from analytics.arrays import Bools, Flags, Milli, Millis

DAY_MS: Final = 86_400_000
ABSOLUTE_ZERO_MILLI: Final = -273_150  # m°C; no sensor reads it, so it is not a reading (S5)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Readings:
    """Columns of readings, each of shape (n,); order and repeats as they happened to arrive."""

    taken_at_ms: Millis
    value_milli: Milli
    flags: Flags

    def __len__(self) -> int:
        return len(self.taken_at_ms)

    def where(self, chosen: Bools) -> Readings:
        """The readings that are ``chosen``, a mask of shape (n,), in the same order."""
        return Readings(
            taken_at_ms=self.taken_at_ms[chosen],
            value_milli=self.value_milli[chosen],
            flags=self.flags[chosen],
        )

    def with_values(self, value_milli: Milli) -> Readings:
        """The same readings with other values."""
        return Readings(taken_at_ms=self.taken_at_ms, value_milli=value_milli, flags=self.flags)


NO_READINGS: Final = Readings(
    taken_at_ms=np.empty(0, np.int64),
    value_milli=np.empty(0, np.int32),
    flags=np.empty(0, np.uint8),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Range on the product's label in milli-units; None leaves that side open."""

    low_milli: int | None
    high_milli: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was counted on the way to one value per instant; adds up over pieces of a record.

    ``clipped_high`` is the lowest of the ends of scale that stand for something higher,
    ``clipped_low`` the highest of those that stand for something lower (S5). ``digests`` has one
    SHA-256 per day of the record.
    """

    duplicates: int = 0
    invalid: int = 0
    tests: int = 0
    conflicts: int = 0
    ambiguous: int = 0
    downloaded: int = 0
    clipped_high: int | None = None
    clipped_low: int | None = None
    digests: tuple[tuple[int, str], ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over the days of the record, in hex (S33)."""
        return sha256("".join(f"{day}:{each}\n" for day, each in self.digests).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canonical:
    """One value per instant, instants strictly increasing, and what was left out to get there.

    The digests are over all distinct rows (time, value, flags), also the ones that lost a conflict
    or are invalid, so that no change of the evidence goes unseen (S33).
    """

    t: Millis
    v: Milli
    tally: Tally

    def __len__(self) -> int:
        return len(self.t)


def joined(left: Readings, right: Readings) -> Readings:
    """Both together; neither is preferred."""
    if not len(right):
        return left
    return Readings(
        taken_at_ms=np.concatenate((left.taken_at_ms, right.taken_at_ms)),
        value_milli=np.concatenate((left.value_milli, right.value_milli)),
        flags=np.concatenate((left.flags, right.flags)),
    )


def canonicalise(readings: Readings, quantity: Quantity, label: Label) -> Canonical:
    """The set behind ``readings``, decided by its members and never by their order.

    Test readings are dropped, invalid ones counted (S5). Where one instant has several values,
    the one farthest from the label's middle stays (S4) and the instant counts as a conflict.
    Equal rows of one instant count as one; rows that differ in flags only are merged.

    Args:
        readings: rows in any order, with any repeats; not changed.
        quantity: temperatures at and below absolute zero are invalid, whatever the sensor.
        label: decides which of several values is the worse.

    Returns:
        Rows with strictly increasing instants. Readings that come in order, as they do from the
        database, cost one comparison each and no sort.
    """
    rows = _distinct(readings)
    tests = _has(rows.flags, ReadingFlag.TEST)
    real = rows.where(~tests) if tests.any() else rows
    broken = _has(real.flags, ReadingFlag.FAULT)
    if quantity is Quantity.TEMPERATURE:
        broken |= real.value_milli <= ABSOLUTE_ZERO_MILLI
    valid = real.where(~broken) if broken.any() else real
    kept, conflicts = _one_per_instant(valid, label)
    clipped = kept.value_milli[_has(kept.flags, ReadingFlag.CLIPPED)]
    above, below = _beyond_scale(clipped, label)
    return Canonical(
        t=kept.taken_at_ms,
        v=kept.value_milli,
        tally=Tally(
            duplicates=len(readings) - len(rows),
            invalid=int(np.count_nonzero(broken)),
            tests=int(np.count_nonzero(tests)),
            conflicts=conflicts,
            ambiguous=int(np.count_nonzero(_has(kept.flags, ReadingFlag.TIME_AMBIGUOUS))),
            downloaded=int(np.count_nonzero(_has(kept.flags, ReadingFlag.TIME_OF_DOWNLOAD))),
            clipped_high=above,
            clipped_low=below,
            digests=_digests(real),
        ),
    )


def added(left: Tally, right: Tally) -> Tally:
    """The tally of two pieces of a record, the left before the right."""
    above = [each for each in (left.clipped_high, right.clipped_high) if each is not None]
    below = [each for each in (left.clipped_low, right.clipped_low) if each is not None]
    return Tally(
        duplicates=left.duplicates + right.duplicates,
        invalid=left.invalid + right.invalid,
        tests=left.tests + right.tests,
        conflicts=left.conflicts + right.conflicts,
        ambiguous=left.ambiguous + right.ambiguous,
        downloaded=left.downloaded + right.downloaded,
        clipped_high=min(above, default=None),
        clipped_low=max(below, default=None),
        digests=left.digests + right.digests,
    )


def _beyond_scale(clipped: Milli, label: Label) -> tuple[int | None, int | None]:
    """The least of the ends of scale on the high side, the greatest of those on the low side.

    The label's middle tells the sides; without one, every end of scale may stand for either.
    """
    above = below = clipped
    if label.low_milli is not None and label.high_milli is not None:
        middle = (label.low_milli + label.high_milli) // 2
        above, below = clipped[clipped >= middle], clipped[clipped <= middle]
    return (
        int(above.min()) if len(above) else None,
        int(below.max()) if len(below) else None,
    )


def _has(flags: Flags, flag: ReadingFlag) -> Bools:
    found: Bools = (flags & np.uint8(flag)).astype(np.bool_)
    return found


def _distinct(readings: Readings) -> Readings:
    """Each (time, value, flags) once, sorted by them."""
    t, v, flags = readings.taken_at_ms, readings.value_milli, readings.flags
    if strictly_increasing(t):
        return readings
    order = np.lexsort((flags, v, t))
    t, v, flags = t[order], v[order], flags[order]
    fresh = _differs(t) | _differs(v) | _differs(flags)
    return Readings(taken_at_ms=t[fresh], value_milli=v[fresh], flags=flags[fresh])


def _one_per_instant(rows: Readings, label: Label) -> tuple[Readings, int]:
    """S4's choice among rows sorted by (time, value), and how many instants needed one."""
    if strictly_increasing(rows.taken_at_ms):
        return rows, 0
    heads = np.flatnonzero(_differs(rows.taken_at_ms) | _differs(rows.value_milli))
    t, v = rows.taken_at_ms[heads], rows.value_milli[heads]
    flags = np.bitwise_or.reduceat(rows.flags, heads)
    order = np.lexsort((v, _severity(v, label), t))
    worst = order[np.append(_differs(t)[1:], [True])]
    conflicts = int(np.count_nonzero(np.diff(np.flatnonzero(_differs(t)), append=len(t)) > 1))
    return Readings(taken_at_ms=t[worst], value_milli=v[worst], flags=flags[worst]), conflicts


def _severity(v: Milli, label: Label) -> Millis:
    """The larger, the nearer to harm: distance from the middle, or towards the only limit (S4)."""
    wide = v.astype(np.int64)
    if label.low_milli is not None and label.high_milli is not None:
        return np.abs(2 * wide - (label.low_milli + label.high_milli))
    return -wide if label.low_milli is not None else wide


def _differs(column: Millis | Milli | Flags) -> Bools:
    """Whether each element differs from the one before it; the first does."""
    return np.concatenate((np.ones(min(1, len(column)), np.bool_), column[1:] != column[:-1]))


def _digests(rows: Readings) -> tuple[tuple[int, str], ...]:
    """The day since 1970 UTC and the digest of its rows, for each day that has any."""
    if not len(rows):
        return ()
    t = rows.taken_at_ms
    first, last = int(t[0]) // DAY_MS, int(t[-1]) // DAY_MS
    edges = np.searchsorted(t, np.arange(first, last + 2) * DAY_MS).tolist()
    days = zip(range(first, last + 1), pairwise(edges), strict=True)
    return tuple((day, _digest(rows, begin, end)) for day, (begin, end) in days if begin < end)


def _digest(rows: Readings, begin: int, end: int) -> str:
    digest = sha256()
    digest.update(np.ascontiguousarray(rows.taken_at_ms[begin:end], "<i8").data)
    digest.update(np.ascontiguousarray(rows.value_milli[begin:end], "<i4").data)
    digest.update(np.ascontiguousarray(rows.flags[begin:end], "u1").data)
    return digest.hexdigest()
