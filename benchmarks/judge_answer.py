"""The judge's columns in the baseline's frames, so that the two can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analytics.exposure import FINDINGS, NEVER_MS
from analytics.limits import Bound
from analytics.profile import Action
from analytics.verdict import Sensitivity, consequence
from benchmarks.judge_pandas import NONE, RANKS, Answer

if TYPE_CHECKING:
    from analytics.arrays import Indices
    from analytics.panel import Panel
    from benchmarks.judge_entry import FleetAnswer

HALF_A_MILLIONTH: Final = 5.1e-7  # evaluations show six decimals
NAMES: Final = np.array([finding.value for finding in FINDINGS])
VERDICTS: Final = np.array(RANKS)
BOUNDS: Final = np.array([bound.name for bound in Bound])
HARDY: Final = Sensitivity(freezing=False, shock=False)


def assert_equal(found: FleetAnswer, baseline: Answer) -> None:
    """Complain unless both say the same about every channel."""
    for name, mine, other in zip(Answer._fields, answer_of(found), baseline, strict=True):
        pd.testing.assert_frame_equal(
            mine,
            other[list(mine.columns)],
            check_dtype=False,
            check_names=False,
            check_index_type=False,
            rtol=0,
            atol=HALF_A_MILLIONTH,
            obj=name,
        )


def answer_of(found: FleetAnswer) -> Answer:
    """The frames of a fleet's judgement."""
    whole = found.judged.panel
    rules = _rules(found)
    ranks = [consequences(Action.FAIL, _finding(found))]
    ranks += [
        consequences(rule.action, each.finding)
        for rule, each in zip(whole.columns.rules, found.judged.exposures, strict=True)
    ]
    return Answer(
        statistics=_statistics(found),
        gaps=pd.DataFrame(
            {"channel": whole.gaps.row, "start": whole.gaps.start, "end": whole.gaps.end}
        ),
        rules=rules.sort_values(["channel", "rule"], ignore_index=True),
        kinetic=_kinetic(found),
        excursions=_excursions(whole),
        verdicts=pd.DataFrame({"verdict": VERDICTS[np.max(ranks, axis=0)]}),
    )


def consequences(action: Action, finding: Indices) -> Indices:
    """The rank of the verdict that follows for each channel."""
    follows = [consequence(HARDY.of(action), each).value for each in FINDINGS]
    return np.array([RANKS.index(name) for name in follows])[finding]


def _finding(found: FleetAnswer) -> Indices:
    assert found.judged.kinetics is not None
    return found.judged.kinetics.finding


def _statistics(found: FleetAnswer) -> pd.DataFrame:
    whole, shown = found.judged.panel, found.shown
    spread = whole.summary.spread
    return pd.DataFrame(
        {
            "n": spread.n,
            "missing": whole.traces.missing,
            "covered_ms": spread.covered_ms,
            "due_ms": whole.due_ms,
            "coverage_permille": spread.covered_ms * 1000 // whole.due_ms,
            "lowest": spread.low,
            "lowest_at": spread.low_at,
            "highest": spread.high,
            "highest_at": spread.high_at,
            "mean": shown.mean,
            "deviation": shown.deviation,
            "mkt": shown.mkt,
        }
    )


def _rules(found: FleetAnswer) -> pd.DataFrame:
    whole = found.judged.panel
    frames = [
        pd.DataFrame(
            {
                "channel": np.arange(whole.rows),
                "rule": rule.id,
                "events": each.events,
                "measured": each.measured_ms,
                "optimistic": each.optimistic_ms,
                "pessimistic": each.pessimistic_ms,
                "trigger": np.where(each.first_trigger_ms == NEVER_MS, NONE, each.first_trigger_ms),
                "finding": NAMES[each.finding],
                "verdict": VERDICTS[consequences(rule.action, each.finding)],
            }
        )
        for rule, each in zip(whole.columns.rules, found.judged.exposures, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def _kinetic(found: FleetAnswer) -> pd.DataFrame:
    whole, kinetics = found.judged.panel, found.judged.kinetics
    assert kinetics is not None
    windows, at = kinetics.windows, kinetics.worst
    t, has = whole.readings.t, at >= 0
    return pd.DataFrame(
        {
            "windows": np.bincount(windows.row, minlength=whole.rows),
            "start": np.where(has, t[windows.first[at]], NONE),
            "end": np.where(has, t[windows.last[at]], NONE),
            "short": windows.short[at] & has,
            "mkt": kinetics.mkt,
            "finding": NAMES[kinetics.finding],
            "verdict": VERDICTS[consequences(Action.FAIL, kinetics.finding)],
        }
    )


def _excursions(whole: Panel) -> pd.DataFrame:
    """The events of each distinct limit, once, under the first rule that has it."""
    views = reversed(list(zip(whole.columns.views, whole.columns.rules, strict=True)))
    first_rule = {view.nominal: rule.id for view, rule in views}
    frames = []
    for k, rule in first_rule.items():
        runs = whole.summary.runs.of_limit(k)
        frames.append(
            pd.DataFrame(
                {
                    "channel": runs.row,
                    "rule": rule,
                    "start": runs.start,
                    "end": runs.end,
                    "lo": BOUNDS[runs.lo],
                    "hi": BOUNDS[runs.hi],
                    "lin": runs.lin_ms,
                    "hold": runs.hold_ms,
                    "upper": runs.upper_ms,
                    "readings": runs.count,
                    "peak": runs.peak,
                    "peak_at": runs.peak_at,
                    "area2": [runs.area2(index) for index in range(len(runs))],
                }
            )
        )
    listed = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    return listed.sort_values(["channel", "rule", "start"], ignore_index=True)
