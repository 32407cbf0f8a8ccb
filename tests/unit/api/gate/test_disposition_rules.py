"""What may be proposed about goods, and who has to sign it."""

from __future__ import annotations

from typing import Any, Final

import pytest

from api.gate.disposition_rules import (
    choose,
    flow_for,
    needs_statement,
    require_allowed,
    require_statement,
)
from api.gate.disposition_schemas import Choice
from coldgate.errors import ConflictError, NotFoundError
from coldgate.model import LineState, Verdict
from coldgate.storage.consignments import LineRow
from coldgate.storage.dispositions import StatementRow

BOTH: Final = ("A1", "A2")


def line(position: int = 1, state: str = "quarantined", lot: str = "A1") -> LineRow:
    return LineRow(
        position=position,
        product_id="vaccine",
        lot_number=lot,
        quantity=1,
        zone="main",
        sscc=None,
        serials=None,
        state=state,
    )


def statement(**fields: Any) -> StatementRow:
    plain: dict[str, Any] = {
        "id": 7,
        "party_id": "maker",
        "kind": "manufacturer_statement",
        "articles": ["vaccine"],
        "lot_number": None,
        "consignment_id": None,
        "title": "-",
        "sha256": b"-",
        "void": False,
    }
    return StatementRow(**plain | fields)


@pytest.mark.parametrize("verdict", Verdict)
def test_release_takes_the_flow_of_the_verdict_and_refusal_always_one(verdict: Verdict) -> None:
    assert flow_for(Choice.RELEASE, verdict) == f"disposition_{verdict.value.lower()}"
    assert flow_for(Choice.REJECT, verdict) == "disposition_refuse"
    assert flow_for(Choice.RETURN, verdict) == "disposition_refuse"


def test_only_a_release_after_fail_needs_the_manufacturers_word() -> None:
    needing = [
        (choice, verdict)
        for choice in Choice
        for verdict in Verdict
        if needs_statement(choice, verdict)
    ]
    assert needing == [(Choice.RELEASE, Verdict.FAIL)]


@pytest.mark.parametrize("state", LineState)
def test_only_lines_in_quarantine_or_revoked_are_decided_about(state: LineState) -> None:
    there = [line(state=state.value)]

    if state in {LineState.QUARANTINED, LineState.REVOKED}:
        assert choose(there, [1]) == there
    else:
        with pytest.raises(ConflictError):
            choose(there, [1])


def test_lines_that_are_not_named_are_those_that_can_be() -> None:
    lines = [line(1), line(2, state="released"), line(3, state="revoked")]

    assert [one.position for one in choose(lines, None)] == [1, 3]
    with pytest.raises(NotFoundError):
        choose(lines, [4])


def test_chinese_profile_forbids_to_release_what_failed_and_nothing_else() -> None:
    chinese = "CN_GSP_REFRIG_2_10"

    require_allowed(Choice.RELEASE, Verdict.HOLD, chinese)
    require_allowed(Choice.REJECT, Verdict.FAIL, chinese)
    require_allowed(Choice.RELEASE, Verdict.FAIL, "USP_CCT_2_8")
    with pytest.raises(ConflictError) as refused:
        require_allowed(Choice.RELEASE, Verdict.FAIL, chinese)
    assert refused.value.code == "RELEASE_FORBIDDEN"


@pytest.mark.parametrize(
    ("fields", "lots", "fits"),
    [
        ({}, BOTH, True),
        ({"lot_number": "A1"}, ("A1",), True),
        ({"lot_number": "A1"}, BOTH, False),
        ({"articles": ["serum"]}, ("A1",), False),
        ({"articles": [], "consignment_id": "con-1"}, BOTH, True),
        ({"articles": [], "consignment_id": "con-2"}, BOTH, False),
        ({"articles": []}, BOTH, False),
        ({"void": True}, BOTH, False),
        ({"party_id": "truck"}, BOTH, False),
        ({"kind": "test_report"}, BOTH, False),
    ],
)
def test_statement_speaks_of_all_of_the_goods(
    fields: dict[str, Any], lots: tuple[str, ...], *, fits: bool
) -> None:
    lines = [line(position, lot=lot) for position, lot in enumerate(lots, 1)]

    def check() -> None:
        require_statement(statement(**fields), makers={"maker"}, consignment="con-1", lines=lines)

    if fits:
        check()
    else:
        with pytest.raises(ConflictError) as refused:
            check()
        assert refused.value.code == "STATEMENT_UNFIT"
