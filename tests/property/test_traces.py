"""Traces of random tables equal a plain loop, whole or merged from any pieces in any bracketing."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import segments, traces
from analytics.limits import Bars
from analytics.runs import Seam
from analytics.summary import summarise
from analytics.table import Table, table
from analytics.traces import Demands, Traces, merged_traces, trace

INT32: Final = np.iinfo(np.int32)
INT64: Final = np.iinfo(np.int64)
MANY: Final = settings(max_examples=250, deadline=None)

VALUES = st.one_of(
    st.sampled_from([0, 0, 0, 1, 400, 1_000, 3_000, 3_001]),
    st.integers(-20_000, 40_000),
    st.sampled_from([INT32.min, INT32.min + 1, INT32.max - 1, INT32.max]),
)
STEPS = st.one_of(
    st.sampled_from([60_000] * 4 + [1, 29_999, 30_000, 59_999, 90_000, 90_001, 150_000]),
    st.sampled_from([65_000, 65_001, 125_000, 125_001, 240_000, 240_001, 306_000, 306_001]),
    st.integers(1, 600_000),
)
SERIES = st.lists(st.tuples(STEPS, VALUES), max_size=12)


@dataclass(frozen=True)
class Row:
    """One row of a table and what is asked of it."""

    samples: tuple[tuple[int, int], ...]
    bridge: int
    interval: int
    watched: bool
    climatic: bool
    label: tuple[int, int]


def traces_of(whole: Table, demands: Demands) -> Traces:
    none = np.empty((0, whole.rows), np.int64)
    spread = summarise(whole, Bars(np.empty(0, np.int64), none, none)).spread
    return trace(whole, demands, spread)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    instant, samples = draw(st.sampled_from([0, 1_767_225_600_000, -(2**40)])), []
    for step, value in draw(SERIES):
        instant += step
        samples.append((instant, value))
    return Row(
        samples=tuple(samples),
        bridge=draw(st.sampled_from([120_000, 240_000, 900_000])),
        interval=draw(st.sampled_from([0, 60_000, 60_000, 100_000])),
        watched=draw(st.sampled_from([True, True, False])),
        climatic=draw(st.sampled_from([True, True, False])),
        label=draw(st.sampled_from([(0, 1_000), (2_000, 8_000), (INT64.min, INT64.max)])),
    )


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, object]:
    rate = st.one_of(st.none(), st.sampled_from([0, 1, 400, 1_000, 3_000, 2**31 - 1]))
    return {
        "spike_milli_per_minute": draw(rate),
        "change_milli_per_minute": draw(rate),
        "stuck_ms": draw(st.one_of(st.none(), st.sampled_from([1, 60_000, 180_000]))),
        "step_ms": draw(st.sampled_from([(), (60_000,), (60_000, 300_000), (120_000,)])),
        "out_of_range_ms": draw(st.sampled_from([None, 30_000, 120_000, 400_000])),
    }


def demands_of(asked: list[Row], wished: dict[str, object]) -> Demands:
    return Demands(
        interval_ms=np.array([row.interval for row in asked], np.int64),
        watched=np.array([row.watched for row in asked], np.bool_),
        climatic=np.array([row.climatic for row in asked], np.bool_),
        label_low=np.array([row.label[0] for row in asked], np.int64),
        label_high=np.array([row.label[1] for row in asked], np.int64),
        **wished,
    )


def table_of(asked: list[Row], samples: list[tuple[tuple[int, int], ...]]) -> Table:
    pairs = [np.array(each, np.int64).reshape(-1, 2) for each in samples]
    series = [(pair[:, 0].copy(), pair[:, 1].astype(np.int32)) for pair in pairs]
    return table(series, [row.bridge for row in asked])


def flat(value: object, name: str = "") -> dict[str, object]:
    """Every array of a value by its path, as lists."""
    if not is_dataclass(value):
        return {name: np.asarray(value).tolist()}
    parts = [flat(getattr(value, f.name), f"{name}.{f.name}") for f in fields(value)]
    return {key: each for part in parts for key, each in part.items()}


def longest_still(row: Row, stuck_ms: int) -> tuple[int, int]:
    best, since = (0, 0), None
    for (t, v), (later, then) in pairwise(row.samples):
        if v != then or later - t > row.bridge:
            since = None
            continue
        since = t if since is None else since
        if later - since >= stuck_ms and later - since > best[1] - best[0]:
            best = since, later
    return best


def end_of_stretch(samples: list[tuple[int, int]], bridge: int) -> int:
    for (t, v), (further, then) in pairwise(samples):
        if v != then or abs(further - t) > bridge:
            return t
    return samples[-1][0]


def lacking(dt: int, interval: int) -> int:
    return max(0, round(Fraction(dt, interval)) - 1) if interval else 0


def tolerated(interval_ms: int) -> int:
    return interval_ms + max(5_000, interval_ms * 2 // 100)


def late(row: Row, step_ms: int, out_of_range_ms: int | None) -> list[int]:
    found = []
    for (t, v), (later, then) in pairwise(row.samples):
        out = all(not row.label[0] <= each <= row.label[1] for each in (v, then))
        limit = out_of_range_ms if out and out_of_range_ms is not None else step_ms
        if row.climatic and later - t > tolerated(limit):
            found.append(later - t)
    return found


def paces(row: Row, demands: Demands) -> list[tuple[int, bool]]:
    found = []
    for (t, v), (later, then) in pairwise(row.samples):
        dt, step = later - t, (then - v) * 60_000
        asked = row.watched and dt <= row.bridge
        spike, change = demands.spike_milli_per_minute, demands.change_milli_per_minute
        leaps = asked and spike is not None and abs(step) > spike * dt
        fast = asked and change is not None and abs(step) > change * dt
        found.append(((1 if step > 0 else -1) if leaps else 0, fast and 2 * dt >= row.interval))
    return found


def marks(found: list[list[int]]) -> tuple[list[int], list[int], list[int]]:
    shown = [(number, t) for number, each in enumerate(found) for t in each[: traces.MOST_LISTED]]
    return [len(each) for each in found], [r for r, _ in shown], [t for _, t in shown]


def oracle(asked: list[Row], demands: Demands) -> dict[str, object]:
    """The same traces by walking from reading to reading."""
    dts = [[b - a for (a, _), (b, _) in pairwise(row.samples)] for row in asked]
    lates = [[late(r, s, demands.out_of_range_ms) for r in asked] for s in demands.step_ms]
    pace = [paces(row, demands) for row in asked]
    spikes, changes = [], []
    for row, each in zip(asked, pace, strict=True):
        at = list(zip([t for t, _ in row.samples[1:]], each, each[1:], strict=False))
        spikes.append([t for t, before, after in at if before[0] * after[0] < 0])
        changes.append([t for t, before, after in at if before[1] and after[1]])
    stuck_ms = demands.stuck_ms
    asked_still = [row for row in asked if stuck_ms is not None and row.climatic and row.samples]
    still = [longest_still(r, stuck_ms) if r in asked_still else (0, 0) for r in asked]
    answer = {
        ".n": [len(row.samples) for row in asked],
        ".span_ms": [sum(each) for each in dts],
        ".longest_ms": [max(each, default=0) for each in dts],
        ".missing": [
            sum(lacking(dt, row.interval) for dt in each)
            for row, each in zip(asked, dts, strict=True)
        ],
        ".late": [[len(each) for each in per_row] for per_row in lates],
        ".late_ms": [[sum(each) for each in per_row] for per_row in lates],
        ".stillness.opening_end": [
            end_of_stretch(list(r.samples), r.bridge) if r in asked_still else 0 for r in asked
        ],
        ".stillness.closing_start": [
            end_of_stretch(list(r.samples[::-1]), r.bridge) if r in asked_still else 0
            for r in asked
        ],
        ".stillness.start": [start for start, _ in still],
        ".stillness.end": [end for _, end in still],
    }
    for kind, found in (("spikes", spikes), ("changes", changes)):
        for name, part in zip(("count", "row", "t"), marks(found), strict=True):
            answer[f".rates.{kind}.{name}"] = part
    for end, index in (("first", 0), ("last", -1)):
        chosen = [each[index] if each else (0, False) for each in pace]
        answer[f".rates.{end}.spike"] = [spike for spike, _ in chosen]
        answer[f".rates.{end}.change"] = [change for _, change in chosen]
    return answer


Piece = tuple[Traces, list[tuple[tuple[int, int], ...]]]


def seam_of(left: list[tuple[tuple[int, int], ...]], right: Piece, asked: list[Row]) -> Seam:
    ends = [
        (True, *a[-1], *b[0]) if a and b else (False, 7, 8, 5, 6)  # meaningless on purpose
        for a, b in zip(left, right[1], strict=True)
    ]
    exists, t_left, v_left, t_right, v_right = zip(*ends, strict=True)
    bridge = np.array([row.bridge for row in asked], np.int64)
    before, after = np.array(t_left, np.int64), np.array(t_right, np.int64)
    return Seam(
        exists=np.array(exists, np.bool_),
        covered=after - before <= bridge,
        t_left=before,
        v_left=np.array(v_left, np.int32),
        t_right=after,
        v_right=np.array(v_right, np.int32),
    )


def joined(left: Piece, right: Piece, asked: list[Row], demands: Demands) -> Piece:
    seam = seam_of(left[1], right, asked)
    both = [a + b for a, b in zip(left[1], right[1], strict=True)]
    return merged_traces(left[0], right[0], seam, demands), both


@MANY
@given(st.lists(rows(), max_size=5), wishes(), st.sampled_from([1, 8, 1 << 15]))
def test_traces_equal_a_walk_from_reading_to_reading(
    asked: list[Row], wished: dict[str, object], block: int
) -> None:
    demands = demands_of(asked, wished)

    with patch.object(segments, "BLOCK", block), patch.object(traces, "MOST_LISTED", 2):
        found = traces_of(table_of(asked, [row.samples for row in asked]), demands)
        expected = oracle(asked, demands)

    assert flat(found) == expected


@MANY
@given(st.lists(rows(), min_size=1, max_size=3), wishes(), st.data())
def test_pieces_merged_in_any_bracketing_equal_the_whole(
    asked: list[Row], wished: dict[str, object], data: st.DataObject
) -> None:
    demands = demands_of(asked, wished)
    count = data.draw(st.integers(1, 6))
    cuts = [
        sorted(
            data.draw(st.lists(st.integers(0, len(row.samples)), min_size=count, max_size=count))
        )
        for row in asked
    ]
    with patch.object(traces, "MOST_LISTED", 2):
        whole = traces_of(table_of(asked, [row.samples for row in asked]), demands)
        pieces = []
        for k in range(count + 1):
            samples = [
                row.samples[(0, *cut)[k] : (*cut, len(row.samples))[k]]
                for row, cut in zip(asked, cuts, strict=True)
            ]
            pieces.append((traces_of(table_of(asked, samples), demands), samples))
        while len(pieces) > 1:
            at = data.draw(st.integers(0, len(pieces) - 2))
            pieces[at : at + 2] = [joined(pieces[at], pieces[at + 1], asked, demands)]

    assert flat(pieces[0][0]) == flat(whole)


@MANY
@given(st.lists(rows(), min_size=1, max_size=3), wishes())
def test_one_reading_after_another_equals_the_whole(
    asked: list[Row], wished: dict[str, object]
) -> None:
    demands = demands_of(asked, wished)
    longest = max(len(row.samples) for row in asked)
    live: Piece = traces_of(table_of(asked, [()] * len(asked)), demands), [()] * len(asked)

    for k in range(longest):
        samples = [row.samples[k : k + 1] for row in asked]
        piece = traces_of(table_of(asked, samples), demands), samples
        live = joined(live, piece, asked, demands)

    assert flat(live[0]) == oracle(asked, demands)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 40, 90, 200]), st.integers(33, 120))
def test_stretch_long_enough_to_be_sampled_is_found(seed: int, plateau: int, fewest: int) -> None:
    chance = np.random.default_rng(seed)
    v = np.repeat(chance.integers(0, 3, 400), chance.integers(1, plateau + 1, 400))[:800]
    t = np.cumsum(chance.choice([60_000, 60_000, 60_000, 45_000, 900_001], 800))[: len(v)]
    row = Row(tuple(zip(t.tolist(), v.tolist(), strict=True)), 900_000, 0, False, True, (0, 9))  # noqa: FBT003 - a row of the test
    asked = [row, row]
    demands = demands_of(asked, {"stuck_ms": 60_000 * fewest})

    found = traces_of(table_of(asked, [row.samples, row.samples]), demands)

    assert flat(found) == oracle(asked, demands)
