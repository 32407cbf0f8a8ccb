"""The worked example of docs/how-it-decides.md, judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from judging import BUILTIN, START, make_case, make_channel

from analytics.case import Certificate
from analytics.judge import judge
from coldgate.model import Verdict

if TYPE_CHECKING:
    from analytics.evaluation import Evaluation

TWO_DAYS = {minute: 5.1 if minute % 60 == 20 else 5.0 for minute in range(0, 2 * 1440 + 1, 10)}
WARM = dict.fromkeys(range(600, 640, 10), 9.0)
CASE_A = TWO_DAYS | WARM
CASE_B = {minute: value for minute, value in CASE_A.items() if not 640 <= minute <= 660}
CASE_C = TWO_DAYS | {600: 16.0}


def judged(readings: dict[int, float]) -> Evaluation:
    """The evaluation under the profile as shipped, by a logger with a certificate."""
    certificate = Certificate(
        number="C-1", valid_from_ms=START, valid_to_ms=START + 10**10, expanded_milli=200
    )
    channel = make_channel(readings.items(), certificates=(certificate,))
    return judge(BUILTIN["USP_CCT_2_8"], make_case(channel))


def test_case_a_passes_with_excursions() -> None:
    evaluation = judged(CASE_A)

    excursion = evaluation.excursions[0]
    minutes = [ms / 60_000 for ms in (excursion.lin_ms, excursion.hold_ms, excursion.upper_ms)]
    kinetic = evaluation.channels[0].kinetic
    assert (evaluation.verdict, evaluation.with_excursions) == (Verdict.PASS, True)
    assert "09:57:30Z to 2026-01-01 10:32:30Z" in evaluation.reasons[0].text
    assert minutes == [35, 40, 50]
    assert kinetic is not None
    assert kinetic.mkt == pytest.approx(5.30, abs=0.005)


def test_case_b_is_held_by_its_gap() -> None:
    evaluation = judged(CASE_B)

    text = " ".join(reason.text for reason in evaluation.reasons)
    assert evaluation.verdict is Verdict.HOLD
    assert evaluation.channels[0].statistics.coverage_permille == 986
    assert evaluation.excursions[0].lin_ms == 32.5 * 60_000
    assert "not proven never to have been above 15.0 °C" in text
    assert "not proven never to have been below 2.0 °C" in text


def test_case_c_fails_by_the_hard_limit() -> None:
    evaluation = judged(CASE_C)

    assert evaluation.verdict is Verdict.FAIL
    assert "above 15.0 °C for 1 min 49 s" in evaluation.reasons[0].text
