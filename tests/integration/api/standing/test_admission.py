from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from api_world import BEGIN, PROFILE

from api.devices.admission_rules import CONSECUTIVE
from coldgate.storage import admissions

if TYPE_CHECKING:
    from api_world import World

    from coldgate.storage.admissions import Admitted

TEST = {"kind": "tested", "profile": PROFILE, "excursion_seen": True}


def logger(world: World) -> tuple[int, str]:
    """A calibrated logger in a consignment of the maker, of which nobody said more."""
    serial = world.name("LOG")
    body = {"serial": serial, "interval_seconds": 60}
    number: int = world.post("/loggers", body, party="truck")["id"]
    world.certify(number)
    consignment = world.consign(place=False)
    world.place(consignment, serial)
    return number, consignment


def record(world: World, number: int, *, skip: int = -1, off: timedelta = timedelta(0)) -> None:
    """As ingest stores it: twenty readings, one of them left out, and a clock pair."""
    with psycopg.connect(world.dsn) as connection:
        [channel] = connection.execute(
            "INSERT INTO channel (logger_id, sensor, quantity) VALUES (%s, 0, 1) RETURNING id",
            (number,),
        ).fetchone() or [0]
        begin = BEGIN - timedelta(hours=1)
        connection.execute("SELECT make_partitions('reading', %s, %s)", (begin, BEGIN))
        for place in range(CONSECUTIVE + (skip >= 0)):
            if place != skip:
                connection.execute(
                    "INSERT INTO reading VALUES (%s, %s, 5000, 0, %s, 1)",
                    (channel, begin + timedelta(minutes=place), place),
                )
        at_ms = round(begin.timestamp() * 1000)
        connection.execute(
            "INSERT INTO clock_pair VALUES (%s, %s, %s, 1)",
            (number, at_ms + round(off.total_seconds() * 1000), at_ms),
        )


def admitted(world: World, consignment: str) -> Admitted:
    with psycopg.connect(world.dsn) as connection:
        [found] = admissions.of(connection, consignment)
    return found


def missing(world: World, number: int) -> list[str]:
    listed = world.get(f"/loggers/{number}/admissions")["checklist"]
    return [check["name"] for check in listed if not check["passed"]]


@pytest.mark.shows("LOGGER_NOT_ADMITTED")
def test_a_logger_is_admitted_when_everything_is_there(world: World) -> None:
    number, consignment = logger(world)
    before = admitted(world, consignment)
    record(world, number)

    assert missing(world, number) == ["excursion"]
    assert world.post(f"/loggers/{number}/admissions", TEST)["passed"] is True
    assert (before.admission_id, admitted(world, consignment).passed) == (None, True)


def test_what_is_missing_is_listed_and_a_test_without_it_fails(world: World) -> None:
    number, consignment = logger(world)

    outcome = world.post(f"/loggers/{number}/admissions", TEST | {"excursion_seen": False})

    assert missing(world, number) == ["clock", "readings", "excursion"]
    assert outcome["passed"] is False
    assert admitted(world, consignment).passed is False


def test_a_clock_that_is_off_and_a_number_that_is_missing_are_found(world: World) -> None:
    number, _ = logger(world)
    record(world, number, skip=7, off=timedelta(minutes=3))

    assert missing(world, number) == ["clock", "readings", "excursion"]


def test_a_declared_admission_is_the_operators_and_is_shown_as_such(world: World) -> None:
    number, consignment = logger(world)
    word = {"kind": "declared", "reason": "simulated fleet"}
    refused = world.of("maker").post(f"/loggers/{number}/admissions", json=word)
    world.post(f"/loggers/{number}/admissions", word)

    assert refused.json()["code"] == "CANNOT_VOUCH"
    assert (admitted(world, consignment).kind, admitted(world, consignment).passed) == (
        "declared",
        True,
    )


@pytest.mark.shows("LOGGER_NOT_ADMITTED")
def test_the_newest_outcome_counts(world: World) -> None:
    number, consignment = logger(world)
    world.admit(number)
    word = {"kind": "revoked", "reason": "sensor was dropped"}
    world.post(f"/loggers/{number}/admissions", word, party="maker")

    assert admitted(world, consignment).passed is False
    listed = world.get(f"/loggers/{number}/admissions", party="truck")["items"]
    assert [one["kind"] for one in listed] == ["declared", "revoked"]


@pytest.mark.parametrize(("party", "status"), [("truck", 403), ("stranger", 404)])
def test_a_carrier_does_not_vouch_for_its_own_logger(world: World, party: str, status: int) -> None:
    number, _ = logger(world)

    assert world.of(party).post(f"/loggers/{number}/admissions", json=TEST).status_code == status


def test_the_word_of_another_manufacturer_counts_nothing(world: World) -> None:
    number, consignment = logger(world)
    other = world.join("manufacturer")

    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "INSERT INTO admission (logger_id, kind, passed, checks, party_id, recorded_by)"
            " VALUES (%s, 'tested', true, '[]', %s, 'test')",
            (number, other),
        )
    assert admitted(world, consignment).admission_id is None
