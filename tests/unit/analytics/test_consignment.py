"""What is said of a consignment as a whole: reference loggers, repeats, severity (S30, S32)."""

from __future__ import annotations

from typing import Any

import pytest
from judging import (
    START,
    codes,
    judged,
    make_case,
    make_channel,
    make_profile,
    make_rule,
    readings,
    steady,
)

from analytics.case import Damage, Lot, Role
from analytics.evaluation import ReasonCode, Severity
from analytics.judge import judge
from coldgate.model import ClockPair, Quantity, Verdict

CLEAN = steady(5.0, 120)
WARM = [*CLEAN, (130, 9.0), *steady(5.0, 120, start=140)]  # once
TWICE = [*WARM, (270, 9.0), *steady(5.0, 120, start=280)]
RECORDS = make_rule(mode="instant", budget=..., action="EXCURSION")


def outside(rows: list[tuple[float, float]], **changes: Any) -> Any:
    return make_channel(rows, **({"serial": "air-1", "role": Role.REFERENCE} | changes))


def test_a_reference_logger_is_shown_and_not_judged() -> None:
    evaluation = judge(make_profile(), make_case(make_channel(CLEAN), outside(steady(30.0, 120))))

    air = evaluation.channels[0]
    assert (air.channel, air.role, air.rules) == ("air-1/0/temperature", Role.REFERENCE, ())
    assert air.statistics.highest is not None
    assert air.statistics.highest.milli == 30_000
    assert (evaluation.verdict, evaluation.reasons, evaluation.excursions) == (Verdict.PASS, (), ())


@pytest.mark.parametrize(
    "air",
    [
        outside([(0, 5.0)]),
        outside([]),
        outside(CLEAN, conflicts=readings([(60, 9.0)])),
        outside(
            CLEAN,
            clock_pairs=(
                ClockPair(logger_ms=START, gateway_ms=START),
                ClockPair(logger_ms=START + 1, gateway_ms=START - 60_000),
            ),
        ),
    ],
    ids=["one reading", "none", "a conflict", "a broken clock"],
)
def test_nothing_about_a_reference_logger_is_held_against_the_goods(air: Any) -> None:
    profile = make_profile(minimum_coverage=99.0)

    assert judge(profile, make_case(make_channel(CLEAN), air)).verdict is Verdict.PASS


def test_a_reference_logger_watches_no_zone_and_is_no_planned_logger_missing() -> None:
    air = outside(CLEAN, zone="box")
    goods = make_channel(CLEAN, zone="door")

    case = make_case(air, goods, planned_zones=("box",), planned_loggers=("air-1",))

    assert codes(judge(make_profile(), case)) == {ReasonCode.ZONE_UNWATCHED}


def test_only_a_reference_logger_leaves_the_quantity_unwatched() -> None:
    assert codes(judge(make_profile(), make_case(outside(CLEAN)))) == {
        ReasonCode.QUANTITY_UNWATCHED
    }


def test_a_reference_logger_closes_no_gap_of_the_goods() -> None:
    profile = make_profile(rules=[make_rule(budget="10min")])
    gapped = make_channel([*CLEAN, *steady(5.0, 60, start=140)], zone="box")
    air = outside(steady(5.0, 200), zone="box")

    assert judge(profile, make_case(gapped, air)).verdict is Verdict.HOLD


@pytest.mark.parametrize(
    ("rows", "most", "holds"),
    [(WARM, 2, False), (TWICE, 2, True), (TWICE, 3, False), (WARM, 1, True), (TWICE, None, False)],
)
def test_several_excursions_in_one_consignment_are_no_longer_excused(
    rows: list[tuple[float, float]], most: int | None, *, holds: bool
) -> None:
    profile = make_profile(rules=[RECORDS], repeats={"consignment": most, "apart": "0s"})

    evaluation = judged(rows, profile)

    assert (ReasonCode.REPEATED_EXCURSIONS in codes(evaluation)) == holds
    assert evaluation.verdict is (Verdict.HOLD if holds else Verdict.PASS)


def repeats_of(*channels: Any, **profile: Any) -> int:
    fields = {"rules": [RECORDS]} | profile
    return judge(make_profile(**fields), make_case(*channels)).repeats.here


def test_events_of_two_loggers_that_touch_are_one_excursion() -> None:
    """The first is warm until 132.5 min, the second from then on."""
    first = make_channel(WARM)
    second = make_channel([*CLEAN, (130, 7.0), (135, 9.0), (140, 9.0), (150, 5.0)], serial="tl-2")
    later = make_channel(
        [*CLEAN, (130, 7.0), (135.001, 9.0), (140, 9.0), (150, 5.0)], serial="tl-2"
    )

    assert (repeats_of(first, second), repeats_of(first, later)) == (1, 2)


def test_a_value_that_wavers_around_its_limit_is_one_excursion() -> None:
    nearby = {"consignment": None, "apart": "20min"}
    shorter = {"consignment": None, "apart": "1199999ms"}
    rows = [*CLEAN, (130, 9.0), (140, 8.0), (150, 8.0), (160, 8.0), (170, 9.0), (180, 5.0)]

    assert repeats_of(make_channel(rows), repeats=nearby) == 1
    assert repeats_of(make_channel(rows), repeats=shorter) == 2


