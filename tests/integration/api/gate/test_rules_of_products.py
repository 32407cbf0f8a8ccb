"""Goods travel by the profiles that their owner stated, and by no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from api_world import PROFILE

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database

LAXER = "LABEL_BELOW_30"


def profile_check(world: World, consignment: str, purpose: str = "dispatch") -> dict[str, Any]:
    """What the gate found of the profile."""
    checks = world.gate(consignment, purpose)["checks"]
    (found,) = [check for check in checks if check["code"] == "PROFILE_MISSING"]
    return dict(found)


def article(world: World, *profiles: str) -> str:
    """A product of the maker with a lot, and those profiles stated with it."""
    product = world.add_product(world.name("vial"), profiles=[{"id": one} for one in profiles])
    lot = {"number": "A1", "expires_on": "2199-12-31"}
    world.post(f"/products/{product}/lots", lot, party="maker")
    return product


def sent(world: World, product: str, profile: str | dict[str, Any] = PROFILE) -> str:
    """A consignment of the product as whoever ships it planned it, whatever its owner stated."""
    chosen = {"id": profile} if isinstance(profile, str) else profile
    world.allowed.add((product, chosen["id"]))
    line = {"product": product, "lot": "A1", "quantity": 1}
    return world.consign(profile=chosen, lines=[line])


@pytest.mark.shows("PROFILE_MISSING")
def test_laxer_profile_than_was_stated_lets_nothing_go(world: World) -> None:
    product = article(world, PROFILE)
    held = profile_check(world, sent(world, product, LAXER))

    assert (held["verdict"], held["facts"]["products"]) == ("HOLD", [product])
    assert held["links"] == [f"/v1/products/{product}/profiles"]
    assert profile_check(world, sent(world, product))["verdict"] == "PASS"


@pytest.mark.shows("PROFILE_MISSING")
def test_product_without_a_word_about_it_goes_nowhere_until_there_is_one(world: World) -> None:
    product = article(world)
    consignment = sent(world, product)

    assert profile_check(world, consignment)["verdict"] == "HOLD"
    world.post(f"/products/{product}/profiles", {"id": PROFILE}, party="maker")
    assert profile_check(world, consignment)["verdict"] == "PASS"


@pytest.mark.shows("PROFILE_MISSING")
def test_withdrawn_profile_holds_what_is_on_its_way(world: World) -> None:
    product = article(world, PROFILE)
    consignment = sent(world, product)
    assert world.gate(consignment, "dispatch")["permitted"]
    world.event(consignment, "departed")
    (said,) = world.get(f"/products/{product}/profiles", party="hospital")["items"]

    path, why = f"/products/{product}/profiles/{said['id']}/withdraw", {"reason": "too wide"}
    assert world.post(path, why, party="maker")["withdrawal_reason"] == "too wide"
    assert world.of("maker").post(path, json=why).json()["code"] == "ALREADY_WITHDRAWN"
    assert profile_check(world, consignment, "receipt_release")["verdict"] == "HOLD"


@pytest.mark.shows("PROFILE_MISSING")
def test_withdrawn_version_is_not_stood_for_by_an_earlier_one(world: World) -> None:
    profile, product = world.add_budget(), article(world)
    (body,) = [one["body"] for one in world.get("/profiles")["items"] if one["id"] == profile]
    world.post("/profiles", {"profile": body | {"version": 2}}, party="maker")
    path, second = f"/products/{product}/profiles", {"id": profile, "version": 2}
    world.post(path, {"id": profile, "version": 1}, party="maker")
    consignment = sent(world, product, second)
    said = world.post(path, second, party="maker")

    world.post(f"{path}/{said['id']}/withdraw", {"reason": "typing error"}, party="maker")
    assert profile_check(world, consignment)["verdict"] == "HOLD"
    world.post(path, second, party="maker")
    assert profile_check(world, consignment)["verdict"] == "PASS"


def test_later_version_of_the_owners_counts_and_an_earlier_one_never(world: World) -> None:
    profile = world.add_budget()
    known = world.get("/profiles", party="maker")["items"]
    (body,) = [one["body"] for one in known if one["id"] == profile]
    product = article(world)
    for version in (2, 3):
        world.post("/profiles", {"profile": body | {"version": version}}, party="maker")
        if version == 2:
            world.post(f"/products/{product}/profiles", {"id": profile}, party="maker")

    found = [
        profile_check(world, sent(world, product, {"id": profile, "version": version}))["verdict"]
        for version in (1, 2, 3)
    ]
    assert found == ["HOLD", "PASS", "PASS"]


def test_only_who_may_configure_the_owners_rules_states_them(world: World) -> None:
    made = world.post("/parties/maker/keys", {"label": "erp", "scopes": ["goods", "ship"]})
    erp, product = world.client(made["secret"]), world.name("vial")
    body = {"id": product, "name": "-", "profiles": [{"id": PROFILE}]}

    assert erp.post("/products", json=body).json()["code"] == "RIGHT_MISSING"
    assert erp.post("/products", json=body | {"profiles": []}).is_success
    answers = [
        client.post(f"/products/{product}/profiles", json={"id": PROFILE}).status_code
        for client in (erp, world.of("hospital"), world.of("maker"))
    ]
    assert answers == [403, 404, 201]
