"""Who may see and do what; what one may not see looks like what does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from access import Foreign, Things, operations, people_and_keys, whole_party
from api_world import PUBLIC_KEY, open_world

from api.identity.rights import Right

if TYPE_CHECKING:
    from collections.abc import Iterator

    from access import Asker, Operation
    from api_world import World
    from conftest import DatabaseServer

pytestmark = pytest.mark.database

KINDS = ("manufacturer", "carrier", "consignee")
WHOLE = 2 * len(KINDS)  # a user and a key of each
LOG_OUT = ("delete", "/v1/session")  # nothing can be asked afterwards
PUBLIC_ROUTES = {"/v1/oidc/callback", "/v1/oidc/login", "/v1/password", "/v1/session"}

PEOPLE_ONLY = {"/v1/sessions/{session}/revoke"}  # a key has none, and is told so
# Lists that hold something for a party that has nothing: its own, or what is for all.
OWN_LISTS = {
    "/v1/flows",
    "/v1/keys",
    "/v1/ledger/checkpoints",
    "/v1/ledger/entries",
    "/v1/parties",
    "/v1/profiles",
    "/v1/sessions",
    "/v1/users",
}


@pytest.fixture(scope="module")
def world(plain_server: DatabaseServer) -> Iterator[World]:
    """A world of its own: what callers of every kind add would be in the way of other tests."""
    with plain_server.fresh() as dsn, open_world(dsn) as made:
        yield made


@pytest.fixture(scope="module")
def things(world: World) -> Things:
    return Things(world)


@pytest.fixture(scope="module")
def outsiders(world: World) -> list[Asker]:
    """Callers of parties that take part in nothing, one of which has every role and scope apart."""
    whole = [asker for kind in KINDS for asker in whole_party(world, kind)]
    return [*whole, *people_and_keys(world, world.join("manufacturer"))]


def test_what_is_asked_for_below_is_there(world: World, things: Things) -> None:
    """Else not to find it would prove nothing."""
    for operation in operations(world):
        if operation.changes or not operation.parameters:
            continue
        query = {"serial": "ANY"} if operation.path.endswith("/readings") else {}
        names = things.named(operation.parameters)
        answer = operation.send(world.of("operator"), names, params=query)

        assert answer.status_code != 404, (operation.path, answer.text)


def test_foreign_party_finds_nothing_behind_any_path_parameter(
    world: World, things: Things, outsiders: list[Asker]
) -> None:
    asked = [operation for operation in operations(world) if operation.parameters]
    names = [things.named(operation.parameters) for operation in asked]

    for asker in outsiders:
        foreign = Foreign.to(world, asker.party)
        for operation, filled in zip(asked, names, strict=True):
            answer = operation.send(asker.client, filled)
            place = (asker.name, operation.method, operation.path, answer.text)
            assert _refusal(answer) == _expected(operation, asker), place
            assert foreign.found_in(answer) == set(), place
    assert len(asked) >= 30


def _expected(operation: Operation, asker: Asker) -> tuple[int, str]:
    if operation.right not in asker.rights:
        return 403, "RIGHT_MISSING"
    if asker.is_key and operation.path in PEOPLE_ONLY:
        return 403, "PEOPLE_ONLY"
    return 404, "NOT_FOUND"


def _refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_foreign_party_is_told_of_nobody_by_any_other_route(
    world: World, outsiders: list[Asker]
) -> None:
    asked = [operation for operation in operations(world) if not operation.parameters]

    for asker in outsiders[:WHOLE]:
        foreign = Foreign.to(world, asker.party)
        for operation in asked:
            if operation.right is None or (operation.method, operation.path) == LOG_OUT:
                continue
            answer = operation.send(asker.client, {})
            place = (asker.name, operation.method, operation.path, answer.text)
            assert answer.status_code < 500, place
            assert foreign.found_in(answer) == set(), place


def test_lists_of_a_party_without_anything_are_empty(world: World) -> None:
    for asker in whole_party(world, "manufacturer"):
        for operation in operations(world):
            if operation.changes or operation.parameters or operation.path in OWN_LISTS:
                continue
            answer = operation.send(asker.client, {})

            if "items" in answer.json():
                assert answer.json()["items"] == [], (asker.name, operation.path)


@pytest.mark.parametrize("kind", ["manufacturer", "operator"])
def test_who_lacks_a_right_is_told_so_exactly_where_the_table_says(world: World, kind: str) -> None:
    party = "operator" if kind == "operator" else world.join(kind)
    asked = sorted(operations(world), key=lambda one: (one.method, one.path) == LOG_OUT)

    for asker in people_and_keys(world, party):
        if party == "operator" and Right.ADMIN not in asker.rights:
            continue  # as everywhere
        for operation in asked:
            if operation.right is None:
                continue
            answer = operation.send(asker.client, {}, json=None)
            lacks = _refusal(answer) == (403, "RIGHT_MISSING") if answer.is_error else False
            place = (asker.name, operation.method, operation.path, answer.text)
            assert lacks == (operation.right not in asker.rights), place


def test_every_route_declares_a_right_unless_it_finds_out_who_asks(world: World) -> None:
    open_routes = {one.path for one in operations(world) if one.right is None}

    assert open_routes == PUBLIC_ROUTES


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
    with httpx.Client(base_url=f"{world.url}/v1", headers=header) as client:
        for operation in operations(world):
            if operation.right is None:
                continue
            answer = operation.send(client, {})

            assert _refusal(answer) == (401, "UNAUTHENTICATED"), operation.path


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
        ("/loggers", {"serial": "X1", "party": "maker"}),
        ("/gateways", {"id": "gw-x", "public_key": PUBLIC_KEY, "party": "maker"}),
        ("/products", {"id": "prod-x", "name": "P", "party": "maker"}),
    ],
)
def test_only_the_operator_acts_for_others(world: World, path: str, body: dict[str, str]) -> None:
    answer = world.of("truck").post(path, json=body)

    assert (answer.status_code, answer.json()["code"]) == (403, "OPERATOR_ONLY")
