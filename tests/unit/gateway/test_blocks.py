from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from coldgate.model import Block, ClockPair, Quantity, Series
from gateway.blocks import (
    MAX_OFFSET_MS,
    Arrival,
    columns_to_blocks,
    decode_block,
    encode_block,
    fingerprints,
    joined,
    numbered_runs,
    pieces,
    sequences,
)

BASE_MS = 1_700_000_000_000


def series(values: Any, *, exponent: int = -2, dtype: type = np.int16, sensor: int = 0) -> Series:
    return Series(
        quantity=Quantity.TEMPERATURE,
        sensor=sensor,
        exponent=exponent,
        values=np.array(values, dtype),
    )


def block(*, first: int = 1, count: int = 10, **changes: Any) -> Block:
    fields: dict[str, Any] = {
        "serial": "A1",
        "first_sequence": first,
        "base_ms": BASE_MS + first * 1_000,
        "offsets_ms": (np.arange(count) * 1_000).astype(np.uint32),
        "series": (series(np.arange(first, first + count)),),
    }
    return Block(**(fields | changes))


def facts(blocks: Any) -> list[tuple[str, int, int, int]]:
    """Serial, sequence, instant and value of every reading."""
    return [
        (b.serial, int(n), int(t), int(v))
        for b in blocks
        for n, t, v in zip(sequences(b), b.taken_ms, b.series[0].values, strict=True)
    ]


def marks(one: Block, *, numbered: bool = True) -> list[int]:
    return fingerprints(Arrival(block=one, numbered=numbered)).tolist()


@given(cuts=st.sets(st.integers(1, 59)))
def test_joining_pieces_gives_the_readings_back(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), 60]
    parts = [block(first=1 + a, count=b - a) for a, b in itertools.pairwise(edges)]

    whole = joined(parts)

    assert len(whole) == 1
    assert facts(whole) == facts(parts)


@given(new=st.lists(st.booleans(), min_size=1, max_size=40))
def test_runs_hold_exactly_the_new_readings_without_holes(new: list[bool]) -> None:
    whole = block(count=len(new))

    runs = list(numbered_runs(whole, np.array(new)))

    assert facts(runs) == [fact for fact, kept in zip(facts([whole]), new, strict=True) if kept]


def test_blocks_with_a_hole_between_stay_apart() -> None:
    assert len(joined([block(first=1), block(first=12)])) == 2


def test_blocks_of_another_shape_stay_apart() -> None:
    other = block(first=11, series=(series(np.arange(10), exponent=-1),))

    assert len(joined([block(first=1), other])) == 2


def test_joined_blocks_carry_the_newest_clock_and_a_stepped_clock_keeps_them_apart() -> None:
    clocks = [ClockPair(logger_ms=t, gateway_ms=t + 5) for t in (1_000, 2_000)]
    stepped = ClockPair(logger_ms=3_000_000, gateway_ms=3_000)
    parts = [block(first=1 + 10 * i, clock=c) for i, c in enumerate([*clocks, stepped])]

    assert [one.clock for one in joined(parts)] == [clocks[1], stepped]


def test_pieces_are_no_longer_than_asked() -> None:
    cut = list(pieces(block(count=25), 10))

    assert [one.count for one in cut] == [10, 10, 5]
    assert facts(cut) == facts([block(count=25)])


def test_block_survives_the_disk() -> None:
    flagged = block(flags=np.arange(10).astype(np.uint8), battery_millivolt=3_000)

    back = decode_block(encode_block(flagged))

    assert facts([back]) == facts([flagged])
    assert back.flags is not None
    assert (back.flags.tolist(), back.battery_millivolt) == (list(range(10)), 3_000)


def test_equal_readings_have_equal_fingerprints_however_encoded() -> None:
    plain = block(series=(series([500] * 10), series([7] * 10, sensor=1)))
    wide = series([5_000] * 10, exponent=-3, dtype=np.int32)
    other_way = replace(plain, series=(series([7] * 10, sensor=1), wide))

    assert marks(plain) == marks(other_way)


def test_missing_value_and_missing_series_are_the_same() -> None:
    none = int(np.iinfo(np.int16).min)

    assert marks(block(series=(series([5] * 10), series([none] * 10, sensor=1)))) == marks(
        block(series=(series([5] * 10),))
    )


def test_value_sensor_flag_and_number_each_change_the_fingerprint() -> None:
    plain = block(count=1, series=(series([5]),))
    variants = [
        replace(plain, series=(series([6]),)),
        replace(plain, series=(series([5], sensor=1),)),
        replace(plain, flags=np.array([4], np.uint8)),
        replace(plain, first_sequence=2),
    ]

    assert len({marks(one)[0] for one in [plain, *variants]}) == 5


def test_number_given_by_the_gateway_does_not_change_the_fingerprint() -> None:
    assert marks(block(first_sequence=3), numbered=False) == marks(
        block(first_sequence=4), numbered=False
    )


def test_columns_longer_than_a_block_can_span_are_cut() -> None:
    instants = BASE_MS + np.array([0, 1_000, MAX_OFFSET_MS, MAX_OFFSET_MS + 1], np.int64)

    blocks = columns_to_blocks("A1", instants, (series([1, 2, 3, 4]),), np.zeros(4, np.uint8))

    assert [one.count for one in blocks] == [3, 1]
    assert [t for one in blocks for t in one.taken_ms] == instants.tolist()


def test_columns_keep_the_order_of_the_file() -> None:
    instants = BASE_MS + np.array([2_000, 0, 1_000], np.int64)

    (one,) = columns_to_blocks("A1", instants, (series([1, 2, 3]),), np.zeros(3, np.uint8))

    assert one.taken_ms.tolist() == instants.tolist()
