"""Readings as they come: a batch a minute from every open consignment, and one that comes late."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.judge_data import BEGIN_MS, MINUTE_MS, READINGS, make_fleet
from benchmarks.judge_entry import LateJudge, LiveJudge, cold_profile, judge_record

if TYPE_CHECKING:
    from analytics.arrays import Bools, Milli

CONSIGNMENTS: Final = 10_000
CHANNELS_EACH: Final = 3
HISTORY: Final = 360  # readings of each channel before the first batch
SEED: Final = 2_000
HOT_CHANNELS: Final = 100  # one in so many is in an excursion, since an hour and to the end
LATE_TRIALS: Final = 50


def live(*, consignments: int = CONSIGNMENTS, batches: int = 5) -> dict[str, object]:
    """Readings/s merged and judged, state included; median over the batches."""
    channels = consignments * CHANNELS_EACH
    rng = np.random.default_rng(SEED)
    is_hot = np.arange(channels) % HOT_CHANNELS == HOT_CHANNELS // 2
    past = np.arange(HISTORY)
    history = _values(rng, (channels, HISTORY), is_hot[:, None] & (past >= HISTORY - 60))
    judge = LiveJudge(cold_profile(), BEGIN_MS + past * MINUTE_MS, history, CHANNELS_EACH)
    with_excursions = int(is_hot.reshape(-1, CHANNELS_EACH).any(axis=1).sum())
    times = []
    for batch in range(batches):
        t = np.full(channels, BEGIN_MS + (HISTORY + batch) * MINUTE_MS)
        v = _values(rng, (channels,), is_hot)
        started = time.perf_counter()
        found = judge.take(t, v)
        times.append(time.perf_counter() - started)
        assert found == with_excursions
    median = float(np.median(times))
    return {
        "consignments": consignments,
        "channels": channels,
        "history_readings_per_channel": HISTORY,
        "batches": batches,
        "readings_per_second": round(channels / median),
        "batch_ms": round(median * 1000, 1),
        "worst_batch_ms": round(max(times) * 1000, 1),
    }


def late(*, trials: int = LATE_TRIALS) -> dict[str, object]:
    """Time to judge a thirty-day channel again with one reading more, in ms."""
    fleet, profile = make_fleet(1), cold_profile()
    complete = judge_record(profile, fleet.t, fleet.v).channels[0]
    times = []
    for place in np.random.default_rng(SEED).integers(1, READINGS - 1, trials).tolist():
        rest = LateJudge(profile, np.delete(fleet.t, place), np.delete(fleet.v, place))
        started = time.perf_counter()
        evaluation = rest.take(int(fleet.t[place]), int(fleet.v[place]))
        times.append((time.perf_counter() - started) * 1000)
        assert evaluation.channels[0] == complete
    return {
        "readings": READINGS,
        "trials": trials,
        "median_ms": round(float(np.median(times)), 2),
        "p99_ms": round(float(np.percentile(times, 99)), 2),
    }


def _values(rng: np.random.Generator, shape: tuple[int, ...], is_hot: Bools) -> Milli:
    """About 5 °C, or 9 where it is hot, in steps of a hundredth."""
    noise = rng.integers(-10, 11, shape) * 10
    return (np.where(is_hot, 9_000, 5_000) + noise).astype(np.int32)
