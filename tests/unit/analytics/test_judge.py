"""The judge on whole cases: what others got wrong, and what each kind of absence costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from judging import (
    BUILTIN,
    CCT,
    HOUR,
    MINUTE,
    START,
    codes,
    judged,
    make_case,
    make_channel,
    make_profile,
    make_rule,
    make_window,
    readings,
    steady,
)

from analytics.evaluation import ReasonCode
from analytics.exposure import Finding
from analytics.judge import judge
from coldgate.model import ClockPair, Quantity, ReadingFlag, Verdict

if TYPE_CHECKING:
    from analytics.case import Channel

CLEAN = steady(5.0, 120)


def test_steady_five_degrees_pass_without_a_reason() -> None:
    evaluation = judged(CLEAN)

    assert evaluation.verdict is Verdict.PASS
    assert evaluation.reasons == ()
    assert not evaluation.with_excursions
    assert not evaluation.provisional


def test_cold_after_hot_without_a_reading_between_is_two_excursions() -> None:
    rows = [*steady(9.0, 10), *steady(1.0, 120, start=20)]  # mistake 1

    evaluation = judged(rows)

    assert [event.rule for event in evaluation.excursions] == ["HI_LABEL", "LO_LABEL"]
    assert evaluation.excursions[1].lin_ms == pytest.approx(120 * MINUTE, abs=2 * MINUTE)
    assert evaluation.verdict is Verdict.HOLD


def test_two_hot_readings_three_hours_apart_are_bounds_not_a_measurement() -> None:
    case = make_case(make_channel([(0, 9.0), (180, 9.0)], interval_ms=None))  # mistake 2

    result = judge(make_profile(), case).channels[0].rules[0]

    assert (result.measured_ms, result.optimistic_ms) == (0, 0)
    assert result.pessimistic_ms == 3 * HOUR
    assert result.finding is Finding.UNDECIDED


def test_hot_readings_with_a_short_dip_below_the_limit_use_up_the_budget() -> None:
    rule = make_rule(mode="cumulative", budget="5h", action="FAIL")  # mistake 3
    rows = [(10 * i, (9.0, 9.0, 9.0, 7.9)[i % 4]) for i in range(37)]

    evaluation = judged(rows, make_profile(rules=[rule]))

    assert evaluation.channels[0].rules[0].events == 10
    assert evaluation.verdict is Verdict.FAIL
    assert evaluation.channels[0].rules[0].first_trigger_ms is not None


def test_six_hours_of_backlog_give_the_verdict_that_live_delivery_gave() -> None:
    rows = [*steady(5.0, 60), *steady(9.0, 300, start=70), *steady(5.0, 60, start=380)]  # mistake 4
    backlog = readings([*reversed(rows), *rows])

    live, late = judged(rows), judge(CCT, make_case(make_channel(backlog)))

    assert live.to_bytes() == late.to_bytes()
    assert late.channels[0].statistics.duplicates == len(rows)


def test_same_instant_with_another_value_keeps_the_worse_and_holds() -> None:
    other = readings([(60, 8.6), (60, 5.1)])  # mistake 11

    evaluation = judge(CCT, make_case(make_channel(CLEAN, conflicts=other)))

    assert evaluation.verdict is Verdict.HOLD
    assert evaluation.channels[0].statistics.conflicts == 1
    assert evaluation.excursions[0].peak_milli == 8600
    assert ReasonCode.DATA_CONFLICT in codes(evaluation)


@pytest.mark.parametrize(("celsius", "excursions"), [(8.0, 0), (8.001, 1), (2.0, 0), (1.999, 1)])
def test_exactly_the_label_limit_is_in_range(celsius: float, excursions: int) -> None:
    evaluation = judged(steady(celsius, 120))  # mistake 15

    assert len(evaluation.excursions) == excursions
    assert (evaluation.verdict is Verdict.PASS) == (celsius in {8.0, 2.0})


def test_a_warm_hour_within_every_allowance_passes_with_excursions() -> None:
    rows = [*steady(4.0, 1200), *steady(9.0, 60, start=1210), *steady(4.0, 60, start=1280)]

    evaluation = judged(rows)

    assert evaluation.verdict is Verdict.PASS
    assert evaluation.with_excursions
    assert codes(evaluation) == {ReasonCode.EXCURSION}


def test_a_warm_day_and_an_hour_fails_by_its_duration() -> None:
    rows = [*steady(3.0, 60), *steady(9.0, 25 * 60, start=70), *steady(3.0, 60, start=1580)]

    evaluation = judged(rows)

    assert evaluation.verdict is Verdict.FAIL
    assert "HI_24H" in {reason.rule for reason in evaluation.reasons}
    assert "at most 1 d is allowed" in " ".join(reason.text for reason in evaluation.reasons)


def test_a_mean_kinetic_temperature_above_eight_degrees_fails() -> None:
    rows = [*steady(7.5, 900), *steady(12.0, 600, start=910), *steady(5.0, 60, start=1520)]

    evaluation = judged(rows)

    kinetic = evaluation.channels[0].kinetic
    assert kinetic is not None
    assert kinetic.finding is Finding.VIOLATED
    assert kinetic.mkt is not None
    assert kinetic.mkt > 8.0
    assert not kinetic.short
    assert evaluation.verdict is Verdict.FAIL


def test_a_record_too_short_for_the_mkt_window_holds_where_it_does_not_suffice() -> None:
    evaluation = judged([*steady(9.0, 60), *steady(5.0, 600, start=70)])

    kinetic = evaluation.channels[0].kinetic
    assert kinetic is not None
    assert kinetic.short
    assert kinetic.mkt == pytest.approx(9.0)
    assert codes(evaluation) == {ReasonCode.EXCURSION, ReasonCode.MKT_UNDECIDED}
    assert evaluation.verdict is Verdict.HOLD


@pytest.mark.parametrize(
    "channel",
    [
        make_channel([*CLEAN, *steady(5.0, 60, start=140)]),
        make_channel(CLEAN, conflicts=readings([(65, 7.0)], flags=int(ReadingFlag.CLIPPED))),
        make_channel([(0, 5.0)]),
        make_channel(),
    ],
    ids=["a gap", "an end of scale", "no covered time", "nothing"],
)
def test_what_may_hide_heat_leaves_the_mkt_open(channel: Channel) -> None:
    evaluation = judge(CCT, make_case(channel))

    kinetic = evaluation.channels[0].kinetic
    assert kinetic is not None
    assert kinetic.finding is Finding.UNDECIDED
    assert kinetic.verdict is Verdict.HOLD


def test_a_plateau_exactly_at_the_mkt_limit_is_within_it() -> None:
    kinetic = {"applies": "high", "dH": 83.144, "limit": 9.0, "window": "1h"}

    result = judged(steady(9.0, 120), make_profile(mkt=kinetic)).channels[0].kinetic

    assert result is not None
    assert result.finding is Finding.SATISFIED


@pytest.mark.parametrize(
    ("decision", "celsius", "finding"),
    [
        ("simple", 8.0, Finding.SATISFIED),
        ("simple", 8.001, Finding.VIOLATED),
        ("guard", 7.499, Finding.SATISFIED),
        ("guard", 7.501, Finding.UNDECIDED),
        ("guard", 8.001, Finding.VIOLATED),
        ("non-binary", 7.499, Finding.SATISFIED),
        ("non-binary", 7.501, Finding.UNDECIDED),
        ("non-binary", 8.5, Finding.UNDECIDED),
        ("non-binary", 8.501, Finding.VIOLATED),
    ],
)
def test_mkt_is_judged_with_the_uncertainty_on_both_sides(
    decision: str, celsius: float, finding: Finding
) -> None:
    kinetic = {"applies": "high", "dH": 83.144, "limit": 8.0, "window": "1h"}
    profile = make_profile(mkt=kinetic, decision=decision)

    result = judged(steady(celsius, 120), profile).channels[0].kinetic

    assert result is not None
    assert result.finding is finding


def test_above_fifteen_degrees_fails_at_once() -> None:
    evaluation = judged([*CLEAN, (130, 15.001), (140, 5.0)])

    assert evaluation.verdict is Verdict.FAIL
    assert evaluation.reasons[0].rule == "HI_HARD"


@pytest.mark.parametrize(
    ("freeze_sensitive", "verdict"), [(True, Verdict.FAIL), (False, Verdict.HOLD)]
)
def test_freezing_fails_only_what_freezing_harms(
    *, freeze_sensitive: bool, verdict: Verdict
) -> None:
    evaluation = judged([*CLEAN, (130, 0.0), (140, 5.0)], freeze_sensitive=freeze_sensitive)

    assert evaluation.verdict is verdict


def test_a_gap_of_a_minute_too_much_holds_where_an_instant_counts() -> None:
    evaluation = judged([*CLEAN, (136, 5.0), (146, 5.0)])

    assert evaluation.verdict is Verdict.HOLD
    assert "readings are missing" in evaluation.reasons[-1].text
    assert evaluation.channels[0].statistics.gaps == ((START + 120 * MINUTE, START + 136 * MINUTE),)


def test_a_gap_counts_as_long_as_the_rule_could_be_violated_within_it() -> None:
    rows = [*steady(5.0, 120), *steady(5.0, 120, start=170)]
    short, long = make_profile(), make_profile(rules=[make_rule(budget="40min")])

    assert judged(rows, short).verdict is Verdict.PASS
    assert judged(rows, long).verdict is Verdict.HOLD
    assert not judged(rows, long).with_excursions


def test_a_gap_is_joined_with_the_excursions_that_it_touches() -> None:
    rows = [*steady(5.0, 60), *steady(9.0, 30, start=70), *steady(9.0, 30, start=120)]

    result = judged(rows, make_profile(rules=[make_rule(budget="90min")])).channels[0].rules[0]

    assert result.optimistic_ms == 32 * MINUTE + 30_000
    assert result.pessimistic_ms == 82 * MINUTE + 30_000


def test_coverage_below_the_profiles_minimum_holds() -> None:
    rows = [*steady(5.0, 120), *steady(5.0, 120, start=140)]

    evaluation = judged(rows, make_profile(minimum_coverage=99.0))

    assert codes(evaluation) == {ReasonCode.LOW_COVERAGE}
    assert evaluation.channels[0].statistics.coverage_permille == 923
    assert evaluation.verdict is Verdict.HOLD


def test_coverage_of_exactly_the_minimum_suffices() -> None:
    rows = [*steady(5.0, 60), *steady(5.0, 60, start=120)]

    enough, more = (make_profile(minimum_coverage=share) for share in (66.6, 66.7))
    exact = make_profile(minimum_coverage=50.0)

    assert judged(rows, enough).verdict is Verdict.PASS
    assert judged(rows, more).verdict is Verdict.HOLD
    assert judged([*steady(5.0, 60), (120, 5.0)], exact).verdict is Verdict.PASS


def test_no_reading_at_all_holds() -> None:
    evaluation = judge(CCT, make_case(make_channel(), minutes=60))

    assert evaluation.verdict is Verdict.HOLD
    assert ReasonCode.NO_READINGS in codes(evaluation)
    assert evaluation.channels[0].statistics.mkt is None


def test_a_single_reading_proves_nothing() -> None:
    evaluation = judged([(0, 5.0)])

    assert evaluation.verdict is Verdict.HOLD
    assert ReasonCode.LOW_COVERAGE in codes(evaluation)


def test_a_colder_neighbour_in_the_zone_closes_a_gap() -> None:
    gapped = make_channel([*CLEAN, *steady(5.0, 60, start=180)], zone="box")
    whole = make_channel(steady(6.0, 240), serial="tl-2", zone="box")

    assert judge(CCT, make_case(gapped)).verdict is Verdict.HOLD
    assert judge(CCT, make_case(gapped, whole)).verdict is Verdict.PASS


def test_a_logger_of_another_zone_closes_no_gap() -> None:
    gapped = make_channel([*CLEAN, *steady(5.0, 60, start=180)], zone="box")
    beside = replace(gapped, serial="tl-3")
    whole = make_channel(steady(6.0, 240), serial="tl-2", zone="door")

    assert judge(CCT, make_case(gapped, whole)).verdict is Verdict.HOLD
    assert judge(CCT, make_case(gapped, beside, whole)).verdict is Verdict.HOLD


def test_a_channel_of_another_quantity_closes_no_gap() -> None:
    gapped = make_channel([*CLEAN, *steady(5.0, 60, start=180)], zone="box")
    humid = make_channel(steady(40.0, 240), zone="box", quantity=Quantity.HUMIDITY)

    assert judge(CCT, make_case(gapped, humid)).verdict is Verdict.HOLD


def test_a_neighbour_that_was_out_itself_does_not_close_a_gap() -> None:
    rule = make_rule(budget="40min")
    gapped = make_channel([*CLEAN, *steady(5.0, 60, start=165)], zone="box")
    warm = [*steady(6.0, 120), *steady(9.0, 30, start=130), *steady(6.0, 50, start=170)]
    neighbour = make_channel(warm, serial="tl-2", zone="box")

    first = judge(make_profile(rules=[rule]), make_case(gapped, neighbour)).channels[0].rules[0]

    assert first.pessimistic_ms == 36 * MINUTE + 40_000


def test_worst_channel_decides() -> None:
    cold = make_channel(CLEAN, serial="tl-2")
    hot = make_channel(steady(16.0, 120))

    evaluation = judge(CCT, make_case(cold, hot))

    assert evaluation.verdict is Verdict.FAIL
    assert [channel.verdict for channel in evaluation.channels] == [Verdict.FAIL, Verdict.PASS]


def test_what_was_planned_and_is_missing_holds() -> None:
    case = make_case(
        make_channel(CLEAN, zone="box"), planned_zones=("box", "door"), planned_loggers=("tl-9",)
    )

    evaluation = judge(CCT, case)

    assert codes(evaluation) == {ReasonCode.ZONE_UNWATCHED, ReasonCode.LOGGER_MISSING}
    assert evaluation.verdict is Verdict.HOLD


def test_a_consignment_without_a_temperature_channel_holds() -> None:
    humid = make_channel(steady(40.0, 120), quantity=Quantity.HUMIDITY)

    evaluation = judge(CCT, make_case(humid))

    assert codes(evaluation) == {ReasonCode.QUANTITY_UNWATCHED}
    assert evaluation.verdict is Verdict.HOLD


def test_a_quantity_without_a_rule_is_reported_and_affects_nothing() -> None:
    light = make_channel(
        [(0, 900.0), (60, 900.0)], quantity=Quantity.LIGHT, clock_pairs=(), serial="lux-1"
    )

    evaluation = judge(CCT, make_case(make_channel(CLEAN), light))

    assert evaluation.verdict is Verdict.PASS
    assert evaluation.channels[0].channel == "lux-1/0/light"
    assert evaluation.channels[0].statistics.highest is not None
    assert evaluation.channels[0].rules == ()


def test_a_zone_left_without_a_logger_for_a_while_holds() -> None:
    first = make_channel(CLEAN, zone="box", placed_to_ms=START + 60 * MINUTE)
    second = make_channel(CLEAN, zone="box", serial="tl-2", placed_from_ms=START + 80 * MINUTE)

    evaluation = judge(CCT, make_case(first, second))

    assert codes(evaluation) == {ReasonCode.ZONE_UNWATCHED}
    assert evaluation.reasons[0].start_ms == START + 60 * MINUTE


def test_a_zone_may_change_its_logger_within_one_bridge() -> None:
    first = make_channel(CLEAN, zone="box", placed_to_ms=START + 60 * MINUTE)
    second = make_channel(CLEAN, zone="box", serial="tl-2", placed_from_ms=START + 75 * MINUTE)

    assert judge(CCT, make_case(first, second)).verdict is Verdict.PASS


def test_a_zone_whose_readings_are_on_their_way_does_not_hold_an_open_journey() -> None:
    prompt = make_channel(steady(5.0, 240), zone="box")
    late = make_channel(CLEAN, zone="door", serial="tl-2")

    evaluation = judge(CCT, make_case(prompt, late, window=make_window(None)))

    assert evaluation.provisional
    assert evaluation.verdict is Verdict.PASS


def test_readings_outside_the_placement_belong_to_another_consignment() -> None:
    rows = [*CLEAN, *steady(20.0, 120, start=130)]

    evaluation = judge(
        CCT, make_case(make_channel(rows, placed_to_ms=START + 120 * MINUTE), minutes=120)
    )

    assert evaluation.verdict is Verdict.PASS
    assert evaluation.channels[0].statistics.n == len(CLEAN)


def test_a_logger_that_stopped_early_is_missed_even_without_events() -> None:
    window = make_window(None, begin=None, stopped=True)
    early = make_channel(CLEAN, zone="box")
    late = make_channel(steady(5.0, 240), zone="door", serial="tl-2")

    evaluation = judge(CCT, make_case(early, late, window=window))

    assert codes(evaluation) == {ReasonCode.ZONE_UNWATCHED}


def test_an_open_journey_gives_a_provisional_answer() -> None:
    evaluation = judge(CCT, make_case(make_channel([*CLEAN, (130, 9.0)]), window=make_window(None)))

    assert evaluation.provisional
    assert evaluation.excursions[0].provisional
    assert evaluation.window.end_ms is None


def test_a_clock_that_steps_back_holds() -> None:
    pairs = (
        ClockPair(logger_ms=START, gateway_ms=START + HOUR),
        ClockPair(logger_ms=START + HOUR, gateway_ms=START),
    )

    evaluation = judge(CCT, make_case(make_channel(CLEAN, clock_pairs=pairs)))

    assert ReasonCode.CLOCK_FAULT in codes(evaluation)
    assert evaluation.verdict is Verdict.HOLD


def test_an_unknown_clock_fails_nothing_within_a_hundredth_of_its_budget() -> None:
    rows = [*steady(5.0, 60), *steady(9.0, 50, start=70), *steady(5.0, 60, start=130)]
    profile = make_profile(rules=[make_rule(budget="59min", when="T > 7.0")])

    assert judge(profile, make_case(make_channel(rows))).verdict is Verdict.FAIL
    assert judge(profile, make_case(make_channel(rows, clock_pairs=()))).verdict is Verdict.HOLD


@pytest.mark.parametrize(("budget", "verdict"), [("62min", Verdict.PASS), ("61min", Verdict.HOLD)])
def test_an_unknown_clock_holds_what_is_within_a_hundredth_of_its_budget(
    budget: str, verdict: Verdict
) -> None:
    rows = [*steady(5.0, 60), *steady(9.0, 50, start=70), *steady(5.0, 60, start=130)]
    profile = make_profile(rules=[make_rule(budget=budget, when="T > 7.0")])

    synced = judge(profile, make_case(make_channel(rows)))
    unsynced = judge(profile, make_case(make_channel(rows, clock_pairs=())))

    assert synced.channels[0].rules[0].measured_ms == 60 * MINUTE
    assert synced.verdict is Verdict.PASS
    assert unsynced.verdict is verdict


def test_an_hour_that_exists_twice_holds() -> None:
    twice = readings(CLEAN, flags=int(ReadingFlag.TIME_AMBIGUOUS))

    evaluation = judge(CCT, make_case(make_channel(twice)))

    assert codes(evaluation) == {ReasonCode.TIME_AMBIGUOUS}
    assert evaluation.verdict is Verdict.HOLD


def test_a_stamp_from_the_moment_of_download_is_an_unknown_clock() -> None:
    stamped = readings(CLEAN, flags=int(ReadingFlag.TIME_OF_DOWNLOAD))

    evaluation = judge(CCT, make_case(make_channel(stamped)))

    assert evaluation.channels[0].clock == "unsynced"


def test_an_end_of_scale_within_a_limit_cannot_prove_that_it_was_kept() -> None:
    channel = make_channel(CLEAN, conflicts=readings([(125, 10.0)], flags=int(ReadingFlag.CLIPPED)))

    evaluation = judge(CCT, make_case(channel, minutes=125))

    hard = next(rule for rule in evaluation.channels[0].rules if rule.rule == "HI_HARD")
    assert hard.finding is Finding.UNDECIDED
    assert evaluation.channels[0].statistics.has_bounds
    assert evaluation.verdict is Verdict.HOLD


def test_test_readings_never_reach_the_verdict() -> None:
    simulated = readings([(65, 30.0)], flags=int(ReadingFlag.TEST))

    evaluation = judge(CCT, make_case(make_channel(CLEAN, conflicts=simulated)))

    assert evaluation.verdict is Verdict.PASS
    assert evaluation.channels[0].statistics.tests == 1


def test_a_sensor_fault_is_not_a_reading() -> None:
    fault = readings([(65, 30.0)], flags=int(ReadingFlag.FAULT))

    evaluation = judge(CCT, make_case(make_channel(CLEAN, conflicts=fault)))

    assert evaluation.verdict is Verdict.PASS
    assert evaluation.channels[0].statistics.invalid == 1


@pytest.mark.parametrize(
    ("flag", "invalid"), [(ReadingFlag(0), 1), (ReadingFlag.CLIPPED, 0)], ids=["plain", "clipped"]
)
def test_what_a_sensor_cannot_measure_is_no_reading_unless_it_is_its_end_of_scale(
    flag: ReadingFlag, invalid: int
) -> None:
    odd = readings([(65, 85.0)], flags=int(flag))
    channel = make_channel(CLEAN, conflicts=odd, range_milli=(-40_000, 84_999))

    statistics = judge(CCT, make_case(channel)).channels[0].statistics

    assert (statistics.invalid, statistics.n) == (invalid, len(CLEAN) + 1 - invalid)
    assert statistics.has_bounds == (not invalid)


def test_the_ends_of_the_sensors_range_are_readings() -> None:
    channel = make_channel(CLEAN, conflicts=readings([(65, 85.0)]), range_milli=(5_000, 85_000))

    assert judge(CCT, make_case(channel)).channels[0].statistics.invalid == 0


def test_the_conditioning_delay_of_the_profile_moves_the_window() -> None:
    rows = [*steady(12.0, 60), *steady(5.0, 120, start=70)]
    profile = make_profile(conditioning="70min", rules=[make_rule(mode="instant", budget=...)])

    evaluation = judged(rows, profile)

    assert evaluation.verdict is Verdict.PASS
    assert evaluation.window.begin_ms == START + 70 * MINUTE


def test_the_freeze_alarm_of_who_triggers_when_the_hour_is_full() -> None:
    rows = [(0, 0.5), *steady(-0.5, 60, start=10), (80, 0.5)]
    profile = BUILTIN["WHO_ESI_TYPE1"]

    evaluation = judged(rows, profile, freeze_sensitive=True)

    result = evaluation.channels[0].rules[2]
    assert result.first_trigger_ms == START + 70 * MINUTE
    assert result.finding is Finding.VIOLATED
    assert evaluation.verdict is Verdict.FAIL


def test_ten_hours_above_thirty_degrees_add_up_over_a_journey() -> None:
    warm = [row for day in range(6) for row in steady(31.0, 110, start=day * 240)]
    cool = [row for day in range(6) for row in steady(20.0, 110, start=day * 240 + 120)]

    evaluation = judged(sorted(warm + cool), BUILTIN["WHO_ESI_TYPE2"])

    found = {rule.rule: rule.finding for rule in evaluation.channels[0].rules}
    assert found["WARM_30"] is Finding.VIOLATED
    assert found["HOT_45"] is Finding.SATISFIED


def test_of_two_humidities_at_one_instant_the_higher_stays() -> None:
    humid = make_channel(
        steady(3.0, 120), conflicts=readings([(60, 4.9)]), quantity=Quantity.HUMIDITY
    )

    evaluation = judge(CCT, make_case(make_channel(CLEAN), humid))

    highest = evaluation.channels[0].statistics.highest
    assert highest is not None
    assert highest.milli == 4900
    assert evaluation.verdict is Verdict.PASS


def test_an_excursion_that_a_gap_may_hide_is_no_plain_pass() -> None:
    rows = [*CLEAN, *steady(5.0, 120, start=140)]
    rules = [make_rule(mode="instant", budget=..., action="EXCURSION")]

    evaluation = judged(rows, make_profile(rules=rules))

    assert evaluation.verdict is Verdict.PASS
    assert evaluation.with_excursions
    assert codes(evaluation) == {ReasonCode.EXCURSION_POSSIBLE}


@pytest.mark.parametrize("interval_ms", [24 * 24 * HOUR, None])
def test_owner_of_a_logger_cannot_declare_its_gaps_away(interval_ms: int | None) -> None:
    hole = [row for row in steady(5.0, 2000) if not 300 < row[0] < 1500]

    evaluation = judge(CCT, make_case(make_channel(hole, interval_ms=interval_ms)))

    assert evaluation.verdict is Verdict.HOLD
    assert ReasonCode.LOW_COVERAGE in codes(evaluation)


def test_four_readings_in_two_days_prove_nothing() -> None:
    case = make_case(make_channel(steady(5.0, 2160, every=720), interval_ms=None))

    assert judge(CCT, case).verdict is Verdict.HOLD
