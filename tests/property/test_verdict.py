"""No PASS is ever wrong, no FAIL is ever wrong, and the order of arrival changes no byte."""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any

import oracles
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CCT, START, make_case, make_channel, make_profile, make_rule, milli_readings

from analytics.case import Window
from analytics.exposure import Finding
from analytics.judge import judge
from coldgate.model import ReadingFlag, Verdict

if TYPE_CHECKING:
    from random import Random

    from analytics.evaluation import Evaluation
    from analytics.profile import Profile

BRIDGE = 900_000  # of an interval of ten minutes under a cap of fifteen
MANY = settings(max_examples=300, deadline=None)
VALUES = st.one_of(st.integers(7_900, 8_100), st.sampled_from([5_000, 8_000, 9_000, 12_000]))
BUDGET_MS = {"1ms": 1, "10min": 600_000, "15min": 900_000, "20min": 1_200_000, "1h": 3_600_000}
Course = list[oracles.Sample]


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """A true course of the temperature, linear between points at most one bridge apart."""
    instant, course = START, []
    steps = st.tuples(st.one_of(st.just(600_000), st.integers(1, BRIDGE)), VALUES)
    for step, value in draw(st.lists(steps, min_size=2, max_size=14)):
        course.append((instant, value))
        instant += step
    return course


def arrived(course: Course, lost: list[bool]) -> Course:
    """The readings that arrive when some are lost.

    A lost run that would leave no gap is put back: bridged segments are linear by definition, so
    losing a bend in one is not a case that any judge could see.
    """
    kept: Course = []
    marked = list(zip(course, lost, strict=False))
    for is_lost, group in groupby(marked, key=lambda pair: pair[1]):
        run = [sample for sample, _ in group]
        before = kept[-1][0] if kept else course[0][0]
        after = next((t for (t, _), gone in marked if t > run[-1][0] and not gone), course[-1][0])
        if not is_lost or after - before <= BRIDGE:
            kept += run
    return kept


LOSSES = st.lists(st.booleans(), min_size=14, max_size=14)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    mode = draw(st.sampled_from(["single", "cumulative", "instant"]))
    return make_rule(
        when=draw(st.sampled_from(["T > 8.0", "T >= 8.0", "T < 8.0", "T <= 8.0", "T > 8.05"])),
        mode=mode,
        budget=... if mode == "instant" else draw(st.sampled_from(sorted(BUDGET_MS))),
        trigger=draw(st.sampled_from(["at", "over"])),
    )


def is_violated(rule: dict[str, Any], course: Course) -> bool:
    """Whether the truth violates the rule, exactly."""
    _, sign, number = rule["when"].split()
    bar = oracles.Bar(round(float(number) * 1000), ">" in sign, "=" in sign)
    if rule["mode"] == "instant":
        return any(bar.is_out(value) for _, value in course)
    spent = (oracles.true_longest if rule["mode"] == "single" else oracles.true_total)(course, bar)
    budget = BUDGET_MS[rule["budget"]]
    if rule["trigger"] == "over":
        return spent > budget
    return spent >= budget and any(bar.is_out(value) for _, value in course)


def verdict_of(profile: Profile, course: Course, *seen: Course) -> Evaluation:
    """The evaluation when the true course was seen by co-located loggers like this."""
    channels = [
        make_channel(milli_readings(kept), serial=f"tl-{index}", zone="box")
        for index, kept in enumerate(seen)
    ]
    window = Window(begin_ms=course[0][0], end_ms=course[-1][0])
    return judge(profile, make_case(*channels, window=window))


@MANY
@given(courses(), LOSSES, rules())
def test_whatever_the_gaps_hide_no_pass_and_no_fail_is_wrong(
    course: Course, lost: list[bool], rule: dict[str, Any]
) -> None:
    evaluation = verdict_of(make_profile(rules=[rule]), course, arrived(course, lost))

    if evaluation.verdict is Verdict.PASS:
        assert not is_violated(rule, course)
    if evaluation.verdict is Verdict.FAIL:
        assert is_violated(rule, course)


