"""Logger time to server time (S3): the one place where a time stamp is ever changed."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How a logger's time maps to server time: an offset, and a drift where one is proven.

    At ``since_ms`` of logger time the server was ``offset_ms`` ahead, and ``gained_ms`` more
    ``elapsed_ms`` later.
    """

    state: ClockState
    offset_ms: int = 0
    since_ms: int = 0
    elapsed_ms: int = 1
    gained_ms: int = 0

    def to_server(self, device_ms: Millis) -> Millis:
        """Server time of each instant of logger time, rounded half to even."""
        if not self.offset_ms and not self.gained_ms:
            return device_ms
        shifted = device_ms + self.offset_ms
        if not self.gained_ms:
            return shifted
        since = device_ms - self.since_ms
        if _reach(since) * abs(self.gained_ms) >= INT64_SAFE:
            since = since.astype(object)  # years of drift: Python's integers do not overflow
        return rounded_sum(shifted, since * self.gained_ms, self.elapsed_ms).astype(np.int64)

    @property
    def is_gentle(self) -> bool:
        """Whether the drift is below 1 %: comparisons seconds apart may tell of any."""
        return 100 * abs(self.gained_ms) <= self.elapsed_ms

    def to_device(self, server_ms: int) -> int:
        """Logger time of an instant of server time, to a few ms, by a gentle clock."""
        since = server_ms - self.offset_ms - self.since_ms
        return self.since_ms + since * self.elapsed_ms // (self.elapsed_ms + self.gained_ms)


def clock_of(pairs: Sequence[ClockPair]) -> Clock:
    """What the comparisons say of a logger's clock, and how far to trust it.

    One pair gives an offset; of more, the first and the last by logger time give offset and
    drift. A gain within the clocks' resolution is no drift: comparisons a minute apart would else
    stretch the hours before them. A faulty clock gets the first pair's offset, so that its
    readings can be shown.
    """
    known = sorted(set(pairs), key=lambda pair: (pair.logger_ms, pair.gateway_ms))
    if not known:
        return Clock(state=ClockState.UNSYNCED)
    first, last = known[0], known[-1]
    offset = first.gateway_ms - first.logger_ms
    elapsed = last.logger_ms - first.logger_ms
    gained = (last.gateway_ms - first.gateway_ms) - elapsed
    if _is_faulty(known, elapsed=elapsed, gained=gained):
        return Clock(state=ClockState.FAULT, offset_ms=offset)
    if abs(gained) <= RESOLUTION_MS:
        return Clock(state=ClockState.SYNCED, offset_ms=offset)
    return Clock(
        state=ClockState.SYNCED,
        offset_ms=offset,
        since_ms=first.logger_ms,
        elapsed_ms=elapsed,
        gained_ms=gained,
    )


def synchronise(device_ms: Millis, pairs: Sequence[ClockPair]) -> tuple[Millis, ClockState]:
    """Server time of each instant of logger time, and how far to trust it."""
    clock = clock_of(pairs)
    return clock.to_server(device_ms), clock.state


def _is_faulty(known: Sequence[ClockPair], *, elapsed: int, gained: int) -> bool:
    """True if the clock ever went back, or drifts by more than 2 min a day from first to last."""
    steps = ((earlier.gateway_ms - later.gateway_ms) for earlier, later in pairwise(known))
    if any(step > RESOLUTION_MS for step in steps):
        return True
    return max(0, abs(gained) - RESOLUTION_MS) * DAY_MS > MAX_DRIFT_MS_PER_DAY * elapsed


def _reach(since: Millis) -> int:
    return max(abs(int(since.min())), abs(int(since.max()))) if len(since) else 0
