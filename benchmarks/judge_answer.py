"""The judge's evaluations in the baseline's frames, so that the two can be compared."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd  # type: ignore[import-untyped]  # ships no types

from benchmarks.judge_pandas import NONE, Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.evaluation import ChannelResult, Evaluation, Excursion, RuleResult

HALF_A_MILLIONTH = 5.1e-7  # evaluations show six decimals


def assert_equal(evaluations: Sequence[Evaluation], baseline: Answer) -> None:
    """Complain unless both say the same about every channel, in the order of the evaluations."""
    for name, mine, other in zip(Answer._fields, answer_of(evaluations), baseline, strict=True):
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


def answer_of(evaluations: Sequence[Evaluation]) -> Answer:
    """The frames of evaluations whose channels, one after the other, are those of a fleet."""
    keys = [(n, result.channel) for n, each in enumerate(evaluations) for result in each.channels]
    number = {key: place for place, key in enumerate(keys)}
    results = list(enumerate(result for each in evaluations for result in each.channels))
    events = [
        (number[n, event.channel], event)
        for n, each in enumerate(evaluations)
        for event in each.excursions
    ]
    rules = [(n, rule) for n, result in results for rule in result.rules]
    spans = [(n, *gap) for n, result in results for gap in result.statistics.gaps]
    return Answer(
        statistics=pd.DataFrame([_statistics(result) for _, result in results]),
        gaps=pd.DataFrame(spans, columns=["channel", "start", "end"]),
        rules=_sorted([{"channel": n, **_rule(rule)} for n, rule in rules], ["channel", "rule"]),
        kinetic=pd.DataFrame([_kinetic(result) for _, result in results]),
        excursions=_sorted(
            [{"channel": n, **_excursion(event)} for n, event in events],
            ["channel", "rule", "start"],
        ),
        verdicts=pd.DataFrame([{"verdict": result.verdict.value} for _, result in results]),
    )


def _sorted(rows: list[dict[str, object]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows).sort_values(columns, ignore_index=True)


def _statistics(result: ChannelResult) -> dict[str, object]:
    found = result.statistics
    assert found.lowest is not None
    assert found.highest is not None
    fields = ("n", "missing", "covered_ms", "due_ms", "coverage_permille")
    return {
        **{name: getattr(found, name) for name in fields},
        "lowest": found.lowest.milli,
        "lowest_at": found.lowest.at_ms,
        "highest": found.highest.milli,
        "highest_at": found.highest.at_ms,
        "mean": found.mean,
        "deviation": found.deviation,
        "mkt": found.mkt,
    }


def _rule(rule: RuleResult) -> dict[str, object]:
    return {
        "rule": rule.rule,
        "events": rule.events,
        "measured": rule.measured_ms,
        "optimistic": rule.optimistic_ms,
        "pessimistic": rule.pessimistic_ms,
        "trigger": NONE if rule.first_trigger_ms is None else rule.first_trigger_ms,
        "finding": rule.finding.value,
        "verdict": rule.verdict.value,
    }


def _kinetic(result: ChannelResult) -> dict[str, object]:
    assert result.kinetic is not None
    found = asdict(result.kinetic)
    return {
        "windows": found["windows"],
        "start": NONE if found["start_ms"] is None else found["start_ms"],
        "end": NONE if found["end_ms"] is None else found["end_ms"],
        "short": found["short"],
        "mkt": found["mkt"],
        "finding": found["finding"].value,
        "verdict": found["verdict"].value,
    }


def _excursion(event: Excursion) -> dict[str, object]:
    return {
        "rule": event.rule,
        "start": event.start_ms,
        "end": event.end_ms,
        "lo": event.lower_bound,
        "hi": event.upper_bound,
        "lin": event.lin_ms,
        "hold": event.hold_ms,
        "upper": event.upper_ms,
        "readings": event.readings,
        "peak": event.peak_milli,
        "peak_at": event.peak_at_ms,
        "area2": event.area2,
    }
