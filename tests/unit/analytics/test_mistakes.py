"""The mistakes of others that concern the judge, by the sentences of the product's own list.

docs/validation.md names the tests of those that concern other parts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from judging import (
    BUILTIN,
    CCT,
    HOUR,
    MINUTE,
    START,
    as_exact,
    judged,
    make_case,
    make_channel,
    make_profile,
    make_rule,
    make_window,
    readings,
    steady,
)

from analytics.case import Certificate, Damage, Lot
from analytics.evaluation import ReasonCode
from analytics.exposure import Finding
from analytics.judge import judge
from analytics.profile import Band, Calibration, Stability, Suspicion, Uncertainty
from analytics.readings import Readings, joined
from coldgate.model import Verdict
from gateway.readers.local_time import find_zone, to_instants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.evaluation import Evaluation
    from analytics.profile import Profile

EXACT = as_exact(CCT)
JOURNEY = [*steady(5.0, 60), *steady(9.0, 300, start=70), *steady(5.0, 60, start=380)]


def codes(evaluation: Evaluation) -> set[ReasonCode]:
    return {reason.code for reason in evaluation.reasons}


def test_10_min_hot_then_2_h_cold_without_an_in_range_reading_the_cold_excursion_is_found() -> None:
    """Mistake 1: on the way from hot to cold both limits are crossed within one segment."""
    hot_then_cold = [*steady(9.0, 10), *steady(1.0, 120, start=20)]

    evaluation = judged(hot_then_cold, EXACT)

    hot, cold = evaluation.excursions
    assert (hot.rule, hot.start_ms, hot.end_ms) == ("HI_LABEL", START, START + 675_000)
    assert (cold.rule, cold.start_ms) == ("LO_LABEL", START + 1_125_000)
    assert cold.end_ms == START + 140 * MINUTE
    assert evaluation.verdict is Verdict.HOLD


def test_two_hot_readings_three_hours_apart_are_bounds_never_three_hours_measured() -> None:
    """Mistake 2: what happened between them is not known, in either direction."""
    profile = as_exact(make_profile())

    evaluation = judge(profile, make_case(make_channel([(0, 9.0), (180, 9.0)], interval_ms=None)))

    rule = evaluation.channels[0].rules[0]
    assert (rule.measured_ms, rule.optimistic_ms, rule.pessimistic_ms) == (0, 0, 3 * HOUR)
    assert [event.lin_ms for event in evaluation.excursions] == [0, 0]
    assert rule.finding is Finding.UNDECIDED
    assert evaluation.verdict is Verdict.HOLD


def test_nine_nine_nine_seven_point_nine_for_six_hours_uses_up_a_cumulative_budget() -> None:
    """Mistake 3: a dip below the limit ends an event, never the budget."""
    rules = [
        make_rule(id="ALL", mode="cumulative", budget="5h"),
        make_rule(id="ONE", mode="single", budget="5h"),
    ]
    rows = [(10 * i, (9.0, 9.0, 9.0, 7.9)[i % 4]) for i in range(37)]

    evaluation = judged(rows, as_exact(make_profile(rules=rules)))

    in_all, longest = evaluation.channels[0].rules
    dips_ms = 9 * 2 * round(10 * MINUTE * (0.1 / 1.1))
    assert in_all.measured_ms == pytest.approx(6 * HOUR - dips_ms, abs=30)
    assert (in_all.finding, longest.finding) == (Finding.VIOLATED, Finding.SATISFIED)
    assert in_all.first_trigger_ms is not None
    assert evaluation.verdict is Verdict.FAIL


def test_six_hours_of_backlog_in_one_message_give_the_verdict_of_live_in_any_order_twice() -> None:
    """Mistake 4: the set of the readings decides, not how they came."""
    live = judged(JOURNEY, EXACT)
    backlog = [*JOURNEY, *JOURNEY]

    for seed in range(5):
        Random(seed).shuffle(backlog)
        late = judge(EXACT, make_case(make_channel(readings(backlog))))
        assert late.to_bytes() == live.to_bytes()
        assert late.channels[0].statistics.duplicates == len(JOURNEY)


def test_a_late_file_is_a_new_evaluation_whatever_came_first() -> None:
    """Mistake 5: the release that stood on the old one is revoked by what the judge says now."""
    known = readings(steady(5.0, 240))
    late_file = readings([(125, 16.0), (126, 16.0)])

    before, after, reverse = (
        judge(EXACT, make_case(make_channel(rows)))
        for rows in (known, joined(known, late_file), joined(late_file, known))
    )

    assert (before.verdict, after.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert before.input_digest != after.input_digest
    assert reverse.to_bytes() == after.to_bytes()


def local_log(begin: datetime, minutes: Sequence[int]) -> Readings:
    """Five degrees at these minutes after a local time in Berlin, as a logger's file has them."""
    times = [begin + timedelta(minutes=minute) for minute in minutes]
    instants, flags = to_instants(times, find_zone("Europe/Berlin"))
    return Readings(
        taken_at_ms=instants, value_milli=np.full(len(times), 5_000, np.int32), flags=flags
    )


