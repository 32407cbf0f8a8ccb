"""Requests made up from our own OpenAPI description never find a request we cannot answer."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests
import schemathesis
from access import OTHER_ROLES, PARAMETER, Foreign, Things, operations
from api_world import OPERATOR_KEY, PUBLIC_KEY, open_world
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import one_of
from jsonschema import Draft202012Validator, ValidationError
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    status_code_conformance,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_world import World
    from conftest import DatabaseServer
    from hypothesis.strategies import SearchStrategy

pytestmark = pytest.mark.database

LONGER = "COLDGATE_CONTRACT_EXAMPLES"  # of each route for each caller, made up anew each time
MADE_UP = settings(
    max_examples=int(os.environ.get(LONGER, "3")),
    derandomize=LONGER not in os.environ,
    deadline=None,
    database=None,
    phases=(Phase.generate,),  # a failure is shown as it was found: looking for less takes minutes
    suppress_health_check=list(HealthCheck),
)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
ENDS_A_SESSION = {
    ("delete", "/v1/session"),
    ("post", "/v1/sessions/{session}/revoke"),
    ("post", "/v1/totp"),
    ("post", "/v1/totp/confirm"),
}
HOSTILE = "'; DROP TABLE party; --<script>alert(1)</script>{{7*7}}\u202e\U0001f976"


@pytest.fixture(scope="module")
def world(plain_server: DatabaseServer) -> Iterator[World]:
    """A world of its own, for what is made up goes into it."""
    with plain_server.fresh() as dsn, open_world(dsn) as made:
        yield made


@pytest.fixture(scope="module")
def url(world: World) -> str:
    return world.url


@pytest.fixture(scope="module")
def things(world: World) -> Things:
    """Everything that a path can name, made before anything is made up."""
    made = Things(world)
    for operation in operations(world):
        made.named(operation.parameters)
    return made


@pytest.fixture(scope="module")
def rival(world: World) -> str:
    """A manufacturer that deals with nobody, and has goods and devices of its own."""
    party = world.join("manufacturer")
    product = world.name("rival-product")
    world.add_product(product, party=party)
    world.post("/loggers", {"serial": world.name("RIVAL")}, party=party)
    world.post("/gateways", {"id": world.name("rival"), "public_key": PUBLIC_KEY}, party=party)
    consignment = {
        "id": world.name("rival-con"),
        "consignee": party,
        "lines": [{"product": product, "lot": "R1", "quantity": 1}],
        "legs": [{"carrier": party, "origin": "here", "destination": "there"}],
    }
    world.post("/consignments", consignment, party=party)
    return party


@pytest.mark.parametrize("caller", ["maker", "rival", "operator"])
def test_made_up_requests_are_answered_as_described_and_tell_of_nobody_else(
    world: World, things: Things, rival: str, caller: str
) -> None:
    party = rival if caller == "rival" else caller
    secrets = {"maker": Foreign.of(world, rival), "rival": Foreign.to(world, rival)}
    foreign = secrets.get(caller, Foreign())
    person = (
        None if caller == "operator" else world.user(party, *(role.value for role in OTHER_ROLES))
    )
    headers = {"Authorization": f"Bearer {person.token if person else OPERATOR_KEY}"}

    described = Described(httpx.get(f"{world.url}/openapi.json").json())
    problems = []
    with requests.Session() as session:
        for strategy in made_up(world, things):

            @MADE_UP
            @given(case=strategy)
            def send(case: schemathesis.Case) -> None:
                answer = case.call(headers=headers, session=session)
                case.validate_response(answer, checks=CHECKS)
                described.require_fit(case, answer)
                sent = f"{answer.request.url} {answer.request.body!r}"
                assert foreign.words_in(answer.text, sent=sent) == set(), answer.text

            try:
                send()
            except (AssertionError, FailureGroup, ValidationError) as failure:
                problems.append(str(failure))

    assert not problems, "\n\n".join(problems)


class Described:
    """The shapes of answers; schemathesis cannot tell those with tuples inside lists."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def require_fit(self, case: schemathesis.Case, answer: schemathesis.Response) -> None:
        operation = self._document["paths"][case.operation.path][case.operation.method]
        content = operation["responses"].get(str(answer.status_code), {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema and answer.headers["content-type"] == ["application/json"]:
            self._validator(json.dumps(schema)).validate(answer.json())

    @cache  # noqa: B019 - one object for each test, gone after it
    def _validator(self, schema: str) -> Draft202012Validator:
        components = {"components": self._document["components"]}
        return Draft202012Validator(json.loads(schema) | components)


def made_up(world: World, things: Things) -> Iterator[SearchStrategy[schemathesis.Case]]:
    """Requests of each route: fitting ones about things that exist, any others, and wrong ones."""
    description = schemathesis.openapi.from_url(f"{world.url}/openapi.json")
    for result in description.get_all_operations():
        operation = result.ok()
        if (operation.method, operation.path) in ENDS_A_SESSION:
            continue
        parameters = PARAMETER.findall(operation.path)
        kinds = [operation.as_strategy()]
        if parameters:
            kinds.append(operation.as_strategy(path_parameters=things.named(parameters)))
        if operation.body or operation.query or parameters:
            kinds.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        yield one_of(kinds)


def test_every_body_has_an_example_and_every_route_a_tag_and_words(url: str) -> None:
    document = httpx.get(f"{url}/openapi.json").json()

    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["tags"], path
            assert operation["description"], path
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body and "$ref" in body["schema"]:  # a document has no shape
                name = body["schema"]["$ref"].rsplit("/", 1)[1]
                assert document["components"]["schemas"][name]["examples"], path


def test_every_route_describes_its_refusals(url: str) -> None:
    document = httpx.get(f"{url}/openapi.json").json()
    guarded = {path: item for path, item in document["paths"].items() if path.startswith("/v1")}

    for path, methods in guarded.items():
        for operation in methods.values():
            for status in ("401", "404", "409", "422", "503"):
                content = operation["responses"][status]["content"]
                assert list(content) == ["application/problem+json"], (path, status)


def test_documentation_loads_nothing_from_elsewhere(url: str) -> None:
    page = httpx.get(f"{url}/docs").text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert assets
    assert all(asset.startswith("/") for asset in assets), assets
    assert all(httpx.get(f"{url}{asset}").status_code == 200 for asset in assets)
