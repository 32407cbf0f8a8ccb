"""Permits: signed, for whoever asked, for a while, once, and only while they are still true."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from api_world import open_world
from gate_cases import RECEIPT, goods, of, ready, rejudge, restrict

from coldgate.storage import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from api_world import World
    from conftest import DatabaseServer

pytestmark = pytest.mark.database


def redeem(world: World, token: str, party: str = "operator", **headers: str) -> httpx.Response:
    client = world.of(party)
    return client.post("/gate/permits/redeem", json={"token": token}, headers=headers)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def permitted(world: World, purpose: str = RECEIPT, **asked: Any) -> tuple[str, str]:
    """A consignment that passed, and the token that says so."""
    product, _ = goods(world)
    consignment = of(world, purpose, product)
    answer = world.gate(consignment, purpose, **asked)
    return consignment, answer["permit"]["token"]


def forged(token: str, **claims: Any) -> str:
    """The token with other claims under the same signature."""
    prefix, payload, signature = token.split(".")
    content = json.loads(base64.urlsafe_b64decode(payload + "=="))
    text = json.dumps(content | claims, separators=(",", ":"), sort_keys=True).encode()
    return ".".join((prefix, base64.urlsafe_b64encode(text).rstrip(b"=").decode(), signature))


@pytest.mark.parametrize("purpose", ["dispatch", RECEIPT])
def test_permit_is_used_once(world: World, purpose: str) -> None:
    consignment, token = permitted(world, purpose)

    first, second = redeem(world, token), redeem(world, token)

    assert (first.status_code, first.json()["consignment"]) == (200, consignment)
    assert refusal(second) == (409, "PERMIT_USED")


def test_permit_names_decision_lots_and_quantity(world: World) -> None:
    line = {"product": "vaccine", "lot": "A1", "quantity": 20}
    consignment = ready(world, RECEIPT, lines=[line])
    lot = {"product": "vaccine", "number": "A1"}
    answer = world.gate(consignment, RECEIPT, lot=lot, quantity=7)

    permit = answer["permit"]

    assert permit["lines"] == [line | {"position": 1, "quantity": 7}]
    assert permit["audience"] == "operator"
    claims = json.loads(base64.urlsafe_b64decode(permit["token"].split(".")[1] + "=="))
    assert (claims["decision"], claims["lines"]) == (answer["id"], permit["lines"])


def test_more_than_there_is_is_refused(world: World) -> None:
    consignment = ready(world, RECEIPT)
    lot = {"product": "vaccine", "number": "A1"}
    body = {"consignment": consignment, "purpose": RECEIPT, "lot": lot, "quantity": 2}

    answer = world.of("operator").post("/gate/decisions", json=body)

    assert refusal(answer) == (409, "QUANTITY_EXCEEDED")


def test_no_more_units_are_asked_for_than_have_not_passed(world: World) -> None:
    line = {"product": "vaccine", "lot": "A1", "quantity": 20}
    consignment = ready(world, RECEIPT, lines=[line])
    body = {"consignment": consignment, "purpose": RECEIPT, "quantity": 15}
    body["lot"] = {"product": "vaccine", "number": "A1"}
    first = world.post("/gate/decisions", body)
    redeem(world, first["permit"]["token"])

    again = world.of("operator").post("/gate/decisions", json=body)

    assert refusal(again) == (409, "QUANTITY_EXCEEDED")
    assert "5 of this lot" in again.json()["detail"]


def test_of_many_who_use_a_permit_at_once_one_succeeds(world: World) -> None:
    _, token = permitted(world)

    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(redeem, world, token) for _ in range(8)]
        statuses = sorted(answer.result().status_code for answer in asked)

    assert statuses == [200] + [409] * 7
    assert world.fetch("SELECT count(*) FROM permit_redemption") > [0]


def test_redemption_repeated_with_its_key_is_answered_again(world: World) -> None:
    _, token = permitted(world)
    key = {"Idempotency-Key": world.name("key")}

    first, second = (redeem(world, token, **key) for _ in range(2))

    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"


def test_permit_is_good_for_whoever_asked_only(world: World) -> None:
    consignment = ready(world, RECEIPT)
    body = {"consignment": consignment, "purpose": RECEIPT}
    token = world.post("/gate/decisions", body, party="hospital")["permit"]["token"]

    others = [redeem(world, token, party) for party in ("operator", "maker", "stranger")]

    assert [answer.status_code for answer in others] == [404] * 3
    assert redeem(world, token, "hospital").status_code == 200


@pytest.mark.parametrize(
    "claims", [{"quantity": 9}, {"permit": 1}, {"audience": "stranger"}, {"key": "0" * 16}]
)
def test_altered_token_is_forged(world: World, claims: dict[str, Any]) -> None:
    _, token = permitted(world)

    assert refusal(redeem(world, forged(token, **claims))) == (409, "PERMIT_FORGED")
    assert redeem(world, token).status_code == 200


@pytest.mark.parametrize("token", ["cgp1", "cgp1.e30.e30", "cgp2.a.b", "a.b.c.d", "cgp1.AB.", "-"])
def test_what_is_no_token_is_forged(world: World, token: str) -> None:
    assert refusal(redeem(world, token)) == (409, "PERMIT_FORGED")


def test_hold_that_comes_meanwhile_voids_the_permit(world: World) -> None:
    consignment, token = permitted(world)
    product = world.get(f"/consignments/{consignment}")["lines"][0]["product"]
    restrict(world, product, "hold")

    answer = redeem(world, token)

    assert refusal(answer) == (409, "PERMIT_VOID")
    assert "LOT_BLOCKED" in answer.json()["detail"]


def test_worse_evaluation_voids_the_permit(world: World) -> None:
    consignment, token = permitted(world)
    rejudge(world, consignment, "FAIL")
    world.wait_for_reactions()

    answer = redeem(world, token)

    assert refusal(answer) == (409, "PERMIT_VOID")
    assert "revoked" in answer.json()["detail"]


def test_permit_to_dispatch_is_void_once_the_goods_came(world: World) -> None:
    consignment, token = permitted(world, "dispatch")
    world.event(consignment, "received")

    assert refusal(redeem(world, token)) == (409, "PERMIT_VOID")


def test_redemption_enters_the_ledger(world: World) -> None:
    consignment, token = permitted(world)
    redeem(world, token)

    entered = world.fetch("SELECT kind FROM ledger_entry WHERE subject = %s", consignment)

    assert {"gate.decided", "permit.redeemed"} <= set(entered)


def test_released_goods_are_permitted_again_and_not_moved_again(world: World) -> None:
    consignment, token = permitted(world)
    moves = (
        "SELECT count(*) FROM line_transition JOIN consignment_line AS line ON line.id = line_id"
    )
    before = world.fetch(f"{moves} WHERE consignment_id = %s", consignment)

    answer = world.gate(consignment, RECEIPT)

    assert (answer["answer"], answer["lines"][0]["state"]) == ("permit", "released")
    assert answer["permit"]["token"] != token
    assert world.fetch(f"{moves} WHERE consignment_id = %s", consignment) == before
    assert world.announced(consignment).count("lot.released") == 1


def test_refusal_to_released_goods_moves_nothing_and_says_so(world: World) -> None:
    consignment, _ = permitted(world)
    restrict(world, world.get(f"/consignments/{consignment}")["lines"][0]["product"], "recall")

    answer = world.gate(consignment, RECEIPT)

    assert answer["answer"] == "block"
    assert [(line["state_before"], line["state"]) for line in answer["lines"]] == [
        ("released", "released")
    ]


def asked_again(world: World, consignment: str, purpose: str, **asked: Any) -> httpx.Response:
    body = {"consignment": consignment, "purpose": purpose} | asked
    return world.of("operator").post("/gate/decisions", json=body)


@pytest.mark.parametrize("purpose", ["dispatch", RECEIPT])
def test_lost_permit_is_given_anew_and_then_worthless(world: World, purpose: str) -> None:
    consignment, lost = permitted(world, purpose)
    before = world.states(consignment)

    found = asked_again(world, consignment, purpose).json()["permit"]["token"]

    assert world.states(consignment) == before
    assert refusal(redeem(world, lost)) == (409, "PERMIT_VOID")
    assert redeem(world, found).status_code == 200
    assert refusal(redeem(world, lost)) == (409, "PERMIT_VOID")


@pytest.mark.parametrize("purpose", ["dispatch", RECEIPT])
def test_goods_that_passed_by_a_permit_get_no_other_one(world: World, purpose: str) -> None:
    consignment, token = permitted(world, purpose)
    redeem(world, token)
    decisions = world.get(f"/consignments/{consignment}/decisions")

    refused = [refusal(asked_again(world, consignment, purpose)) for _ in range(2)]

    assert refused == [(409, "PERMIT_USED")] * 2
    assert world.get(f"/consignments/{consignment}/decisions") == decisions


def test_goods_that_are_on_their_way_get_no_other_permit(world: World) -> None:
    consignment, _ = permitted(world, "dispatch")
    world.event(consignment, "departed")

    answer = asked_again(world, consignment, "dispatch")

    assert refusal(answer) == (409, "ALREADY_DEPARTED")


def test_goods_that_nobody_told_have_left_are_not_asked_out_of_their_permit(world: World) -> None:
    consignment, token = permitted(world, "dispatch")

    answer = asked_again(world, consignment, RECEIPT)

    assert refusal(answer) == (409, "NOT_DEPARTED")
    assert world.states(consignment) == ["in_transit"]
    assert redeem(world, token).status_code == 200


def test_permit_that_is_given_anew_is_checked_anew(world: World) -> None:
    consignment, lost = permitted(world, "dispatch")
    restrict(world, world.get(f"/consignments/{consignment}")["lines"][0]["product"], "hold")

    answer = asked_again(world, consignment, "dispatch").json()

    assert [reason["code"] for reason in answer["reasons"]] == ["LOT_BLOCKED"]
    assert world.states(consignment) == ["in_transit"]
    assert refusal(redeem(world, lost)) == (409, "PERMIT_VOID")


def test_parts_of_a_line_are_let_pass_one_by_one_and_no_more_than_there_is(world: World) -> None:
    product, _ = goods(world)
    line = {"product": product, "lot": "A1", "quantity": 20}
    consignment = ready(world, RECEIPT, lines=[line])
    part = {"lot": {"product": product, "number": "A1"}, "quantity": 8}
    tokens = [world.gate(consignment, RECEIPT, **part)["permit"]["token"] for _ in range(2)]

    assert [redeem(world, token).status_code for token in tokens] == [200, 200]
    answer = asked_again(world, consignment, RECEIPT, **part)
    assert refusal(answer) == (409, "QUANTITY_EXCEEDED")
    rest = world.gate(consignment, RECEIPT)["permit"]
    assert [one["quantity"] for one in rest["lines"]] == [4]
    assert redeem(world, rest["token"]).status_code == 200


def test_units_that_no_open_permit_promises_are_named_first(world: World) -> None:
    product, _ = goods(world)
    lines = [{"product": product, "lot": "A1", "quantity": units} for units in (1, 2)]
    consignment = ready(world, "dispatch", lines=lines)
    part = {"lot": {"product": product, "number": "A1"}, "quantity": 1}
    permits = [world.gate(consignment, "dispatch", **part)["permit"] for _ in range(3)]

    assert [[one["position"] for one in permit["lines"]] for permit in permits] == [[1], [2], [2]]
    statuses = [redeem(world, permit["token"]).status_code for permit in permits]
    assert statuses == [200, 200, 200]


def test_no_more_units_are_released_than_were_let_go(world: World) -> None:
    line = {"product": "vaccine", "lot": "A1", "quantity": 20}
    consignment = world.consign(lines=[line])
    part = {"lot": {"product": "vaccine", "number": "A1"}, "quantity": 5}
    assert world.gate(consignment, "dispatch", **part)["permitted"]
    world.event(consignment, "received")
    world.judge(consignment)

    permit = world.gate(consignment, RECEIPT)["permit"]

    assert [one["quantity"] for one in permit["lines"]] == [5]
    assert redeem(world, permit["token"]).status_code == 200
    assert refusal(asked_again(world, consignment, RECEIPT)) == (409, "PERMIT_USED")


def test_lines_that_were_left_behind_keep_no_others_from_their_release(world: World) -> None:
    product, _ = goods(world)
    lines = [{"product": product, "lot": "A1", "quantity": units} for units in (1, 2)]
    consignment = world.consign(lines=lines)
    part = {"lot": {"product": product, "number": "A1"}}
    world.gate(consignment, "dispatch", quantity=1, **part)
    world.event(consignment, "received")
    world.judge(consignment)

    stuck = asked_again(world, consignment, RECEIPT, **part)
    permit = world.gate(consignment, RECEIPT, partial=True, **part)["permit"]

    assert refusal(stuck) == (409, "ILLEGAL_TRANSITION")
    assert [(one["position"], one["quantity"]) for one in permit["lines"]] == [(1, 1)]
    assert world.states(consignment) == ["released", "planned"]


def test_only_what_was_released_is_announced(world: World) -> None:
    product, _ = goods(world)
    lines = [{"product": product, "lot": "A1", "quantity": units} for units in (1, 2)]
    consignment = ready(world, RECEIPT, lines=lines)
    part = {"lot": {"product": product, "number": "A1"}, "quantity": 1}

    told = []
    for _ in range(2):
        world.gate(consignment, RECEIPT, **part)
        told.append((world.states(consignment), world.announced(consignment)))

    assert told[0] == (["released", "quarantined"], ["lot.released"])
    assert told[1] == (["released", "released"], ["lot.released"] * 2)


def test_lines_of_which_no_unit_was_asked_for_stay_where_they_are(world: World) -> None:
    product, _ = goods(world)
    lines = [{"product": product, "lot": "A1", "quantity": units} for units in (1, 2)]
    consignment = world.consign(lines=lines)
    part = {"lot": {"product": product, "number": "A1"}, "quantity": 1}

    states = []
    for _ in range(2):
        world.gate(consignment, "dispatch", **part)
        states.append(world.states(consignment))

    assert states == [["in_transit", "planned"], ["in_transit", "in_transit"]]


def test_goods_that_are_released_anew_get_a_permit_anew(world: World) -> None:
    consignment, token = permitted(world)
    redeem(world, token)
    rejudge(world, consignment, "HOLD")
    world.wait_for_reactions()
    rejudge(world, consignment)
    world.wait_for_reactions()

    answer = world.gate(consignment, RECEIPT)

    assert redeem(world, answer["permit"]["token"]).status_code == 200


@pytest.fixture(scope="module")
def hasty_world(plain_server: DatabaseServer) -> Iterator[World]:
    """An API whose permits expire at once."""
    with (
        plain_server.fresh() as dsn,
        open_world(dsn, permit_lifetime=timedelta(milliseconds=1)) as made,
    ):
        yield made


def test_permit_expires_by_the_clock_of_the_database(hasty_world: World) -> None:
    _, token = permitted(hasty_world)

    assert refusal(redeem(hasty_world, token)) == (409, "PERMIT_EXPIRED")


def test_clock_that_was_set_back_lengthens_no_permit(world: World) -> None:
    permitted(world)

    with psycopg.connect(world.dsn) as owner:
        owner.execute("SET session_replication_role = replica")
        # As if it had been given an hour later than it is now.
        (permit,) = owner.execute(
            "UPDATE permit SET issued_at = issued_at + interval '1 hour',"
            " expires_at = expires_at + interval '1 hour'"
            " WHERE id = (SELECT max(id) FROM permit) RETURNING id"
        ).fetchone() or (0,)
        assert tokens.standing(owner, permit).expired
        owner.rollback()
