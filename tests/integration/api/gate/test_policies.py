"""Who lets goods go: the gate by itself, whoever asks, or only a signature."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from api_world import BEGIN
from gate_cases import (
    RECEIPT,
    arrive,
    blocked_lot,
    coded,
    goods,
    of,
    ready,
    rejudge,
    unsigned_release,
)

from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database


def states_become(world: World, consignment: str, state: str) -> bool:
    return wait_until(lambda: world.states(consignment) == [state], seconds=10)


def arrived(world: World, verdict: str = "PASS", **fields: Any) -> str:
    """A consignment of a lot of its own that came, judged in that way, with every reaction done."""
    product, _ = goods(world)
    return of(world, RECEIPT, product, verdict=verdict, **fields)


def test_automatic_release_lets_clean_goods_go_without_anybody_asking(world: World) -> None:
    consignment = arrived(world, release_policy="automatic")

    assert states_become(world, consignment, "released")
    made = world.get(f"/consignments/{consignment}/decisions")["items"]
    assert [(one["actor"], one["permitted"]) for one in made] == [("coldgate", True)]


def test_automatic_release_leaves_no_decision_and_no_deviation_where_something_blocks(
    world: World,
) -> None:
    consignment = blocked_lot(world, RECEIPT)
    with psycopg.connect(world.dsn) as connection:
        connection.execute("ALTER TABLE consignment DISABLE TRIGGER plan_is_frozen_at_dispatch")
        connection.execute(
            "UPDATE consignment SET release_policy = 'automatic' WHERE id = %s", (consignment,)
        )
        connection.execute("ALTER TABLE consignment ENABLE TRIGGER plan_is_frozen_at_dispatch")
    rejudge(world, consignment)
    world.wait_for_reactions()

    assert world.states(consignment) == ["quarantined"]
    assert world.get(f"/consignments/{consignment}/decisions")["items"] == []


@pytest.mark.parametrize(("verdict", "fields"), [("HOLD", {}), ("PASS", {"with_excursions": True})])
def test_better_judgement_releases_nothing_by_itself(
    world: World, verdict: str, fields: dict[str, Any]
) -> None:
    consignment = arrived(world, "HOLD", release_policy="automatic")
    rejudge(world, consignment, verdict, **fields)
    rejudge(world, consignment)
    world.wait_for_reactions()

    assert world.states(consignment) == ["quarantined"]
    assert world.gate(consignment, RECEIPT)["answer"] == "permit"


@pytest.mark.shows("SIGNATURE_MISSING")
def test_zone_that_failed_is_released_by_who_knows_what_cleared_it(world: World) -> None:
    lines = [{"product": "vaccine", "lot": "A1", "quantity": 1, "zone": z} for z in ("main", "top")]
    consignment = world.consign(lines=lines)
    world.place(consignment, world.add_logger(), zone="top")
    arrive(world, consignment, "FAIL", zones={"main": {"verdict": "FAIL"}, "top": {}})
    rejudge(world, consignment, zones={"main": {}, "top": {}})

    answer = world.gate(consignment, RECEIPT, partial=True)

    assert [line["permitted"] for line in answer["lines"]] == [False, True]
    (reason,) = answer["reasons"]
    assert (reason["code"], reason["facts"]["failed"]) == ("SIGNATURE_MISSING", [1])
    assert answer["approval"]["flow"] == "disposition_pass"


def test_failure_on_the_way_is_no_provisional_one(world: World) -> None:
    consignment = world.received(release_policy="automatic")
    world.judge(consignment, "FAIL", provisional=True)
    world.judge(consignment)
    world.wait_for_reactions()

    assert world.states(consignment) == ["quarantined"]


@pytest.mark.parametrize("policy", ["on_request", "signed"])
def test_other_policies_wait(world: World, policy: str) -> None:
    consignment = arrived(world, release_policy=policy)

    assert world.states(consignment) == ["quarantined"]


@pytest.mark.shows("SIGNATURE_MISSING")
def test_signed_policy_says_who_signs_and_where(world: World) -> None:
    answer = world.gate(unsigned_release(world, RECEIPT), RECEIPT)

    assert [reason["code"] for reason in answer["reasons"]] == ["SIGNATURE_MISSING"]
    assert answer["approval"] == {
        "flow": "disposition_pass",
        "roles": ["qa"],
        "party": "maker",
        "href": f"/v1/consignments/{answer['consignment']}/dispositions",
        "settles": ["SIGNATURE_MISSING"],
    }


@pytest.mark.shows("CONDITION_FAIL", "LOT_BLOCKED")
def test_failed_goods_want_two_signatures_and_a_held_lot_its_lift(world: World) -> None:
    failed = world.gate(coded("FAIL", "RULE_VIOLATED")(world, RECEIPT), RECEIPT)
    held = world.gate(blocked_lot(world, "dispatch"), "dispatch")

    assert (failed["approval"]["flow"], failed["approval"]["roles"]) == (
        "disposition_fail",
        ["qa", "qa_approver"],
    )
    assert held["approval"]["flow"] == "hold_lift"
    assert held["approval"]["href"].startswith("/v1/restrictions/")


@pytest.mark.parametrize("verdict", ["PASS", "HOLD", "FAIL"])
def test_who_settles_it_is_asked_by_what_the_zone_got(world: World, verdict: str) -> None:
    told = {"main": {"verdict": verdict, "with_excursions": True}}
    consignment = arrived(world, "FAIL", zones=told)

    approval = world.gate(consignment, RECEIPT)["approval"]

    assert approval["flow"] == f"disposition_{verdict.lower()}"


def test_what_only_better_facts_mend_names_no_approval(world: World) -> None:
    answer = world.gate(ready(world, "dispatch", lots=("OLD",)), "dispatch")

    assert answer["approval"] is None


def test_plan_is_changed_until_the_goods_leave(world: World) -> None:
    consignment = world.consign()
    plan = {"planned_arrival_at": (BEGIN + timedelta(days=3)).isoformat()}
    client, path = world.of("maker"), f"/consignments/{consignment}/plan"

    before = client.put(path, json=plan | {"release_policy": "signed"})
    world.gate(consignment, "dispatch")
    after = client.put(path, json={"release_policy": "automatic"})

    assert before.json()["release_policy"] == "signed"
    assert (after.status_code, after.json()["code"]) == (409, "PLAN_FROZEN")
    assert world.get(f"/consignments/{consignment}")["release_policy"] == "signed"


def test_carrier_does_not_change_the_plan(world: World) -> None:
    path = f"/consignments/{world.consign()}/plan"

    answer = world.of("truck").put(path, json={"release_policy": "automatic"})

    assert answer.status_code == 404


def test_decision_is_read_again_as_it_was_made(world: World) -> None:
    answer = world.gate(arrived(world, "HOLD", reason_codes=["LOG_INCOMPLETE"]), RECEIPT)

    again = world.get(f"/gate/decisions/{answer['id']}")

    assert again == {name: answer[name] for name in again}
    assert len(again["request_digest"]) == 64
    assert again["evaluation_id"] is not None


def test_stranger_sees_no_decision(world: World) -> None:
    answer = world.gate(world.consign(), "dispatch")

    assert world.of("stranger").get(f"/gate/decisions/{answer['id']}").status_code == 404
    assert world.of("hospital").get(f"/gate/decisions/{answer['id']}").status_code == 200


def test_same_request_under_one_key_gets_the_same_permit(world: World) -> None:
    body = {"consignment": arrived(world), "purpose": RECEIPT}
    headers = {"Idempotency-Key": world.name("key")}

    first, second = (
        world.of("operator").post("/gate/decisions", json=body, headers=headers) for _ in range(2)
    )

    assert first.json()["permit"] is not None
    assert second.content == first.content
