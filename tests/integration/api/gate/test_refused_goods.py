"""What was refused does not leave again unnoticed, under whichever article and by whomever."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from api_world import PROFILE
from approval_world import approval_of, propose, signed
from gate_cases import gtin, registered

if TYPE_CHECKING:
    from api_world import Person, World

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def qa(world: World) -> Person:
    return world.user("maker", "qa")


@pytest.fixture(scope="module")
def other_qa(world: World) -> Person:
    return world.user("maker", "qa")


def come(world: World, consignment: str, party: str = "operator") -> None:
    """Goods on their way come, now."""
    body = {"kind": "received", "happened_at": datetime.now(UTC).isoformat()}
    world.post(f"/consignments/{consignment}/events", body, party=party)


def refuse(world: World, consignment: str, qa: Person, decision: str = "reject") -> None:
    """Goods that came turn out to have failed, and are refused by signature."""
    world.judge(consignment, "FAIL")
    world.wait_for_reactions()
    approval = approval_of(world, propose(world, consignment, decision=decision))
    signed(qa, approval, meaning="approved")


def refused(world: World, qa: Person, decision: str = "reject", **fields: Any) -> None:
    """A consignment of the maker that came, failed and was refused."""
    refuse(world, world.received(**fields), qa, decision)


def line(lot: str, *serials: str) -> dict[str, Any]:
    named = {"serials": list(serials)} if serials else {}
    return {"product": "vaccine", "lot": lot, "quantity": max(1, len(serials))} | named


def blocked(world: World, consignment: str, purpose: str = "dispatch") -> list[dict[str, Any]]:
    """The restrictions for which the gate says LOT_BLOCKED."""
    for reason in world.gate(consignment, purpose)["reasons"]:
        if reason["code"] == "LOT_BLOCKED":
            found: list[dict[str, Any]] = reason["facts"]["restrictions"]
            return found
    return []


def consigned(world: World, party: str, consignee: str, *lines: dict[str, Any]) -> str:
    """A consignment of that party, ready to leave but for what is known of the lot."""
    leg = {"carrier": "truck", "origin": "here", "destination": "there"}
    body = {
        "id": world.name("con"),
        "consignee": consignee,
        "profile": {"id": PROFILE},
        "lines": lines,
        "legs": [leg],
    }
    world.qualify("truck")
    consignment: str = world.post("/consignments", body, party=party)["id"]
    world.place(consignment, world.add_logger())
    return consignment


@pytest.mark.shows("LOT_BLOCKED")
@pytest.mark.parametrize("decision", ["reject", "return"])
def test_rest_of_a_refused_lot_leaves_once_somebody_signed_what_became_of_it(
    world: World, qa: Person, other_qa: Person, decision: str
) -> None:
    lots = (world.add_lot(),)
    refused(world, qa, decision, lots=lots)
    rest = world.consign(lots=lots)
    (held,) = blocked(world, rest)

    assert (held["kind"], held["lot"]) == ("refusal", f"vaccine/{lots[0]}")
    body = {"reason": "destroyed, protocol 4"}
    lift = world.post(f"/restrictions/{held['id']}/lift", body, party="maker")
    approval = world.get(f"/approvals/{lift['approval']}")
    signed(other_qa, approval, meaning="approved")
    assert world.gate(rest, "dispatch")["permitted"]


@pytest.mark.shows("LOT_BLOCKED")
def test_units_that_both_lines_name_are_told_apart(world: World, qa: Person) -> None:
    lot = world.add_lot()
    refused(world, qa, lines=[line(lot, "S1", "S2")])

    held = {
        serials: bool(blocked(world, world.consign(lines=[line(lot, *serials)])))
        for serials in (("S1",), ("S3", "S4"), ("S2", "S5"), ())
    }
    assert held == {("S1",): True, ("S3", "S4"): False, ("S2", "S5"): True, (): True}


@pytest.mark.shows("LOT_BLOCKED")
def test_goods_that_left_before_the_refused_ones_came_are_others(world: World, qa: Person) -> None:
    lots = (world.add_lot(),)
    bad, before, after = (world.consign(lots=lots) for _ in range(3))
    for consignment in (bad, before):
        assert world.gate(consignment, "dispatch")["permitted"]
    world.event(before, "departed")
    come(world, bad)
    assert world.gate(after, "dispatch")["permitted"]
    world.event(after, "departed")
    refuse(world, bad, qa)

    assert blocked(world, before, "receipt_release") == []
    assert blocked(world, after, "receipt_release")


@pytest.mark.shows("LOT_BLOCKED")
def test_goods_that_were_only_let_go_may_be_the_refused_ones(world: World, qa: Person) -> None:
    lot = world.add_lot()
    bad = world.consign(lines=[line(lot, "U7")])
    asked, used, part = (
        consigned(world, "hospital", world.join("consignee"), {**line(lot), "quantity": 2})
        for _ in range(3)
    )
    assert world.gate(bad, "dispatch")["permitted"]
    world.gate(asked, "dispatch")
    named = {"lot": {"product": "vaccine", "number": lot}}
    for consignment, quantity in ((used, 2), (part, 1)):
        permit = world.gate(consignment, "dispatch", quantity=quantity, **named)["permit"]
        world.post("/gate/permits/redeem", {"token": permit["token"]})
    come(world, bad)
    late = world.gate(asked, "dispatch")["permit"]["token"]
    refuse(world, bad, qa)
    world.event(used, "departed", party="hospital")

    assert [bool(blocked(world, one)) for one in (asked, part)] == [True, True]
    assert blocked(world, used, "receipt_release") == []
    redeemed = world.of("operator").post("/gate/permits/redeem", json={"token": late})
    assert redeemed.json()["code"] == "PERMIT_VOID"


@pytest.mark.shows("LOT_BLOCKED")
def test_refused_goods_may_go_back_and_are_not_used_there(world: World, qa: Person) -> None:
    lot = world.add_lot()
    refused(world, qa, lots=(lot,))
    back, away = (
        consigned(world, "hospital", consignee, line(lot)) for consignee in ("maker", "truck")
    )

    assert blocked(world, away)
    assert world.gate(back, "dispatch")["permitted"]
    world.event(back, "departed")
    assert blocked(world, back, "receipt_release")


@pytest.mark.shows("LOT_BLOCKED")
def test_no_more_units_go_back_than_were_refused_and_only_from_others(
    world: World, qa: Person
) -> None:
    lot = world.add_lot()
    for consignment in [world.received(lots=(lot,)) for _ in range(2)]:
        refuse(world, consignment, qa)
    nowhere, many, one, rest, more = (
        consigned(world, sender, "maker", {**line(lot), "quantity": quantity})
        for sender, quantity in (("maker", 1), *(("hospital", units) for units in (3, 1, 1, 1)))
    )

    answers = [bool(blocked(world, each)) for each in (nowhere, many, one, rest, more)]
    assert answers == [True, True, False, False, True]


@pytest.mark.shows("LOT_BLOCKED")
def test_who_carried_refused_goods_does_not_send_them_as_its_own(world: World, qa: Person) -> None:
    number = gtin(world)
    original, own = (registered(world, one, gtin=number) for one in ("maker", "truck"))
    refused(world, qa, "return", lines=[line("A1") | {"product": original}])

    (held,) = blocked(world, consigned(world, "truck", "hospital", line("A1") | {"product": own}))
    assert held == {"id": None, "kind": "refusal", "lot": f"{own}/A1", "reference": ""}


def test_refusal_stops_nobody_whom_the_goods_cannot_have_come_to(world: World) -> None:
    lot, ward, buyer = world.add_lot(), world.join("consignee"), world.join("consignee")
    world.released(lots=(lot,))
    onward = consigned(world, "hospital", ward, line(lot))
    assert world.gate(onward, "dispatch")["permitted"]
    come(world, onward)
    refuse(world, onward, world.user("hospital", "qa"))

    assert blocked(world, consigned(world, "hospital", buyer, line(lot)))
    assert blocked(world, consigned(world, ward, buyer, line(lot)))
    assert blocked(world, world.consign(lots=(lot,))) == []


@pytest.mark.shows("LOT_BLOCKED")
def test_refusal_of_a_stranger_stops_nobody_who_sends_the_makers_goods(world: World) -> None:
    number, squatter = gtin(world), world.join("consignee")
    original, own = (registered(world, one, gtin=number) for one in ("maker", squatter))
    feint = consigned(world, squatter, "maker", line("A1") | {"product": own})
    assert world.gate(feint, "dispatch")["permitted"]
    come(world, feint)
    refuse(world, feint, world.user(squatter, "qa"))

    assert blocked(world, world.consign(lines=[line("A1") | {"product": original}])) == []
    again = consigned(world, squatter, "hospital", line("A1") | {"product": own})
    assert blocked(world, again)


@pytest.mark.shows("LOT_BLOCKED")
def test_what_a_customer_sent_back_to_the_maker_is_for_the_maker_to_settle(world: World) -> None:
    lot = world.add_lot()
    world.released(lots=(lot,))
    customer = world.user("hospital", "qa")
    back, unseen = (consigned(world, "hospital", "maker", line(lot)) for _ in range(2))
    for consignment, teller in ((unseen, "hospital"), (back, "maker")):
        assert world.gate(consignment, "dispatch")["permitted"]
        come(world, consignment, party=teller)

    refuse(world, unseen, customer)
    assert blocked(world, world.consign(lots=(lot,))) == []
    refuse(world, back, customer)
    newest = blocked(world, world.consign(lots=(lot,)))[-1]["id"]
    assert world.get(f"/restrictions/{newest}", party="maker")["placed_by"] == "maker"


@pytest.mark.shows("LOT_BLOCKED")
def test_maker_that_asks_for_goods_says_that_they_came_home(world: World) -> None:
    lot = world.add_lot()
    world.released(lots=(lot,))
    back = consigned(world, "hospital", "maker", line(lot))
    assert world.gate(back, "dispatch")["permitted"]
    come(world, back, party="hospital")
    asked = {"consignment": back, "purpose": "receipt_release"}
    world.post("/gate/decisions", asked, party="maker")

    refuse(world, back, world.user("hospital", "qa"))
    assert blocked(world, world.consign(lots=(lot,)))


def test_approval_is_had_from_who_placed_it_and_asked_for_by_who_may(
    world: World, qa: Person
) -> None:
    lot = world.add_lot()
    refused(world, qa, lots=(lot,))
    onward = consigned(world, "hospital", world.join("consignee"), line(lot))
    body = {"consignment": onward, "purpose": "dispatch"}

    hints = [
        world.post("/gate/decisions", body, party=party)["approval"]
        for party in ("hospital", "operator")
    ]
    assert [hint["party"] for hint in hints] == ["maker", "maker"]
    assert hints[0]["href"] is None
    assert world.post(hints[1]["href"].removeprefix("/v1"), {"reason": "destroyed"})["approval"]
