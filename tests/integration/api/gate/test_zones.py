"""Goods in a sound zone need not wait for those in another, and never profit from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gate_cases import RECEIPT, ready, rejudge

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database

FAILED = {"verdict": "FAIL", "reason_codes": ["RULE_VIOLATED"]}
A1 = {"product": "vaccine", "number": "A1"}
A2 = {"product": "vaccine", "number": "A2"}


def mixed(world: World, **judgement: Any) -> str:
    """Lot A1 in a zone that failed, lot A2 in one that passed."""
    lines = [
        {"product": "vaccine", "lot": lot, "quantity": 1, "zone": zone}
        for lot, zone in (("A1", "left"), ("A2", "right"))
    ]
    zones = {"zones": {"left": FAILED, "right": {}}} | judgement
    consignment = world.consign(place=False, lines=lines)
    for zone in ("left", "right"):
        world.place(consignment, world.add_logger(), zone=zone)
    world.gate(consignment, "dispatch")
    world.event(consignment, "received")
    rejudge(world, consignment, "FAIL", reason_codes=["RULE_VIOLATED"], **zones)
    world.wait_for_reactions()
    return consignment


def verdicts(answer: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    return {line["lot"]: (line["verdict"], line["permitted"]) for line in answer["lines"]}


@pytest.mark.shows("CONDITION_FAIL")
def test_whole_request_over_mixed_zones_is_refused_and_names_what_would_pass(world: World) -> None:
    consignment = mixed(world)

    answer = world.gate(consignment, RECEIPT)

    assert (answer["answer"], answer["permit"]) == ("block", None)
    assert verdicts(answer) == {"A1": ("FAIL", False), "A2": ("PASS", False)}
    assert world.states(consignment) == ["quarantined", "quarantined"]


def test_lot_of_the_sound_zone_is_released_by_itself(world: World) -> None:
    consignment = mixed(world)

    bad, good = (world.gate(consignment, RECEIPT, lot=lot) for lot in (A1, A2))

    assert (bad["answer"], good["answer"]) == ("block", "permit")
    assert world.states(consignment) == ["quarantined", "released"]


@pytest.mark.shows("CONDITION_FAIL")
def test_partial_request_releases_the_sound_lines_only(world: World) -> None:
    consignment = mixed(world)

    answer = world.gate(consignment, RECEIPT, partial=True)

    assert (answer["answer"], answer["verdict"], answer["partial"]) == ("permit", "FAIL", True)
    assert verdicts(answer) == {"A1": ("FAIL", False), "A2": ("PASS", True)}
    assert [line["lot"] for line in answer["permit"]["lines"]] == ["A2"]
    assert world.states(consignment) == ["quarantined", "released"]
    assert answer["deviation"] is not None


def test_partial_request_for_lines_that_passed_says_so_and_records_nothing(world: World) -> None:
    consignment = mixed(world)
    token = world.gate(consignment, RECEIPT, partial=True)["permit"]["token"]
    world.post("/gate/permits/redeem", {"token": token})
    before = world.fetch("SELECT count(*) FROM gate_decision")

    body = {"consignment": consignment, "purpose": RECEIPT, "partial": True}
    again = world.of("operator").post("/gate/decisions", json=body)

    assert (again.status_code, again.json()["code"]) == (409, "PERMIT_USED")
    assert world.fetch("SELECT count(*) FROM gate_decision") == before


@pytest.mark.shows("BUDGET_EXHAUSTED")
def test_lot_whose_budget_is_spent_stays_in_a_sound_zone(world: World) -> None:
    spent = {"vaccine A2": {"verdict": "FAIL", "reason_codes": ["BUDGET_EXCEEDED"]}}
    consignment = mixed(world, zones={"left": {}, "right": {"lots": spent}})

    answer = world.gate(consignment, RECEIPT, partial=True)

    assert verdicts(answer) == {"A1": ("PASS", True), "A2": ("FAIL", False)}


def test_evaluation_that_tells_no_zones_apart_counts_for_all(world: World) -> None:
    consignment = mixed(world, zones={})

    answer = world.gate(consignment, RECEIPT, partial=True)

    assert verdicts(answer) == {"A1": ("FAIL", False), "A2": ("FAIL", False)}
    assert answer["answer"] == "block"


@pytest.mark.shows("CONDITION_HOLD")
def test_excursions_of_one_zone_want_no_signature_in_the_other(world: World) -> None:
    noted = {"left": {"with_excursions": True, "reason_codes": ["EXCURSION"]}, "right": {}}
    consignment = mixed(world)
    rejudge(world, consignment, "PASS", with_excursions=True, zones=noted)
    world.wait_for_reactions()

    answer = world.gate(consignment, RECEIPT, partial=True)

    assert verdicts(answer) == {"A1": ("HOLD", False), "A2": ("PASS", True)}


def test_partial_request_about_clean_goods_passes_them_all(world: World) -> None:
    consignment = ready(world, RECEIPT, lots=("A1", "A2"))

    answer = world.gate(consignment, RECEIPT, partial=True)

    assert (answer["answer"], answer["verdict"]) == ("permit", "PASS")
