"""What is looked up, as the gate answers to it."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from api_world import BEGIN, PROFILE
from approval_world import signed

if TYPE_CHECKING:
    from api_world import World

PDF = b"%PDF-1.7\n%%EOF\n"
ROUNDS = 8


def add_lot(world: World) -> str:
    lot = world.name("L")
    body = {"number": lot, "expires_on": "2199-12-31"}
    world.post("/products/vaccine/lots", body, party="maker")
    return lot


def hold(world: World, lot: str) -> dict[str, Any]:
    body = {"product": "vaccine", "lot": lot, "reason": "foil defect"}
    return world.post("/restrictions", body, party="maker")


def blocking(answer: dict[str, Any]) -> set[str]:
    return {check["code"] for check in answer["reasons"]}


def bare(world: World) -> tuple[str, str, str, int]:
    """Product, consignment, carrier and logger of which nobody has said anything."""
    product, carrier, serial = world.name("prod"), world.join("carrier"), world.name("LOG")
    world.add_product(product)
    world.post(f"/products/{product}/lots", {"number": "L1", "expires_on": "2199-12-31"})
    body = {
        "id": world.name("con"),
        "consignee": "hospital",
        "profile": {"id": PROFILE},
        "lines": [{"product": product, "lot": "L1", "quantity": 1}],
        "legs": [{"carrier": carrier, "origin": "here", "destination": "there"}],
    }
    consignment = world.post("/consignments", body, party="maker")["id"]
    logger = world.post("/loggers", {"serial": serial}, party=carrier)["id"]
    world.certify(logger)
    placement = {"serial": serial, "placed_at": BEGIN.isoformat()}
    world.post(f"/consignments/{consignment}/placements", placement, party=carrier)
    return product, consignment, carrier, logger


@pytest.mark.shows("DOCUMENT_MISSING", "CARRIER_NOT_QUALIFIED", "LOGGER_NOT_ADMITTED")
def test_what_is_missing_is_mended_in_turn_until_the_goods_may_leave(world: World) -> None:
    product, consignment, carrier, logger = bare(world)
    demand = {"kind": "conformity_certificate", "per": "lot"}
    world.post(f"/products/{product}/requirements", demand, party="maker")
    found = [blocking(world.gate(consignment, "dispatch"))]
    world.admit(logger)
    found.append(blocking(world.gate(consignment, "dispatch")))
    world.qualify(carrier)
    found.append(blocking(world.gate(consignment, "dispatch")))
    query = {"kind": "conformity_certificate", "title": "CoC", "product": product, "lot": "L1"}
    headers = {"Content-Type": "application/pdf"}
    world.of("maker").post("/documents", params=query, content=PDF, headers=headers)
    found.append(blocking(world.gate(consignment, "dispatch")))

    assert found == [
        {"DOCUMENT_MISSING", "CARRIER_NOT_QUALIFIED", "LOGGER_NOT_ADMITTED"},
        {"DOCUMENT_MISSING", "CARRIER_NOT_QUALIFIED"},
        {"DOCUMENT_MISSING"},
        set(),
    ]


@pytest.mark.shows("LOT_BLOCKED")
def test_a_hold_on_a_released_lot_voids_its_permit_and_moves_nothing(world: World) -> None:
    lot = add_lot(world)
    consignment = world.received(lots=(lot,))
    world.judge(consignment)
    answer = world.gate(consignment, "receipt_release")
    placed = hold(world, lot)
    token = {"token": answer["permit"]["token"]}
    redeemed = world.of("operator").post("/gate/permits/redeem", json=token)

    assert (redeemed.status_code, redeemed.json()["code"]) == (409, "PERMIT_VOID")
    assert [line["state"] for line in placed["lines"]] == ["released"]
    assert world.states(consignment) == ["released"]
    query = "SELECT 1 FROM outbox WHERE kind = 'lot.held' AND party_id = %s AND body ->> 'lot' = %s"
    assert world.fetch(query, "hospital", lot) == [1]
    assert world.fetch(query, "truck", lot) == []


def test_what_is_on_its_way_is_stopped_at_receipt(world: World) -> None:
    lot = add_lot(world)
    consignment = world.received(lots=(lot,))
    world.judge(consignment)
    hold(world, lot)

    assert "LOT_BLOCKED" in blocking(world.gate(consignment, "receipt_release"))


def test_a_hold_ends_with_the_signature_of_who_placed_it(world: World) -> None:
    lot = add_lot(world)
    consignment, placed = world.consign(lots=(lot,)), hold(world, lot)
    path = f"/restrictions/{placed['id']}"
    asked = world.post(f"{path}/lift", {"reason": "another lot"}, party="maker")
    before = blocking(world.gate(consignment, "dispatch"))
    approval = world.get(f"/approvals/{asked['approval']}", party="maker")
    signed(world.user("maker", "qa"), approval, meaning="approved")
    again = world.of("maker").post(f"{path}/lift", json={"reason": "again"})

    assert before == {"LOT_BLOCKED"}
    assert world.gate(consignment, "dispatch")["permitted"]
    [lift] = world.get(path, party="maker")["lifts"]
    assert lift["approval"]["state"] == "granted"
    assert lift["approval"]["signatures"][0]["verification"]["valid"] is True
    assert world.get(path, party="hospital")["lifts"][0]["approval"] is None
    assert again.json()["code"] == "ALREADY_LIFTED"


@pytest.mark.shows("LOT_BLOCKED")
def test_hold_and_release_at_once_never_miss_each_other(world: World) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - says how to repeat a failure
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        lot = add_lot(world)
        consignments = [world.consign(lots=(lot,)) for _ in range(2)]
        barrier = threading.Barrier(3)
        with ThreadPoolExecutor(3) as pool:
            asked = {
                name: pool.submit(_ask, world, name, barrier, dice.random() / 30)
                for name in consignments
            }
            placed = pool.submit(_place, world, lot, barrier, dice.random() / 30).result()

        gone = {line["consignment"] for line in placed["lines"] if line["state"] == "in_transit"}
        assert gone == {name for name, answer in asked.items() if answer.result()["permitted"]}


def _ask(world: World, name: str, barrier: threading.Barrier, delay: float) -> dict[str, Any]:
    _wait(world, barrier, delay)
    return world.gate(name, "dispatch")


def _place(world: World, lot: str, barrier: threading.Barrier, delay: float) -> dict[str, Any]:
    _wait(world, barrier, delay)
    return hold(world, lot)


def _wait(world: World, barrier: threading.Barrier, delay: float) -> None:
    """Begin together, but for a moment that differs each time."""
    with psycopg.connect(world.dsn) as connection:
        barrier.wait()
        connection.execute("SELECT pg_sleep(%s)", (delay,))


@pytest.mark.shows("LOGGER_NOT_ADMITTED")
@pytest.mark.parametrize(("told", "heard"), [("before", set()), ("after", {"LOGGER_NOT_ADMITTED"})])
def test_logger_that_was_taken_out_before_the_goods_left_needs_no_admission(
    world: World, told: str, heard: set[str]
) -> None:
    consignment, serial = world.consign(), world.add_logger()
    placed = world.place(consignment, serial)
    taken_out = {"removed_at": (BEGIN + timedelta(minutes=5)).isoformat(), "reason": "mistaken"}
    path = f"/consignments/{consignment}/placements/{placed['id']}/remove"
    steps = [lambda: world.gate(consignment, "dispatch"), lambda: world.post(path, taken_out)]
    for step in reversed(steps) if told == "before" else steps:
        step()
    revoked = {"kind": "revoked", "reason": "fell into the sea"}
    world.post(f"/loggers/{placed['logger']}/admissions", revoked)
    world.event(consignment, "received")
    world.judge(consignment)

    assert blocking(world.gate(consignment, "receipt_release")) == heard
