"""A release falls with an evaluation that is worse for its line, and with no other."""

from __future__ import annotations

from typing import Any

import pytest

from api.quality.grades import Grade, Judged, Place, grade, worse
from coldgate.model import Verdict

MAIN = Place(zone="main", product="vial", lot="A1")


def judged(verdict: str = "HOLD", *reasons: dict[str, Any], **fields: Any) -> Judged:
    values: dict[str, Any] = {
        "verdict": verdict,
        "with_excursions": False,
        "reason_codes": tuple(sorted({one["code"] for one in reasons})),
        "zones": None,
        "reasons": reasons,
    }
    return Judged(**(values | fields))


def reason(code: str = "RULE_UNDECIDED", **fields: Any) -> dict[str, Any]:
    values = {"code": code, "rule": "HI", "channel": "LOG/0/temperature", "text": "-"}
    return values | {"optimistic_ms": 0, "pessimistic_ms": 600_000} | fields


def is_worse(now: Judged, then: Judged, place: Place = MAIN) -> bool:
    return worse(grade(now, place), grade(then, place))


@pytest.mark.parametrize(("now", "then"), [("HOLD", "PASS"), ("FAIL", "HOLD"), ("FAIL", "PASS")])
def test_worse_verdict_is_worse_and_a_better_one_never(now: str, then: str) -> None:
    assert is_worse(judged(now), judged(then))
    assert not is_worse(judged(then, reason()), judged(now))


def test_same_evaluation_is_not_worse_than_itself() -> None:
    same = judged("HOLD", reason(), reason("MKT_EXCEEDED", text="8.2"))

    assert not is_worse(same, same)


@pytest.mark.parametrize(
    "change",
    [
        {"pessimistic_ms": 600_001},
        {"optimistic_ms": 1},
        {"channel": "OTHER/0/temperature"},
        {"rule": "LO"},
        {"code": "RULE_VIOLATED"},
    ],
)
def test_reason_that_nobody_signed_for_is_worse(change: dict[str, Any]) -> None:
    assert is_worse(judged("HOLD", reason(**change)), judged("HOLD", reason()))


def test_shorter_exposure_is_not_worse() -> None:
    assert not is_worse(judged("HOLD", reason(pessimistic_ms=1)), judged("HOLD", reason()))


def test_another_figure_is_worse_where_no_time_says_how_much() -> None:
    then = judged("HOLD", reason("MKT_EXCEEDED", text="8.2 °C"))

    assert is_worse(judged("HOLD", reason("MKT_EXCEEDED", text="9.4 °C")), then)


def test_excursions_that_want_a_signature_are_worse_than_none() -> None:
    now = judged("PASS", with_excursions=True)

    assert is_worse(now, judged("PASS"))
    assert not is_worse(judged("PASS"), now)


def test_line_of_a_sound_zone_does_not_fall_with_another_zone() -> None:
    zones = {
        "main": {"verdict": "PASS", "reason_codes": [], "with_excursions": False, "lots": {}},
        "cold": {"verdict": "FAIL", "reason_codes": ["RULE_VIOLATED"], "with_excursions": False},
    }
    now, then = judged("FAIL", reason("RULE_VIOLATED"), zones=zones), judged("PASS")

    assert not is_worse(now, then)
    assert is_worse(now, then, Place(zone="cold", product="vial", lot="A1"))
    assert is_worse(now, then, Place(zone="unheard", product="vial", lot="A1"))


@pytest.mark.parametrize(("lot", "falls"), [("A1", True), ("A2", False), ("A", False)])
def test_budget_of_a_lot_concerns_its_own_lines(lot: str, falls: bool) -> None:  # noqa: FBT001 - a parameter of the table above
    spent = {"verdict": "FAIL", "reason_codes": ["BUDGET_EXCEEDED"]}
    main = {"verdict": "PASS", "reason_codes": [], "with_excursions": False}
    zones = {"main": main | {"lots": {"vial A1 7": spent}}}

    place = Place(zone="main", product="vial", lot=lot)
    assert is_worse(judged("FAIL", zones=zones), judged("PASS"), place) == falls


def test_clean_is_what_the_gate_lets_go_unsigned() -> None:
    def of(verdict: Verdict, *, excursions: bool) -> Grade:
        return Grade(verdict=verdict, with_excursions=excursions, codes=frozenset(), exposures={})

    assert of(Verdict.PASS, excursions=False).is_clean
    assert not of(Verdict.PASS, excursions=True).is_clean
    assert not of(Verdict.HOLD, excursions=False).is_clean
