"""The gate beside the real judge: facts come in, an answer comes out."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from api_world import BEGIN, PROFILE, open_world

from analytics.job.loop import Job
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_world import World

pytestmark = pytest.mark.database

MINUTE = timedelta(minutes=1)


@pytest.fixture
def judged_world(plain_database: str) -> Iterator[World]:
    """A world whose consignments are judged as their facts change."""
    stop = threading.Event()
    job = Job(plain_database, stop, refresh=timedelta(seconds=1))
    thread = threading.Thread(target=job.run)
    with open_world(plain_database) as world:
        thread.start()
        yield world
        stop.set()
        thread.join()


def send(world: World, serial: str, celsius: float, *, minutes: range) -> None:
    """Readings as ingest stores them: one a minute, with the touched row and the notification."""
    with psycopg.connect(world.dsn) as connection:
        channel = connection.execute(
            "INSERT INTO channel (logger_id, sensor, quantity) SELECT id, 0, 1 FROM logger"
            " WHERE serial = %s ON CONFLICT (logger_id, sensor, quantity)"
            " DO UPDATE SET sensor = 0 RETURNING id",
            (serial,),
        ).fetchone()
        assert channel is not None
        connection.cursor().executemany(
            "INSERT INTO reading VALUES (%s, %s, %s, 0, %s, 1)",
            [(channel[0], BEGIN + i * MINUTE, round(celsius * 1000), i) for i in minutes],
        )
        connection.execute(
            "INSERT INTO touched (channel_id, first_at, last_at) VALUES (%s, %s, %s)",
            (channel[0], BEGIN + minutes[0] * MINUTE, BEGIN + minutes[-1] * MINUTE),
        )
        connection.execute("SELECT pg_notify('coldgate_touched', '')")


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
    waiting = world.fetch("SELECT 1 FROM touched UNION ALL SELECT 1 FROM reaction_due")
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
    world.place(consignment, second)
    send(world, second, 16.0, minutes=range(481))

    assert wait_until(lambda: world.states(consignment) == ["revoked"], seconds=20)
    assert wait_until(lambda: settled(world, consignment, "FAIL"), seconds=20)
    assert "CONDITION_FAIL" in world.causes(consignment)


def test_logger_moved_on_the_way_speaks_for_each_consignment_alone(judged_world: World) -> None:
    world = judged_world
    first, serial = travel(world)
    placement = world.fetch("SELECT id FROM placement WHERE consignment_id = %s", first)[0]
    moved_at = (BEGIN + 60 * MINUTE).isoformat()
    second = world.consign(place=False)

    world.post(f"/consignments/{first}/placements/{placement}/remove", {"removed_at": moved_at})
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
