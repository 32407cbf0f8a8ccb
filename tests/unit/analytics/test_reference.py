"""The reference judge by itself: hand-worked answers, and what it tells of differences."""

from __future__ import annotations

import ast
import sys
from dataclasses import fields, replace
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from math import ceil
from typing import TYPE_CHECKING, Any

import pytest
from judging import CCT, HOUR, MINUTE, START, make_case, make_channel, steady

from analytics import case as case_types
from analytics import evaluation as shown
from analytics import reference as package
from analytics.case import Certificate, Damage, Log, Lot
from analytics.judge import judge
from analytics.limits import Limit, Side
from analytics.profile import Band, Calibration, Decision, Stability, Uncertainty
from analytics.reference import answer, differences, reference

if TYPE_CHECKING:
    from analytics.reference.answer import Excursion, Reference

TYPES_ONLY = {
    "analytics.case": {"Role"},
    "analytics.evaluation": {"ReasonCode"},
    "analytics.exposure": {"Finding"},
    "analytics.profile": {
        *("Action", "Calibration", "Corrections", "Decision", "Measure", "Mode", "Trigger")
    },
    "coldgate.model": {"Quantity", "ReadingFlag", "Verdict"},
}
ECHOES = {  # what an evaluation repeats of its inputs, or says in words
    "Evaluation": {"window", "profile", "input_digest", "engine_version", "constants"},
    "ChannelResult": {"serial", "sensor"},
    "RuleResult": {"when"},
    "Damage": {"sources"},
    "Statistics": {"duplicates"},
    "Reason": {"text", "start_ms", "end_ms", "optimistic_ms", "pessimistic_ms", "budget_ms"},
}
COUNTERPARTS = {
    "Evaluation": "Reference",
    "ChannelResult": "ChannelAnswer",
    "RuleResult": "RuleAnswer",
    "KineticResult": "KineticAnswer",
    "RecordingResult": "Recording",
    "BudgetResult": "BudgetAnswer",
    "RepeatResult": "RepeatsAnswer",
    "Reason": "ReasonAnswer",
    "Damage": "Share",
} | {name: name for name in ("Statistics", "Extreme", "Excursion", "Flagged")}


LENIENT = replace(CCT, uncertainty=Uncertainty(calibration=Calibration.OPTIONAL))


def answered(
    rows: list[tuple[float, float]], *, when: Limit | None = None, **changes: Any
) -> Reference:
    """The reference answer about one channel under one rule, by default above 8 °C."""
    rule = replace(CCT.rules[0], limit=when or Limit(8_000, Side.HIGH, inclusive=False))
    profile = replace(CCT, rules=(rule,), gap_cap_ms=15 * MINUTE)
    case = make_case(make_channel(rows, **changes))
    return reference(profile, case)


def told(event: Excursion) -> tuple[float, ...]:
    """Start, end, the three durations and the area, in minutes and degrees."""
    ends = (event.start_ms - START, event.end_ms - START)
    times = [ms / MINUTE for ms in (*ends, event.lin_ms, event.hold_ms, event.upper_ms)]
    return *times, event.area2 / 2000 / MINUTE


AT_30 = Limit(30_000, Side.HIGH, inclusive=True)
BELOW_2 = Limit(2_000, Side.LOW, inclusive=False)


