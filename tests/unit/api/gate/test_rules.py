"""The gate's rules on facts alone: only proof opens it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.gate import rules, selftest
from api.gate.facts import Disposition, PartWord, ZoneWord
from api.gate.rules import CHECKS, MOVABLE, Decision, Result, decide, decide_each, require_movable
from api.gate.rules_condition import word
from api.gate.rules_finding import BOTH, Check, Finding
from api.gate.selftest import CASES, CLEAN, COVERED, SelfTestError, prove_gate
from api.gate.selftest_cases import JUDGEMENT, LINE, TODAY, clean, judged, judged_in_lot
from coldgate.errors import ConflictError
from coldgate.model import LineState, Purpose, Verdict
from coldgate.udi.standing import MOST_EXPLAINED, Mismatch, ScanStanding

if TYPE_CHECKING:
    from datetime import date

    from api.gate.facts import Facts

DISPATCH, RECEIPT = Purpose.DISPATCH, Purpose.RECEIPT_RELEASE
CODES = re.findall(
    r"\w+",
    "LOT_UNKNOWN LOT_BLOCKED RECALL_OPEN LOT_EXPIRED SHELF_LIFE_SHORT DOCUMENT_MISSING"
    " DOCUMENT_EXPIRED DOCUMENT_UNVERIFIED CARRIER_NOT_QUALIFIED PROFILE_MISSING LOGGER_MISSING"
    " LOGGER_NOT_ADMITTED LOGGER_UNCALIBRATED UDI_MISMATCH JUDGEMENT_PENDING LOG_INCOMPLETE"
    " CLOCK_FAULT DATA_CONFLICT EVIDENCE_BROKEN CONDITION_HOLD CONDITION_FAIL BUDGET_EXHAUSTED"
    " SIGNATURE_MISSING",
)
COVERABLE = {
    "LOGGER_UNCALIBRATED",
    "LOG_INCOMPLETE",
    "CLOCK_FAULT",
    "DATA_CONFLICT",
    "CONDITION_HOLD",
    "CONDITION_FAIL",
    "BUDGET_EXHAUSTED",
    "SIGNATURE_MISSING",
}


def blocking(facts: Facts) -> list[str]:
    return [result.code for result in decide(facts.purpose, facts).blocking]


def signed(facts: Facts, *positions: int, evaluation: int = JUDGEMENT.id) -> Facts:
    """With a granted release of these lines."""
    granted = Disposition(id=9, positions=positions, evaluation_id=evaluation, approval_id=9)
    return replace(facts, dispositions=(granted,))


def test_all_codes_are_checked_in_their_order() -> None:
    assert [check.code for check in CHECKS] == CODES
    assert {check.code for check in CHECKS if check.coverable} == COVERABLE


@pytest.mark.parametrize("purpose", Purpose)
def test_clean_goods_pass(purpose: Purpose) -> None:
    decision = decide(purpose, clean(purpose))

    assert (decision.permitted, decision.verdict) == (True, Verdict.PASS)


@pytest.mark.shows("EVERY_CHECK")
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_each_check_has_cases_and_blocks_them(check: Check) -> None:
    assert {case.purpose for case in CASES[check.code]} == set(check.purposes)
    for case in CASES[check.code]:
        assert check.code in blocking(case)


@pytest.mark.shows("CONDITION_HOLD")
@pytest.mark.parametrize("verdict", ["", "pass", "PASSED", "OK", "MAYBE"])
def test_verdict_that_nobody_knows_holds_whoever_signed(verdict: str) -> None:
    facts = signed(judged(verdict), 1)

    assert decide(RECEIPT, facts).verdict is Verdict.HOLD
    assert "CONDITION_HOLD" in blocking(facts)


def test_missing_evaluation_holds_every_check_that_needs_it() -> None:
    assert blocking(replace(CLEAN, judgement=None)) == [
        "JUDGEMENT_PENDING",
        "LOG_INCOMPLETE",
        "CLOCK_FAULT",
        "DATA_CONFLICT",
        "EVIDENCE_BROKEN",
        "CONDITION_HOLD",
        "CONDITION_FAIL",
        "BUDGET_EXHAUSTED",
    ]


@pytest.mark.parametrize("purpose", Purpose)
def test_consignment_without_lines_is_never_permitted(purpose: Purpose) -> None:
    facts = replace(clean(purpose), lines=())

    assert not decide(purpose, facts).permitted
    assert {"LOT_UNKNOWN", "LOT_EXPIRED", "LOGGER_MISSING"} <= set(blocking(facts))


def test_exception_inside_a_check_holds_and_no_signature_covers_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def explode(_: Facts) -> Finding:
        raise ZeroDivisionError("by a bug")

    broken = Check(code="BROKEN", purposes=BOTH, examine=explode, coverable=True)
    monkeypatch.setattr(rules, "CHECKS", (*CHECKS, broken))

    decision = decide(RECEIPT, signed(CLEAN, 1))

    assert [result.finding.reason for result in decision.blocking] == [
        "the check could not be made: by a bug"
    ]


@given(st.lists(st.sampled_from(Verdict)))
def test_only_a_whole_row_of_passes_permits(verdicts: list[Verdict]) -> None:
    results = tuple(
        Result(code=str(i), finding=Finding(verdict=verdict, reason="", facts={}))
        for i, verdict in enumerate(verdicts)
    )

    decision = Decision(purpose=RECEIPT, results=results)

    assert decision.permitted == (len(verdicts) > 0 and set(verdicts) == {Verdict.PASS})
    assert decision.permitted == (decision.verdict is Verdict.PASS)


def with_line(**fields: Any) -> Facts:
    return replace(CLEAN, lines=(replace(LINE, **fields),))


@pytest.mark.shows("LOT_EXPIRED")
def test_last_day_of_use_is_still_in_date() -> None:
    assert blocking(with_line(expires_on=TODAY, min_days=None)) == []


@pytest.mark.shows("SHELF_LIFE_SHORT")
def test_days_that_were_agreed_are_counted_from_the_arrival() -> None:
    left = with_line(expires_on=TODAY + timedelta(days=10), min_days=10)
    late = replace(left, received_at=CLEAN.now + timedelta(days=1))

    assert (blocking(left), blocking(late)) == ([], ["SHELF_LIFE_SHORT"])


@given(
    registered=st.booleans(),
    expires_on=st.none() | st.integers(-2, 40).map(lambda days: TODAY + timedelta(days=days)),
    min_days=st.none() | st.integers(0, 40),
)
def test_life_of_a_lot_is_found_wanting_once(
    *, registered: bool, expires_on: date | None, min_days: int | None
) -> None:
    facts = with_line(registered=registered, expires_on=expires_on, min_days=min_days)
    last_day = TODAY + timedelta(days=min_days or 0)
    fit = registered and expires_on is not None and expires_on >= last_day

    found = {"LOT_UNKNOWN", "LOT_EXPIRED", "SHELF_LIFE_SHORT"} & set(blocking(facts))

    assert fit == (not found)
    assert len(found) <= (1 if registered else 2)  # who is unknown may be named with a date


@pytest.mark.shows("CONDITION_HOLD", "CONDITION_FAIL")
@pytest.mark.parametrize("with_excursions", [False, True])
@pytest.mark.parametrize("verdict", Verdict)
def test_condition_of_a_zone_is_found_wanting_once(
    verdict: Verdict, *, with_excursions: bool
) -> None:
    found = blocking(judged(verdict.value, with_excursions=with_excursions))

    match verdict:
        case Verdict.FAIL:
            assert found == ["CONDITION_FAIL"]
        case Verdict.HOLD:
            assert found == ["CONDITION_HOLD"]
        case Verdict.PASS:
            assert found == (["CONDITION_HOLD"] if with_excursions else [])


def test_first_blocking_check_is_the_most_basic_one() -> None:
    unknown = with_line(registered=False, expires_on=None)

    assert blocking(replace(unknown, profile_id=None, judgement=None))[0] == "LOT_UNKNOWN"


@pytest.mark.shows("CONDITION_FAIL")
def test_dispatch_waits_for_no_judge_and_lets_nothing_go_that_failed() -> None:
    for facts in (judged("HOLD", "RULE_UNDECIDED"), replace(CLEAN, judgement=None)):
        assert blocking(replace(facts, purpose=DISPATCH)) == []
    failed = replace(judged("FAIL", "RULE_VIOLATED"), purpose=DISPATCH)
    assert blocking(failed) == blocking(signed(failed, 1)) == ["CONDITION_FAIL"]


def test_fault_of_a_lot_that_was_not_asked_about_blocks_nobody() -> None:
    restricted = CASES["LOT_BLOCKED"][-1]
    other = replace(LINE, position=2, lot_number="B2")
    unbound = replace(restricted, lines=(other,), demands=())

    assert "LOT_BLOCKED" in blocking(restricted)
    assert blocking(unbound) == []


@pytest.mark.shows("CONDITION_HOLD", "CONDITION_FAIL", "BUDGET_EXHAUSTED", "SIGNATURE_MISSING")
@pytest.mark.parametrize("facts", COVERED)
def test_signed_release_covers_what_it_may_and_is_cited(facts: Facts) -> None:
    decision = decide(RECEIPT, facts)

    assert decision.permitted
    cited = [one for one in decision.results if "dispositions" in one.finding.facts]
    assert {one.code for one in cited} <= COVERABLE
    assert all(one.finding.facts["dispositions"] == [7] for one in cited)
    assert cited


@pytest.mark.shows("SIGNATURE_MISSING")
@pytest.mark.parametrize(
    ("zone", "found"),
    [("main", ["SIGNATURE_MISSING"]), ("roof", ["SIGNATURE_MISSING"]), ("side", [])],
)
def test_failure_of_before_counts_where_it_was(zone: str, found: list[str]) -> None:
    said = {
        name: ZoneWord(verdict=verdict, reason_codes=(), with_excursions=False, lots={})
        for name, verdict in {"main": "FAIL", "side": "PASS"}.items()
    }
    before = replace(JUDGEMENT, id=2, version=2, verdict="FAIL", zones=said)
    facts = replace(with_line(zone=zone), failures=(before,))
    facts = replace(facts, loggers=tuple(replace(one, zone=zone) for one in facts.loggers))

    assert blocking(facts) == found


@pytest.mark.parametrize("code", [code for code in CODES if code not in COVERABLE])
def test_signature_covers_nothing_else(code: str) -> None:
    for case in CASES[code]:
        assert code in blocking(signed(case, 1))


def test_signed_release_counts_for_its_lines_and_its_evaluation_only() -> None:
    failed = judged("FAIL", "RULE_VIOLATED")
    two = replace(failed, lines=(LINE, replace(LINE, position=2)))

    assert blocking(signed(failed, 1, evaluation=2)) == ["CONDITION_FAIL"]
    assert blocking(signed(two, 1)) == ["CONDITION_FAIL"]
    assert [decide_each(RECEIPT, signed(two, 1))[n].permitted for n in (1, 2)] == [True, False]
    assert blocking(replace(signed(judged("HOLD", "LOG_INCOMPLETE"), 1), purpose=DISPATCH)) == []


def test_what_a_zone_does_not_tell_counts_for_the_whole_consignment() -> None:
    elsewhere = replace(LINE, zone="roof")
    judgement = replace(JUDGEMENT, verdict="FAIL", reason_codes=("RULE_VIOLATED",))

    assert word(judgement, LINE).verdict is Verdict.PASS
    assert word(judgement, elsewhere).verdict is Verdict.FAIL


@pytest.mark.shows("BUDGET_EXHAUSTED")
@pytest.mark.parametrize(
    ("serials", "key", "verdict"),
    [
        (None, "vaccine A1", "FAIL"),
        (None, "vaccine A1 S-1", "FAIL"),
        (("S-1",), "vaccine A1 S-1", "FAIL"),
        (("S-2",), "vaccine A1 S-1", "PASS"),
        (None, "vaccine A10", "PASS"),
        (None, "vaccine B2", "PASS"),
    ],
)
def test_spent_lot_counts_for_its_own_lines(
    serials: tuple[str, ...] | None, key: str, verdict: str
) -> None:
    part = PartWord(verdict="FAIL", reason_codes=("BUDGET_EXCEEDED",))
    zone = ZoneWord(verdict="PASS", reason_codes=(), with_excursions=False, lots={key: part})
    judgement = replace(JUDGEMENT, zones={"main": zone})

    told = word(judgement, replace(LINE, serials=serials))

    assert told.verdict is Verdict(verdict)


@st.composite
def mixed(draw: st.DrawFn) -> Facts:
    """Lines in several zones of which the judge said this and that, some of them signed for."""
    zones = {
        name: ZoneWord(
            verdict=draw(st.sampled_from(["PASS", "HOLD", "FAIL"])),
            reason_codes=tuple(draw(st.sets(st.sampled_from(["LOG_INCOMPLETE", "CLOCK_FAULT"])))),
            with_excursions=draw(st.booleans()),
            lots={},
        )
        for name in ("main", "side")
    }
    lines = tuple(
        replace(
            LINE,
            position=position,
            zone=draw(st.sampled_from(["main", "side", "roof"])),
            registered=draw(st.sampled_from([True, True, False])),
        )
        for position in range(1, draw(st.integers(2, 4)))
    )
    facts = replace(CLEAN, lines=lines, judgement=replace(JUDGEMENT, zones=zones))
    return signed(facts, *draw(st.sets(st.integers(1, 3))))


@given(mixed())
def test_all_lines_pass_together_exactly_when_each_passes_alone(facts: Facts) -> None:
    together, each = decide(RECEIPT, facts), decide_each(RECEIPT, facts)

    assert together.permitted == all(one.permitted for one in each.values())
    assert {one.code for one in together.blocking} == {
        result.code for one in each.values() for result in one.blocking
    }


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("state", LineState)
def test_step_is_refused_from_every_state_that_is_not_listed(
    purpose: Purpose, state: LineState
) -> None:
    line = replace(LINE, state=state.value)

    if state in MOVABLE[purpose]:
        require_movable(purpose, (line,))
    else:
        with pytest.raises(ConflictError, match=f"line 1 is {state.value}"):
            require_movable(purpose, (line,))


def test_judgement_in_a_lot_alone_blocks_that_lot() -> None:
    assert "BUDGET_EXHAUSTED" in blocking(judged_in_lot("FAIL", "BUDGET_EXCEEDED"))


def test_self_test_passes_as_shipped() -> None:
    prove_gate()


@pytest.mark.parametrize("purpose", Purpose)
def test_self_test_fails_for_a_check_without_a_case(
    purpose: Purpose, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tuple(case for case in CASES["LOT_EXPIRED"] if case.purpose is not purpose)
    monkeypatch.setattr(selftest, "CASES", {**CASES, "LOT_EXPIRED": left})

    with pytest.raises(SelfTestError, match="no case for LOT_EXPIRED"):
        prove_gate()


@pytest.mark.parametrize("code", CASES)
def test_self_test_fails_for_a_check_that_lets_goods_pass(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = tuple(clean(case.purpose) for case in CASES[code])
    monkeypatch.setattr(selftest, "CASES", {**CASES, code: passing})

    with pytest.raises(SelfTestError, match=f"{code} lets goods pass"):
        prove_gate()


def test_self_test_fails_where_a_signed_release_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selftest, "COVERED", (judged("FAIL", "RULE_VIOLATED"),))

    with pytest.raises(SelfTestError, match="a signed release does not count"):
        prove_gate()


def test_of_many_wrong_labels_the_first_are_told_and_the_others_counted() -> None:
    wrong = tuple(
        Mismatch(id=one, purpose=DISPATCH, unreadable="-", differences=())
        for one in range(MOST_EXPLAINED + 7)
    )
    facts = replace(CLEAN, purpose=DISPATCH, scans=ScanStanding(mismatches=wrong))

    (result,) = decide(DISPATCH, facts).blocking
    told: Any = result.finding.facts
    assert (len(told["scans"]), told["more"]) == (MOST_EXPLAINED, 7)
