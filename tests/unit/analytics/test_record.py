"""The clock, the window and the interval of one channel."""

from __future__ import annotations

import numpy as np
import pytest
from judging import (
    CCT,
    HOUR,
    MINUTE,
    START,
    make_channel,
    make_panel,
    make_window,
    readings,
    steady,
)

from analytics.clock import DAY_MS, ClockState, synchronise
from analytics.record import believed_interval, inferred_interval, max_bridge, observe
from coldgate.model import ClockPair


def pairs(*both: tuple[int, int]) -> tuple[ClockPair, ...]:
    return tuple(ClockPair(logger_ms=logger, gateway_ms=gateway) for logger, gateway in both)


@pytest.mark.parametrize(
    ("known", "expected", "state"),
    [
        ((), 1_000, ClockState.UNSYNCED),
        (pairs((0, 500)), 1_500, ClockState.SYNCED),
        (pairs((0, 0), (DAY_MS, DAY_MS + 86_400)), 1_001, ClockState.SYNCED),
        (pairs((DAY_MS, DAY_MS + 86_400), (9, 9_999), (0, 0)), 1_001, ClockState.SYNCED),
        (pairs((0, 0), (DAY_MS, DAY_MS + 120_000)), 1_001, ClockState.SYNCED),
        (pairs((0, 7), (DAY_MS, DAY_MS + 122_007)), 1_008, ClockState.SYNCED),
        (pairs((0, 7), (DAY_MS, DAY_MS + 122_008)), 1_007, ClockState.FAULT),
        (pairs((0, 7), (DAY_MS, DAY_MS - 121_994)), 1_007, ClockState.FAULT),
        (pairs((0, 2_007), (10, 7), (DAY_MS, DAY_MS)), 3_007, ClockState.SYNCED),
        (pairs((0, 2_007), (10, 6), (DAY_MS, DAY_MS)), 3_007, ClockState.FAULT),
        (pairs((0, 7), (0, 9)), 1_007, ClockState.SYNCED),
        (pairs((0, 7), (0, 2_008)), 1_007, ClockState.FAULT),
        (pairs((60_000, 62_000), (0, 0)), 1_000, ClockState.SYNCED),
        (pairs((0, 7), (0, 7)), 1_007, ClockState.SYNCED),
    ],
)
def test_logger_time_becomes_server_time(
    known: tuple[ClockPair, ...], expected: int, state: ClockState
) -> None:
    instants, found = synchronise(np.array([1_000], np.int64), known)

    assert (instants.tolist(), found) == ([expected], state)


@pytest.mark.parametrize("device", [250, 750, 1_250, 1_750])
def test_half_a_millisecond_goes_to_the_even_one(device: int) -> None:
    known = pairs((0, 1), (5_000_000, 5_000_001 + 5_000))  # one ms gained in a thousand

    instants, _ = synchronise(np.array([2 * device], np.int64), known)

    exact = 2 * device + 1 + 2 * device / 1000
    assert instants[0] == round(exact)


@pytest.mark.parametrize(
    ("interval", "cap", "bridge"),
    [(1, 15, 3), (5, 15, 11), (10, 15, 15), (15, 15, 16), (60, 15, 61), (30, 35, 35)],
)
def test_the_bridge_follows_interval_and_cap(interval: int, cap: int, bridge: int) -> None:
    assert max_bridge(interval * MINUTE, cap * MINUTE) == bridge * MINUTE


def test_an_unknown_interval_is_the_median_once_it_is_regular() -> None:
    minutes = np.array([0, 30, 60, 90, 200], np.int64) * MINUTE

    assert inferred_interval(minutes, 15 * MINUTE) == 30 * MINUTE
    assert inferred_interval(minutes[:2], 15 * MINUTE) == 7 * MINUTE + 30_000
    assert inferred_interval(minutes[:1], 15 * MINUTE) is None


@pytest.mark.parametrize(
    ("configured", "kept", "believed"),
    [
        (10, 10, 10),
        (10, 1, 10),
        (12 * 60, 10, 15),
        (30, 30, 30),
        (12 * 60, 12 * 60, 60),
        (None, 30, 30),
        (None, 12 * 60, 60),
    ],
)
def test_interval_is_believed_as_far_as_the_readings_bear_it_out(
    configured: int | None, kept: int, believed: int
) -> None:
    instants = np.arange(5, dtype=np.int64) * kept * MINUTE

    configured_ms = None if configured is None else configured * MINUTE
    assert believed_interval(configured_ms, instants, 15 * MINUTE) == believed * MINUTE


def test_only_edges_longer_than_a_bridge_are_gaps() -> None:
    channel = make_channel(steady(5.0, 60, start=15))

    short = make_panel(CCT, channel, window=make_window(90))
    long = make_panel(CCT, channel, window=make_window(91, begin=-1))

    assert len(short.gaps) == 0
    assert long.gaps.start.tolist() == [START - MINUTE, START + 75 * MINUTE]
    assert long.gaps.end.tolist() == [START + 15 * MINUTE, START + 91 * MINUTE]


def test_readings_outside_the_window_are_not_evaluated() -> None:
    record = observe(make_channel(steady(5.0, 600)), make_window(60), CCT)

    assert record.sheets[0].kept.t.tolist() == [
        START + minute * MINUTE for minute in range(0, 61, 10)
    ]


def test_the_window_is_server_time_and_the_readings_are_logger_time() -> None:
    fast = make_channel(readings(steady(5.0, 60), origin=START + HOUR))
    known = pairs((START + HOUR, START))

    channel = make_channel(fast.readings, clock_pairs=known)
    panel = make_panel(CCT, channel, window=make_window(60))

    assert panel.summary.spread.n.tolist() == [7]
    assert len(panel.gaps) == 0


def test_a_channel_without_readings_is_one_gap() -> None:
    panel = make_panel(CCT, make_channel(), window=make_window(60))

    assert panel.uncovered(0).pairs() == ((START, START + HOUR),)
    assert panel.due_ms.tolist() == [HOUR]


def test_a_placement_that_never_met_the_window_proves_nothing() -> None:
    channel = make_channel(steady(5.0, 60), placed_from_ms=START + 2 * HOUR)

    record = observe(channel, make_window(60), CCT)

    assert len(record.sheets[0].kept) == 0
    assert len(record.watched) == 0