@pytest.mark.parametrize(
    ("rows", "when", "events"),
    [
        pytest.param([(0, 5), (10, 9), (20, 5)], None, [(7.5, 12.5, 5, 10, 20, 2.5)], id="E01"),
        pytest.param([(0, 5), (10, 8), (20, 5)], None, [], id="E02"),
        pytest.param([(0, 29.9), (10, 30), (20, 29.9)], AT_30, [(10, 10, 0, 10, 20, 0)], id="E04"),
        pytest.param([(0, 30), (10, 30), (20, 30)], AT_30, [(0, 20, 20, 20, 20, 0)], id="E05"),
        pytest.param(
            [(0, 9), (10, 8), (20, 9)],
            None,
            [(0, 10, 10, 10, 10, 5), (10, 20, 10, 0, 10, 5)],
            id="E06",
        ),
        pytest.param(
            [(0, 9), (10, 9), (40, 9), (50, 9)],
            None,
            [(0, 10, 10, 10, 10, 10), (40, 50, 10, 10, 10, 10)],
            id="E07",
        ),
        pytest.param([(0, 5), (30, 9), (40, 5)], None, [(30, 32.5, 2.5, 10, 10, 1.25)], id="E08"),
        pytest.param([(0, 9)], None, [(0, 0, 0, 0, 0, 0)], id="E10"),
        pytest.param(
            [(0, 7), (1, 9), (11, 9), (14, 6)], None, [(0.5, 12, 11.5, 13, 14, 10.75)], id="E14"
        ),
        pytest.param([(0, 3), (10, 1), (20, 3)], BELOW_2, [(5, 15, 10, 10, 20, 5)], id="E15"),
        pytest.param([(0, 1), (10, 9)], BELOW_2, [(0, 1.25, 1.25, 10, 10, 0.625)], id="E20"),
    ],
)
def test_golden_excursions_come_out_to_the_millisecond(
    rows: list[tuple[float, float]], when: Limit | None, events: list[tuple[float, ...]]
) -> None:
    found = answered(rows, when=when).excursions

    assert [told(event) for event in found] == events


def test_mean_kinetic_temperature_has_more_digits_than_anybody_shows() -> None:
    statistics = answered([(0, 5), (10, 9), (20, 5)]).channels[0].statistics

    assert isinstance(statistics.mkt, Decimal)
    assert round(statistics.mkt, 9) == Decimal("7.238064677")
    assert statistics.mean == 7


def test_certificate_corrects_between_its_points_and_widens_the_limits() -> None:
    certificate = Certificate(
        number="C-1",
        valid_from_ms=START,
        valid_to_ms=START + HOUR,
        expanded_milli=100,
        resolution_milli=10,
        drift_milli=50,
        corrections=((2_000, -100), (8_000, 201)),
    )

    channel = answered([(0, 1), (10, 5), (20, 9)], certificates=(certificate,)).channels[0]

    assert channel.statistics.lowest == answer.Extreme(milli=900, at_ms=START)
    assert channel.statistics.highest == answer.Extreme(milli=9_201, at_ms=START + 20 * MINUTE)
    assert channel.statistics.mean == Fraction(900 + 2 * 5_050 + 9_201, 4_000)  # 50.5 to even
    assert channel.uncertainty_milli == 116  # the root of 100² + 10²/3 + 4·50²/3 is 115.6


def test_stability_budget_adds_exclusive_bands_and_what_was_spent() -> None:
    bands = (
        Band(above_milli=8_000, budget_ms=10 * HOUR),
        Band(above_milli=15_000, budget_ms=HOUR),
    )
    profile = replace(CCT, decision=Decision.SIMPLE, stability=Stability(bands=bands))
    lot = Lot(key="LOT-1", zone="a", spent=Damage(pessimistic_ppb=10**8))
    rows = steady(9, 60) + steady(16, 30, start=70)

    budget = reference(profile, make_case(make_channel(rows, zone="a"), lots=(lot,))).budgets[0]

    warm_ms, hot_ms = 100 * MINUTE, 30 * MINUTE + ceil(10 * MINUTE / 7)
    spent = Fraction(warm_ms - hot_ms, 10 * HOUR) + Fraction(hot_ms, HOUR)
    assert budget.here.measured_ppb.whole == round(spent * 10**9)
    assert budget.total.pessimistic_ppb.whole == ceil(spent * 10**9) + 10**8


