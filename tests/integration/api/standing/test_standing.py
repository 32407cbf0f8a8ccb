from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from api_world import PROFILE

from coldgate.storage import agreements, carriers

if TYPE_CHECKING:
    from api_world import World

TODAY = datetime.now(UTC).date()


def day(offset: int) -> str:
    return (TODAY + timedelta(days=offset)).isoformat()


def carried_by(world: World, carrier: str) -> str:
    """A consignment of the maker with that carrier, of whom nobody said anything yet."""
    leg = {"carrier": carrier, "origin": "here", "destination": "there"}
    body = {
        "id": world.name("con"),
        "consignee": "hospital",
        "profile": {"id": PROFILE},
        "lines": [{"product": "vaccine", "lot": "A1", "quantity": 1}],
        "legs": [leg, leg],
    }
    name: str = world.post("/consignments", body, party="maker")["id"]
    return name


def say(
    world: World, carrier: str, party: str, first: int = -1, last: int = 1, **said: Any
) -> None:
    body = {"carrier": carrier, "profile": PROFILE} | said
    if "state" not in said:
        body |= {"valid_from": day(first), "valid_until": day(last)}
    world.post("/qualifications", body, party=party)


def standing(world: World, consignment: str) -> str:
    with psycopg.connect(world.dsn) as connection:
        [found] = carriers.standing(connection, consignment)
    return found.standing


def test_a_carrier_of_whom_nobody_said_anything_has_no_standing(world: World) -> None:
    assert standing(world, carried_by(world, world.join("carrier"))) == "none"


@pytest.mark.shows("CARRIER_NOT_QUALIFIED")
@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0, 0, "approved"), (-9, 9, "approved"), (1, 9, "not_yet"), (-9, -1, "lapsed")],
)
def test_an_approval_counts_from_its_first_to_its_last_day(
    world: World, first: int, last: int, expected: str
) -> None:
    carrier = world.join("carrier")
    say(world, carrier, "maker", first, last)

    assert standing(world, carried_by(world, carrier)) == expected


def test_approval_for_one_profile_is_none_for_another(world: World) -> None:
    carrier = world.join("carrier")
    say(world, carrier, "maker", profile="WHO_ESI_TYPE1")

    assert standing(world, carried_by(world, carrier)) == "none"


def test_the_newest_word_of_a_party_counts_and_the_older_stay(world: World) -> None:
    carrier = world.join("carrier")
    consignment = carried_by(world, carrier)
    found = []
    for state in ("approved", "suspended", "approved", "withdrawn"):
        say(world, carrier, "maker", **({} if state == "approved" else {"state": state}))
        found.append(standing(world, consignment))

    listed = world.get("/qualifications", party="maker", carrier=carrier)["items"]
    assert found == ["approved", "suspended", "approved", "withdrawn"]
    assert [one["state"] for one in listed] == found


@pytest.mark.shows("CARRIER_NOT_QUALIFIED")
def test_one_suspension_outweighs_the_approval_of_another(world: World) -> None:
    carrier = world.join("carrier")
    consignment = carried_by(world, carrier)
    say(world, carrier, "operator")
    say(world, carrier, "maker")
    say(world, carrier, "operator", state="suspended")

    assert standing(world, consignment) == "suspended"


def test_what_another_manufacturer_thinks_of_it_counts_nothing(world: World) -> None:
    carrier, other = world.join("carrier"), world.join("manufacturer")
    say(world, carrier, other)

    assert standing(world, carried_by(world, carrier)) == "none"


@pytest.mark.parametrize("party", ["truck", "hospital", "stranger"])
def test_nobody_else_qualifies_a_carrier_and_none_itself(world: World, party: str) -> None:
    body = {
        "carrier": "truck",
        "profile": PROFILE,
        "valid_from": day(0),
        "valid_until": day(1),
    }
    answer = world.of(party).post("/qualifications", json=body)

    assert (answer.status_code, answer.json()["code"]) == (403, "CANNOT_VOUCH")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"state": "suspended"}, "NOT_QUALIFIED"),
        ({"profile": "NONE", "valid_from": day(0), "valid_until": day(1)}, "PROFILE_UNKNOWN"),
        ({"valid_from": day(1), "valid_until": day(0)}, "VALIDATION_FAILED"),
        ({"valid_from": day(1)}, "VALIDATION_FAILED"),
        ({"state": "suspended", "valid_from": day(0), "valid_until": day(1)}, "VALIDATION_FAILED"),
    ],
)
def test_a_word_that_says_nothing_is_refused(world: World, body: dict[str, Any], code: str) -> None:
    said = {"carrier": world.join("carrier"), "profile": PROFILE} | body

    assert world.of("maker").post("/qualifications", json=said).json()["code"] == code


def test_a_carrier_sees_what_is_said_of_it_and_others_do_not(world: World) -> None:
    carrier = world.join("carrier")
    say(world, carrier, "maker")

    assert len(world.get("/qualifications", party=carrier)["items"]) == 1
    assert world.get("/qualifications", party="stranger", carrier=carrier)["items"] == []


def minimum(world: World, consignment: str) -> list[int]:
    with psycopg.connect(world.dsn) as connection:
        return [one.min_days for one in agreements.minimum(connection, consignment)]


@pytest.mark.shows("SHELF_LIFE_SHORT")
def test_the_agreement_about_the_product_counts_before_the_general_one(world: World) -> None:
    ward = world.join("consignee")
    consignment = world.consign(consignee=ward, place=False)
    found = [minimum(world, consignment)]
    for said in ({"min_days": 30}, {"min_days": 90, "product": "vaccine"}, {"min_days": 60}):
        world.post("/agreements", {"consignee": ward} | said, party="maker")
        found.append(minimum(world, consignment))

    assert found == [[], [30], [90], [90]]
    assert len(world.get("/agreements", party=ward)["items"]) == 3
    assert all(
        one["consignee"] != ward for one in world.get("/agreements", party="stranger")["items"]
    )


def test_an_agreement_is_the_consignors_or_operators_to_enter(world: World) -> None:
    body = {"consignee": "hospital", "min_days": 1}

    assert world.of("hospital").post("/agreements", json=body).json()["code"] == "CANNOT_VOUCH"
    named = body | {"consignor": "maker"}
    assert world.of("stranger").post("/agreements", json=named).status_code == 403
    assert world.of("operator").post("/agreements", json=named).status_code == 201
