"""The figures of channels for people: counts, extremes, coverage, mean, spread, MKT (S25)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analytics.evaluation import Extreme, Statistics
from analytics.mkt import mean_and_deviation, mean_kinetic_celsius
from analytics.panel import NO_CLIP_HIGH, NO_CLIP_LOW, of_row

if TYPE_CHECKING:
    from analytics.mkt import Figures
    from analytics.panel import Panel
    from analytics.profile import Kinetic
    from analytics.readings import Tally

DECIMALS: Final = 6  # of units; hides the last digits, in which mathematical libraries differ


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanelFigures:
    """Mean, deviation and MKT of each channel in units; NaN where there is nothing to tell."""

    mean: Figures
    deviation: Figures
    mkt: Figures | None


def figures(panel: Panel, kinetic: Kinetic | None) -> PanelFigures:
    """The figures of all channels; no MKT without ``kinetic``."""
    bins = panel.summary.bins
    mean, deviation = mean_and_deviation(bins, panel.rows)
    activation = kinetic.activation_kj_per_mol if kinetic else None
    return PanelFigures(
        mean=mean,
        deviation=deviation,
        mkt=None if activation is None else mean_kinetic_celsius(bins, panel.rows, activation),
    )


def statistics(panel: Panel, row: int, shown: PanelFigures, tally: Tally) -> Statistics:
    """The figures of one channel; None wherever there is nothing to compute them from."""
    spread, frame, gaps = panel.summary.spread, panel.frame, panel.gaps
    n, covered_ms, due_ms = (int(each[row]) for each in (spread.n, spread.covered_ms, panel.due_ms))
    lacking = int(panel.traces.missing[row]) if frame.interval_ms[row] else None
    return Statistics(
        n=n,
        expected=None if lacking is None else n + lacking,
        missing=lacking,
        invalid=tally.invalid,
        tests=tally.tests,
        conflicts=tally.conflicts,
        covered_ms=covered_ms,
        due_ms=due_ms,
        coverage_permille=covered_ms * 1000 // due_ms if due_ms else None,
        lowest=Extreme(milli=int(spread.low[row]), at_ms=int(spread.low_at[row])) if n else None,
        highest=Extreme(milli=int(spread.high[row]), at_ms=int(spread.high_at[row])) if n else None,
        mean=rounded(shown.mean[row]),
        deviation=rounded(shown.deviation[row]),
        mkt=None if shown.mkt is None else rounded(shown.mkt[row]),
        has_bounds=bool(frame.clip_high[row] != NO_CLIP_HIGH or frame.clip_low[row] != NO_CLIP_LOW),
        gaps=of_row(gaps.row, gaps.start, gaps.end, row).pairs(),
        duplicates=tally.duplicates,
    )


def rounded(figure: float) -> float | None:
    """A figure as evaluations show it; None for NaN."""
    return None if math.isnan(figure) else round(float(figure), DECIMALS) + 0.0
