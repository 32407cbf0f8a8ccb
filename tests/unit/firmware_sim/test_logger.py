"""A logger's numbering, flash ring and clock."""

from __future__ import annotations

import numpy as np

from firmware_sim.logger import Logger, LoggerClock

BEGIN_MS = 1_760_000_000_000


def a_logger(*, flash_readings: int = 100, clock: LoggerClock | None = None) -> Logger:
    return Logger("SIM-0001", clock=clock or LoggerClock(), flash_readings=flash_readings)


def record(logger: Logger, count: int) -> None:
    """So many more readings whose value is their sequence number, a minute apart."""
    sequences = np.arange(logger.taken + 1, logger.taken + count + 1)
    values = sequences.astype(np.int16)
    logger.record(BEGIN_MS + sequences * 60_000, values, -values)


def test_readings_are_numbered_from_one_without_holes() -> None:
    logger = a_logger()
    record(logger, 3)

    block = logger.block(10)
    assert block is not None
    assert block.first_sequence == 1
    assert block.base_ms == BEGIN_MS + 60_000
    assert block.offsets_ms.tolist() == [0, 60_000, 120_000]
    assert [series.values.tolist() for series in block.series] == [[1, 2, 3], [-1, -2, -3]]


def test_block_is_offered_again_until_it_is_confirmed() -> None:
    logger = a_logger()
    record(logger, 5)

    assert [logger.block(2).first_sequence for _ in range(3)] == [1, 1, 1]
    logger.confirm(2)
    assert logger.block(2).first_sequence == 3


def test_confirming_twice_or_too_much_counts_each_reading_once() -> None:
    logger = a_logger()
    record(logger, 5)

    for upto in (3, 3, 1, 99):
        logger.confirm(upto)
    assert (logger.confirmed, logger.pending) == (5, 0)
    assert logger.block(10) is None


def test_full_flash_loses_the_oldest_readings_and_says_how_many() -> None:
    logger = a_logger(flash_readings=10)
    record(logger, 8)
    logger.confirm(3)
    record(logger, 8)

    block = logger.block(100)
    assert logger.lost == 3
    assert block.first_sequence == 7
    assert block.series[0].values.tolist() == list(range(7, 17))
    assert logger.confirmed + logger.lost + logger.pending == logger.taken


def test_block_stays_as_it_was_when_the_ring_comes_round() -> None:
    logger = a_logger(flash_readings=4)
    record(logger, 4)

    block = logger.block(4)
    record(logger, 4)
    assert block.series[0].values.tolist() == [1, 2, 3, 4]


def test_wrong_clock_is_ahead_and_gains() -> None:
    clock = LoggerClock(set_at_ms=BEGIN_MS, offset_ms=5_000, drift_ppm=100.0)
    hours = BEGIN_MS + np.array([0, 1, 10]) * 3_600_000

    assert (clock.shows(hours) - hours).tolist() == [5_000, 5_360, 8_600]


def test_loggers_stamp_readings_with_their_own_clock() -> None:
    logger = a_logger(clock=LoggerClock(offset_ms=-7_000))
    record(logger, 1)

    assert logger.block(1).base_ms == BEGIN_MS + 60_000 - 7_000
