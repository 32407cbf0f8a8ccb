"""Stability budgets: nested bands, the damage sum, what was spent before, rates (4.1, S36)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from judging import (
    codes,
    make_case,
    make_channel,
    make_profile,
    make_rule,
    make_window,
    readings,
    steady,
)

from analytics.case import Damage, Lot, Role
from analytics.damage import MOST_DAMAGE_PPB
from analytics.evaluation import Evaluation, ReasonCode
from analytics.exposure import Finding
from analytics.judge import judge
from coldgate.model import Quantity, ReadingFlag, Verdict

WHOLE = 10**9
NESTED = {"bands": [{"above": 8.0, "budget": "10h"}, {"above": 15.0, "budget": "1h"}]}
RATE = {"arrhenius": {"dH": 83.144, "reference": 25.0, "budget": "100h"}}
NOTE = make_rule(action="NOTE")


def lot(zone: str = "box", **spent: Any) -> Lot:
    return Lot(key="P/LOT", zone=zone, spent=Damage(**spent))


def judged_lot(
    rows: list[tuple[float, float]],
    stability: Any = NESTED,
    *,
    before: Lot | None = None,
    channel: dict[str, Any] | None = None,
    **profile: Any,
) -> Evaluation:
    """One lot in the box with one logger, judged by its stability budget only."""
    judging = make_profile(**({"rules": [NOTE], "stability": stability} | profile))
    logger = make_channel(rows, **({"zone": "box"} | (channel or {})))
    return judge(judging, make_case(logger, lots=(before or lot(),)))


def here(evaluation: Evaluation) -> tuple[int, int, int]:
    damage = evaluation.budgets[0].here
    return damage.optimistic_ppb, damage.measured_ppb, damage.pessimistic_ppb


def test_time_above_a_band_is_spent_at_its_rate() -> None:
    evaluation = judged_lot(steady(9.0, 120))

    assert here(evaluation) == (WHOLE // 5, WHOLE // 5, WHOLE // 5)
    assert evaluation.budgets[0].finding is Finding.SATISFIED
    assert evaluation.verdict is Verdict.PASS


def test_time_in_a_hotter_band_is_spent_there_only() -> None:
    assert here(judged_lot(steady(16.0, 30))) == (WHOLE // 2, WHOLE // 2, WHOLE // 2)


def test_damage_closes_the_gap_that_nested_limits_leave() -> None:
    both_nearly_spent = [*steady(9.0, 500), *steady(16.0, 50, start=510)]
    limits = [
        make_rule(id="UP_8", mode="cumulative", budget="10h"),
        make_rule(id="UP_15", mode="cumulative", budget="1h", when="T > 15.0"),
    ]

    apart = judged_lot(both_nearly_spent, stability=None, rules=limits)
    together = judged_lot(both_nearly_spent)

    assert apart.verdict is Verdict.PASS
    assert together.budgets[0].total.optimistic_ppb > 1.5 * WHOLE
    assert codes(together) == {ReasonCode.BUDGET_EXCEEDED}
    assert together.verdict is Verdict.FAIL


def test_exactly_the_whole_budget_may_be_spent() -> None:
    assert judged_lot(steady(9.0, 600)).verdict is Verdict.PASS
    assert judged_lot([*steady(9.0, 600), (600.001, 9.0)]).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("before", "verdict"),
    [
        (lot(optimistic_ppb=800_000_000, pessimistic_ppb=800_000_000), Verdict.PASS),
        (lot(optimistic_ppb=800_000_001, pessimistic_ppb=800_000_001), Verdict.FAIL),
        (lot(optimistic_ppb=0, pessimistic_ppb=800_000_001), Verdict.HOLD),
    ],
)
def test_what_was_spent_before_counts(before: Lot, verdict: Verdict) -> None:
    evaluation = judged_lot(steady(9.0, 120), before=before)

    (budget,) = evaluation.budgets
    assert budget.spent == before.spent
    assert budget.total.pessimistic_ppb == before.spent.pessimistic_ppb + WHOLE // 5
    assert evaluation.verdict is verdict


def test_a_budget_that_may_be_spent_holds_and_says_how_much() -> None:
    before = lot(measured_ppb=5, pessimistic_ppb=900_000_000)

    evaluation = judged_lot(steady(9.0, 120), before=before)

    assert codes(evaluation) == {ReasonCode.BUDGET_UNDECIDED}
    assert evaluation.reasons[0].text == (
        "lot P/LOT: the stability budget may be spent: 20.0 to 110.0 % of it is used"
    )


def test_a_gap_may_have_been_as_hot_as_the_hottest_band() -> None:
    evaluation = judged_lot([*steady(5.0, 60), *steady(5.0, 60, start=120)])

    assert here(evaluation) == (0, 0, WHOLE)


def test_uncertainty_widens_the_damage_on_both_sides() -> None:
    decisions = ("simple", "guard", "non-binary")

    found = [here(judged_lot(steady(8.2, 120), decision=decision)) for decision in decisions]

    fifth = WHOLE // 5
    assert found == [(fifth, fifth, fifth), (fifth, fifth, fifth), (0, fifth, fifth)]
    assert here(judged_lot(steady(7.8, 120), decision="guard")) == (0, 0, fifth)


def test_damage_is_rounded_outwards() -> None:
    third = {"bands": [{"above": 8.0, "budget": "3h"}]}

    assert here(judged_lot(steady(9.0, 60), third)) == (333_333_333, 333_333_333, 333_333_334)


def test_an_unknown_clock_widens_the_damage_by_a_hundredth_of_the_journey() -> None:
    one_band = {"bands": NESTED["bands"][:1]}

    evaluation = judged_lot(steady(9.0, 300), one_band, channel={"clock_pairs": ()})

    assert here(evaluation) == (495_000_000, 500_000_000, 505_000_000)


def test_an_end_of_scale_below_a_band_may_stand_for_anything_above() -> None:
    clipped = readings([(65, 7.9)], flags=int(ReadingFlag.CLIPPED))

    evaluation = judged_lot(steady(5.0, 120), channel={"conflicts": clipped})

    assert here(evaluation) == (0, 0, MOST_DAMAGE_PPB)
    assert evaluation.verdict is Verdict.HOLD


def test_of_several_loggers_in_a_zone_the_worst_counts() -> None:
    profile = make_profile(rules=[NOTE], stability=NESTED)
    loggers = [
        make_channel(steady(value, 120), serial=f"tl-{value:g}", zone=zone)
        for value, zone in ((5.0, "box"), (9.0, "box"), (20.0, "door"))
    ]

    evaluation = judge(profile, make_case(*loggers, lots=(lot("door"), lot("box"))))

    assert [(each.zone, each.here.measured_ppb) for each in evaluation.budgets] == [
        ("box", WHOLE // 5),
        ("door", 2 * WHOLE),
    ]
    assert evaluation.verdict is Verdict.FAIL


def test_a_logger_without_a_zone_speaks_for_every_lot() -> None:
    assert here(judged_lot(steady(9.0, 120), channel={"zone": None}))[1] == WHOLE // 5


@pytest.mark.parametrize(
    "other", [{"zone": "door"}, {"role": Role.REFERENCE}, {"quantity": Quantity.HUMIDITY}]
)
def test_a_lot_that_no_goods_thermometer_watches_may_have_borne_anything(
    other: dict[str, Any],
) -> None:
    evaluation = judged_lot(steady(5.0, 120), channel=other)

    assert here(evaluation) == (0, 0, MOST_DAMAGE_PPB)
    assert ReasonCode.BUDGET_UNDECIDED in codes(evaluation)
    said = " ".join(reason.text for reason in evaluation.reasons)
    assert "0.0 to more than 1000 % of it is used" in said


def test_a_lot_without_a_budget_in_the_profile_has_none() -> None:
    assert judged_lot(steady(30.0, 600), stability=None).budgets == ()


def aged(celsius: float, hours: float) -> float:
    """Share of RATE's budget by its formula, at one temperature."""
    theta = 83.144 / 8.314462618e-3
    return hours / 100 * math.exp(theta / 298.15 - theta / (celsius + 273.15))


