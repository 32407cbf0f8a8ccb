"""The worked example of docs/how-it-decides.md, judged."""

from __future__ import annotations

import pytest
from judging import judged

from coldgate.model import Verdict

TWO_DAYS = dict.fromkeys(range(0, 2 * 1440 + 1, 10), 5.0)
WARM = dict.fromkeys(range(600, 640, 10), 9.0)
CASE_A = TWO_DAYS | WARM
CASE_B = {minute: value for minute, value in CASE_A.items() if not 640 <= minute <= 660}
CASE_C = TWO_DAYS | {600: 16.0}


def test_case_a_passes_with_excursions() -> None:
    evaluation = judged(CASE_A.items())

    excursion = evaluation.excursions[0]
    minutes = [ms / 60_000 for ms in (excursion.lin_ms, excursion.hold_ms, excursion.upper_ms)]
    kinetic = evaluation.channels[0].kinetic
    assert (evaluation.verdict, evaluation.with_excursions) == (Verdict.PASS, True)
    assert "09:57:30Z to 2026-01-01 10:32:30Z" in evaluation.reasons[0].text
    assert minutes == [35, 40, 50]
    assert kinetic is not None
    assert kinetic.mkt == pytest.approx(5.28, abs=0.005)


def test_case_b_is_held_by_its_gap() -> None:
    evaluation = judged(CASE_B.items())

    text = " ".join(reason.text for reason in evaluation.reasons)
    assert evaluation.verdict is Verdict.HOLD
    assert evaluation.channels[0].statistics.coverage_permille == 986
    assert evaluation.excursions[0].lin_ms == 32.5 * 60_000
    assert "not proven never to have been above 15.0 °C" in text
    assert "not proven never to have been below 2.0 °C" in text


def test_case_c_fails_by_the_hard_limit() -> None:
    evaluation = judged(CASE_C.items())

    assert evaluation.verdict is Verdict.FAIL
    assert "above 15.0 °C for 1 min 49 s" in evaluation.reasons[0].text
