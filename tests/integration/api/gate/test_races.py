"""What commits while the gate decides is either in the decision or after it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest
from gate_cases import RECEIPT, goods, of
from races.rounds import at_once, rounds

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database

ROUNDS = rounds(12)


def touch(world: World, consignment: str) -> None:
    """A fact of the consignment that nobody judged yet."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute("INSERT INTO touched (consignment_id) VALUES (%s)", (consignment,))


@pytest.mark.shows("LOT_BLOCKED")
@pytest.mark.parametrize("purpose", ["dispatch", RECEIPT])
def test_hold_is_seen_by_the_decision_or_lists_what_was_decided(world: World, purpose: str) -> None:
    moved = "in_transit" if purpose == "dispatch" else "released"
    for _ in range(ROUNDS):
        product, lot = goods(world)
        consignment = of(world, purpose, product)
        hold = {"product": product, "lot": lot, "reason": "race"}

        answer, placed = at_once(
            partial(world.gate, consignment, purpose),
            partial(world.post, "/restrictions", hold, party="maker"),
        )

        passed = answer["answer"] == "permit"
        assert passed == (moved in [line["state"] for line in placed["lines"]])
        assert passed == (world.states(consignment) == [moved])


@pytest.mark.shows("LOT_EXPIRED")
@pytest.mark.parametrize("purpose", ["dispatch", RECEIPT])
def test_corrected_date_is_seen_by_the_decision_or_told_of_what_was_decided(
    world: World, purpose: str
) -> None:
    moved = "in_transit" if purpose == "dispatch" else "released"
    told = "SELECT body FROM outbox WHERE kind = 'lot.corrected' AND body ->> 'product' = %s"
    for _ in range(ROUNDS):
        product, lot = goods(world)
        consignment = of(world, purpose, product)
        past = {"expires_on": "2020-01-31", "reason": "race"}

        answer, _ = at_once(
            partial(world.gate, consignment, purpose),
            partial(world.post, f"/products/{product}/lots/{lot}/corrections", past, party="maker"),
        )

        passed = answer["answer"] == "permit"
        states = {line["state"] for body in world.fetch(told, product) for line in body["lines"]}
        assert passed == (states == {moved})
        assert passed == (world.states(consignment) == [moved])


def test_of_corrections_at_once_each_says_what_the_one_before_said(world: World) -> None:
    for _ in range(ROUNDS):
        product, lot = goods(world)
        path = f"/products/{product}/lots/{lot}/corrections"
        at_once(
            *(
                partial(world.post, path, {"expires_on": day, "reason": "race"}, party="maker")
                for day in ("2030-01-31", "2031-01-31")
            )
        )

        first, second = world.get(path, party="maker")["items"]
        assert (first["expired_on"], second["expired_on"]) == ("2199-12-31", first["expires_on"])


@pytest.mark.parametrize("purpose", ["dispatch", RECEIPT])
def test_of_an_old_permit_and_the_one_that_is_given_meanwhile_one_is_good(
    world: World, purpose: str
) -> None:
    client = world.of("operator")
    for _ in range(ROUNDS):
        product, _ = goods(world)
        asked = {"consignment": of(world, purpose, product), "purpose": purpose}
        old = client.post("/gate/decisions", json=asked).json()["permit"]

        used, again = at_once(
            partial(client.post, "/gate/permits/redeem", json={"token": old["token"]}),
            partial(client.post, "/gate/decisions", json=asked),
        )

        assert used.is_success != again.is_success
        if again.is_success:
            token = {"token": again.json()["permit"]["token"]}
            assert client.post("/gate/permits/redeem", json=token).is_success
        assert (used if used.is_error else again).json()["code"] in {"PERMIT_VOID", "PERMIT_USED"}


@pytest.mark.shows("JUDGEMENT_PENDING")
def test_fact_that_commits_meanwhile_holds_the_goods_now_or_when_asked_again(world: World) -> None:
    for _ in range(ROUNDS):
        product, _ = goods(world)
        consignment = of(world, RECEIPT, product)

        answer, _ = at_once(
            partial(world.gate, consignment, RECEIPT), partial(touch, world, consignment)
        )

        again = world.gate(consignment, RECEIPT)
        assert {reason["code"] for reason in answer["reasons"]} <= {"JUDGEMENT_PENDING"}
        assert {reason["code"] for reason in again["reasons"]} == {"JUDGEMENT_PENDING"}
