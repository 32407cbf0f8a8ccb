"""The judge beside pandas and beside a bare copy of the same arrays, on one core."""

from __future__ import annotations

import ctypes
import gc
import os
import time
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from benchmarks import judge_live
from benchmarks.judge_answer import answer_of, assert_equal
from benchmarks.judge_data import Variant, make_fleet
from benchmarks.judge_entry import INTERVAL_MS, UNCERTAINTY_MILLI, cold_profile, judge_fleet
from benchmarks.judge_pandas import evaluate, make_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from analytics.profile import Profile
    from benchmarks.judge_data import Fleet
    from benchmarks.judge_pandas import Answer

CHECKED_CHANNELS: Final = 100  # one of every kind is among them
PANDAS_CHANNELS: Final = 200
INSTALLED_CHANNELS: Final = 600  # from there on pandas' rate does not change
VARIANT_CHANNELS: Final = 200
M_TRIM_THRESHOLD: Final = -1  # malloc.h
M_MMAP_MAX: Final = -4
MIB: Final = 2**20
Result = TypeVar("Result")


def run(*, channels: int = 2_000, rounds: int = 5) -> dict[str, object]:
    """Batch on the fleet and its variants, live updates, and late readings.

    Before anything is timed, judge and pandas must agree on every figure of the first channels.
    They are compared twice: as anybody runs them, and with an allocator that keeps what is freed,
    which doubles the speed of pandas and leaves the judge as it is.
    """
    with _one_core():
        for variant in Variant:
            _assert_same_answers(variant)
        as_installed = _as_installed(rounds)
        _keep_freed_memory()
        return {
            "allocator_as_installed": as_installed,
            "batch": {
                variant.value: _batch(
                    channels if variant is Variant.STANDARD else min(channels, VARIANT_CHANNELS),
                    variant,
                    rounds,
                )
                for variant in Variant
            },
            "live": judge_live.live(),
            "late": judge_live.late(),
        }


def _as_installed(rounds: int) -> dict[str, object]:
    """Judge and pandas with the allocator as it comes: who runs pandas meets its page faults."""
    fleet, profile = make_fleet(INSTALLED_CHANNELS, Variant.STANDARD), cold_profile()
    sample = make_frame(fleet)
    times = [
        (
            _seconds(lambda: judge_fleet(fleet, profile)),
            _seconds(lambda: _by_pandas(sample, profile)),
        )
        for _ in range(rounds)
    ]
    judge, pandas = np.median(times, axis=0).tolist()
    at_best = min(turn[1] for turn in times)
    return {
        "channels": INSTALLED_CHANNELS,
        "judge_readings_per_second": round(len(fleet.t) / judge),
        "pandas_readings_per_second": round(len(fleet.t) / pandas),
        "ratio_to_pandas": round(pandas / judge, 1),
        "ratio_to_pandas_at_best": round(at_best / judge, 1),
    }


def _assert_same_answers(variant: Variant) -> None:
    fleet, profile = make_fleet(CHECKED_CHANNELS, variant), cold_profile()
    assert_equal(judge_fleet(fleet, profile), _by_pandas(make_frame(fleet), profile))


def _by_pandas(readings: pd.DataFrame, profile: Profile) -> Answer:
    return evaluate(readings, profile, interval_ms=INTERVAL_MS, uncertainty_milli=UNCERTAINTY_MILLI)


def _batch(channels: int, variant: Variant, rounds: int) -> dict[str, object]:
    """Median rates of as many rounds, in each of which all take their turn."""
    fleet, profile = make_fleet(channels, variant), cold_profile()
    sample = make_frame(fleet.part(min(channels, PANDAS_CHANNELS)))
    judged, extra_bytes = _peak_extra(lambda: judge_fleet(fleet, profile))
    excursions = len(answer_of(judged).excursions)
    del judged
    _by_pandas(sample, profile)
    copier = _Copier(fleet)
    times = [
        (
            _seconds(copier.copy),
            _seconds(lambda: judge_fleet(fleet, profile)),
            _seconds(lambda: _by_pandas(sample, profile)),
            _seconds(lambda: judge_fleet(fleet, profile, flags=True)),
        )
        for _ in range(rounds)
    ]
    copy, judge, pandas, flagged = np.median(times, axis=0).tolist()
    pandas_at_best = min(turn[2] for turn in times)
    judge_rate, pandas_rate = len(fleet.t) / judge, len(sample) / pandas
    return {
        "channels": channels,
        "readings": len(fleet.t),
        "excursions": excursions,
        "judge_readings_per_second": round(judge_rate),
        "judge_with_flags_readings_per_second": round(len(fleet.t) / flagged),
        "pandas_readings_per_second": round(pandas_rate),
        "pandas_readings_per_second_at_best": round(len(sample) / pandas_at_best),
        "ratio_to_pandas": round(judge_rate / pandas_rate, 1),
        "ratio_to_pandas_at_best": round(judge_rate * pandas_at_best / len(sample), 1),
        "copy_readings_per_second": round(len(fleet.t) / copy),
        "copy_gb_per_second": round(fleet.nbytes / copy / 1e9, 1),
        "ratio_to_copy": round(copy / judge, 4),
        "seconds": {"judge": round(judge, 3), "pandas": round(pandas, 3), "copy": round(copy, 3)},
        "input_mib": fleet.nbytes // MIB,
        "peak_extra_mib": extra_bytes // MIB,
        "peak_extra_to_input": round(extra_bytes / fleet.nbytes, 2),
    }


class _Copier:
    """Copies a fleet's arrays to memory that the process already has."""

    def __init__(self, fleet: Fleet) -> None:
        self._pairs = [(column, column.copy()) for column in (fleet.t, fleet.v)]

    def copy(self) -> None:
        """Once."""
        for column, target in self._pairs:
            np.copyto(target, column)


def _seconds(action: Callable[[], object]) -> float:
    gc.collect()
    started = time.perf_counter()
    result = action()
    elapsed = time.perf_counter() - started
    del result  # to free it is not part of the work
    return elapsed


def _peak_extra(action: Callable[[], Result]) -> tuple[Result, int]:
    """The action's result, and the most bytes that were allocated at any time for it."""
    gc.collect()
    tracemalloc.start()
    result = action()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return result, peak


def _keep_freed_memory() -> None:
    """Let the allocator keep what is freed: page faults else cost pandas up to half its speed."""
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


@contextmanager
def _one_core() -> Iterator[None]:
    """Nothing in this process runs on more than one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
