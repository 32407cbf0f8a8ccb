"""The MKT limit of a profile, judged in the hours before each excursion's end (S26)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics.arrays import ranges
from analytics.evaluation import KineticResult
from analytics.exposure import FINDINGS, SATISFIED, UNDECIDED, VIOLATED, bounds_only
from analytics.figures import rounded
from analytics.limits import NO_BARS
from analytics.mkt import mean_kinetic_celsius
from analytics.summary import summarise
from analytics.table import table
from analytics.windows import kinetic_windows, positions

if TYPE_CHECKING:
    from analytics.arrays import Bools, Indices, Millis
    from analytics.panel import Panel
    from analytics.windows import KineticLimit, KineticWindows
    from coldgate.model import Verdict


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kinetics:
    """The MKT rule on all channels: a finding for each, and the windows as measured."""

    limit: KineticLimit
    finding: Indices
    windows: KineticWindows


def judge_kinetics(panel: Panel, limit: KineticLimit) -> Kinetics:
    """What is proven about the MKT of every excursion's window.

    Windows end with the excursions. In the worst case one may end at any reading that may have
    been too warm, and all values were higher by the uncertainty; in the best case lower. A gap may
    hide heat, so it leaves the question open unless the rest answers it.
    """
    view = panel.columns.kinetic
    assert view is not None  # noqa: S101 - a profile with a limit has the column
    runs = panel.summary.runs.of_limit(view.nominal)
    measured = kinetic_windows(
        panel.readings, runs.row, runs.end, limit, _moved(panel, view.nominal)
    )
    best = worst = measured
    if view.optimistic != view.nominal:
        sure = panel.summary.runs.of_limit(view.optimistic)
        best = kinetic_windows(
            panel.readings, sure.row, sure.end, limit, -_moved(panel, view.optimistic)
        )
    if view.pessimistic != view.nominal:
        row, ends = _any_end(panel, view.pessimistic)
        worst = kinetic_windows(panel.readings, row, ends, limit, _moved(panel, view.pessimistic))
    above = _any(best.row[best.certainly_above()], panel.rows)
    doubtful = _any(worst.row[worst.possibly_above()], panel.rows)
    doubtful |= _any(panel.unclosed[view.pessimistic].row, panel.rows)
    doubtful |= bounds_only(view.pessimistic, panel) | (panel.summary.spread.covered_ms == 0)
    finding = np.where(above, VIOLATED, np.where(doubtful, UNDECIDED, SATISFIED))
    return Kinetics(limit=limit, finding=finding, windows=measured)


def kinetic_result(kinetics: Kinetics, row: int, panel: Panel, verdict: Verdict) -> KineticResult:
    """The rule on one channel, with the measured window of the highest MKT."""
    windows, limit = kinetics.windows, kinetics.limit
    count = int(np.count_nonzero(windows.row == row))
    at = windows.worst(row) if count else None
    start_ms = None if at is None else int(panel.readings.t[windows.first[at]])
    end_ms = None if at is None else int(panel.readings.t[windows.last[at]])
    return KineticResult(
        limit_milli=limit.limit_milli,
        finding=FINDINGS[kinetics.finding[row]],
        windows=count,
        mkt=None if at is None else rounded(_mean_kinetic(kinetics, at, panel)),
        start_ms=start_ms,
        end_ms=end_ms,
        short=at is not None and bool(windows.short[at]),
        verdict=verdict,
    )


def _mean_kinetic(kinetics: Kinetics, at: int, panel: Panel) -> float:
    """The MKT of one window in °C, NaN where nothing is covered."""
    windows, readings = kinetics.windows, panel.readings
    part = slice(int(windows.first[at]), int(windows.last[at]) + 1)
    bridge_ms = int(readings.bridge_ms[windows.row[at]])
    known = summarise(table([(readings.t[part], readings.v[part])], [bridge_ms]), NO_BARS).bins
    return float(mean_kinetic_celsius(known, 1, kinetics.limit.activation_kj_per_mol)[0])


def _any_end(panel: Panel, k: int) -> tuple[Indices, Millis]:
    """Every reading beyond limit ``k`` and every end of a run, by channel and time."""
    runs, readings = panel.summary.runs.of_limit(k), panel.readings
    if not len(runs):
        return runs.row, runs.end
    first, _ = positions(readings, runs.row, runs.first_out, runs.last_out)
    at = ranges(first, runs.count + 1)
    ends = readings.t[np.minimum(at, len(readings.t) - 1)]
    ends[np.cumsum(runs.count + 1) - 1] = runs.end
    return np.repeat(runs.row, runs.count + 1), ends


def _moved(panel: Panel, k: int) -> Millis:
    """How far limit ``k`` lies from the nominal one: the uncertainty of each channel."""
    view = panel.columns.kinetic
    assert view is not None  # noqa: S101 - a profile with a limit has the column
    moved: Millis = np.abs(panel.bars.milli[k] - panel.bars.milli[view.nominal])
    return moved


def _any(row: Indices, rows: int) -> Bools:
    return np.bincount(row, minlength=rows) > 0
