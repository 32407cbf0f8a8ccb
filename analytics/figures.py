"""A channel's figures for people: counts, extremes, coverage, mean, spread, MKT (S25)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.evaluation import Extreme, Statistics
from analytics.kernel import missing
from analytics.mkt import histogram, mean_and_deviation, mean_kinetic_celsius
from coldgate.model import Quantity

if TYPE_CHECKING:
    from analytics.profile import Kinetic
    from analytics.record import Record

DECIMALS: Final = 6  # of units; hides the last digits, in which mathematical libraries differ


def statistics(record: Record, kinetic: Kinetic | None) -> Statistics:
    """The figures of ``record``; None wherever there is nothing to compute them from."""
    kept, between = record.kept, record.between
    lacking = missing(between.dt, record.interval_ms) if record.interval_ms else None
    due_ms = record.due_ms
    known = histogram(kept.v, between)
    spread = mean_and_deviation(known)
    is_temperature = record.channel.quantity is Quantity.TEMPERATURE
    return Statistics(
        n=len(kept),
        expected=None if lacking is None else len(kept) + lacking,
        missing=lacking,
        invalid=kept.invalid,
        tests=kept.tests,
        conflicts=kept.conflicts,
        covered_ms=between.covered_ms,
        due_ms=due_ms,
        coverage_permille=between.covered_ms * 1000 // due_ms if due_ms else None,
        lowest=_extreme(record, int(np.argmin(kept.v))) if len(kept) else None,
        highest=_extreme(record, int(np.argmax(kept.v))) if len(kept) else None,
        mean=rounded(spread[0]) if spread else None,
        deviation=rounded(spread[1]) if spread else None,
        mkt=rounded(mean_kinetic_celsius(known, kinetic.activation_kj_per_mol))
        if is_temperature and kinetic
        else None,
        has_bounds=bool(len(record.clipped)),
        gaps=record.gaps.pairs(),
        duplicates=kept.duplicates,
    )


def rounded(figure: float | None) -> float | None:
    """A figure as evaluations show it; None stays None."""
    return None if figure is None else round(figure, DECIMALS) + 0.0


def _extreme(record: Record, index: int) -> Extreme:
    return Extreme(milli=int(record.kept.v[index]), at_ms=int(record.kept.t[index]))
