"""Flows of a party: its newest version counts, and what is open keeps its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from approval_world import code, house, sign, signed

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database

STEP = {"order": 1, "roles": ["qa"], "meanings": ["approved release"]}
SECOND = {"order": 2, "roles": ["qa_approver"], "meanings": ["responsibility"]}
THEIRS = STEP | {"party": "manufacturer"}


def test_version_is_the_next_one_and_never_changes(world: World) -> None:
    home = house(world)
    flow = {"id": "hold_lift", "version": 2, "description": "-", "steps": [STEP]}

    assert code(world.of(home.party).post("/flows", json={"flow": flow})) == "FLOW_VERSION"
    assert home.flow("hold_lift", STEP).status_code == 201
    first = flow | {"version": 1, "steps": [STEP, SECOND]}
    assert code(world.of(home.party).post("/flows", json={"flow": first})) == "FLOW_VERSION"


def test_contradiction_is_refused_with_the_path_of_the_key(world: World) -> None:
    answer = house(world).flow("hold_lift", STEP | {"escalate_to": "qa_approver"})

    assert code(answer) == "FLOW_REFUSED"
    (place,) = answer.json()["errors"]
    assert place["location"] == ["body", "flow", "steps[0].escalate_to"]


def test_nobody_makes_a_release_after_fail_easier(world: World) -> None:
    assert code(house(world).flow("disposition_fail", STEP)) == "FLOW_REFUSED"


def test_flows_of_others_are_not_shown(world: World) -> None:
    assert house(world).flow("hold_lift", STEP).status_code == 201

    seen = {one["party"] for one in world.get("/flows", party="stranger")["items"]}
    assert seen == {None}


def test_open_request_keeps_the_flow_it_was_opened_with(world: World) -> None:
    home = house(world)
    qa, approver = world.user(home.party, "qa"), world.user(home.party, "qa_approver")
    before = home.waiting()
    assert home.flow("disposition_hold", STEP, SECOND).status_code == 201
    after = home.waiting()
    assert home.flow("disposition_hold", STEP).status_code == 201

    assert before["flow"]["party"] is None
    assert signed(qa, before)["state"] == "granted"
    assert after["flow"] == {"id": "disposition_hold", "version": 1, "party": home.party}
    assert signed(qa, after)["state"] == "open"
    assert signed(approver, after, meaning="responsibility")["state"] == "granted"


def test_manufacturer_signs_the_step_that_is_its_own(world: World) -> None:
    home = house(world)
    assert home.flow("disposition_hold", THEIRS).status_code == 201

    approval = home.waiting()
    assert [step["party"] for step in approval["waits_for"]] == [home.party]
    assert code(sign(world.user("hospital", "qa"), approval)) == "SIGNER_NOT_ENTITLED"
    assert signed(world.user(home.party, "qa"), approval)["state"] == "granted"