def test_gaps_beside_a_lone_reading_are_one_exposure_whoever_else_looked() -> None:
    rows = [(0, 9), (10, 9), (40, 9), (70, 9), (80, 9)]
    alone = reference(CCT, make_case(make_channel(rows, zone="a")))
    idle = make_channel((), serial="tl-2", zone="a")

    beside = reference(CCT, make_case(make_channel(rows, zone="a"), idle))

    assert alone.channels[0].rules[0].pessimistic_ms == 80 * MINUTE
    assert beside.channels[0].rules == alone.channels[0].rules


def test_an_evaluation_that_is_right_has_no_differences() -> None:
    rows = steady(5, 600, every=1)
    case = make_case(make_channel(rows, log=Log(missing=0, sealed=True)))

    evaluation = judge(CCT, case)

    assert differences(evaluation.as_json(), reference(CCT, case)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            {"measured_ms": 300_001},
            ["channels[0].rules[0].measured_ms: 300000 expected, 300001 found"],
            id="figure",
        ),
        pytest.param(
            {"finding": "satisfied"},
            ["channels[0].rules[0].finding: 'violated' expected, 'satisfied' found"],
            id="finding",
        ),
        pytest.param(
            {"alarms": [[0, 1]]}, ["channels[0].rules[0].alarms: 0 expected, 1 found"], id="list"
        ),
    ],
)
def test_what_differs_is_told_with_its_place(change: dict[str, Any], expected: list[str]) -> None:
    case = make_case(make_channel([(0, 5), (10, 9), (20, 5)]))
    written = judge(LENIENT, case).as_json()
    written["channels"][0]["rules"][0] |= change

    assert differences(written, reference(LENIENT, case)) == expected


def test_what_is_not_in_the_evaluation_is_a_difference() -> None:
    case = make_case(make_channel([(0, 5), (10, 9), (20, 5)]))
    written = judge(LENIENT, case).as_json()
    del written["severity"]
    written["reasons"] = [{"code": "CLOCK_FAULT", "verdict": "HOLD", "channel": "tl-9"}]

    found = differences(written, reference(LENIENT, case))

    assert "severity is not in the evaluation" in found
    assert "reasons: CLOCK_FAULT tl-9 HOLD is not expected" in found


def test_six_decimals_are_as_good_as_sixty_digits_and_five_are_not() -> None:
    case = make_case(make_channel([(0, 5), (10, 9), (20, 5)]))
    written = judge(LENIENT, case).as_json()
    answer_of_reference = reference(LENIENT, case)

    written["channels"][0]["statistics"]["mkt"] = 7.238065
    assert differences(written, answer_of_reference) == []

    written["channels"][0]["statistics"]["mkt"] = 7.23807
    assert len(differences(written, answer_of_reference)) == 1


@pytest.mark.parametrize(("theirs", "ours"), sorted(COUNTERPARTS.items()))
def test_every_field_of_an_evaluation_is_judged_a_second_time(theirs: str, ours: str) -> None:
    kind = getattr(shown, theirs, None) or getattr(case_types, theirs)
    expected = {field.name for field in fields(kind)} - ECHOES.get(theirs, set())

    assert {field.name for field in fields(getattr(answer, ours))} == expected


def test_reference_judge_takes_types_from_the_judge_and_no_arithmetic() -> None:
    files = [file for file in resources.files(package).iterdir() if file.name.endswith(".py")]
    imports = [node for file in files for node in imported(ast.parse(file.read_text("utf-8")))]

    taken = {(node.module, name.name) for node in imports for name in node.names}

    foreign = {(module, name) for module, name in taken if not is_own(module)}
    assert foreign <= {(module, name) for module, names in TYPES_ONLY.items() for name in names}


def imported(tree: ast.Module) -> list[ast.ImportFrom]:
    """What a module imports when it runs; imports for the type checker stand below an if."""
    return [node for node in tree.body if isinstance(node, ast.ImportFrom)]


def is_own(module: str | None) -> bool:
    top = (module or "").split(".")[0]
    own = (module or "").startswith("analytics.reference")
    return own or top in sys.stdlib_module_names