def whole_log(log: Readings) -> Evaluation:
    """The judgement of a log from its first to its last reading."""
    window = make_window(None, begin=None, stopped=True)
    return judge(EXACT, make_case(make_channel(log, clock_pairs=()), window=window))


def test_an_hour_that_does_not_exist_is_neither_a_gap_nor_taken_for_granted() -> None:
    """Mistake 6: on 2026-03-29 the clocks of Berlin go from 02:00 to 03:00."""
    followed = [*range(0, 120, 10), *range(180, 300, 10)]
    ignored = range(0, 300, 10)
    midnight = datetime(2026, 3, 29)  # noqa: DTZ001 - a local time, as it stands in the file

    right, wrong = (whole_log(local_log(midnight, minutes)) for minutes in (followed, ignored))

    assert right.verdict is Verdict.PASS
    assert right.channels[0].statistics.gaps == ()
    assert wrong.verdict is Verdict.HOLD
    assert ReasonCode.TIME_AMBIGUOUS in codes(wrong)


def test_an_hour_that_exists_twice_keeps_both_hours_and_holds() -> None:
    """Mistake 6: on 2026-10-25 the clocks of Berlin go from 03:00 back to 02:00."""
    twice = [*range(0, 180, 10), *range(120, 300, 10)]
    midnight = datetime(2026, 10, 25)  # noqa: DTZ001 - a local time, as it stands in the file

    evaluation = whole_log(local_log(midnight, twice))

    statistics = evaluation.channels[0].statistics
    assert (statistics.n, statistics.conflicts, statistics.gaps) == (len(twice), 0, ())
    assert codes(evaluation) == {ReasonCode.TIME_AMBIGUOUS}
    assert evaluation.verdict is Verdict.HOLD


@pytest.mark.parametrize("milder_first", [True, False])
def test_same_channel_and_time_with_another_value_keeps_the_worse_and_holds(
    *, milder_first: bool
) -> None:
    """Mistake 11: neither the first nor the last to arrive wins."""
    mild, harsh = readings([(60, 5.1)]), readings([(60, 8.6)])
    rest = readings([row for row in steady(5.0, 120) if row[0] != 60])
    first, second = (mild, harsh) if milder_first else (harsh, mild)

    channel = make_channel(joined(joined(first, rest), second))
    evaluation = judge(EXACT, make_case(channel))

    assert evaluation.channels[0].statistics.conflicts == 1
    assert [event.peak_milli for event in evaluation.excursions] == [8_600]
    assert ReasonCode.DATA_CONFLICT in codes(evaluation)
    assert evaluation.verdict is Verdict.HOLD


