"""Requests made up from our own OpenAPI description never find a request we cannot answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
import schemathesis
from api_world import OPERATOR_KEY, serving
from hypothesis import HealthCheck, given, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import DatabaseServer

pytestmark = pytest.mark.database

EXAMPLES = settings(max_examples=8, deadline=None, database=None)


@pytest.fixture(scope="module")
def url(plain_server: DatabaseServer) -> Iterator[str]:
    """An API on a database of its own, for what is made up goes into it."""
    with plain_server.fresh() as dsn, serving(dsn) as made:
        yield made


def test_no_described_request_fails_inside(url: str) -> None:
    description = schemathesis.openapi.from_url(f"{url}/openapi.json")
    key = {"Authorization": f"Bearer {OPERATOR_KEY}"}

    for operation in description.get_all_operations():

        @settings(EXAMPLES, suppress_health_check=list(HealthCheck))
        @given(case=operation.ok().as_strategy())
        def send(case: schemathesis.Case) -> None:
            answer = case.call(headers=key)
            assert answer.status_code < 500, answer.text

        send()


def test_every_body_has_an_example_and_every_route_a_tag_and_words(url: str) -> None:
    document = httpx.get(f"{url}/openapi.json").json()

    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["tags"], path
            assert operation["description"], path
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body:
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
