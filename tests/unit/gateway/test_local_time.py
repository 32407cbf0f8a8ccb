from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from coldgate.errors import SettingsError
from coldgate.model import ReadingFlag
from gateway.readers.local_time import find_zone, to_instants

BERLIN = find_zone("Europe/Berlin")
AUTUMN = datetime(2023, 10, 29)  # noqa: DTZ001 - local times are what is tested
SPRING = datetime(2023, 3, 26)  # noqa: DTZ001 - local times are what is tested


def utc_texts(times: list[datetime]) -> list[str]:
    instants, _ = to_instants(times, BERLIN)
    return [datetime.fromtimestamp(ms / 1_000, UTC).strftime("%H:%M") for ms in instants.tolist()]


def flagged(times: list[datetime]) -> list[bool]:
    _, flags = to_instants(times, BERLIN)
    return [flag == ReadingFlag.TIME_AMBIGUOUS for flag in flags.tolist()]


def every(minutes: int, start: datetime, count: int) -> list[datetime]:
    return [start + timedelta(minutes=minutes * i) for i in range(count)]


def test_ordinary_local_time_becomes_utc_without_a_flag() -> None:
    noon = [SPRING.replace(month=1, hour=12)]

    assert (utc_texts(noon), flagged(noon)) == (["11:00"], [False])


def test_hour_that_exists_twice_is_read_twice_when_the_clock_steps_back() -> None:
    first = every(30, AUTUMN.replace(hour=2), 2)
    times = [*first, *first, AUTUMN.replace(hour=3)]

    assert utc_texts(times) == ["00:00", "00:30", "01:00", "01:30", "02:00"]
    assert flagged(times) == [True, True, True, True, False]


def test_hour_that_exists_twice_is_the_first_one_when_it_comes_once() -> None:
    times = every(30, AUTUMN.replace(hour=1, minute=30), 4)

    assert utc_texts(times) == ["23:30", "00:00", "00:30", "02:00"]
    assert flagged(times) == [False, True, True, False]


def test_same_time_written_twice_within_that_hour_is_an_hour_apart() -> None:
    assert utc_texts([AUTUMN.replace(hour=2)] * 2) == ["00:00", "01:00"]


def test_hour_that_does_not_exist_is_flagged_and_neither_dropped_nor_shifted() -> None:
    times = [SPRING.replace(hour=1, minute=59), SPRING.replace(hour=2, minute=30)]

    assert utc_texts(times) == ["00:59", "01:30"]
    assert flagged(times) == [False, True]


def test_time_with_its_own_offset_needs_no_zone() -> None:
    own = AUTUMN.replace(hour=2, tzinfo=timezone(timedelta(hours=-7)))

    assert (utc_texts([own]), flagged([own])) == (["09:00"], [False])


def test_unknown_zone_is_refused() -> None:
    with pytest.raises(SettingsError, match="no time zone is called 'Mars/Olympus'"):
        find_zone("Mars/Olympus")
