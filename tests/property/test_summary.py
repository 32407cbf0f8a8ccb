"""A summary equals an exact oracle, whole or merged from pieces in any bracketing (section 7)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import summary
from analytics.limits import NO_BARS, Bars, Bound, Limit, Side, bars
from analytics.mkt import mean_and_deviation, mean_kinetic_celsius
from analytics.packing import pack, unpack
from analytics.pieces import Pieces, collapsed
from analytics.summary import Summary, merge, summarise
from analytics.table import Table, table
from analytics.traces import Demands, Traces, trace

if TYPE_CHECKING:
    from random import Random

MANY: Final = settings(max_examples=250, deadline=None)
SOME: Final = settings(max_examples=80, deadline=None)
INT32: Final = np.iinfo(np.int32)
BRIDGES: Final = (60_000, 61_000, 900_000)
STEPS = st.one_of(
    st.just(60_000),  # most loggers are regular
    st.sampled_from([1, 59_999, 60_001, 61_000, 61_001, 900_000, 900_001, 2**31 - 1, 2**31]),
    st.integers(1, 2_000_000),
)
NEAR = st.one_of(st.sampled_from([7_995, 8_000, 8_005]), st.integers(7_990, 8_010))
FAR = st.one_of(
    NEAR, st.integers(-20_000, 60_000), st.sampled_from([INT32.min, INT32.min + 1, INT32.max])
)
PLACES = st.one_of(
    st.integers(7_995, 8_005),
    st.sampled_from([INT32.min, INT32.min - 500, INT32.max, INT32.max + 500]),  # moved by U
)


@dataclass(frozen=True)
class Row:
    """One channel: its readings, its bridge and its limits, one per side of the table's."""

    samples: tuple[oracles.Sample, ...]
    bridge: int
    bars: tuple[oracles.Bar, ...]


@st.composite
def rows(draw: st.DrawFn, sides: list[bool], values: st.SearchStrategy[int]) -> Row:
    instant, samples = draw(st.sampled_from([0, 1_767_225_600_000, -(2**40)])), []
    for step, value in draw(st.lists(st.tuples(STEPS, values), max_size=14)):
        instant += step
        samples.append((instant, value))
    limits = [oracles.Bar(draw(PLACES), high, draw(st.booleans())) for high in sides]
    return Row(tuple(samples), draw(st.sampled_from(BRIDGES)), tuple(limits))


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[int] | None = None) -> list[Row]:
    """Up to four channels, some of them empty, with the same sides of limits."""
    sides = draw(st.lists(st.booleans(), max_size=3))
    chosen = draw(st.sampled_from([NEAR, FAR])) if values is None else values
    return draw(st.lists(rows(sides, chosen), min_size=1, max_size=4))


def table_of(asked: list[Row], samples: list[tuple[oracles.Sample, ...]] | None = None) -> Table:
    """The rows as a table, or some of the samples of each."""
    series = [row.samples for row in asked] if samples is None else samples
    pairs = [np.array(each, np.int64).reshape(-1, 2) for each in series]
    columns = [(pair[:, 0].copy(), pair[:, 1].astype(np.int32)) for pair in pairs]
    return table(columns, [row.bridge for row in asked])


def bars_of(asked: list[Row]) -> Bars:
    sides = [Side.HIGH if bar.high else Side.LOW for bar in asked[0].bars]
    limits = [
        [Limit(bar.milli, side, bar.inclusive) for bar, side in zip(row.bars, sides, strict=True)]
        for row in asked
    ]
    return bars(limits, sides) if sides else no_bars(len(asked))


def no_bars(count: int) -> Bars:
    none = np.empty((0, count), np.int64)
    return Bars(np.empty(0, np.int64), none, none)


def flat(found: Summary) -> dict[str, list[Any]]:
    """Every column by its path; what is meaningless, of channels without readings, left out."""
    filled = found.spread.n > 0
    spread = {f.name: getattr(found.spread, f.name)[filled].tolist() for f in fields(found.spread)}
    written = {f"spread.{name}": column for name, column in spread.items()}
    written["spread.n"] = found.spread.n.tolist()
    for name in ("gaps", "bins", "runs"):
        part = getattr(found, name)
        written |= {f"{name}.{f.name}": getattr(part, f.name).tolist() for f in fields(part)}
    high, low = written.pop("runs.area2_high"), written.pop("runs.area2_low")
    written["runs.area2"] = [(h << 16) + rest for h, rest in zip(high, low, strict=True)]
    return written


