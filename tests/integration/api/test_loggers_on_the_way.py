"""What a logger speaks of, and where its log ends: roles and seals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from api_world import BEGIN

if TYPE_CHECKING:
    import httpx
    from api_world import World

pytestmark = pytest.mark.database

LATE_PLACEMENT = b"""
INSERT INTO placement (consignment_id, logger_id, placed_at, role)
SELECT %s, id, now(), 'reference' FROM logger LIMIT 1
"""
LATE_CHANGE = b"UPDATE placement SET role = 'reference' WHERE consignment_id = %s"


def place_reference(world: World, consignment: str) -> httpx.Response:
    body = {"serial": world.add_logger(), "placed_at": BEGIN.isoformat(), "role": "reference"}
    return world.of("truck").post(f"/consignments/{consignment}/placements", json=body)


def blocking(answer: dict[str, Any]) -> set[str]:
    return {check["code"] for check in answer["checks"] if check["verdict"] != "PASS"}


def test_logger_speaks_of_the_goods_unless_it_is_said_otherwise(world: World) -> None:
    consignment = world.consign()

    assert place_reference(world, consignment).json()["role"] == "reference"

    placed = world.get(f"/consignments/{consignment}/placements")["items"]
    assert sorted(one["role"] for one in placed) == ["goods", "reference"]


def test_zone_with_a_reference_only_has_no_logger(world: World) -> None:
    consignment = world.consign(place=False)
    assert place_reference(world, consignment).is_success

    assert blocking(world.gate(consignment, "dispatch")) == {"LOGGER_MISSING"}


def test_logger_that_is_to_come_watches_nothing_yet(world: World) -> None:
    consignment = world.consign(place=False)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    world.place(consignment, world.add_logger(), placed_at=tomorrow.isoformat())

    assert blocking(world.gate(consignment, "dispatch")) == {"LOGGER_MISSING"}


@pytest.mark.parametrize("happened", ["dispatch", "departed", "received"])
def test_nobody_takes_the_word_of_a_logger_back_after_departure(
    world: World, happened: str
) -> None:
    consignment = world.consign()
    if happened == "dispatch":
        assert world.gate(consignment, "dispatch")["permitted"]
    else:
        world.event(consignment, happened)

    answer = place_reference(world, consignment)

    assert (answer.status_code, answer.json()["code"]) == (409, "ROLE_FROZEN")


@pytest.mark.parametrize("statement", [LATE_PLACEMENT, LATE_CHANGE])
def test_database_refuses_a_late_reference_as_well(world: World, statement: bytes) -> None:
    consignment = world.consign()
    world.event(consignment, "departed")

    with (
        psycopg.connect(world.dsn) as owner,
        pytest.raises(psycopg.errors.CheckViolation, match="after departure"),
    ):
        owner.execute(statement, (consignment,))


@pytest.mark.shows("LOG_INCOMPLETE")
def test_logger_that_nobody_told_of_on_the_way_closes_no_gap_in_hindsight(world: World) -> None:
    consignment, serial = world.consign(), world.add_logger()
    assert world.gate(consignment, "dispatch")["permitted"]
    path, body = f"/consignments/{consignment}/placements", {"serial": serial}

    late = world.of("truck").post(path, json=body | {"placed_at": BEGIN.isoformat()})

    assert (late.status_code, late.json()["code"]) == (409, "TOLD_IN_HINDSIGHT")
    now = datetime.now(UTC).isoformat()
    assert world.of("truck").post(path, json=body | {"placed_at": now}).is_success


@pytest.mark.parametrize("asked", [0, 1])
def test_carrier_takes_no_logger_of_another_out_before_the_end(world: World, asked: int) -> None:
    consignment = world.consign()
    body = {"serial": world.add_logger("maker"), "placed_at": BEGIN.isoformat()}
    path = f"/consignments/{consignment}/placements"
    makers = world.post(path, body, party="maker")["id"]
    for _ in range(asked):
        assert world.gate(consignment, "dispatch")["permitted"]
    removal = {"removed_at": datetime.now(UTC).isoformat()}

    answer = world.of("truck").post(f"{path}/{makers}/remove", json=removal)
    assert (answer.status_code, answer.json()["code"]) == (409, "EVIDENCE_TRIMMED")
    world.event(consignment, "received")
    assert world.of("truck").post(f"{path}/{makers}/remove", json=removal).is_success


def test_end_of_a_log_is_declared_by_who_receives_the_goods(world: World) -> None:
    consignment = world.consign(place=False)
    serial = world.add_logger()
    world.place(consignment, serial)
    touched = "SELECT count(*) FROM touched WHERE consignment_id = %s"
    before = world.fetch(touched, consignment)[0]

    body = {"serial": serial, "last_sequence": 481}
    world.post(f"/consignments/{consignment}/seals", body, party="hospital")

    shown = world.get(f"/consignments/{consignment}/seals", party="truck")["items"]
    facts = [(one["serial"], one["last_sequence"], one["declared_by"]) for one in shown]
    assert facts == [(serial, 481, "hospital")]
    assert world.fetch(touched, consignment)[0] == before + 1


def test_log_of_a_logger_that_did_not_travel_has_no_end(world: World) -> None:
    consignment, serial = world.consign(), world.add_logger()

    body = {"serial": serial, "last_sequence": 481}
    answer = world.of("truck").post(f"/consignments/{consignment}/seals", json=body)

    assert (answer.status_code, answer.json()["detail"]) == (404, f"no logger {serial}")


def test_product_says_whether_shocks_harm_it(world: World) -> None:
    body = {"id": world.name("prod"), "name": "Glass", "shock_sensitive": True}
    made = world.post("/products", body, party="maker")

    listed = {
        one["id"]: one["shock_sensitive"] for one in world.get("/products", limit=1000)["items"]
    }
    assert made["shock_sensitive"]
    assert (listed[made["id"]], listed["vaccine"]) == (True, False)


def test_consignment_says_how_much_waits_for_the_judge(world: World) -> None:
    consignment = world.received()
    waiting = world.get(f"/consignments/{consignment}")["unjudged"]

    world.judge(consignment)

    assert waiting > 0
    assert world.get(f"/consignments/{consignment}")["unjudged"] == 0
