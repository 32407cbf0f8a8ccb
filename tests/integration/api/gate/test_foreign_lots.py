"""Naming somebody's lot makes nobody its sender: the gate takes the word of who has it only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from api_world import PROFILE
from gate_cases import gtin, registered, restrict

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


def restricted(world: World, consignment: str) -> list[dict[str, Any]]:
    """What the gate tells of restrictions, and nothing else may stand in the way."""
    answer = world.gate(consignment, "dispatch")
    assert {reason["code"] for reason in answer["reasons"]} <= {"LOT_BLOCKED", "RECALL_OPEN"}
    return [one for reason in answer["reasons"] for one in reason["facts"]["restrictions"]]


@pytest.mark.shows("LOT_BLOCKED")
@pytest.mark.shows("RECALL_OPEN")
@pytest.mark.parametrize("kind", ["hold", "recall"])
@pytest.mark.parametrize("name", ["gtin", "hibc"])
def test_lot_is_held_under_every_article_of_its_number(world: World, kind: str, name: str) -> None:
    number = {"gtin": gtin(world), "hibc": f"A123{next(world.numbers):06}1"}[name]
    original, other = (
        registered(world, owner, **{name: number}) for owner in ("maker", "hospital")
    )
    consignment = sent(world, "hospital", other, "A1")
    assert restricted(world, consignment) == []
    restrict(world, original, kind)

    told = {"id": None, "kind": kind, "lot": f"{other}/A1", "reference": ""}
    assert restricted(world, consignment) == [told]


@pytest.mark.shows("RECALL_OPEN")
@pytest.mark.parametrize("renamed", [{"gtin": None}, {"gtin": "09506000134352"}])
def test_recall_is_not_evaded_by_taking_the_number_away(
    world: World, renamed: dict[str, str | None]
) -> None:
    number = gtin(world)
    original, other = (registered(world, one, gtin=number) for one in ("maker", "hospital"))
    restrict(world, original, "recall")
    path = f"/products/{other}/identification"
    assert world.of("hospital").put(path, json=renamed).is_success

    (told,) = restricted(world, sent(world, "hospital", other, "A1"))
    assert told["kind"] == "recall"


@pytest.mark.shows("PROFILE_MISSING")
@pytest.mark.parametrize(("lister", "heard"), [("maker", ["PROFILE_MISSING"]), ("truck", [])])
def test_article_travels_by_what_manufacturers_of_its_number_allow_as_well(
    world: World, lister: str, heard: list[str]
) -> None:
    number = gtin(world)
    registered(world, lister, gtin=number, profiles=[{"id": "IVD_M20"}])
    own = registered(world, "hospital", gtin=number)

    assert codes(world.gate(sent(world, "hospital", own, "A1"), "dispatch")) == heard


@pytest.mark.shows("PROFILE_MISSING")
def test_profile_that_its_maker_withdrew_is_allowed_under_no_article_of_the_number(
    world: World,
) -> None:
    number = gtin(world)
    original, own = (registered(world, one, gtin=number) for one in ("maker", "hospital"))
    consignment = sent(world, "hospital", own, "A1")
    (said,) = world.get(f"/products/{original}/profiles", party="maker")["items"]
    path = f"/products/{original}/profiles/{said['id']}/withdraw"
    world.post(path, {"reason": "too wide"}, party="maker")
    assert codes(world.gate(consignment, "dispatch")) == ["PROFILE_MISSING"]

    renamed = {"gtin": None}  # it had listed the number of another
    assert world.of("maker").put(f"/products/{original}/identification", json=renamed).is_success
    assert codes(world.gate(consignment, "dispatch")) == []


@pytest.mark.shows("LOT_EXPIRED")
@pytest.mark.parametrize(("lister", "heard"), [("maker", ["LOT_EXPIRED"]), ("truck", [])])
def test_lot_ends_on_the_day_that_a_manufacturer_of_its_number_registered(
    world: World, lister: str, heard: list[str]
) -> None:
    number = gtin(world)
    original = world.add_product(world.name("vial"), party=lister, gtin=number)
    lot = {"number": "A1", "expires_on": "2020-01-31"}
    world.post(f"/products/{original}/lots", lot, party=lister)
    own = registered(world, "hospital", gtin=number)

    assert codes(world.gate(sent(world, "hospital", own, "A1"), "dispatch")) == heard


@pytest.mark.shows("LOT_BLOCKED")
def test_hold_tells_who_lists_the_same_article_that_there_is_one(world: World) -> None:
    number, reseller = gtin(world), world.join("consignee")
    original, other = (registered(world, one, gtin=number) for one in ("maker", reseller))
    consignment = sent(world, reseller, other, "A1")
    secret = {"product": original, "lot": "A1", "reason": "our secret"}
    placed = world.post("/restrictions", secret, party="maker")

    assert (placed["lines"], placed["elsewhere"]) == ([], 1)
    query = "SELECT body FROM outbox WHERE party_id = %s AND kind = 'lot.held'"
    (heard,) = world.fetch(query, reseller)
    lines = [{"consignment": consignment, "position": 1, "quantity": 1, "state": "planned"}]
    assert heard == {"kind": "hold", "product": other, "lot": "A1", "lines": lines}
    path = f"/restrictions/{placed['id']}"
    assert world.of(reseller).get(path).status_code == 404


def test_hold_of_who_makes_nothing_stops_no_goods_of_others(world: World) -> None:
    number = gtin(world)
    squatter, original = (registered(world, one, gtin=number) for one in ("truck", "maker"))
    body = {"product": squatter, "lot": "A1", "reason": "because I can"}
    world.post("/restrictions", body, party="truck")

    assert restricted(world, sent(world, "maker", original, "A1")) == []