def test_a_logger_moved_between_consignments_mid_stream_speaks_for_each_as_it_was_placed() -> None:
    """Mistake 13: one stream, cold in the first consignment and hot in the second."""
    stream = [*steady(5.0, 120), *steady(20.0, 120, start=130)]
    moved_at = START + 125 * MINUTE
    first = make_channel(stream, placed_to_ms=moved_at)
    second = make_channel(stream, placed_from_ms=moved_at)

    cold = judge(EXACT, make_case(first, minutes=120))
    hot = judge(EXACT, make_case(second, window=make_window(250, begin=130)))
    alone = judge(EXACT, make_case(make_channel(steady(5.0, 120), placed_to_ms=moved_at)))

    assert (cold.verdict, hot.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert cold.channels[0].statistics.n + hot.channels[0].statistics.n == len(stream)
    assert cold.channels[0].readings_digest == alone.channels[0].readings_digest


@pytest.mark.parametrize(("celsius", "found"), [(7.999, []), (8.0, []), (8.001, ["HI_LABEL"])])
def test_exactly_eight_degrees_is_in_range(celsius: float, found: list[str]) -> None:
    """Mistake 15: a label limit is the last value that is allowed."""
    evaluation = judged([*steady(5.0, 60), (70, celsius), *steady(5.0, 60, start=80)], EXACT)

    assert [event.rule for event in evaluation.excursions] == found


@pytest.mark.parametrize(("celsius", "events"), [(29.999, 0), (30.0, 1)])
def test_exactly_the_limit_of_an_inclusive_device_rule_is_out(celsius: float, events: int) -> None:
    """Mistake 15: WHO's indicators count from the limit on."""
    rows = [*steady(20.0, 60), (70, celsius), *steady(20.0, 60, start=80)]

    evaluation = judged(rows, as_exact(BUILTIN["WHO_ESI_TYPE1"]))

    warm = next(rule for rule in evaluation.channels[0].rules if rule.rule == "WARM_30")
    assert warm.events == events


def test_a_dead_sensor_repeated_with_fresh_stamps_is_no_evidence() -> None:
    """Mistake 12: twelve hours without the last digit moving, although every stamp is new."""
    watchful = replace(EXACT, suspicion=Suspicion(stuck_ms=12 * HOUR))
    dead, alive = steady(5.0, 720), [*steady(5.0, 700), (710, 5.001), (720, 5.0)]

    stuck, moving = judged(dead, watchful), judged(alive, watchful)

    assert codes(stuck) == {ReasonCode.SENSOR_STUCK}
    assert stuck.verdict is Verdict.HOLD
    assert moving.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("valid_minutes", "verdict"), [(120, Verdict.PASS), (119, Verdict.HOLD), (60, Verdict.HOLD)]
)
def test_a_calibration_that_expires_mid_trip_holds(valid_minutes: int, verdict: Verdict) -> None:
    """Mistake 17: a certificate has to be in force at every reading, not at the departure."""
    demanding = replace(EXACT, uncertainty=Uncertainty(calibration=Calibration.REQUIRED))
    certificate = Certificate(
        number="C-1",
        valid_from_ms=START,
        valid_to_ms=START + valid_minutes * MINUTE,
        expanded_milli=100,
    )

    channel = make_channel(steady(5.0, 120), certificates=(certificate,))
    evaluation = judge(demanding, make_case(channel))

    assert evaluation.verdict is verdict
    assert (ReasonCode.UNCALIBRATED in codes(evaluation)) == (verdict is Verdict.HOLD)


def test_a_lot_split_over_two_consignments_keeps_its_spent_budget() -> None:
    """Mistake 18: each half of the journey is within the budget, both together are not."""
    stability = Stability(bands=(Band(above_milli=8_000, budget_ms=10 * HOUR),))
    profile = replace(
        as_exact(make_profile(rules=[make_rule(action="EXCURSION", budget="10h")])),
        stability=stability,
    )
    warm_six_hours = [*steady(5.0, 60), *steady(9.0, 360, start=70), *steady(5.0, 60, start=440)]

    first = one_lot(profile, warm_six_hours, spent=Damage())
    total = first.budgets[0].total
    second = one_lot(profile, warm_six_hours, spent=total)

    assert first.verdict is Verdict.PASS
    assert 600_000_000 < total.optimistic_ppb <= total.pessimistic_ppb < 620_000_000
    assert ReasonCode.BUDGET_EXCEEDED in codes(second)
    assert second.verdict is Verdict.FAIL


def one_lot(profile: Profile, rows: list[tuple[int, float]], *, spent: Damage) -> Evaluation:
    """The judgement of one lot in the box, with what it spent before."""
    lot = Lot(key="P/LOT", zone="box", spent=spent)
    return judge(profile, make_case(make_channel(rows, zone="box"), lots=(lot,)))
