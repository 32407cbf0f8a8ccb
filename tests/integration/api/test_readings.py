"""Raw points over the API, on each kind of database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from api_world import BEGIN, open_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_world import World

pytestmark = pytest.mark.database

MINUTE = timedelta(minutes=1)
BEGIN_MS = int(BEGIN.timestamp() * 1000)


@pytest.fixture
def measured(database: str) -> Iterator[tuple[World, str, str]]:
    """A world, a consignment and its logger with 60 readings, the first 10 before it was placed."""
    with open_world(database) as world:
        consignment, serial = world.consign(place=False), world.add_logger()
        world.place(consignment, serial)
        add_readings(world.dsn, serial)
        yield world, consignment, serial


def add_readings(dsn: str, serial: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "INSERT INTO channel (logger_id, sensor, quantity)"
            " SELECT id, 0, 1 FROM logger WHERE serial = %s",
            (serial,),
        )
        connection.cursor().executemany(
            "INSERT INTO reading SELECT max(id), %s, %s, 0, %s, 1 FROM channel",
            [(BEGIN + (i - 10) * MINUTE, 5_000 + i, i) for i in range(60)],
        )


def test_every_point_is_given_once_page_by_page(measured: tuple[World, str, str]) -> None:
    world, consignment, serial = measured
    query, points = {"serial": serial, "limit": 7}, []

    while query.get("after", 0) is not None:
        page = world.get(f"/consignments/{consignment}/readings", party="hospital", **query)
        points += page["points"]
        query["after"] = page["next"]

    assert points == [[BEGIN_MS + i * 60_000, 5_010 + i, 0] for i in range(50)]


def test_points_outside_the_placement_belong_to_somebody_else(
    measured: tuple[World, str, str],
) -> None:
    world, consignment, serial = measured
    placement = world.get(f"/consignments/{consignment}/placements")["items"][0]["id"]
    removal = {"removed_at": (BEGIN + 5 * MINUTE).isoformat()}
    world.post(f"/consignments/{consignment}/placements/{placement}/remove", removal)

    page = world.get(f"/consignments/{consignment}/readings", serial=serial)

    assert [value for _, value, _ in page["points"]] == [5_010, 5_011, 5_012, 5_013, 5_014]


def test_range_includes_its_begin_and_excludes_its_end(measured: tuple[World, str, str]) -> None:
    world, consignment, serial = measured
    span = {"from": (BEGIN + 2 * MINUTE).isoformat(), "to": (BEGIN + 4 * MINUTE).isoformat()}

    page = world.get(f"/consignments/{consignment}/readings", serial=serial, **span)

    assert [value for _, value, _ in page["points"]] == [5_012, 5_013]
    assert (page["unit"], page["quantity"], page["next"]) == ("°C", "temperature", None)


def test_range_is_understood_in_any_zone(measured: tuple[World, str, str]) -> None:
    world, consignment, serial = measured
    zone = datetime.now(UTC).astimezone().tzinfo
    begin = (BEGIN + 48 * MINUTE).astimezone(zone).isoformat()

    page = world.get(f"/consignments/{consignment}/readings", serial=serial, **{"from": begin})

    assert [value for _, value, _ in page["points"]] == [5_058, 5_059]


def test_logger_that_never_sent_has_no_points(measured: tuple[World, str, str]) -> None:
    world, consignment, _ = measured

    assert world.get(f"/consignments/{consignment}/readings", serial="SILENT")["points"] == []
