"""What pages can stand for, and when their readings are wanted all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from judging import (
    BUILTIN,
    CCT,
    DAY,
    HOUR,
    MINUTE,
    START,
    make_case,
    make_certificate,
    make_channel,
    make_window,
    steady,
)

from analytics.gathering import write_up
from analytics.judge import judge, seated
from analytics.pages import Basis, ReadingsNeededError, can_have_pages, read_page, written_page
from coldgate.model import ClockPair, Quantity

if TYPE_CHECKING:
    from analytics.case import Case, Channel, Page

DAYS = 5
FIRST_DAY = START // DAY


def long_channel(*, hot_day: int | None = None, **changes: Any) -> Channel:
    """Five days at 5 °C, a reading every ten minutes, with an hour at 12 °C in one of them."""
    noon = [] if hot_day is None else range(hot_day * 1440 + 720, hot_day * 1440 + 781, 10)
    rows = [(minute, 12.0 if minute in noon else 5.0) for minute, _ in steady(5, DAYS * 1440 - 10)]
    return make_channel(rows, **changes)


def pages_of(channel: Channel, *, complete: bool = True) -> list[Page]:
    case = make_case(replace(channel, pages=()))
    return [
        read_page(written_page(page))
        for bench in seated(CCT, case)
        for _, page in write_up(CCT, bench.panel, bench.records, complete=complete)
    ]


def without_readings(channel: Channel, pages: list[Page]) -> Channel:
    """The channel with pages instead of the readings of their days."""
    raw, paged = channel.readings, {page.day for page in pages}
    loose = [int(t) // DAY not in paged for t in raw.taken_at_ms]
    return replace(channel, readings=raw.where(loose), pages=tuple(pages))  # type: ignore[arg-type]  # a mask


def as_case(channel: Channel) -> Case:
    return make_case(channel, minutes=DAYS * 1440 - 10)


def days_asked(channel: Channel) -> set[int]:
    """The days, counted from the first, whose readings the judge wants beside all pages."""
    paged = without_readings(channel, pages_of(channel))
    with pytest.raises(ReadingsNeededError) as refused:
        judge(CCT, as_case(paged))
    return {day - FIRST_DAY for day in refused.value.days[paged]}


def test_complete_record_has_a_page_for_each_day() -> None:
    assert [page.day - FIRST_DAY for page in pages_of(long_channel())] == [0, 1, 2, 3, 4]


def test_last_day_of_a_record_that_goes_on_has_no_page() -> None:
    found = pages_of(long_channel(), complete=False)

    assert [page.day - FIRST_DAY for page in found] == [0, 1, 2, 3]


def test_record_of_a_drifting_clock_has_no_pages_until_it_is_complete() -> None:
    drifting = (
        ClockPair(logger_ms=START, gateway_ms=START),
        ClockPair(logger_ms=START + 4 * DAY, gateway_ms=START + 4 * DAY + 5_000),
    )
    channel = long_channel(clock_pairs=drifting)

    assert pages_of(channel, complete=False) == []
    assert len(pages_of(channel)) == DAYS


def test_pages_alone_tell_what_the_readings_did() -> None:
    channel = long_channel()
    paged = without_readings(channel, pages_of(channel))

    assert len(paged.readings) == 0
    assert judge(CCT, as_case(paged)).to_bytes() == judge(CCT, as_case(channel)).to_bytes()


@pytest.mark.parametrize(
    ("hot_day", "asked"), [(0, {0}), (1, {0, 1}), (3, {0, 2, 3}), (4, {0, 3, 4})]
)
def test_excursion_wants_the_readings_of_its_window_and_of_the_first_day(
    hot_day: int, asked: set[int]
) -> None:
    assert days_asked(long_channel(hot_day=hot_day)) == asked


def test_readings_of_the_window_are_all_it_takes() -> None:
    channel = long_channel(hot_day=3)
    pages = [page for page in pages_of(channel) if page.day - FIRST_DAY in (1, 4)]

    found = judge(CCT, as_case(without_readings(channel, pages)))

    assert found.to_bytes() == judge(CCT, as_case(channel)).to_bytes()
    assert found.channels[0].kinetic is not None
    assert found.channels[0].kinetic.start_ms == START + 2 * DAY + 790 * MINUTE


def test_certificate_that_lapses_on_the_way_moves_the_limits_of_earlier_pages() -> None:
    profile = BUILTIN["USP_CCT_2_8"]
    lapsing = make_certificate(valid_to_ms=START + 2 * DAY - 1)
    channel = long_channel(certificates=(lapsing,))
    case = make_case(
        replace(channel, readings=channel.readings.where(_before(channel, 2)), pages=())
    )
    early = [
        page
        for bench in seated(profile, case)
        for _, page in write_up(profile, bench.panel, bench.records, complete=True)
    ]
    paged = without_readings(channel, early)

    with pytest.raises(ReadingsNeededError) as refused:
        seated(profile, as_case(paged))

    assert {day - FIRST_DAY for day in refused.value.days[paged]} == {0, 1}


def _before(channel: Channel, day: int) -> Any:
    return channel.readings.taken_at_ms < START + day * DAY


@pytest.mark.parametrize(
    "changes",
    [
        {"interval_ms": None},  # inferred from all readings
        {"interval_ms": 12 * HOUR},  # believed as far as the readings bear it out
        {"quantity": Quantity.DOOR},
        {
            "clock_pairs": (
                ClockPair(logger_ms=START, gateway_ms=START),
                ClockPair(logger_ms=START + 2_001, gateway_ms=START),
            )
        },
    ],
)
def test_channel_whose_days_depend_on_one_another_has_no_pages(changes: dict[str, Any]) -> None:
    assert can_have_pages(CCT, make_channel())
    assert not can_have_pages(CCT, make_channel(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"certificates": (make_certificate(),)},
        {"range_milli": (-30_000, 60_000)},
        {"interval_ms": 9 * MINUTE},
        {"clock_pairs": (ClockPair(logger_ms=START, gateway_ms=START + 1),)},
        {"serial": "tl-2"},
    ],
)
def test_page_holds_for_its_own_basis_only(changes: dict[str, Any]) -> None:
    before, after = make_channel(), make_channel(**changes)
    window = make_window(60)

    assert Basis.of(CCT, window, before) != Basis.of(CCT, window, after)


def test_comparison_of_clocks_more_changes_no_basis() -> None:
    later = ClockPair(logger_ms=START + DAY, gateway_ms=START + DAY + 2_000)
    before = make_channel()
    after = make_channel(clock_pairs=(*before.clock_pairs, later))

    assert Basis.of(CCT, make_window(60), before) == Basis.of(CCT, make_window(60), after)


def test_end_of_a_journey_concerns_the_page_of_its_day_only() -> None:
    channel = make_channel()
    open_, over = (Basis.of(CCT, make_window(end), channel) for end in (None, 1440 + 60))

    same = [open_.of_day(FIRST_DAY + day) == over.of_day(FIRST_DAY + day) for day in (0, 1, 2)]

    assert same == [True, False, False]
