"""The gate's rules on facts alone: only proof opens it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.gate import rules, selftest
from api.gate.rules import CHECKS, MOVABLE, Check, Decision, Result, decide, require_movable
from api.gate.selftest import CASES, CLEAN, SelfTestError, prove_gate
from coldgate.errors import ConflictError
from coldgate.model import LineState, Purpose, Verdict

RECEIPT = Purpose.RECEIPT_RELEASE


def judged(**fields: Any) -> rules.Facts:
    assert CLEAN.judgement is not None
    return replace(CLEAN, judgement=replace(CLEAN.judgement, **fields))


def blocking(facts: rules.Facts, purpose: Purpose = RECEIPT) -> list[str]:
    return [result.code for result in decide(purpose, facts).blocking]


@pytest.mark.parametrize("purpose", Purpose)
def test_clean_goods_pass(purpose: Purpose) -> None:
    decision = decide(purpose, CLEAN)

    assert (decision.permitted, decision.verdict) == (True, Verdict.PASS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_each_check_has_cases_and_blocks_them(check: Check) -> None:
    for case in CASES[check.code]:
        for purpose in check.purposes:
            assert check.code in blocking(case, purpose)


@pytest.mark.parametrize("verdict", ["", "pass", "PASSED", "OK", "MAYBE"])
def test_verdict_that_nobody_knows_holds(verdict: str) -> None:
    decision = decide(RECEIPT, judged(verdict=verdict))

    assert decision.verdict is Verdict.HOLD
    assert "CONDITION_HOLD" in blocking(judged(verdict=verdict))


def test_missing_row_holds_every_check_that_needs_it() -> None:
    facts = replace(CLEAN, judgement=None)

    assert blocking(facts) == ["JUDGEMENT_PENDING", "CONDITION_HOLD", "CONDITION_FAIL"]


def test_consignment_without_lines_is_never_permitted() -> None:
    facts = replace(CLEAN, lines=())

    assert not decide(Purpose.DISPATCH, facts).permitted
    assert blocking(facts) == ["LOT_UNKNOWN", "LOT_EXPIRED", "LOGGER_MISSING"]


def test_exception_inside_a_check_holds_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(_: rules.Facts) -> rules.Finding:
        raise ZeroDivisionError("by a bug")

    broken = Check(code="BROKEN", purposes=rules.BOTH, examine=explode)
    monkeypatch.setattr(rules, "CHECKS", (*CHECKS, broken))

    decision = decide(RECEIPT, CLEAN)

    assert not decision.permitted
    assert [result.finding.reason for result in decision.blocking] == [
        "the check could not be made: by a bug"
    ]


@given(st.lists(st.sampled_from(Verdict)))
def test_only_a_whole_row_of_passes_permits(verdicts: list[Verdict]) -> None:
    results = tuple(
        Result(code=str(i), finding=rules.Finding(verdict=verdict, reason="", facts={}))
        for i, verdict in enumerate(verdicts)
    )

    decision = Decision(purpose=RECEIPT, results=results)

    assert decision.permitted == (len(verdicts) > 0 and set(verdicts) == {Verdict.PASS})
    assert decision.permitted == (decision.verdict is Verdict.PASS)


def test_last_day_of_use_is_still_in_date() -> None:
    line = replace(CLEAN.lines[0], expires_on=CLEAN.circumstances.today)

    assert blocking(replace(CLEAN, lines=(line,))) == []


def test_first_blocking_check_is_the_most_basic_one() -> None:
    unknown = replace(CLEAN.lines[0], registered=False, expires_on=None)

    codes = blocking(replace(CLEAN, lines=(unknown,), profile=None, judgement=None))

    assert codes[0] == "LOT_UNKNOWN"


def test_dispatch_asks_no_judge() -> None:
    assert blocking(judged(verdict="HOLD"), Purpose.DISPATCH) == []


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("state", LineState)
def test_step_is_refused_from_every_state_that_is_not_listed(
    purpose: Purpose, state: LineState
) -> None:
    line = replace(CLEAN.lines[0], state=state.value)

    if state in MOVABLE[purpose]:
        require_movable(purpose, (line,))
    else:
        with pytest.raises(ConflictError, match=f"line 1 is {state.value}"):
            require_movable(purpose, (line,))


def test_self_test_passes_as_shipped() -> None:
    prove_gate()


def test_self_test_fails_for_a_check_without_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "CASES", {**CASES, "LOT_EXPIRED": ()})

    with pytest.raises(SelfTestError, match="no case for LOT_EXPIRED"):
        prove_gate()


@pytest.mark.parametrize("code", CASES)
def test_self_test_fails_for_a_check_that_lets_goods_pass(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "CASES", {**CASES, code: (CLEAN,)})

    with pytest.raises(SelfTestError, match=f"{code} lets goods pass"):
        prove_gate()
