"""Names that all parties share: a taken one tells that it is taken, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from api_world import PUBLIC_KEY
from judging import make_profile

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database


def bodies(name: str) -> dict[str, Any]:
    """What takes the name, by path."""
    line = {"product": "vaccine", "lot": "A1", "quantity": 1}
    return {
        "/products": {"id": name, "name": name},
        "/gateways": {"id": name, "public_key": PUBLIC_KEY},
        "/consignments": {"id": name, "consignee": "hospital", "lines": [line]},
    }


@pytest.mark.parametrize("path", ["/products", "/gateways", "/consignments"])
def test_name_of_a_stranger_is_refused_as_ones_own_is(world: World, path: str) -> None:
    stranger = world.join("manufacturer")
    body = bodies(world.name("taken"))[path]
    world.post(path, body, party="maker")

    own, foreign = (world.of(party).post(path, json=body) for party in ("maker", stranger))

    assert (own.status_code, own.json()["code"]) == (409, "ALREADY_EXISTS")
    assert (foreign.status_code, foreign.content) == (own.status_code, own.content)


def test_profile_of_a_stranger_tells_neither_whose_it_is_nor_what_it_says(world: World) -> None:
    stranger = world.join("manufacturer")
    profile = make_profile(id="ACME_NAMES", description="words of the maker").as_json()
    world.post("/profiles", {"profile": profile}, party="maker")

    answer = world.of(stranger).post("/profiles", json={"profile": profile | {"version": 2}})

    assert answer.status_code == 409
    assert "maker" not in answer.text


def test_consignment_without_a_name_gets_one_that_nobody_guesses(world: World) -> None:
    body = {**bodies("unused")["/consignments"]}
    del body["id"]

    first, second = (world.post("/consignments", body, party="maker")["id"] for _ in range(2))

    assert first != second
    assert len(first) == len("c-") + 16
