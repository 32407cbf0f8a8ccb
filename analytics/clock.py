"""Logger time to server time (S3): the one place where a time stamp is ever changed."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import rounded_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.arrays import Millis
    from coldgate.model import ClockPair

DAY_MS: Final = 86_400_000
MAX_DRIFT_MS_PER_DAY: Final = 120_000  # S3
RESOLUTION_MS: Final = 2_000  # two clocks that show whole seconds cannot be compared more closely
INT64_SAFE: Final = 2**62


class ClockState(Enum):
    """What is known about a logger's clock."""

    SYNCED = "synced"
    UNSYNCED = "unsynced"  # nothing to compare with: device time is all there is
    FAULT = "fault"  # drifts too fast, or stepped


def synchronise(device_ms: Millis, pairs: Sequence[ClockPair]) -> tuple[Millis, ClockState]:
    """Server time of each instant of logger time, and how far to trust it.

    One pair gives an offset; of more, the first and the last by logger time give offset and
    drift. A gain within the clocks' resolution is no drift: comparisons a minute apart would else
    stretch the hours before them. A faulty clock gets the first pair's offset, so that its
    readings can be shown.
    """
    known = sorted(set(pairs), key=lambda pair: (pair.logger_ms, pair.gateway_ms))
    if not known:
        return device_ms, ClockState.UNSYNCED
    first, last = known[0], known[-1]
    shifted = device_ms + (first.gateway_ms - first.logger_ms)
    elapsed = last.logger_ms - first.logger_ms
    gained = (last.gateway_ms - first.gateway_ms) - elapsed
    if _is_faulty(known, elapsed=elapsed, gained=gained):
        return shifted, ClockState.FAULT
    if abs(gained) <= RESOLUTION_MS:
        return shifted, ClockState.SYNCED
    since = device_ms - first.logger_ms
    if _reach(since) * abs(gained) >= INT64_SAFE:
        since = since.astype(object)  # years of drift: Python's integers do not overflow
    return rounded_sum(shifted, since * gained, elapsed).astype(np.int64), ClockState.SYNCED


def _is_faulty(known: Sequence[ClockPair], *, elapsed: int, gained: int) -> bool:
    """True if the clock ever went back, or drifts by more than 2 min a day from first to last."""
    steps = ((earlier.gateway_ms - later.gateway_ms) for earlier, later in pairwise(known))
    if any(step > RESOLUTION_MS for step in steps):
        return True
    return max(0, abs(gained) - RESOLUTION_MS) * DAY_MS > MAX_DRIFT_MS_PER_DAY * elapsed


def _reach(since: Millis) -> int:
    return max(abs(int(since.min())), abs(int(since.max()))) if len(since) else 0