@MANY
@given(courses(), LOSSES, LOSSES, rules())
def test_loggers_that_close_each_others_gaps_never_pass_goods_wrongly(
    course: Course, first: list[bool], second: list[bool], rule: dict[str, Any]
) -> None:
    seen = arrived(course, first), arrived(course, second)

    evaluation = verdict_of(make_profile(rules=[rule]), course, *seen)

    if evaluation.verdict is Verdict.PASS:
        assert not is_violated(rule, course)
    if evaluation.verdict is Verdict.FAIL:
        assert is_violated(rule, course)


@MANY
@given(courses(), rules())
def test_without_a_gap_only_the_rounding_of_event_ends_leaves_a_question(
    course: Course, rule: dict[str, Any]
) -> None:
    evaluation = verdict_of(make_profile(rules=[rule]), course, course)

    result = evaluation.channels[0].rules[0]
    assert result.pessimistic_ms - result.optimistic_ms <= 2 * result.events
    if result.finding is not Finding.UNDECIDED:
        assert (result.finding is Finding.VIOLATED) == is_violated(rule, course)


@settings(max_examples=150, deadline=None)
@given(courses(), st.integers(8_000, 9_000))
def test_windowed_mkt_is_decided_as_fifty_digits_of_decimal_decide_it(
    course: Course, limit: int
) -> None:
    kinetic = {"applies": "high", "dH": 83.144, "limit": limit / 1000, "window": "1h"}
    bar = oracles.Bar(limit, high=True, inclusive=False)
    ends = [event.end for event in oracles.events(course, BRIDGE, bar)]
    windows = [[s for s in course if end - 3_600_000 <= s[0] <= end] for end in ends]
    short = any(end - 3_600_000 < START for end in ends)
    found = [oracles.mkt(oracles.histogram(window, BRIDGE)) for window in windows]

    result = verdict_of(make_profile(mkt=kinetic), course, course).channels[0].kinetic

    known = [celsius for celsius in found if celsius is not None]
    excess = max((Fraction(celsius) for celsius in known), default=Fraction(0))
    excess -= Fraction(limit, 1000)
    assert result is not None
    if result.finding is Finding.VIOLATED:
        assert excess > 0
    if result.finding is Finding.SATISFIED:
        assert excess <= 0
        assert None not in found
    if result.finding is Finding.UNDECIDED:
        assert short or None in found or abs(excess) < Fraction(1, 10**6)


@settings(max_examples=150, deadline=None)
@given(
    courses(),
    LOSSES,
    st.lists(st.sampled_from([0, 1, 2, 16]), min_size=28, max_size=28),
    st.randoms(use_true_random=False),
)
def test_order_repeats_and_split_of_the_readings_change_no_byte(
    course: Course, lost: list[bool], flags: list[int], random: Random
) -> None:
    other = [(t, v + 500) for (t, v), gone in zip(course, lost, strict=False) if gone]
    rows = [(row, ReadingFlag(flag)) for row, flag in zip(course + other, flags, strict=False)]
    later = rows + random.sample(rows, len(rows) // 2)
    random.shuffle(later)
    cut = random.randint(0, len(later))

    one = judge(CCT, make_case(make_channel(flagged(rows)), make_channel((), serial="tl-2")))
    two = judge(
        CCT,
        make_case(
            make_channel((), serial="tl-2"),
            make_channel(flagged(later[:cut]), conflicts=flagged(later[cut:])),
            minutes=(course[-1][0] - START) / 60_000,
        ),
    )

    assert one.to_bytes() == two.to_bytes()
    assert one.digest == two.digest


def flagged(rows: list[tuple[oracles.Sample, ReadingFlag]]) -> Any:
    return milli_readings([row for row, _ in rows], [int(flag) for _, flag in rows])
