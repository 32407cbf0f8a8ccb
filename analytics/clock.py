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
INT64_SAFE: Final = 2**62


class ClockState(Enum):
    """What is known about a logger's clock."""

    SYNCED = "synced"
    UNSYNCED = "unsynced"  # nothing to compare with: device time is all there is
    FAULT = "fault"  # drifts too fast, or stepped


def synchronise(device_ms: Millis, pairs: Sequence[ClockPair]) -> tuple[Millis, ClockState]:
    """Server time of each instant of logger time, and how far to trust it.

    One pair gives an offset; of more, the first and the last by logger time give offset and
    drift, and times before and after them are extrapolated. A faulty clock gets the first pair's
    offset, so that its readings can be shown.

    Args:
        device_ms: instants by the logger's clock, shape (n,), in any order.
        pairs: both clocks read at the same moments, in any order, repeats allowed.

    Returns:
        Instants in ms since 1970 UTC, shape (n,), rounded half to even, and the clock's state.
    """
    known = sorted(set(pairs), key=lambda pair: (pair.logger_ms, pair.gateway_ms))
    if not known:
        return device_ms, ClockState.UNSYNCED
    first, last = known[0], known[-1]
    shifted = device_ms + (first.gateway_ms - first.logger_ms)
    if len(known) == 1:
        return shifted, ClockState.SYNCED
    if _is_faulty(known):
        return shifted, ClockState.FAULT
    elapsed = last.logger_ms - first.logger_ms
    gained = (last.gateway_ms - first.gateway_ms) - elapsed
    since = device_ms - first.logger_ms
    if _reach(since) * abs(gained) >= INT64_SAFE:
        since = since.astype(object)  # years of drift: Python's integers do not overflow
    return rounded_sum(shifted, since * gained, elapsed).astype(np.int64), ClockState.SYNCED


def _is_faulty(known: Sequence[ClockPair]) -> bool:
    """True if the clock ever went back, or drifts by more than 2 min a day from first to last."""
    if any(earlier.gateway_ms > later.gateway_ms for earlier, later in pairwise(known)):
        return True
    elapsed = known[-1].logger_ms - known[0].logger_ms
    gained = known[-1].gateway_ms - known[0].gateway_ms - elapsed
    return abs(gained) * DAY_MS > MAX_DRIFT_MS_PER_DAY * elapsed


def _reach(since: Millis) -> int:
    return max(abs(int(since.min())), abs(int(since.max()))) if len(since) else 0
