"""Naming somebody's lot makes nobody its sender: the gate takes the word of who has it only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from api_world import PROFILE

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database


def sent(world: World, sender: str, product: str, lot: str) -> str:
    """A consignment of that sender, ready to leave but for what is known of the lot."""
    consignment = world.name("con")
    body = {
        "id": consignment,
        "consignee": "hospital",
        "profile": {"id": PROFILE},
        "lines": [{"product": product, "lot": lot, "quantity": 1}],
        "legs": [{"carrier": "truck", "origin": "here", "destination": "there"}],
    }
    world.qualify("truck")
    world.post("/consignments", body, party=sender)
    world.place(consignment, world.add_logger())
    return consignment


def registered(world: World, owner: str) -> str:
    """A product of that party with a lot A1."""
    product = world.add_product(world.name("vial"), party=owner)
    lot = {"number": "A1", "expires_on": "2199-12-31"}
    world.post(f"/products/{product}/lots", lot, party=owner)
    return product


def codes(answer: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in answer["reasons"]]


@pytest.mark.parametrize("owner", ["truck", "stranger"])
def test_lot_that_another_registered_is_unknown_whatever_it_sent_before(
    world: World, owner: str
) -> None:
    product = registered(world, owner)
    line = {"product": product, "lot": "A1", "quantity": 1}
    feint = {"id": world.name("con"), "consignee": "maker", "lines": [line]}
    world.post("/consignments", feint, party=owner)

    answer = world.gate(sent(world, "maker", product, "A1"), "dispatch")
    assert "LOT_UNKNOWN" in codes(answer)
    assert answer["permit"] is None


def test_foreign_lot_does_not_leave_and_tells_nothing_of_itself(world: World) -> None:
    product = registered(world, "maker")
    world.post("/restrictions", {"product": product, "lot": "A1", "reason": "-"}, party="maker")
    body = {"kind": "test_report", "per": "lot"}
    world.post(f"/products/{product}/requirements", body, party="maker")

    answer = world.gate(sent(world, world.join("consignee"), product, "A1"), "dispatch")
    assert answer["permit"] is None
    assert codes(answer) == ["LOT_UNKNOWN"]


def test_lot_that_came_from_its_maker_is_sent_on(world: World) -> None:
    product = registered(world, "maker")
    assert world.gate(sent(world, "maker", product, "A1"), "dispatch")["permitted"]

    assert world.gate(sent(world, "hospital", product, "A1"), "dispatch")["permitted"]
