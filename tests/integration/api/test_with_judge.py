"""The gate beside the real judge: facts come in, an answer comes out."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from api_world import BEGIN, PROFILE, open_world
from factories import make_block, register_gateway

from analytics.job.audit import Auditor
from analytics.job.loop import Job
from coldgate.instant import epoch_ms
from coldgate.launch.process import wait_until
from coldgate.storage.connection import connect
from coldgate.storage.timescale import TimeTables, detect
from ingest.delivery import Delivery
from ingest.prepare import prepare
from ingest.writer import write_batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_world import World

pytestmark = pytest.mark.database

MINUTE = timedelta(minutes=1)


@pytest.fixture
def judged_world(plain_database: str) -> Iterator[World]:
    """A world whose consignments are judged as their facts change."""
    stop = threading.Event()
    parts = (
        Job(plain_database, stop, refresh=timedelta(seconds=1)),
        Auditor(plain_database, stop),
    )
    threads = [threading.Thread(target=part.run) for part in parts]
    with open_world(plain_database) as world:
        for thread in threads:
            thread.start()
        yield world
        stop.set()
        for thread in threads:
            thread.join()


def send(world: World, serial: str, celsius: float, *, minutes: range) -> None:
    """Readings as a gateway signs and ingest stores them: one a minute."""
    gateway = register_gateway(world.dsn, world.name("gw"), party="truck")
    block = make_block(
        [round(celsius * 10)] * len(minutes),
        serial=serial,
        first_sequence=minutes[0] + 1,
        base_ms=epoch_ms(BEGIN + minutes[0] * MINUTE),
    )
    delivery = Delivery(
        topic=gateway.topic,
        payload=gateway.signed(blocks=(block,)),
        received_at=datetime.now(UTC),
        packet_id=1,
        qos=1,
        generation=1,
    )
    with connect(world.dsn, "coldgate_ingest", autocommit=True) as connection:
        prepared = prepare(connection, [delivery])
        with connection.transaction():
            write_batch(connection, prepared, TimeTables(detect(connection)))


def travel(world: World, *, profile: str = PROFILE) -> tuple[str, str]:
    """A dispatched consignment, departed at BEGIN, and its logger."""
    consignment = world.consign(place=False, profile={"id": profile})
    serial = world.add_logger()
    world.place(consignment, serial)
    assert world.gate(consignment, "dispatch")["permitted"]
    departed = {"kind": "departed", "happened_at": BEGIN.isoformat()}
    world.post(f"/consignments/{consignment}/events", departed, party="truck")
    return consignment, serial


def settled(world: World, consignment: str, verdict: str) -> bool:
    """Whether the newest answer is this one, and nothing waits to be judged or acted on."""
    newest = world.get(f"/consignments/{consignment}/evaluations")["items"][-1:]
    waiting = world.fetch(
        "SELECT 1 FROM touched UNION ALL SELECT 1 FROM reaction_due"
        " UNION ALL SELECT 1 FROM audit_due"
    )
    return not waiting and [item["verdict"] for item in newest] == [verdict]


def test_goods_that_stayed_cold_are_released(judged_world: World) -> None:
    world = judged_world
    consignment, serial = travel(world)
    send(world, serial, 5.0, minutes=range(481))
    world.event(consignment, "received")
    assert wait_until(lambda: settled(world, consignment, "PASS"), seconds=20)

    answer = world.gate(consignment, "receipt_release")

    assert answer["permitted"], answer["checks"]
    assert world.states(consignment) == ["released"]


def test_breach_on_the_way_blocks_the_goods_before_they_arrive(judged_world: World) -> None:
    world = judged_world
    consignment, serial = travel(world)

    send(world, serial, 16.0, minutes=range(5))

    assert wait_until(lambda: world.states(consignment) == ["quarantined"], seconds=20)
    assert world.causes(consignment) == ["CONDITION_FAIL"]


def test_reading_that_comes_late_revokes_the_release(judged_world: World) -> None:
    world = judged_world
    consignment, serial = travel(world)
    send(world, serial, 5.0, minutes=range(481))
    world.event(consignment, "received")
    assert wait_until(lambda: settled(world, consignment, "PASS"), seconds=20)
    world.gate(consignment, "receipt_release")

    second = world.add_logger()
    world.place(consignment, second, by="operator")
    send(world, second, 16.0, minutes=range(481))

    assert wait_until(lambda: world.states(consignment) == ["revoked"], seconds=20)
    assert wait_until(lambda: settled(world, consignment, "FAIL"), seconds=20)
    assert "CONDITION_FAIL" in world.causes(consignment)


def test_late_word_of_another_journey_of_the_lot_holds_the_goods(judged_world: World) -> None:
    world = judged_world
    consignment, serial = travel(world, profile=world.add_budget())
    send(world, serial, 5.0, minutes=range(481))
    world.event(consignment, "received")
    assert wait_until(lambda: settled(world, consignment, "PASS"), seconds=20)

    unwatched = world.consign(place=False, profile=None)
    departed = {"kind": "departed", "happened_at": BEGIN.isoformat()}
    world.post(f"/consignments/{unwatched}/events", departed, party="truck")

    assert wait_until(lambda: settled(world, consignment, "HOLD"), seconds=20)


def test_logger_moved_on_the_way_speaks_for_each_consignment_alone(judged_world: World) -> None:
    world = judged_world
    first, serial = travel(world)
    placement = world.fetch("SELECT id FROM placement WHERE consignment_id = %s", first)[0]
    moved_at = (BEGIN + 60 * MINUTE).isoformat()
    second = world.consign(place=False)

    removal = {"removed_at": moved_at, "reason": "goes on with the other goods"}
    world.post(f"/consignments/{first}/placements/{placement}/remove", removal)
    world.place(second, serial, placed_at=moved_at)
    send(world, serial, 5.0, minutes=range(61))
    send(world, serial, 16.0, minutes=range(61, 120))

    assert wait_until(lambda: settled(world, second, "FAIL"), seconds=20)
    assert wait_until(lambda: settled(world, first, "PASS"), seconds=20)
    assert world.get(f"/consignments/{first}/excursions")["items"] == []


def test_certificate_that_turns_out_wrong_revokes_the_release(judged_world: World) -> None:
    world = judged_world
    consignment, serial = travel(world, profile="IVD_2_8")
    send(world, serial, 5.0, minutes=range(481))
    world.event(consignment, "received")
    assert wait_until(lambda: settled(world, consignment, "PASS"), seconds=20)
    assert world.gate(consignment, "receipt_release")["permitted"]

    logger = world.get(f"/consignments/{consignment}/placements")["items"][0]["logger"]
    wrong = world.get(f"/loggers/{logger}/certificates")["items"][0]["id"]
    expired = (BEGIN + timedelta(hours=4)).isoformat()
    world.certify(logger, supersedes=wrong, valid_to=expired)

    assert wait_until(lambda: world.states(consignment) == ["revoked"], seconds=20)
    assert wait_until(lambda: settled(world, consignment, "HOLD"), seconds=20)


def test_excursions_of_the_newest_judgement_are_listed(judged_world: World) -> None:
    world = judged_world
    consignment, serial = travel(world)
    send(world, serial, 16.0, minutes=range(5))
    assert wait_until(lambda: world.states(consignment) == ["quarantined"], seconds=20)

    newest = world.get(f"/consignments/{consignment}/evaluations")["items"][-1]["version"]
    listed = world.get(f"/consignments/{consignment}/excursions")["items"]

    assert {one["rule_id"]: one["peak_milli"] for one in listed} == {
        "HI_HARD": 16_000,
        "HI_LABEL": 16_000,
    }
    assert {one["evaluation_version"] for one in listed} == {newest}
    assert {one["lin_ms"] for one in listed} == {4 * 60_000}
