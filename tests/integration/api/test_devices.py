"""Gateways, loggers and refused messages; the broker asks this API and no other list."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from api_world import PUBLIC_KEY, open_world
from paho.mqtt.enums import CallbackAPIVersion

from coldgate.launch.broker import BrokerSettings, NatsBroker
from coldgate.launch.process import wait_until
from coldgate.secrets import secret_matches

if TYPE_CHECKING:
    from pathlib import Path

    from api_world import World

pytestmark = pytest.mark.database

ANSWER_SECONDS = 10


def register(world: World, *, party: str = "truck", **fields: Any) -> dict[str, Any]:
    body = {"id": world.name("gw"), "public_key": PUBLIC_KEY} | fields
    return world.post("/gateways", body, party=party)


def may_connect(credentials: dict[str, Any]) -> bool:
    """Whether the broker takes the connection of this gateway."""
    answers: queue.Queue[bool] = queue.Queue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=credentials["username"])
    client.username_pw_set(credentials["username"], credentials["password"])
    client.on_connect = lambda *event: answers.put(not event[3].is_failure)
    client.connect(credentials["broker_host"], credentials["broker_port"])
    client.loop_start()
    try:
        return answers.get(timeout=ANSWER_SECONDS)
    finally:
        client.disconnect()
        client.loop_stop()


def test_registered_gateway_learns_where_and_how_to_connect(world: World) -> None:
    answer = register(world, partition="p07")

    prefix = f"coldgate/v1/p07/{answer['id']}"
    assert answer["username"] == answer["id"]
    assert answer["topics"] == {
        "readings": f"{prefix}/up/readings",
        "status": f"{prefix}/up/status",
        "acknowledgements": f"{prefix}/down/ack",
    }
    query = "SELECT secret_hash FROM gateway WHERE name = %s"
    assert secret_matches(answer["password"], world.fetch(query, answer["id"])[0])


def test_partition_follows_from_the_name_and_is_never_changed(world: World) -> None:
    answer = register(world)

    rotated = world.post(f"/gateways/{answer['id']}/rotate", {}, party="truck")

    assert rotated["partition"] == answer["partition"]
    assert rotated["password"] != answer["password"]


@pytest.mark.parametrize("key", ["", "A" * 42, "A" * 44, "=" * 43])
def test_text_that_is_no_key_is_refused(world: World, key: str) -> None:
    answer = world.of("truck").post("/gateways", json={"id": "gw-bad", "public_key": key})

    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")


def test_name_of_a_gateway_is_given_once(world: World) -> None:
    taken = register(world)["id"]

    body = {"id": taken, "public_key": PUBLIC_KEY}
    answer = world.of("stranger").post("/gateways", json=body)

    assert (answer.status_code, answer.json()["code"]) == (409, "ALREADY_EXISTS")
    assert answer.json()["detail"] == "this gateway exists already"


def test_gateway_of_an_unknown_party_is_refused(world: World) -> None:
    body = {"id": world.name("gw"), "public_key": PUBLIC_KEY, "party": "nobody"}

    answer = world.of("operator").post("/gateways", json=body)

    assert (answer.status_code, answer.json()["code"]) == (409, "REFERENCE_UNKNOWN")
    assert answer.json()["detail"] == "there is no such party"


def test_list_shows_what_a_gateway_said_last(world: World) -> None:
    gateway = register(world)["id"]
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "INSERT INTO gateway_status SELECT id, '2026-03-01T06:00Z', '{\"hours_left\": 12}'"
            " FROM gateway WHERE name = %s",
            (gateway,),
        )
        connection.execute(
            "INSERT INTO quarantine_share VALUES (%s, (now() AT TIME ZONE 'UTC')::date, 9000, 2)",
            (gateway,),
        )

    shown = {item["id"]: item for item in world.get("/gateways", party="truck")["items"]}[gateway]

    assert shown["last_seen_at"] == "2026-03-01T06:00:00Z"
    assert shown["status"] == {"hours_left": 12}
    assert shown["cut_today"] == 2


def test_revoked_gateway_gets_no_new_password(world: World) -> None:
    gateway = register(world)["id"]
    world.post(f"/gateways/{gateway}/revoke", {}, party="truck")

    answer = world.of("truck").post(f"/gateways/{gateway}/rotate")

    assert (answer.status_code, answer.json()["code"]) == (409, "GATEWAY_REVOKED")


def test_carrier_sees_refused_messages_of_its_own_gateways_only(world: World) -> None:
    gateway = register(world)["id"]
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "INSERT INTO quarantine (received_at, topic, sender, code, problem, serial, sha256,"
            " payload, cut_from) VALUES"
            " (now(), 't', %s, 'UNREADABLE', 'not CBOR', '', '\\xab', '\\x0102', 9)",
            (gateway,),
        )

    shown = world.get("/quarantine", party="truck")["items"][0]

    assert (shown["sender"], shown["code"]) == (gateway, "UNREADABLE")
    assert (shown["payload_bytes"], shown["kept_bytes"]) == (9, 2)
    assert world.get("/quarantine", party="stranger")["items"] == []


def test_serial_numbers_are_unique_within_a_party(world: World) -> None:
    body = {"serial": world.name("LOG"), "interval_seconds": 300}

    first = world.post("/loggers", body, party="truck")
    world.post("/loggers", body, party="maker")
    again = world.of("truck").post("/loggers", json=body)

    assert first["interval_ms"] == 300_000
    assert (again.status_code, again.json()["code"]) == (409, "ALREADY_EXISTS")


def test_revoking_twice_keeps_the_first_time(world: World) -> None:
    logger = world.post("/loggers", {"serial": world.name("LOG")}, party="truck")["id"]

    first, second = (world.post(f"/loggers/{logger}/revoke", {}, party="truck") for _ in range(2))

    assert first["revoked_at"] == second["revoked_at"] is not None


@pytest.mark.broker
def test_running_broker_learns_of_gateways_without_a_restart(
    plain_database: str, state_folder: Path
) -> None:
    with (
        NatsBroker(BrokerSettings(folder=state_folder)) as broker,
        open_world(
            plain_database,
            authority_url=broker.url,
            authority_password=broker.authority_password,
            authority_seed=broker.authority_seed,
            broker_host=broker.host,
            broker_port=broker.port,
        ) as world,
    ):
        assert wait_until(lambda: may_connect(register(world)), seconds=ANSWER_SECONDS)
        first = register(world)
        assert may_connect(first)

        second = world.post(f"/gateways/{first['id']}/rotate", {}, party="truck")
        assert (may_connect(first), may_connect(second)) == (False, True)

        world.post(f"/gateways/{first['id']}/revoke", {}, party="truck")
        assert not may_connect(second)
