"""The golden vectors that the design publishes: every figure of every one."""

from __future__ import annotations

import json
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from analytics.histograms import Histograms
from analytics.limits import NO_BARS, Bars, Bound, Limit, Side, bars
from analytics.mkt import mean_and_deviation, mean_kinetic_celsius
from analytics.summary import merge, summarise
from analytics.table import Table, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analytics.summary import Summary

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
MINUTE = 60_000


def load(name: str) -> list[dict[str, Any]]:
    path = VECTORS / name
    if not path.exists():
        return []
    content = json.loads(path.read_text())
    return list(content["vectors"] if isinstance(content, dict) else content)


pytestmark = pytest.mark.skipif(
    not VECTORS.exists(), reason="the golden vectors are not beside this checkout"
)


def readings(vector: dict[str, Any]) -> Table:
    t = np.array([round(minute * MINUTE) for minute, _ in vector["readings"]], np.int64)
    v = np.array([round(celsius * 1000) for _, celsius in vector["readings"]], np.int32)
    return table([(t, v)], [round(vector["bridge_min"] * MINUTE)])


def limit(vector: dict[str, Any]) -> Bars:
    rule = vector["rule"]
    side = Side.HIGH if rule["upper"] else Side.LOW
    return bars([[Limit(round(rule["limit"] * 1000), side, rule["inclusive"])]], [side])


def summaries(vector: dict[str, Any]) -> Iterator[Summary]:
    """The summary of the whole, and of any two pieces of it put together (section 7)."""
    whole, beyond = readings(vector), limit(vector)
    yield summarise(whole, beyond)
    for cut in range(len(whole.t) + 1):
        pieces = (slice(None, cut), slice(cut, None))
        left, right = (
            summarise(table([(whole.t[piece], whole.v[piece])], whole.bridge_ms.tolist()), beyond)
            for piece in pieces
        )
        yield merge(left, right, beyond, whole.bridge_ms)


@pytest.mark.parametrize("vector", load("golden.json"), ids=lambda vector: vector["name"][:4])
def test_golden_events_are_found_with_all_their_figures(vector: dict[str, Any]) -> None:
    for summary in summaries(vector):
        found = summary.runs
        assert len(found) == len(vector["events"])
        for i, expected in enumerate(vector["events"]):
            assert Bound(found.lo[i]).name == expected["lo"]
            assert Bound(found.hi[i]).name == expected["hi"]
            assert found.start[i] == floor(expected["start_min"] * MINUTE + 1e-6)
            assert found.end[i] == ceil(expected["end_min"] * MINUTE - 1e-6)
            assert found.lin_ms[i] == expected["dur_lin_ms"]
            assert found.hold_ms[i] == expected["dur_hold_ms"]
            assert found.upper_ms[i] == expected["dur_upper_ms"]
            assert found.count[i] == expected["n"]
            assert found.peak[i] == round(expected["peak"] * 1000)
            assert found.peak_at[i] == round(expected["peak_t_min"] * MINUTE)
            assert found.area2(i) == pytest.approx(expected["area_degC_min"] * 2000 * MINUTE)


@pytest.mark.parametrize("vector", load("golden.json"), ids=lambda vector: vector["name"][:4])
def test_golden_coverage_mean_and_mkt_are_equal(vector: dict[str, Any]) -> None:
    unknown = float("nan")

    for summary in summaries(vector):
        gaps = zip(summary.gaps.start.tolist(), summary.gaps.end.tolist(), strict=True)
        mean, kinetic = (
            float(figure[0])
            for figure in (
                mean_and_deviation(summary.bins, 1)[0],
                mean_kinetic_celsius(summary.bins, 1, 83.144),
            )
        )
        assert summary.spread.covered_ms.tolist() == [round(vector["covered_min"] * MINUTE)]
        assert list(gaps) == [
            (round(start * MINUTE), round(end * MINUTE)) for start, end in vector["gaps_min"]
        ]
        assert mean == pytest.approx(vector["tw_mean"] or unknown, abs=5e-10, nan_ok=True)
        assert kinetic == pytest.approx(vector["mkt"] or unknown, abs=5e-10, nan_ok=True)


@pytest.mark.parametrize("vector", load("mkt.json"), ids=lambda vector: vector["id"])
def test_published_mean_kinetic_temperatures_are_reproduced(vector: dict[str, Any]) -> None:
    known = weighted(vector)

    (celsius,) = mean_kinetic_celsius(known, 1, vector.get("activation_kj_mol", 83.144))

    assert celsius == pytest.approx(vector["mkt"], abs=1e-6)


def weighted(vector: dict[str, Any]) -> Histograms:
    """The vector's own weights as a histogram; a trapezoid goes through the real one."""
    v = np.array([round(celsius * 1000) for celsius in vector["celsius"]], np.int32)
    minutes = np.array(vector.get("minutes", []), np.int64)
    match vector["weights"]:
        case "trapezoid":
            return summarise(table([(minutes * MINUTE, v)], [24 * 60 * MINUTE]), NO_BARS).bins
        case "hold" if "hours" in vector:
            weights = np.array(vector["hours"], np.int64)
        case "hold":
            weights, v = np.diff(minutes), v[:-1]
        case _:
            weights = np.ones(len(v), np.int64)
    order = np.argsort(v)
    return Histograms(row=np.zeros(len(v), np.intp), v=v[order], weight_ms=weights[order])