def oracle(asked: list[Row]) -> dict[str, list[Any]]:
    """The same by walking from reading to reading of each channel."""
    written: dict[str, list[Any]] = defaultdict(list)
    for number, row in enumerate(asked):
        written["spread.n"].append(len(row.samples))
        book(written, "spread", spread_of(row) if row.samples else {})
        for start, end in oracles.gaps(row.samples, row.bridge):
            book(written, "gaps", {"row": number, "start": start, "end": end})
        for v, weight in sorted(oracles.histogram(row.samples, row.bridge).items()):
            book(written, "bins", {"row": number, "v": v, "weight_ms": weight})
    for k in range(len(asked[0].bars)):
        for number, row in enumerate(asked):
            for event in oracles.events(row.samples, row.bridge, row.bars[k]):
                book(written, "runs", {"limit": k, "row": number} | run_of(event))
    return written


def book(written: dict[str, list[Any]], part: str, columns: dict[str, int]) -> None:
    for name, value in columns.items():
        written[f"{part}.{name}"].append(value)


def spread_of(row: Row) -> dict[str, int]:
    (first_t, first_v), (last_t, last_v) = row.samples[0], row.samples[-1]
    low_at, low = min(row.samples, key=lambda sample: sample[1])
    high_at, high = max(row.samples, key=lambda sample: sample[1])
    steps = [later[0] - earlier[0] for earlier, later in pairwise(row.samples)]
    return {
        "first_t": first_t,
        "first_v": first_v,
        "last_t": last_t,
        "last_v": last_v,
        "low": low,
        "low_at": low_at,
        "high": high,
        "high_at": high_at,
        "covered_ms": sum(step for step in steps if step <= row.bridge),
        "shortest_ms": min(steps, default=0),
        "longest_ms": max(steps, default=0),
    }


def run_of(event: oracles.Event) -> dict[str, int]:
    return {
        "start": event.start,
        "end": event.end,
        "lo": Bound[event.lo],
        "hi": Bound[event.hi],
        "first_out": event.samples[0][0],
        "last_out": event.samples[-1][0],
        "prev_in": event.prev_in,
        "next_in": event.next_in,
        "rounding_ms": event.rounding,
        "count": len(event.samples),
        "peak": event.peak[1],
        "peak_at": event.peak[0],
        "area2": event.area2,
    }


def columns_of(traces: Traces) -> list[Any]:
    """Every column of the traces, with its type."""
    parts = [getattr(traces, part.name) for part in fields(traces)]
    return [
        (part.dtype, part.tolist()) if isinstance(part, np.ndarray) else columns_of(part)
        for part in parts
    ]


def same(found: dict[str, list[Any]], expected: dict[str, list[Any]]) -> None:
    """Equal in every column; one that nobody filled is empty."""
    assert {name: column for name, column in found.items() if column} == expected


def cut(asked: list[Row], random: Random) -> list[list[tuple[oracles.Sample, ...]]]:
    """One to five pieces of record, each with a part of every channel, some of them empty."""
    count = random.randint(1, 5)
    cuts = [
        [0, *sorted(random.randint(0, len(row.samples)) for _ in range(count - 1)), None]
        for row in asked
    ]
    return [
        [row.samples[at[i] : at[i + 1]] for row, at in zip(asked, cuts, strict=True)]
        for i in range(count)
    ]


def bracketed(asked: list[Row], random: Random) -> Summary:
    """The pieces of all channels merged with a neighbour each, in random order."""
    limits, bridge_ms = bars_of(asked), table_of(asked).bridge_ms
    pieces = [summarise(table_of(asked, piece), limits) for piece in cut(asked, random)]
    while len(pieces) > 1:
        at = random.randrange(len(pieces) - 1)
        pieces[at : at + 2] = [merge(pieces[at], pieces[at + 1], limits, bridge_ms)]
    return pieces[0]


def examined(asked: list[Row], samples: list[tuple[oracles.Sample, ...]] | None = None) -> Pieces:
    """Summary and traces of rows, or of some of the samples of each."""
    whole = table_of(asked, samples)
    summed = summarise(whole, bars_of(asked))
    return Pieces(summary=summed, traces=trace(whole, demands(len(asked)), summed.spread))


def demands(count: int) -> Demands:
    return Demands(
        interval_ms=np.full(count, 60_000),
        watched=np.ones(count, np.bool_),
        climatic=np.ones(count, np.bool_),
        label_low=np.full(count, 8_000),
        label_high=np.full(count, 8_005),
        spike_milli_per_minute=3,
        change_milli_per_minute=3,
        stuck_ms=60_000,
        step_ms=(60_000,),
        out_of_range_ms=1,
    )