@pytest.mark.parametrize("celsius", [-20.0, 5.0, 25.0, 40.0])
def test_damage_by_rate_follows_arrhenius(celsius: float) -> None:
    low, measured, high = here(judged_lot(steady(celsius, 600), RATE))

    assert measured == pytest.approx(aged(celsius, 10) * WHOLE, rel=1e-7, abs=1)
    assert low <= measured <= high
    assert high - low <= 2 + measured // 10**8


def test_damage_by_rate_takes_every_value_up_and_down_by_the_uncertainty() -> None:
    low, _, high = here(judged_lot(steady(25.0, 600), RATE, decision="non-binary"))

    assert low == pytest.approx(aged(24.5, 10) * WHOLE, rel=1e-7)
    assert high == pytest.approx(aged(25.5, 10) * WHOLE, rel=1e-7)


def test_damage_by_rate_has_no_bound_in_a_gap() -> None:
    profile = make_profile(rules=[NOTE], stability=RATE)
    gapped = make_channel([*steady(5.0, 60), *steady(5.0, 60, start=76)], zone="box")
    whole = make_channel(steady(5.0, 136, every=8), serial="tl-2", zone="box")

    alone = judge(profile, make_case(gapped, lots=(lot(),)))

    assert alone.budgets[0].here.pessimistic_ppb == MOST_DAMAGE_PPB
    helped = judge(profile, make_case(gapped, whole, lots=(lot(),)))
    assert helped.budgets[0].here.pessimistic_ppb < WHOLE // 100


def test_damage_by_rate_with_an_unknown_clock_is_wider_by_a_hundredth() -> None:
    low, measured, high = here(judged_lot(steady(25.0, 600), RATE, channel={"clock_pairs": ()}))

    assert low == pytest.approx(measured * 0.99, rel=1e-7)
    assert high == pytest.approx(measured * 1.01, rel=1e-7)


def test_a_budget_is_counted_while_the_journey_goes_on() -> None:
    profile = make_profile(rules=[NOTE], stability=NESTED)
    hot = make_channel(steady(16.0, 60), zone="box")

    evaluation = judge(profile, make_case(hot, lots=(lot(),), window=make_window(None)))

    assert evaluation.provisional
    assert evaluation.budgets[0].here.measured_ppb == WHOLE