def test_one_excursion_beyond_several_limits_counts_once() -> None:
    rules = [RECORDS, RECORDS | {"id": "HOTTER", "when": "T > 8.5"}]

    assert repeats_of(make_channel(WARM), rules=rules) == 1
    assert repeats_of(make_channel(TWICE), rules=rules) == 2


@pytest.mark.parametrize("action", ["NOTE", "HOLD", "FAIL"])
def test_only_events_that_are_excused_are_counted(action: str) -> None:
    rules = [RECORDS | {"action": action}]

    assert repeats_of(make_channel(TWICE), rules=rules) == 0


@pytest.mark.parametrize(
    ("rows", "earlier", "holds"),
    [(WARM, 1, False), (WARM, 2, True), (CLEAN, 2, False), (CLEAN, 9, False)],
)
def test_a_lane_with_so_many_excursions_excuses_no_further_one(
    rows: list[tuple[float, float]], earlier: int, *, holds: bool
) -> None:
    profile = make_profile(rules=[RECORDS], repeats={"consignment": None, "lane": 3})

    evaluation = judged(rows, profile, earlier_on_lane=earlier)

    assert (ReasonCode.REPEATED_EXCURSIONS in codes(evaluation)) == holds
    assert evaluation.repeats.earlier == earlier


def graded(rows: list[tuple[float, float]], rule: dict[str, Any], **case: Any) -> Severity:
    return judged(rows, make_profile(rules=[rule]), **case).severity


@pytest.mark.parametrize(
    ("rows", "rule", "severity"),
    [
        (CLEAN, make_rule(), Severity.NONE),
        (WARM, RECORDS | {"action": "NOTE"}, Severity.NONE),
        (WARM, make_rule(), Severity.NONE),  # five of sixty minutes
        (WARM, RECORDS, Severity.MINOR),
        (WARM, make_rule(budget="5min"), Severity.MAJOR),  # all of it, and no more
        (WARM, make_rule(budget="10min"), Severity.NONE),  # half of it, and no more
        (WARM, make_rule(budget="599999ms"), Severity.MAJOR),
        (WARM, make_rule(budget="5min", action="NOTE"), Severity.NONE),
        (WARM, make_rule(budget="1min"), Severity.MAJOR),
        (WARM, RECORDS | {"action": "HOLD"}, Severity.MAJOR),
        (WARM, RECORDS | {"action": "FAIL_UNLESS_MFR"}, Severity.CRITICAL),
    ],
)
def test_severity_follows_what_was_exceeded(
    rows: list[tuple[float, float]], rule: dict[str, Any], severity: Severity
) -> None:
    assert graded(rows, rule) is severity


def test_freezing_of_what_freezing_harms_is_critical() -> None:
    rule = RECORDS | {"when": "T <= 0.0", "action": "FAIL_IF_FREEZE_SENSITIVE"}
    frozen = [*CLEAN, (130, 0.0), (140, 5.0)]

    assert graded(frozen, rule, freeze_sensitive=True) is Severity.CRITICAL
    assert graded(frozen, rule) is Severity.MINOR


@pytest.mark.parametrize(
    ("case", "severity"),
    [
        (make_case(make_channel(), minutes=60), Severity.CRITICAL),
        (make_case(make_channel(CLEAN), planned_loggers=("tl-9",)), Severity.CRITICAL),
        (make_case(make_channel(CLEAN), planned_zones=("box",)), Severity.CRITICAL),
        (make_case(outside(CLEAN)), Severity.CRITICAL),
        (make_case(make_channel(CLEAN, conflicts=readings([(60, 5.1)]))), Severity.CRITICAL),
        (
            make_case(
                make_channel(
                    CLEAN,
                    clock_pairs=(
                        ClockPair(logger_ms=START, gateway_ms=START + 60_000),
                        ClockPair(logger_ms=START + 1, gateway_ms=START),
                    ),
                ),
                minutes=121,
            ),
            Severity.CRITICAL,
        ),
        (make_case(make_channel([*CLEAN, *steady(5.0, 60, start=190)])), Severity.MAJOR),
    ],
    ids=["readings", "logger", "zone", "quantity", "conflict", "clock", "a gap only"],
)
def test_missing_or_contradictory_evidence_is_critical(case: Any, severity: Severity) -> None:
    assert judge(make_profile(), case).severity is severity


@pytest.mark.parametrize(
    ("spent", "severity"),
    [
        (500_000_000, Severity.NONE),
        (500_000_001, Severity.MAJOR),
        (1_000_000_000, Severity.MAJOR),
        (1_000_000_001, Severity.CRITICAL),
    ],
)
def test_half_a_stability_budget_is_major_and_more_than_all_of_it_critical(
    spent: int, severity: Severity
) -> None:
    stability = {"bands": [{"above": 8.0, "budget": "10h"}]}
    lot = Lot(
        key="P/LOT",
        zone="box",
        spent=Damage(optimistic_ppb=spent, measured_ppb=spent, pessimistic_ppb=spent),
    )

    evaluation = judged(CLEAN, make_profile(stability=stability), lots=(lot,))

    assert evaluation.severity is severity


def test_a_channel_of_another_quantity_cannot_make_it_worse() -> None:
    humid = make_channel([(0, 99.0)], quantity=Quantity.HUMIDITY, serial="rh-1")

    evaluation = judge(make_profile(), make_case(make_channel(CLEAN), humid))

    assert (evaluation.verdict, evaluation.severity) == (Verdict.PASS, Severity.NONE)
