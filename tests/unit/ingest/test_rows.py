"""What time the judge is told to look at when readings come."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from factories import make_block

from coldgate.instant import epoch_ms
from coldgate.model import ClockPair
from ingest.rows import GoodBlock, touched_spans

if TYPE_CHECKING:
    from ingest.decoder import Accepted

HOUR = 3_600_000
NOON = 1_767_268_800_000  # 2026-01-01 12:00Z


def hours_touched(taken_ms: int, clock: ClockPair | None) -> list[tuple[int, int]]:
    """Stretches in hours from NOON that one reading taken then has the judge look at."""
    offsets = np.zeros(3, np.uint32)
    block = make_block(base_ms=taken_ms, offsets_ms=offsets, clock=clock)
    nobody = cast("Accepted", None)  # who sent it does not matter
    good = GoodBlock(ordinal=0, accepted=nobody, block=block, logger_id=1)
    keys = {(1, each.sensor, int(each.quantity)): 7 for each in block.series}
    spans = touched_spans([good], keys)
    assert {channel for channel, _, _ in spans} == {7}
    return [((epoch_ms(a) - NOON) // HOUR, (epoch_ms(b) - NOON) // HOUR) for _, a, b in spans]


def test_reading_of_now_touches_one_stretch() -> None:
    assert hours_touched(NOON, ClockPair(logger_ms=NOON, gateway_ms=NOON)) == [(-1, 1)]


def test_late_reading_touches_its_hours_and_those_of_the_comparison_only() -> None:
    now = NOON + 240 * HOUR
    touched = hours_touched(NOON, ClockPair(logger_ms=now, gateway_ms=now))

    assert touched == [(-1, 1), (239, 241)]


def test_reading_of_a_wrong_clock_touches_both_times() -> None:
    touched = hours_touched(NOON, ClockPair(logger_ms=NOON, gateway_ms=NOON + 24 * HOUR))

    assert touched == [(-1, 1), (23, 25)]


def test_reading_without_a_comparison_touches_its_own_hours() -> None:
    assert hours_touched(NOON, None) == [(-1, 1)]
