"""What the change of a profile makes of a consignment, and how many of them are told."""

from __future__ import annotations

import itertools
import json

import pytest
from judging import judged, make_profile, make_rule, steady
from rich.console import Console

from analytics.what_if.comparison import (
    Answer,
    Outcome,
    Past,
    Result,
    compare,
    explain,
    result_of,
)
from analytics.what_if.report import report, tally
from coldgate.model import LineState, Verdict

PASS = Answer(verdict=Verdict.PASS, with_excursions=False)
SIGN = Answer(verdict=Verdict.PASS, with_excursions=True)
HOLD = Answer(verdict=Verdict.HOLD, with_excursions=False)
FAIL = Answer(verdict=Verdict.FAIL, with_excursions=True)
ANSWERS = (PASS, SIGN, HOLD, FAIL)


def make_past(answer: Answer = PASS, *states: str, consignment: str = "c-1") -> Past:
    return Past(
        consignment=consignment,
        evaluation=3,
        lines=states or ("quarantined",),
        judged_by="USP_CCT_2_8@2",
        answer=answer,
    )


def make_result(
    outcome: Outcome, consignment: str, *states: str, would_be: Answer | None = HOLD
) -> Result:
    past = make_past(PASS, *states, consignment=consignment)
    return Result(past=past, would_be=would_be, outcome=outcome, why="too [warm]", readings=60)


def shown(*results: Result, most: int = 50) -> str:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(report(tally(results, most=most)))
    return capture.get()


@pytest.mark.parametrize(
    ("was", "state", "would_be", "outcome"),
    [
        (PASS, "released", HOLD, Outcome.RELEASE_BLOCKED),
        (PASS, "released", SIGN, Outcome.RELEASE_BLOCKED),
        (SIGN, "released", FAIL, Outcome.RELEASE_BLOCKED),
        (PASS, "quarantined", FAIL, Outcome.CLEARANCE_BLOCKED),
        (HOLD, "quarantined", PASS, Outcome.BLOCK_RELEASED),
        (FAIL, "rejected", PASS, Outcome.BLOCK_RELEASED),
        (FAIL, "revoked", PASS, Outcome.BLOCK_RELEASED),
        (SIGN, "released", PASS, Outcome.SIGNATURE_SAVED),
        (HOLD, "quarantined", FAIL, Outcome.BLOCK_ALTERED),
        (SIGN, "released", SIGN, Outcome.SAME),
    ],
)
def test_a_change_is_named_by_what_was_done_and_what_would_have_been(
    was: Answer, state: str, would_be: Answer, outcome: Outcome
) -> None:
    assert compare(make_past(was, state), own=was, would_be=would_be) is outcome


def test_one_released_line_of_several_makes_it_a_release() -> None:
    past = make_past(PASS, "quarantined", "released")

    assert compare(past, own=PASS, would_be=FAIL) is Outcome.RELEASE_BLOCKED


def test_what_todays_judge_says_under_the_old_profile_too_is_not_the_new_ones_doing() -> None:
    assert compare(make_past(PASS), own=HOLD, would_be=HOLD) is Outcome.JUDGE_CHANGED


def test_no_goods_that_were_released_and_would_be_stopped_hide_under_another_name() -> None:
    for was, would_be in itertools.permutations(ANSWERS, 2):
        past = make_past(was, LineState.RELEASED.value)

        outcome = compare(past, own=was, would_be=would_be)

        assert (outcome is Outcome.RELEASE_BLOCKED) == (not would_be.opens)


def test_the_reason_told_is_one_that_the_other_profile_has_alone() -> None:
    warm = steady(5, 60) + steady(9, 120, start=70) + steady(5, 30, start=200)
    own = judged(warm, make_profile())
    strict = judged(warm, make_profile(rules=[make_rule(), make_rule(id="HARD", when="T > 8.5")]))
    mild = judged(warm, make_profile(rules=[make_rule(when="T > 10.0")]))

    assert "8.5 °C" in explain(own, strict)
    assert explain(own, mild) == f"no longer: {own.reasons[0].text}"


def test_a_result_is_read_back_from_its_line() -> None:
    told = make_result(Outcome.RELEASE_BLOCKED, "c-1", "released", "revoked", would_be=SIGN)
    mute = make_result(Outcome.UNJUDGEABLE, "c-2", would_be=None)

    for result in (told, mute):
        assert result_of(json.loads(json.dumps(result.as_json()))) == result


def test_the_gravest_changes_are_told_and_the_rest_is_counted() -> None:
    same = [make_result(Outcome.SAME, f"c-{number}") for number in range(1_200)]
    mild = [make_result(Outcome.BLOCK_ALTERED, f"b-{number}") for number in range(3)]
    grave = make_result(Outcome.RELEASE_BLOCKED, "z-1", "released", "released", "rejected")

    told = shown(*same, *mild, grave, most=2)

    assert "1,200  same answer" in told
    assert told.index("1  released, would have been blocked") < told.index("3  blocked either")
    assert [word in told for word in ("z-1", "b-0", "b-1")] == [True, True, False]
    assert "1 rejected, 2 released" in told
    assert "too [warm]" in told
    assert "and 2 more, all in the file of results" in told


def test_excursions_that_need_a_signature_are_marked() -> None:
    assert "PASS *" in shown(make_result(Outcome.RELEASE_BLOCKED, "c-1", would_be=SIGN))
    assert "*" not in shown(make_result(Outcome.RELEASE_BLOCKED, "c-1", would_be=FAIL_CLEAN))


FAIL_CLEAN = Answer(verdict=Verdict.FAIL, with_excursions=False)
