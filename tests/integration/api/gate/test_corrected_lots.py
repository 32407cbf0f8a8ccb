"""A lot's last day of use was registered wrong: its owner corrects it, the gate goes by that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gate_cases import RECEIPT, goods, gtin, of, registered

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database

PAST = "2020-02-29"


def correct(world: World, product: str, day: str, party: str = "maker") -> Any:
    body = {"expires_on": day, "reason": "typed from another certificate"}
    return world.of(party).post(f"/products/{product}/lots/A1/corrections", json=body)


def blocking(world: World, consignment: str, purpose: str = "dispatch") -> list[str]:
    return [check["code"] for check in world.gate(consignment, purpose)["reasons"]]


def told(world: World, party: str, product: str) -> list[Any]:
    query = (
        "SELECT body FROM outbox WHERE kind = 'lot.corrected' AND party_id = %s"
        " AND body ->> 'product' = %s"
    )
    return world.fetch(query, party, product)


@pytest.mark.shows("LOT_EXPIRED")
def test_gate_goes_by_the_newest_date_and_every_older_one_is_kept(world: World) -> None:
    product, _ = goods(world)
    consignment = of(world, "dispatch", product)
    found = []
    for day in (PAST, "291200"):
        assert correct(world, product, day).status_code == 201
        found.append(blocking(world, consignment))

    assert found == [["LOT_EXPIRED"], []]
    listed = world.get(f"/products/{product}/lots/A1/corrections", party="maker")["items"]
    dates = [(each["expired_on"], each["expires_on"]) for each in listed]
    assert dates == [("2199-12-31", PAST), (PAST, "2029-12-31")]
    assert {each["reason"] for each in listed} == {"typed from another certificate"}
    assert all(each["corrected_by"].startswith("maker/key-") for each in listed)
    [lot] = world.get(f"/products/{product}/lots", party="maker")["items"]
    assert lot["expires_on"] == "2029-12-31"


@pytest.mark.shows("LOT_EXPIRED")
def test_date_that_is_past_voids_permits_for_what_was_released_and_is_told(world: World) -> None:
    product, _ = goods(world)
    consignment = of(world, RECEIPT, product)
    token = {"token": world.gate(consignment, RECEIPT)["permit"]["token"]}
    correct(world, product, PAST)
    redeemed = world.of("operator").post("/gate/permits/redeem", json=token)

    assert (redeemed.status_code, redeemed.json()["code"]) == (409, "PERMIT_VOID")
    assert blocking(world, consignment, RECEIPT) == ["LOT_EXPIRED"]
    assert world.states(consignment) == ["released"]
    [body] = told(world, "hospital", product)
    assert (body["expired_on"], body["expires_on"]) == ("2199-12-31", PAST)
    assert [line["state"] for line in body["lines"]] == ["released"]
    assert told(world, "truck", product) == []


@pytest.mark.shows("LOT_EXPIRED")
@pytest.mark.parametrize(("owner", "reaches"), [("maker", True), ("truck", False)])
def test_correction_reaches_every_article_of_the_number_if_it_is_a_makers(
    world: World, owner: str, *, reaches: bool
) -> None:
    number = gtin(world)
    own = registered(world, owner, gtin=number)
    other = registered(world, "maker", gtin=number)
    consignment = of(world, "dispatch", other)
    correct(world, own, PAST, owner)

    assert ("LOT_EXPIRED" in blocking(world, consignment)) is reaches
    line = {"consignment": consignment, "position": 1, "quantity": 1, "state": "planned"}
    body = {"product": other, "lot": "A1", "lines": [line]}
    assert told(world, "maker", other) == [body] * reaches


@pytest.mark.parametrize("party", ["truck", "hospital", "stranger"])
def test_lot_is_corrected_and_its_dates_are_listed_by_its_owner_only(
    world: World, party: str
) -> None:
    product, _ = goods(world)
    of(world, "dispatch", product)

    assert correct(world, product, PAST, party).status_code == 404
    listed = world.of(party).get(f"/products/{product}/lots/A1/corrections")
    assert listed.status_code == 404


@pytest.mark.parametrize(
    ("day", "code"), [("2199-12-31", "SAME_DATE"), ("+1", "VALIDATION_FAILED")]
)
def test_what_corrects_nothing_is_refused_and_told_to_nobody(
    world: World, day: str, code: str
) -> None:
    product, _ = goods(world)
    of(world, "dispatch", product)

    assert correct(world, product, day).json()["code"] == code
    assert told(world, "maker", product) == []


def test_lot_that_nobody_registered_is_not_corrected(world: World) -> None:
    body = {"expires_on": PAST, "reason": "-"}

    answer = world.of("maker").post("/products/vaccine/lots/NONE/corrections", json=body)
    assert answer.status_code == 404


def test_correction_sent_twice_is_one(world: World) -> None:
    product, _ = goods(world)
    path, body = f"/products/{product}/lots/A1/corrections", {"expires_on": PAST, "reason": "-"}
    headers = {"Idempotency-Key": world.name("once")}
    first, again = (
        world.of("maker").post(path, json=body, headers=headers).json() for _ in range(2)
    )

    assert first == again
    assert len(world.get(path, party="maker")["items"]) == 1
