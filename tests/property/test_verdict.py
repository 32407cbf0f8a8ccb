"""No PASS is ever wrong, no FAIL is ever wrong, and the order of arrival changes no byte."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, groupby
from typing import TYPE_CHECKING, Any

import oracles
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CCT, START, make_case, make_channel, make_profile, make_rule, milli_readings

from analytics.case import Damage, Lot, Window
from analytics.exposure import Finding
from analytics.judge import judge
from coldgate.model import ReadingFlag, Verdict

if TYPE_CHECKING:
    from random import Random

    from analytics.evaluation import Evaluation
    from analytics.profile import Profile

BRIDGE = 900_000  # of an interval of ten minutes under a cap of fifteen
MANY = settings(max_examples=200, deadline=None)
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


SHARES = st.lists(
    st.one_of(st.sampled_from([-1000, 0, 1000]), st.integers(-1000, 1000)),
    min_size=14,
    max_size=14,
)  # of the uncertainty, in thousandths
UNCERTAINTIES = st.sampled_from([1, 10, 50, 100, 500])


def erroneous(course: Course, shares: list[int], uncertainty: int) -> Course:
    """What a logger reads that is wrong by at most its uncertainty."""
    return [
        (t, v + share * uncertainty // 1000) for (t, v), share in zip(course, shares, strict=False)
    ]


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    mode = draw(st.sampled_from(["single", "cumulative", "instant", "mean"]))
    has_budget = mode in {"single", "cumulative"}
    return make_rule(
        when=draw(st.sampled_from(["T > 8.0", "T >= 8.0", "T < 8.0", "T <= 8.0", "T > 8.05"])),
        mode=mode,
        budget=draw(st.sampled_from(sorted(BUDGET_MS))) if has_budget else ...,
        trigger=draw(st.sampled_from(["at", "over"])),
    )


def is_violated(rule: dict[str, Any], course: Course) -> bool:
    """Whether the truth violates the rule, exactly."""
    _, sign, number = rule["when"].split()
    bar = oracles.Bar(round(float(number) * 1000), ">" in sign, "=" in sign)
    if rule["mode"] == "mean":
        return bar.is_out(oracles.mean(course))
    if rule["mode"] == "instant":
        return any(bar.is_out(value) for _, value in course)
    spent = (oracles.true_longest if rule["mode"] == "single" else oracles.true_total)(course, bar)
    budget = BUDGET_MS[rule["budget"]]
    if rule["trigger"] == "over":
        return spent > budget
    return spent >= budget and any(bar.is_out(value) for _, value in course)


def profile_of(rule: dict[str, Any], decision: str, uncertainty: int) -> Profile:
    """A profile with one rule, for loggers without a certificate of this permissible error."""
    return make_profile(
        rules=[rule],
        decision=decision,
        uncertainty={"mpe": {"temperature": uncertainty / 1000}, "calibration": "optional"},
    )


def verdict_of(profile: Profile, course: Course, *seen: Course, **changes: Any) -> Evaluation:
    """The evaluation when the true course was seen by co-located loggers like this."""
    channels = [
        make_channel(milli_readings(kept), serial=f"tl-{index}", zone="box")
        for index, kept in enumerate(seen)
    ]
    window = Window(begin_ms=course[0][0], end_ms=course[-1][0])
    return judge(profile, make_case(*channels, window=window, **changes))


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
@given(courses(), LOSSES, SHARES, UNCERTAINTIES, rules())
def test_whatever_errors_the_logger_makes_non_binary_passes_and_fails_nothing_wrongly(
    course: Course, lost: list[bool], shares: list[int], uncertainty: int, rule: dict[str, Any]
) -> None:
    seen = arrived(erroneous(course, shares, uncertainty), lost)

    evaluation = verdict_of(profile_of(rule, "non-binary", uncertainty), course, seen)

    if evaluation.verdict is Verdict.PASS:
        assert not is_violated(rule, course)
    if evaluation.verdict is Verdict.FAIL:
        assert is_violated(rule, course)


@MANY
@given(
    courses(), st.lists(st.tuples(LOSSES, SHARES), min_size=2, max_size=2), UNCERTAINTIES, rules()
)
def test_loggers_with_errors_of_their_own_never_pass_or_fail_goods_wrongly_together(
    course: Course,
    loggers: list[tuple[list[bool], list[int]]],
    uncertainty: int,
    rule: dict[str, Any],
) -> None:
    seen = [arrived(erroneous(course, shares, uncertainty), lost) for lost, shares in loggers]

    evaluation = verdict_of(profile_of(rule, "non-binary", uncertainty), course, *seen)

    if evaluation.verdict is Verdict.PASS:
        assert not is_violated(rule, course)
    if evaluation.verdict is Verdict.FAIL:
        assert is_violated(rule, course)


@MANY
@given(courses(), LOSSES, SHARES, UNCERTAINTIES, rules())
def test_guard_band_passes_nothing_wrongly_and_fails_what_the_readings_show(
    course: Course, lost: list[bool], shares: list[int], uncertainty: int, rule: dict[str, Any]
) -> None:
    seen = arrived(erroneous(course, shares, uncertainty), lost)

    guarded = verdict_of(profile_of(rule, "guard", uncertainty), course, seen)
    simple = verdict_of(profile_of(rule, "simple", uncertainty), course, seen)

    if guarded.verdict is Verdict.PASS:
        assert not is_violated(rule, course)
    assert (guarded.verdict is Verdict.FAIL) == (simple.verdict is Verdict.FAIL)


BANDS = [(7_950, 7_200_000), (8_050, 1_800_000), (9_000, 600_000)]
STABILITY = {"bands": [{"above": milli / 1000, "budget": f"{budget}ms"} for milli, budget in BANDS]}
ARRHENIUS = {"arrhenius": {"dH": 83.144, "reference": 8.0, "budget": "2h"}}
SPENT = st.sampled_from([0, 1, 300_000_000, 900_000_000, 10**9])


@MANY
@given(courses(), LOSSES, SHARES, UNCERTAINTIES, SPENT, st.sampled_from([STABILITY, ARRHENIUS]))
def test_no_lot_passes_or_fails_its_stability_budget_wrongly(
    course: Course,
    lost: list[bool],
    shares: list[int],
    uncertainty: int,
    spent: int,
    stability: dict[str, Any],
) -> None:
    seen = arrived(erroneous(course, shares, uncertainty), lost)
    lot = Lot(key="P/LOT", zone="box", spent=Damage(optimistic_ppb=spent, pessimistic_ppb=spent))
    profile = make_profile(
        stability=stability,
        decision="non-binary",
        uncertainty={"mpe": {"temperature": uncertainty / 1000}, "calibration": "optional"},
    )

    found = verdict_of(profile, course, seen, lots=(lot,)).budgets[0]

    total = Fraction(spent, 10**9) + true_damage(stability, course)
    assert found.total.optimistic_ppb <= total * 10**9 <= found.total.pessimistic_ppb
    if found.verdict is Verdict.PASS:
        assert total <= 1
    if found.verdict is Verdict.FAIL:
        assert total > 1


def true_damage(stability: dict[str, Any], course: Course) -> Fraction:
    if "bands" in stability:
        return oracles.band_damage(course, BANDS)
    bins = oracles.histogram(course, BRIDGE)
    return Fraction(oracles.rate_damage(bins, "83.144", 8_000, 7_200_000))


@MANY
@given(courses(), rules())
def test_without_a_gap_only_the_rounding_of_event_ends_leaves_a_question(
    course: Course, rule: dict[str, Any]
) -> None:
    evaluation = verdict_of(make_profile(rules=[rule]), course, course)

    result = evaluation.channels[0].rules[0]
    assert result.pessimistic_ms - result.optimistic_ms <= 2 * result.events
    assert rule["mode"] != "mean" or result.finding is not Finding.UNDECIDED
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


@MANY
@given(
    courses(),
    SHARES,
    UNCERTAINTIES,
    st.integers(8_000, 9_000),
    st.sampled_from(["20min", "1h", "4h"]),
)
def test_whatever_errors_the_logger_makes_no_mkt_window_passes_or_fails_wrongly(
    course: Course, shares: list[int], uncertainty: int, limit: int, window: str
) -> None:
    kinetic = {"applies": "high", "dH": 83.144, "limit": limit / 1000, "window": window}
    profile = make_profile(
        mkt=kinetic,
        decision="non-binary",
        uncertainty={"mpe": {"temperature": uncertainty / 1000}, "calibration": "optional"},
    )
    length = {"20min": 1_200_000, "1h": 3_600_000, "4h": 14_400_000}[window]
    bar = oracles.Bar(limit, high=True, inclusive=False)
    ends = [event.end for event in oracles.events(course, BRIDGE, bar)]
    true_windows = [[s for s in course if end - length <= s[0] <= end] for end in ends]
    any_windows = [
        course[i : j + 1]
        for i, j in combinations(range(len(course)), 2)
        if course[j][0] - course[i][0] <= length
    ]

    seen = erroneous(course, shares, uncertainty)
    result = verdict_of(profile, course, seen).channels[0].kinetic

    assert result is not None
    if result.finding is Finding.SATISFIED:
        assert not any(is_hot(each, limit) for each in true_windows)
    if result.finding is Finding.VIOLATED:
        assert any(is_hot(each, limit) for each in any_windows)


def is_hot(window: Course, limit: int) -> bool:
    """Whether the MKT of a window is above a limit; one without covered time has none."""
    celsius = oracles.mkt(oracles.histogram(window, BRIDGE))
    return celsius is not None and Fraction(celsius) > Fraction(limit, 1000)