@MANY
@given(tables(), st.sampled_from([1, 3, 9, 1 << 15]))
def test_summary_of_many_channels_equals_the_oracle_in_every_field(
    asked: list[Row], block: int
) -> None:
    with patch.object(summary, "BLOCK", block):
        found = summarise(table_of(asked), bars_of(asked))

    same(flat(found), oracle(asked))


@MANY
@given(tables(), st.randoms(use_true_random=False))
def test_pieces_merged_in_any_bracketing_are_the_whole(asked: list[Row], random: Random) -> None:
    same(flat(bracketed(asked, random)), oracle(asked))


@MANY
@given(tables(), st.randoms(use_true_random=False))
def test_pieces_that_were_written_and_read_collapse_to_the_whole(
    asked: list[Row], random: Random
) -> None:
    parts = list(zip(*cut(asked, random), strict=True))  # by channel, then by time
    owner = np.repeat(np.arange(len(asked)), [len(each) for each in parts])
    rows_of_pieces = [asked[number] for number in owner]
    pieces = examined(rows_of_pieces, [piece for each in parts for piece in each])

    stored = unpack(pack(pieces))
    found = collapsed(stored, owner, bars_of(asked), table_of(asked).bridge_ms, demands(len(asked)))

    same(flat(found.summary), oracle(asked))
    expected = examined(asked).traces
    assert columns_of(found.traces) == columns_of(expected)


@SOME
@given(tables())
def test_an_empty_piece_changes_nothing(asked: list[Row]) -> None:
    limits, bridge_ms = bars_of(asked), table_of(asked).bridge_ms
    whole = summarise(table_of(asked), limits)
    empty = summarise(table_of(asked, [()] * len(asked)), limits)

    assert flat(merge(empty, whole, limits, bridge_ms)) == flat(whole)
    assert flat(merge(whole, empty, limits, bridge_ms)) == flat(whole)


@SOME
@given(tables())
def test_each_channel_is_summarised_as_if_it_were_alone(asked: list[Row]) -> None:
    together = flat(summarise(table_of(asked), bars_of(asked)))

    alone = [flat(summarise(table_of([row]), bars_of([row]))) for row in asked]
    for name in ("spread.n", "spread.covered_ms", "gaps.start", "bins.v", "bins.weight_ms"):
        assert together[name] == [value for each in alone for value in each[name]]
    for name in ("runs.start", "runs.end", "runs.area2", "runs.peak_at", "runs.rounding_ms"):
        by_limit = zip(together["runs.limit"], together["runs.row"], together[name], strict=True)
        expected = [
            (k, number, value)
            for number, each in enumerate(alone)
            for k, value in zip(each["runs.limit"], each[name], strict=True)
        ]
        assert sorted(by_limit) == sorted(expected)


@SOME
@given(tables(st.integers(-80_000, 80_000)), st.randoms(use_true_random=False))
def test_mean_deviation_and_mkt_are_the_same_bits_after_any_bracketing(
    asked: list[Row], random: Random
) -> None:
    merged = bracketed(asked, random).bins
    whole = summarise(table_of(asked), bars_of(asked)).bins
    alone = [summarise(table_of([row]), NO_BARS).bins for row in asked]

    for figure in (
        lambda bins, count: mean_kinetic_celsius(bins, count, 83.144),
        lambda bins, count: mean_and_deviation(bins, count)[0],
        lambda bins, count: mean_and_deviation(bins, count)[1],
    ):
        expected = [figure(bins, 1)[0].hex() for bins in alone]
        assert [each.hex() for each in figure(merged, len(asked))] == expected
        assert [each.hex() for each in figure(whole, len(asked))] == expected


@pytest.mark.parametrize("second", [0, 60_000])
def test_pieces_that_overlap_are_refused(second: int) -> None:
    pieces = [table([(np.array([t]), np.array([1], np.int32))], [60_000]) for t in (60_000, second)]
    left, right = (summarise(piece, NO_BARS) for piece in pieces)

    with pytest.raises(ValueError, match="begin after"):
        merge(left, right, NO_BARS, pieces[0].bridge_ms)


@pytest.mark.parametrize("instants", [(5, 5), (5, 4), (0, 60_000, 60_000), (0, 60_000, 0)])
def test_instants_that_do_not_increase_are_refused(instants: tuple[int, ...]) -> None:
    values = np.zeros(len(instants), np.int32)

    with pytest.raises(ValueError, match="must increase"):
        summarise(table([(np.array(instants), values)], [60_000]), NO_BARS)
