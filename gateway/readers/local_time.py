"""Local times of a file as instants: nothing is guessed, dropped or shifted (mistake 6)."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from coldgate.errors import SettingsError
from coldgate.instant import epoch_ms
from coldgate.model import ReadingFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def find_zone(name: str) -> ZoneInfo:
    """The zone called ``name``, such as "UTC" or "Europe/Zurich"; else ``SettingsError``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(f"no time zone is called {name!r}") from error


def to_instants(
    times: Sequence[datetime], zone: tzinfo
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Milliseconds since 1970 UTC and flags for times in the order of the file, each shape (n,).

    A time with an offset of its own is taken as it is. A local time that exists twice is the first
    of the two until the clock in the file steps back, and the second from there on; a local time
    that does not exist is read with the offset before the change. Both get TIME_AMBIGUOUS.
    """
    instants = np.empty(len(times), np.int64)
    flags = np.zeros(len(times), np.uint8)
    before: datetime | None = None  # the ambiguous time before this one
    second_pass = False
    for i, time in enumerate(times):
        if time.tzinfo is not None or not _is_ambiguous(time, zone):
            before, second_pass = None, False
            instants[i] = epoch_ms(time if time.tzinfo else time.replace(tzinfo=zone))
            continue
        second_pass = second_pass or (before is not None and time <= before)
        before = time
        instants[i] = epoch_ms(
            time.replace(tzinfo=zone, fold=int(second_pass and _is_fold(time, zone)))
        )
        flags[i] = ReadingFlag.TIME_AMBIGUOUS
    return instants, flags


def _is_ambiguous(time: datetime, zone: tzinfo) -> bool:
    """Whether the local time exists twice or not at all."""
    return _offset(time, zone, 0) != _offset(time, zone, 1)


def _is_fold(time: datetime, zone: tzinfo) -> bool:
    """Whether the local time exists twice, in contrast to not at all."""
    return _offset(time, zone, 0) > _offset(time, zone, 1)


def _offset(time: datetime, zone: tzinfo, fold: int) -> timedelta:
    offset = time.replace(tzinfo=zone, fold=fold).utcoffset()
    return offset or timedelta(0)
