"""Serial numbers of a line, and what a lot's consignments took of its stability budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from api_world import BEGIN

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database


def line(**changes: Any) -> dict[str, Any]:
    return {"product": "vaccine", "lot": "A1", "quantity": 1} | changes


def spend(world: World, consignment: str, lot: str, *, before: int, here: int) -> None:
    """Figures as the judge enters them, of the consignment's newest evaluation."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "INSERT INTO lot_spend (evaluation_id, consignment_id, product_id, lot_number, serial,"
            " began_at, ended_at, provisional, optimistic_ppb, measured_ppb, pessimistic_ppb,"
            " before_optimistic_ppb, before_measured_ppb, before_pessimistic_ppb)"
            " SELECT max(id), %(id)s, 'vaccine', %(lot)s, '', %(at)s, %(at)s, false,"
            " 0, %(here)s, %(here)s, 0, %(before)s, %(before)s"
            " FROM evaluation WHERE consignment_id = %(id)s",
            {"id": consignment, "lot": lot, "at": BEGIN, "here": here, "before": before},
        )


def test_serial_numbers_of_a_line_are_kept(world: World) -> None:
    consignment = world.consign(lines=[line(quantity=2, serials=["S1", "S2"]), line()])

    shown = world.get(f"/consignments/{consignment}", party="hospital")["lines"]

    assert [each["serials"] for each in shown] == [["S1", "S2"], None]


@pytest.mark.parametrize(
    "lines",
    [
        [line(quantity=2, serials=["S1"])],
        [line(serials=[])],
        [line(quantity=2, serials=["S1", "S1"])],
        [line(serials=["S1"]), line(lot="A2", serials=["S1"])],
        [line(serials=["two words"])],
        [
            line(quantity=501, serials=[f"{letter}{number}" for number in range(501)])
            for letter in "AB"
        ],
    ],
)
def test_serial_numbers_name_each_unit_once_or_none(
    world: World, lines: list[dict[str, Any]]
) -> None:
    body = {"id": world.name("con"), "consignee": "hospital", "lines": lines}

    answer = world.of("maker").post("/consignments", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")


def test_owner_sees_what_each_consignment_took_of_the_budget(world: World) -> None:
    world.post(
        "/products/vaccine/lots", {"number": "B/1", "expires_on": "2199-12-31"}, party="maker"
    )
    consignment = world.consign(lots=("B/1",))
    world.judge(consignment)
    world.judge(consignment)
    spend(world, consignment, "B/1", before=1, here=1)
    spend(world, consignment, "B/1", before=300_000_000, here=450_000_000)

    (shown,) = world.get("/products/vaccine/lots/B%2F1/stability", party="maker")["items"]

    assert (shown["serial"], shown["consignment"], shown["evaluation_version"]) == (
        None,
        consignment,
        2,
    )
    assert shown["before"]["pessimistic_ppb"] == 300_000_000
    assert shown["here"]["measured_ppb"] == 450_000_000
    assert shown["left_ppb"] == 250_000_000


@pytest.mark.parametrize(("party", "lot"), [("hospital", "A1"), ("stranger", "A1"), ("maker", "X")])
def test_budget_is_shown_as_the_lot_is(world: World, party: str, lot: str) -> None:
    answer = world.of(party).get(f"/products/vaccine/lots/{lot}/stability")

    assert answer.status_code == 404
