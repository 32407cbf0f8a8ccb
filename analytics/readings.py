"""Canonical readings: one set, in any order and with any repeats, gives the same arrays (S4-S6)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import strictly_increasing
from coldgate.model import Quantity, ReadingFlag

if TYPE_CHECKING:
    from analytics.arrays import Bools, Flags, Milli, Millis

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canonical:
    """One value per instant, instants strictly increasing, and what was left out to get there.

    ``digest`` is the SHA-256 over all distinct rows (time, value, flags), also the ones that lost
    a conflict or are invalid, so that no change of the evidence goes unseen (S33).
    """

    t: Millis
    v: Milli
    flags: Flags
    duplicates: int
    invalid: int
    tests: int
    conflicts: int
    digest: str

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
    invalid = _has(real.flags, ReadingFlag.FAULT)
    if quantity is Quantity.TEMPERATURE:
        invalid |= real.value_milli <= ABSOLUTE_ZERO_MILLI
    valid = real.where(~invalid) if invalid.any() else real
    kept, conflicts = _one_per_instant(valid, label)
    return Canonical(
        t=kept.taken_at_ms,
        v=kept.value_milli,
        flags=kept.flags,
        duplicates=len(readings) - len(rows),
        invalid=int(np.count_nonzero(invalid)),
        tests=int(np.count_nonzero(tests)),
        conflicts=conflicts,
        digest=_digest(real),
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


def _digest(rows: Readings) -> str:
    digest = sha256()
    digest.update(np.ascontiguousarray(rows.taken_at_ms, "<i8").data)
    digest.update(np.ascontiguousarray(rows.value_milli, "<i4").data)
    digest.update(np.ascontiguousarray(rows.flags, "u1").data)
    return digest.hexdigest()
