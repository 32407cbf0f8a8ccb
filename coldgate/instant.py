"""The two forms of an instant: ms since 1970 UTC in arrays and on the wire, datetime elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


def epoch_ms(instant: datetime) -> int:
    """Whole ms from 1970 UTC to ``instant``, rounded down; exact, as floats would not be."""
    return (instant - EPOCH) // MILLISECOND


def from_epoch_ms(ms: int) -> datetime:
    """The instant that many ms after 1970 UTC; ``OverflowError`` beyond the calendar."""
    return EPOCH + ms * MILLISECOND
