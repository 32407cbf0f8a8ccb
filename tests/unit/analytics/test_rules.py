"""Rules of their own kind: freezing, means, humidity, light, door, shock, dead sensors, logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from judging import (
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

from analytics.case import Log
from analytics.evaluation import ReasonCode, Severity
from analytics.exposure import Finding
from analytics.judge import judge
from coldgate.model import Quantity, ReadingFlag, Verdict

if TYPE_CHECKING:
    from analytics.case import Channel
    from analytics.evaluation import Evaluation
    from analytics.profile import Profile

CLEAN = steady(5.0, 120)


def instant(**changes: Any) -> dict[str, Any]:
    return make_rule(**({"mode": "instant", "budget": ...} | changes))


def freezing(decision: str) -> Profile:
    rule = instant(
        id="FREEZE", when="T <= 0.0", action="FAIL_IF_FREEZE_SENSITIVE", decision=decision
    )
    return make_profile(rules=[rule])


@pytest.mark.parametrize(
    ("celsius", "verdict"),
    [
        (0.0, Verdict.FAIL),
        (0.001, Verdict.HOLD),
        (0.5, Verdict.HOLD),
        (0.501, Verdict.PASS),
    ],
)
def test_freezing_fails_at_the_limit_and_holds_within_the_uncertainty(
    celsius: float, verdict: Verdict
) -> None:
    rows = [*CLEAN, (130, celsius), (140, 5.0)]

    assert judged(rows, freezing("guard"), freeze_sensitive=True).verdict is verdict


@pytest.mark.parametrize(("celsius", "verdict"), [(0.0, Verdict.FAIL), (0.001, Verdict.PASS)])
def test_with_simple_acceptance_only_the_limit_itself_counts(
    celsius: float, verdict: Verdict
) -> None:
    rows = [*CLEAN, (130, celsius), (140, 5.0)]

    assert judged(rows, freezing("simple"), freeze_sensitive=True).verdict is verdict


@pytest.mark.parametrize(
    ("celsius", "verdict"),
    [(-0.5, Verdict.FAIL), (-0.499, Verdict.HOLD), (0.5, Verdict.HOLD), (0.501, Verdict.PASS)],
)
def test_non_binary_fails_only_beyond_the_uncertainty(celsius: float, verdict: Verdict) -> None:
    rows = [*CLEAN, (130, celsius), (140, 5.0)]

    assert judged(rows, freezing("non-binary"), freeze_sensitive=True).verdict is verdict


def test_freezing_of_goods_that_bear_it_is_an_excursion() -> None:
    evaluation = judged([*CLEAN, (130, -1.0), (140, 5.0)], freezing("guard"))

    assert evaluation.verdict is Verdict.PASS
    assert evaluation.with_excursions
    assert codes(evaluation) == {ReasonCode.EXCURSION}


def test_a_result_names_the_limits_of_the_best_and_the_worst_case() -> None:
    decisions = {"S": "simple", "G": "guard", "N": "non-binary"}
    rules = [instant(id=f"HI_{key}", decision=name) for key, name in decisions.items()]

    results = judged(CLEAN, make_profile(rules=rules)).channels[0].rules

    limits = [(r.optimistic_limit_milli, r.pessimistic_limit_milli) for r in results]
    assert limits == [(8_000, 8_000), (8_000, 7_500), (8_500, 7_500)]


def test_a_reading_nearer_to_the_limit_than_the_uncertainty_is_said_to_be_so() -> None:
    rules = [instant(decision="non-binary")]

    evaluation = judged(steady(8.2, 60), make_profile(rules=rules))

    assert evaluation.verdict is Verdict.HOLD
    assert "nearer to the limit than the uncertainty of 0.5 °C" in evaluation.reasons[0].text


def mean_rule(**changes: Any) -> dict[str, Any]:
    return instant(**({"mode": "mean", "when": "RH > 40.0"} | changes))


def humid(rows: list[tuple[float, float]], **changes: Any) -> Channel:
    return make_channel(rows, quantity=Quantity.HUMIDITY, **changes)


@pytest.mark.parametrize(
    ("decision", "percent", "finding"),
    [
        ("simple", 40.0, Finding.SATISFIED),
        ("simple", 40.001, Finding.VIOLATED),
        ("guard", 34.999, Finding.SATISFIED),
        ("guard", 35.0, Finding.UNDECIDED),
        ("guard", 40.001, Finding.VIOLATED),
        ("non-binary", 35.0, Finding.UNDECIDED),
        ("non-binary", 45.0, Finding.UNDECIDED),
        ("non-binary", 45.001, Finding.VIOLATED),
    ],
)
def test_mean_is_judged_against_its_limit_and_the_uncertainty(
    decision: str, percent: float, finding: Finding
) -> None:
    profile = make_profile(rules=[mean_rule(decision=decision)])

    result = judge(profile, make_case(humid(steady(percent, 60)))).channels[0].rules[0]

    assert result.finding is finding
    assert result.mean == percent


def test_mean_is_weighted_by_time_and_exact_at_the_limit() -> None:
    profile = make_profile(rules=[mean_rule()])
    rows = [(0, 30.0), (1, 30.0), (2, 50.0), (3, 50.0)]
    uneven = [(0, 30.0), (1, 30.0), (2, 50.0), (3.001, 50.0)]

    level, above = (judge(profile, make_case(humid(each))) for each in (rows, uneven))

    assert (level.verdict, above.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert level.channels[0].rules[0].mean == 40.0
    assert level.excursions == ()


@pytest.mark.parametrize(
    "channel",
    [
        humid([*steady(30.0, 60), *steady(30.0, 60, start=76)]),
        humid(steady(30.0, 60), conflicts=readings([(35, 30.0)], flags=int(ReadingFlag.CLIPPED))),
        humid([(0, 30.0)]),
    ],
    ids=["a gap", "an end of scale", "no covered time"],
)
def test_mean_of_an_incomplete_record_is_open(channel: Channel) -> None:
    evaluation = judge(make_profile(rules=[mean_rule()]), make_case(channel))

    result = evaluation.channels[0].rules[0]
    assert result.finding is Finding.UNDECIDED
    assert (result.measured_ms, result.optimistic_ms, result.pessimistic_ms) == (0, 0, 0)
    assert (result.events, result.first_trigger_ms) == (0, None)


def test_light_upon_one_reading_means_opened() -> None:
    rule = instant(id="OPENED", when="LUX > 10.0", action="EXCURSION")
    profile = make_profile(rules=[make_rule(), rule])
    light = make_channel(
        [(0, 0.0), (10, 300.0), (20, 0.0), *steady(0.0, 100, start=30)],
        quantity=Quantity.LIGHT,
        serial="lux-1",
    )

    evaluation = judge(profile, make_case(make_channel(CLEAN), light, minutes=120))

    assert [event.rule for event in evaluation.excursions] == ["OPENED"]
    assert evaluation.with_excursions


def door(*opened: tuple[float, float], **changes: Any) -> Channel:
    """A door that is open between these minutes, read at each change."""
    rows = sorted({(0.0, 0.0), *((a, 1.0) for a, _ in opened), *((b, 0.0) for _, b in opened)})
    fields = {"quantity": Quantity.DOOR, "serial": "door-1", "interval_ms": None}
    return make_channel(rows, **(fields | changes))


WARM = [*CLEAN, (130, 9.0), *steady(5.0, 120, start=140)]  # above 8 °C from 127.5 to 132.5 min


@pytest.mark.parametrize(
    ("opened", "marked"),
    [
        ((100, 117.4), False),
        ((100, 117.5), True),  # ten minutes before the excursion: its logger's interval
        ((129, 131), True),
        ((142.5, 150), True),
        ((142.6, 150), False),
    ],
)
def test_excursion_near_an_open_door_says_so(opened: tuple[float, float], *, marked: bool) -> None:
    case = make_case(make_channel(WARM), door(opened), minutes=260)

    evaluation = judge(make_profile(), case)

    assert [event.door for event in evaluation.excursions] == [marked]


def test_an_open_door_excuses_nothing() -> None:
    profile = make_profile(rules=[instant()])
    with_door = make_case(make_channel(WARM), door((120, 140)), minutes=260)

    assert judge(profile, with_door).verdict is Verdict.FAIL
    assert judge(profile, make_case(make_channel(WARM))).verdict is Verdict.FAIL


def test_a_door_without_a_closing_reading_was_open_until_the_last_one() -> None:
    rows = [(0, 0.0), (100, 1.0), (129, 1.0)]
    opened = make_channel(rows, quantity=Quantity.DOOR, serial="door-1", interval_ms=None)

    evaluation = judge(make_profile(), make_case(make_channel(WARM), opened, minutes=260))

    assert [event.door for event in evaluation.excursions] == [True]


SHOCK = instant(id="SHOCK", when="G > 10.0", action="HOLD_IF_SHOCK_SENSITIVE")


@pytest.mark.parametrize(
    ("sensitive", "verdict", "expected"),
    [
        (True, Verdict.HOLD, {ReasonCode.RULE_VIOLATED}),
        (False, Verdict.PASS, set()),
    ],
)
def test_a_shock_holds_only_what_shocks_harm(
    *, sensitive: bool, verdict: Verdict, expected: set[ReasonCode]
) -> None:
    shaken = make_channel(
        [(0, 0.1), *steady(0.1, 50, start=10), (70, 20.0), *steady(0.1, 40, start=80)],
        quantity=Quantity.SHOCK,
        serial="g-1",
    )
    profile = make_profile(rules=[make_rule(), SHOCK])

    evaluation = judge(
        profile, make_case(make_channel(CLEAN), shaken, minutes=120, shock_sensitive=sensitive)
    )

    assert (evaluation.verdict, codes(evaluation)) == (verdict, expected)
    assert [event.rule for event in evaluation.excursions] == ["SHOCK"]
    assert not evaluation.with_excursions


def test_only_goods_that_shocks_harm_need_a_shock_sensor() -> None:
    profile = make_profile(rules=[make_rule(), SHOCK])
    channel = make_channel(CLEAN)

    hardy = judge(profile, make_case(channel))
    delicate = judge(profile, make_case(channel, shock_sensitive=True))

    assert (hardy.verdict, hardy.severity) == (Verdict.PASS, Severity.NONE)
    assert codes(delicate) == {ReasonCode.QUANTITY_UNWATCHED}


def test_a_note_is_listed_and_does_nothing_else() -> None:
    note = instant(id="COOL", when="T > 4.0", action="NOTE")

    evaluation = judged([*CLEAN, *steady(5.0, 60, start=150)], make_profile(rules=[note]))

    assert evaluation.verdict is Verdict.PASS
    assert evaluation.severity is Severity.NONE
    assert evaluation.channels[0].rules[0].finding is Finding.VIOLATED
    assert {event.rule for event in evaluation.excursions} == {"COOL"}
    assert (evaluation.reasons, evaluation.with_excursions) == ((), False)


def test_a_note_demands_no_channel_of_its_quantity() -> None:
    notes = [make_rule(), instant(id="DAMP", when="RH > 60.0", action="NOTE")]

    assert judged(CLEAN, make_profile(rules=notes)).verdict is Verdict.PASS


def gapped(minutes: int, **changes: Any) -> Channel:
    """Five degrees for two hours, a gap, and two hours more."""
    return make_channel([*CLEAN, *steady(5.0, 120, start=120 + minutes)], **changes)


ALLOWING_20_MIN = make_profile(gaps={"cap": "15min", "allowed": "20min"})


@pytest.mark.parametrize(
    ("log", "holds"),
    [
        (None, True),
        (Log(missing=0, sealed=False), True),
        (Log(missing=1, sealed=True), True),
        (Log(missing=0, sealed=True), False),
    ],
)
def test_a_gap_longer_than_allowed_needs_a_sealed_log_without_missing_numbers(
    log: Log | None, *, holds: bool
) -> None:
    evaluation = judge(ALLOWING_20_MIN, make_case(gapped(21, log=log)))

    assert codes(evaluation) == ({ReasonCode.LOG_INCOMPLETE} if holds else set())
    assert evaluation.verdict is (Verdict.HOLD if holds else Verdict.PASS)


def test_a_gap_of_exactly_the_allowed_length_needs_no_log() -> None:
    assert judge(ALLOWING_20_MIN, make_case(gapped(20))).verdict is Verdict.PASS


def test_an_incomplete_log_names_the_longest_gap() -> None:
    rows = [*CLEAN, *steady(5.0, 60, start=150), *steady(5.0, 60, start=260)]

    (reason,) = judge(ALLOWING_20_MIN, make_case(make_channel(rows))).reasons

    assert (reason.start_ms, reason.end_ms) == (START + 210 * MINUTE, START + 260 * MINUTE)


def test_a_gap_that_a_neighbour_covers_needs_no_log() -> None:
    whole = make_channel(steady(5.0, 261), serial="tl-2", zone="box")

    evaluation = judge(ALLOWING_20_MIN, make_case(gapped(21, zone="box"), whole))

    assert codes(evaluation) == set()


def test_a_time_without_readings_at_the_end_needs_a_sealed_log_as_well() -> None:
    case = make_case(make_channel(CLEAN), window=make_window(145))

    assert codes(judge(ALLOWING_20_MIN, case)) == {ReasonCode.LOG_INCOMPLETE}


WATCHFUL = make_profile(suspicion={"stuck": "1h"})


@pytest.mark.parametrize(
    ("rows", "holds"),
    [
        (steady(5.0, 60), True),
        ([*steady(5.0, 50), (59.9, 5.0), (70, 5.1)], False),
        ([*steady(5.0, 50), (60, 5.001)], False),
        ([*steady(5.0, 30), *steady(5.0, 50, start=46)], False),
    ],
    ids=["an hour", "a little less", "a thousandth", "a gap between"],
)
def test_a_value_that_does_not_move_for_so_long_is_no_evidence(
    rows: list[tuple[float, float]], *, holds: bool
) -> None:
    evaluation = judged(rows, WATCHFUL)

    assert (ReasonCode.SENSOR_STUCK in codes(evaluation)) == holds


def test_a_dead_sensor_is_named_with_the_time_it_stood_still() -> None:
    (reason,) = judged([*steady(4.0, 30), *steady(5.0, 90, start=40)], WATCHFUL).reasons

    assert (reason.start_ms, reason.end_ms) == (START + 40 * MINUTE, START + 130 * MINUTE)
    assert reason.verdict is Verdict.HOLD
    assert "for 1 h 30 min" in reason.text


def test_light_may_stand_still() -> None:
    dark = make_channel(steady(0.0, 120), quantity=Quantity.LIGHT, serial="lux-1")
    rules = [make_rule(), instant(id="OPENED", when="LUX > 10.0", action="HOLD")]
    moving = make_channel([(minute, 5.0 + minute / 1000) for minute, _ in CLEAN])

    evaluation = judge(
        make_profile(rules=rules, suspicion={"stuck": "1h"}), make_case(moving, dark)
    )

    assert evaluation.verdict is Verdict.PASS


def flags_of(rows: list[tuple[float, float]], **suspicion: Any) -> Evaluation:
    return judged(rows, make_profile(suspicion=suspicion))


def test_a_spike_is_flagged_and_counts_all_the_same() -> None:
    rows = [*steady(5.0, 3, every=1), (4, 9.0), *steady(5.0, 3, every=1, start=5)]
    profile = make_profile(rules=[instant()], suspicion={"spike_per_minute": 3.0})

    evaluation = judged(rows, profile)

    result = evaluation.channels[0]
    assert (result.spikes.count, result.spikes.at_ms) == (1, (START + 4 * MINUTE,))
    assert evaluation.verdict is Verdict.FAIL


def test_a_step_at_the_rate_or_without_return_is_no_spike() -> None:
    at_rate = [(0, 5.0), (1, 8.0), (2, 5.0)]
    no_return = [(0, 5.0), (1, 9.0), (2, 9.0)]

    for rows in (at_rate, no_return):
        assert flags_of(rows, spike_per_minute=3.0).channels[0].spikes.count == 0


def test_a_change_is_flagged_where_two_steps_in_a_row_are_too_fast() -> None:
    rows = [(0, 5.0), (10, 5.0), (20, 16.0), (30, 27.0), (40, 27.0)]

    result = flags_of(rows, change_per_minute=1.0).channels[0]

    assert result.changes.at_ms == (START + 20 * MINUTE,)
    assert result.spikes.count == 0


def test_spikes_of_humidity_are_not_looked_for() -> None:
    rows = [(0, 50.0), (1, 90.0), (2, 50.0)]

    result = judge(
        make_profile(suspicion={"spike_per_minute": 3.0}), make_case(humid(rows))
    ).channels[0]

    assert result.spikes.count == 0
