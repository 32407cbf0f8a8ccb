"""Bad input has a defined answer by the rules, and never a wrong PASS.

What other parts refuse before the judge sees it is listed in docs/validation.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import (
    CCT,
    MINUTE,
    START,
    as_exact,
    make_case,
    make_channel,
    make_profile,
    make_rule,
    make_window,
    milli_readings,
    readings,
    steady,
)

from analytics.case import Window
from analytics.evaluation import ReasonCode
from analytics.judge import judge
from coldgate.errors import ProfileError
from coldgate.model import Quantity, ReadingFlag, Verdict

if TYPE_CHECKING:
    from analytics.evaluation import Evaluation

EXACT = as_exact(CCT)
INT32 = np.iinfo(np.int32)
IN_1970, IN_2100 = 0, 4_102_444_800_000
LOGGERS_OWN = Window(begin_ms=None, end_ms=None, stopped=True)
NEVER_A_READING = int(ReadingFlag.FAULT | ReadingFlag.TEST)

rows = st.lists(
    st.tuples(
        st.one_of(
            st.integers(0, 13).map(lambda i: START + i * 10 * MINUTE),
            st.sampled_from([IN_1970, IN_2100, START - 1, START + 1, -(10**15), 10**15]),
        ),
        st.one_of(
            st.just(5_000),
            st.sampled_from([INT32.min, -273_150, -273_149, 0, 1_999, 2_000, 8_000, INT32.max]),
        ),
        st.one_of(st.just(0), st.integers(0, 31)),
    ),
    max_size=40,
)


def whole(*rows: tuple[int, int], **changes: Any) -> Evaluation:
    """The judgement of (ms, milli) rows of a logger whose clock nobody compared."""
    channel = make_channel(milli_readings(rows), clock_pairs=())
    return judge(EXACT, make_case(channel, **({"window": LOGGERS_OWN} | changes)))


@settings(max_examples=300, deadline=None)
@given(rows, st.lists(st.integers(0, 12).map(lambda i: (START + i * 10 * MINUTE, 5_000, 0))))
def test_whatever_the_rows_are_a_pass_has_no_valid_reading_out_of_bounds(
    odd: list[tuple[int, int, int]], clean: list[tuple[int, int, int]]
) -> None:
    table = [*odd, *clean]
    channel = make_channel(
        milli_readings([(t, v) for t, v, _ in table], [flags for *_, flags in table])
    )

    evaluation = judge(EXACT, make_case(channel, minutes=120))

    within = {
        v
        for t, v, flags in table
        if START <= t <= START + 120 * MINUTE and not flags & NEVER_A_READING and v > -273_150
    }
    if evaluation.verdict is Verdict.PASS:
        assert within
        assert 2_000 <= min(within) <= max(within) <= 15_000
        assert evaluation.channels[0].statistics.conflicts == 0


@pytest.mark.parametrize("stray_ms", [IN_1970, IN_2100])
def test_a_stray_stamp_is_a_gap_where_no_event_bounds_the_window(stray_ms: int) -> None:
    clean = [(START + i * 10 * MINUTE, 5_000) for i in range(13)]

    evaluation = whole(*clean, (stray_ms, 5_000))

    assert len(evaluation.channels[0].statistics.gaps) == 1
    assert ReasonCode.LOW_COVERAGE in {reason.code for reason in evaluation.reasons}
    assert evaluation.verdict is Verdict.HOLD


@pytest.mark.parametrize("stray_ms", [IN_1970, IN_2100])
def test_a_stray_stamp_outside_the_window_is_not_evaluated(stray_ms: int) -> None:
    clean = [(START + i * 10 * MINUTE, 5_000) for i in range(13)]

    evaluation = whole(*clean, (stray_ms, 99_000), window=make_window(120))

    assert evaluation.channels[0].statistics.n == len(clean)
    assert evaluation.verdict is Verdict.PASS


@pytest.mark.parametrize("begin_ms", [IN_1970, IN_2100])
def test_a_log_that_lies_in_another_age_is_judged_by_the_same_rules(begin_ms: int) -> None:
    times = [begin_ms + i * 10 * MINUTE for i in range(13)]

    assert whole(*((t, 5_000) for t in times)).verdict is Verdict.PASS
    assert whole(*((t, 15_001) for t in times)).verdict is Verdict.FAIL


def test_a_month_at_the_largest_value_is_added_up_without_overflow() -> None:
    step = 15 * MINUTE
    times = [START + i * step for i in range(2_881)]

    evaluation = whole(*((t, INT32.max) for t in times))

    hottest = evaluation.excursions[0]
    assert hottest.area2 == 2 * (INT32.max - 8_000) * 2_880 * step > 2**63
    assert evaluation.channels[0].statistics.mean == pytest.approx(INT32.max / 1000)
    assert evaluation.verdict is Verdict.FAIL


@pytest.mark.parametrize("milli", [INT32.min, INT32.min + 1, -273_150])
def test_a_temperature_that_no_body_has_is_no_reading(milli: int) -> None:
    evaluation = whole(*((START + i * 10 * MINUTE, milli) for i in range(13)))

    statistics = evaluation.channels[0].statistics
    assert (statistics.n, statistics.invalid) == (0, 13)
    assert ReasonCode.NO_READINGS in {reason.code for reason in evaluation.reasons}
    assert evaluation.verdict is Verdict.HOLD


@pytest.mark.parametrize(("celsius", "invalid"), [(60.0, 0), (60.001, 1), (-30.0, 0), (-30.001, 1)])
def test_a_value_outside_the_sensors_range_is_no_reading(celsius: float, invalid: int) -> None:
    rows = [*steady(5.0, 60), (70, celsius), *steady(5.0, 60, start=80)]
    channel = make_channel(rows, range_milli=(-30_000, 60_000))

    evaluation = judge(EXACT, make_case(channel))

    assert evaluation.channels[0].statistics.invalid == invalid
    assert evaluation.verdict is not Verdict.PASS


@pytest.mark.parametrize("milli", [INT32.min, INT32.max])
def test_a_humidity_at_the_edges_of_its_type_is_judged(milli: int) -> None:
    rules = [
        make_rule(id="HI", when="RH > 75.0", mode="instant", budget=...),
        make_rule(id="LO", when="RH < 35.0", mode="instant", budget=...),
    ]
    profile = as_exact(make_profile(rules=rules))
    table = milli_readings([(START + i * 10 * MINUTE, milli) for i in range(13)])

    evaluation = judge(profile, make_case(make_channel(table, quantity=Quantity.HUMIDITY)))

    assert evaluation.verdict is Verdict.FAIL


@pytest.mark.parametrize("minutes", [0, -10])
def test_a_window_without_any_time_proves_nothing(minutes: int) -> None:
    case = make_case(make_channel(steady(5.0, 120)), window=make_window(minutes))

    assert judge(EXACT, case).verdict is Verdict.HOLD


def test_readings_that_are_all_faults_prove_nothing() -> None:
    channel = make_channel(readings(steady(5.0, 120), flags=int(ReadingFlag.FAULT)))

    assert judge(EXACT, make_case(channel)).verdict is Verdict.HOLD


@pytest.mark.parametrize("limit", ["nan", "inf", "-inf", "1e3", "2147483.648"])
def test_a_limit_that_no_reading_can_be_compared_with_is_refused(limit: str) -> None:
    with pytest.raises(ProfileError) as caught:
        make_profile(rules=[make_rule(when=f"T > {limit}")])

    assert caught.value.path == "rules[0].when"
