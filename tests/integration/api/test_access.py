"""Who may see and do what; what one may not see looks like what does not exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from api_world import PUBLIC_KEY

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database

PARAMETER = re.compile(r"\{(\w+)\}")


def things(world: World) -> dict[str, str]:
    """One existing thing for every path parameter, none of it the stranger's."""
    consignment = world.received()
    world.judge(consignment)
    placement = world.get(f"/consignments/{consignment}/placements")["items"][0]
    gateway = world.name("gw")
    world.post("/gateways", {"id": gateway, "public_key": PUBLIC_KEY}, party="truck")
    return {
        "party": "maker",
        "key_id": "1",
        "gateway": gateway,
        "logger_id": str(world.get("/loggers")["items"][0]["id"]),
        "product": "vaccine",
        "lot": "A1",
        "consignment": consignment,
        "placement": str(placement["id"]),
        "version": "1",
    }


def operations(world: World) -> list[tuple[str, str, Any]]:
    """Every documented operation: method, path, and the first example of its body."""
    document = httpx.get(f"{world.url}/openapi.json").json()
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            example = None
            if body is not None:
                name = body["schema"]["$ref"].rsplit("/", 1)[1]
                example = document["components"]["schemas"][name]["examples"][0]
            found.append((method, path, example))
    return found


def test_foreign_party_finds_nothing_behind_any_path_parameter(world: World) -> None:
    names = things(world)
    asked = [operation for operation in operations(world) if PARAMETER.search(operation[1])]

    for method, path, body in asked:
        real = PARAMETER.sub(lambda match: names[match[1]], path.removeprefix("/v1"))
        query = {"serial": "ANY"} if path.endswith("/readings") else {}
        answer = world.of("stranger").request(method, real, json=body, params=query)

        told = (answer.status_code, answer.json()["code"])
        assert told in {(404, "NOT_FOUND"), (403, "RIGHT_MISSING")}, path
    assert len(asked) >= 20


def test_foreign_and_missing_look_the_same(world: World) -> None:
    consignment = world.consign()

    foreign = world.of("stranger").get(f"/consignments/{consignment}").json()
    missing = world.of("stranger").get("/consignments/con-none").json()

    assert foreign["detail"].replace(consignment, "con-none") == missing["detail"]
    assert foreign | {"detail": ""} == missing | {"detail": ""}


@pytest.mark.parametrize("party", ["maker", "truck", "hospital", "operator"])
def test_every_participant_and_the_operator_see_a_consignment(world: World, party: str) -> None:
    consignment = world.consign()

    assert world.get(f"/consignments/{consignment}", party=party)["id"] == consignment


def test_lists_hold_only_what_the_party_takes_part_in(world: World) -> None:
    world.consign()
    world.gate(world.consign(lots=("OLD",)), "dispatch")

    lists = ("/consignments", "/deviations", "/gateways", "/loggers", "/products", "/quarantine")
    assert [world.get(path, party="stranger")["items"] for path in lists] == [[]] * len(lists)
    assert [party["id"] for party in world.get("/parties", party="maker")["items"]] == ["maker"]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer cg_wrong"}])
def test_no_operation_answers_without_a_key_in_force(world: World, header: dict[str, str]) -> None:
    for method, path, body in operations(world):
        if not path.startswith("/v1"):
            continue
        answer = httpx.request(
            method, world.url + PARAMETER.sub("1234", path), json=body, headers=header
        )

        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED"), path


def test_revoked_key_is_refused_from_the_next_request_on(world: World) -> None:
    made = world.post("/parties/maker/keys", {"label": "leaked"})
    leaked = world.client(made["secret"])
    assert leaked.get("/consignments").is_success

    world.post(f"/parties/maker/keys/{made['id']}/revoke", {})

    assert leaked.get("/consignments").status_code == 401


def test_keys_are_stored_as_digests_only(world: World) -> None:
    made = world.post("/parties/maker/keys", {"label": "new"})

    assert made["secret"].startswith("cg_")
    listed = world.get("/parties/maker/keys", party="maker")["items"]
    assert made["secret"] not in str(listed)
    query = "SELECT encode(sha256(%s::bytea), 'hex') = encode(key_sha256, 'hex') FROM api_key"
    assert True in world.fetch(query, made["secret"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/parties", {"id": "new-party", "name": "N", "kind": "carrier"}),
        ("/loggers", {"serial": "X1", "party": "maker"}),
        ("/gateways", {"id": "gw-x", "public_key": PUBLIC_KEY, "party": "maker"}),
        ("/products", {"id": "prod-x", "name": "P", "party": "maker"}),
    ],
)
def test_only_the_operator_acts_for_others(world: World, path: str, body: dict[str, str]) -> None:
    answer = world.of("truck").post(path, json=body)

    assert (answer.status_code, answer.json()["code"]) == (403, "OPERATOR_ONLY")
