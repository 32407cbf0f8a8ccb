"""The MKT limit of a profile, judged in the hours before each excursion's end (S26)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.arrays import ranges
from analytics.evaluation import KineticResult
from analytics.exposure import FINDINGS, SATISFIED, UNDECIDED, VIOLATED, bounds_only
from analytics.figures import rounded
from analytics.histograms import Histograms
from analytics.mkt import COLDEST_MILLI, KELVIN_OFFSET, MILLI, mean_kinetic_celsius, theta
from analytics.segments import BLOCK, row_blocks
from analytics.windows import joined, kinetic_windows, positions, rates_at_limit

if TYPE_CHECKING:
    from analytics.arrays import Bools, Indices, Millis
    from analytics.columns import View
    from analytics.mkt import Figures
    from analytics.panel import Panel
    from analytics.runs import Runs
    from analytics.table import Table
    from analytics.windows import KineticLimit, KineticWindows
    from coldgate.model import Verdict

ROUNDING: Final = 4  # units at both ends of a segment, more than two rounded rates may differ by


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kinetics:
    """The MKT rule on all channels: a finding for each, and the windows as measured.

    ``worst`` is the place of each channel's window with the highest MKT, -1 without windows, and
    ``mkt`` its MKT in °C, NaN where nothing in it is covered.
    """

    limit: KineticLimit
    finding: Indices
    windows: KineticWindows
    worst: Indices
    mkt: Figures


def judge_kinetics(panel: Panel, limit: KineticLimit) -> Kinetics:
    """What is proven about the MKT of every excursion's window.

    Windows end with the excursions. In the worst case one may end at any reading that may have
    been too warm, and all values were higher by the uncertainty; in the best case lower. A gap may
    hide heat, so it leaves the question open unless the rest answers it.
    """
    view = panel.columns.kinetic
    assert view is not None  # noqa: S101 - a profile with a limit has the column
    even = _even_ms(panel)
    measured, doubted = _measured(panel, view, limit, even)
    best = worst = measured
    if view.optimistic != view.nominal:
        sure = panel.summary.runs.of_limit(view.optimistic)
        sure = sure.take(_any(doubted.row, panel.rows)[sure.row])
        shift = -_moved(panel, view.optimistic)
        best = kinetic_windows(panel.readings, sure.row, sure.end, limit, shift, 0, even)
    if view.pessimistic != view.nominal:
        row, ends = _any_end(panel.readings, doubted, limit.window_ms)
        shift = _moved(panel, view.pessimistic)
        worst = kinetic_windows(panel.readings, row, ends, limit, shift, 0, even)
    above = _any(best.row[best.certainly_above()], panel.rows)
    doubtful = _any(worst.row[worst.possibly_above()], panel.rows)
    doubtful |= _any(panel.unclosed[view.pessimistic].row, panel.rows)
    doubtful |= bounds_only(view.pessimistic, panel) | (panel.summary.spread.covered_ms == 0)
    finding = np.where(above, VIOLATED, np.where(doubtful, UNDECIDED, SATISFIED))
    at = measured.worst(panel.rows)
    mkt = _mean_kinetic(measured, at, panel.readings, limit)
    return Kinetics(limit=limit, finding=finding, windows=measured, worst=at, mkt=mkt)


def _measured(
    panel: Panel, view: View, limit: KineticLimit, even_ms: Millis
) -> tuple[KineticWindows, Runs]:
    """The windows as measured, and the runs beyond the worst limit in which any may be above.

    A run whose worst case is cool as a whole settles all windows that end in it, in any view.
    """
    shown, likely = (panel.summary.runs.of_limit(k) for k in (view.nominal, view.pessimistic))
    none = np.zeros(panel.rows, np.int64)
    if view.pessimistic == view.nominal:
        return kinetic_windows(
            panel.readings, shown.row, shown.end, limit, none, 0, even_ms
        ), likely
    row, end = np.concatenate((shown.row, likely.row)), np.concatenate((shown.end, likely.end))
    longer_ms = np.concatenate((np.zeros_like(shown.end), likely.end - likely.first_out))
    order = np.argsort(row, kind="stable")
    row, end, longer_ms = row[order], end[order], longer_ms[order]
    both = kinetic_windows(panel.readings, row, end, limit, none, longer_ms, even_ms)
    whole = both.take(order >= len(shown))
    doubted = likely.take(_maybe_above(whole, likely, panel, view, limit))
    return both.take(order < len(shown)), doubted


def _maybe_above(
    whole: KineticWindows, runs: Runs, panel: Panel, view: View, limit: KineticLimit
) -> Bools:
    """In which runs a window may end that is above the limit if all values were higher by U.

    ``whole`` are the windows from the first that ends in each run to the last. One of those in
    between ages at most as much as all of that, and U raises rates the more the colder it is. It
    covers at least what is left without the length of the run and the segments that its ends cut.
    """
    shift, coldest = _moved(panel, view.pessimistic)[runs.row], panel.summary.spread.low[runs.row]
    start = np.maximum(coldest, COLDEST_MILLI) / MILLI + KELVIN_OFFSET
    theta_k = theta(limit.activation_kj_per_mol)
    factor = np.exp(theta_k / start - theta_k / (start + shift / MILLI))
    most = whole.rate_high.astype(np.float64) * factor + whole.covered_ms * ROUNDING
    cut_ms = runs.end - runs.first_out + 2 * panel.readings.bridge_ms[runs.row]
    allowed = rates_at_limit(np.maximum(whole.covered_ms - cut_ms, 0), np.float64)
    maybe: Bools = (most >= allowed) | (coldest < COLDEST_MILLI)
    return maybe


def kinetic_result(kinetics: Kinetics, row: int, panel: Panel, verdict: Verdict) -> KineticResult:
    """The rule on one channel, with the measured window of the highest MKT."""
    windows, limit = kinetics.windows, kinetics.limit
    count = int(np.count_nonzero(windows.row == row))
    at = int(kinetics.worst[row]) if count else None
    start_ms = None if at is None else int(panel.readings.t[windows.first[at]])
    end_ms = None if at is None else int(panel.readings.t[windows.last[at]])
    return KineticResult(
        limit_milli=limit.limit_milli,
        finding=FINDINGS[kinetics.finding[row]],
        windows=count,
        mkt=None if at is None else rounded(kinetics.mkt[row]),
        start_ms=start_ms,
        end_ms=end_ms,
        short=at is not None and bool(windows.short[at]),
        verdict=verdict,
    )


def _mean_kinetic(
    windows: KineticWindows, at: Indices, readings: Table, limit: KineticLimit
) -> Figures:
    """The MKT of one window of each channel in °C; NaN without one, or where nothing is covered."""
    result = np.full(len(at), np.nan)
    (rows,) = np.nonzero(at >= 0)
    first, lengths = windows.first[at[rows]], (windows.last - windows.first)[at[rows]] + 1
    for begin, end in row_blocks(lengths, BLOCK):
        own = slice(begin, end)
        weights = _weights(readings, rows[own], first[own], lengths[own])
        found = mean_kinetic_celsius(weights, end - begin, limit.activation_kj_per_mol)
        result[rows[own]] = found
    return result


def _weights(readings: Table, row: Indices, first: Indices, lengths: Indices) -> Histograms:
    """The readings of some windows, each weighing as the trapezoid rule has it."""
    t, v = joined(readings.t, first, lengths), joined(readings.v, first, lengths)
    known = np.zeros(len(t) + 1, np.int64)
    known[1:-1] = t[1:] - t[:-1]
    known[np.cumsum(lengths)[:-1]] = 0  # from one window to the next is no segment
    if int(known.max()) > int(readings.bridge_ms[row].min()):
        known[1:][known[1:] > np.repeat(readings.bridge_ms[row], lengths)] = 0
    weight_ms = known[1:] + known[:-1]
    found = Histograms(row=np.repeat(np.arange(len(row)), lengths), v=v, weight_ms=weight_ms)
    return found if weight_ms.all() else found.take(weight_ms > 0)


def _any_end(readings: Table, runs: Runs, window_ms: int) -> tuple[Indices, Millis]:
    """Every instant within the runs at which a window gains a reading or loses one, in order.

    A truth that left the limit at any other instant has the same readings in its window as one
    that left it at one of these.
    """
    first, last = positions(readings, runs.row, runs.first_out, runs.end)
    old, young = positions(readings, runs.row, runs.first_out - window_ms, runs.end - window_ms)
    gained = ranges(first, last - first + 1)
    lost = ranges(old, young - old + 1)
    of_lost = np.repeat(np.arange(len(runs)), young - old + 1)
    whole_until = readings.t[lost] + window_ms
    run = np.concatenate(
        (np.arange(len(runs)), np.repeat(np.arange(len(runs)), last - first + 1), of_lost, of_lost)
    )
    ends = np.concatenate((runs.end, readings.t[gained], whole_until, whole_until + 1))
    kept = (ends >= runs.first_out[run]) & (ends <= runs.end[run])
    row, ends = runs.row[run[kept]], ends[kept]
    order = np.lexsort((ends, row))
    return row[order], ends[order]


def _even_ms(panel: Panel) -> Millis:
    """The length of all segments of each channel, covered; 0 where they differ or are not."""
    spread = panel.summary.spread
    is_even = (spread.shortest_ms == spread.longest_ms) & (
        spread.longest_ms <= panel.readings.bridge_ms
    )
    return np.where(is_even, spread.longest_ms, 0)


def _moved(panel: Panel, k: int) -> Millis:
    """How far limit ``k`` lies from the nominal one: the uncertainty of each channel."""
    view = panel.columns.kinetic
    assert view is not None  # noqa: S101 - a profile with a limit has the column
    moved: Millis = np.abs(panel.bars.milli[k] - panel.bars.milli[view.nominal])
    return moved


def _any(row: Indices, rows: int) -> Bools:
    return np.bincount(row, minlength=rows) > 0
