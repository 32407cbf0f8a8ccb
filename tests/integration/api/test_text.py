"""Whatever people write is text: it comes back as it was sent, or is refused as described."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from access import OTHER_ROLES, Things, operations
from api_world import open_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from access import Operation
    from api_world import Person, World
    from conftest import DatabaseServer

pytestmark = pytest.mark.database

# SQL, markup, a template, text from right to left, a character of four bytes.
HOSTILE: Final = "'; DROP TABLE party; --<script>alert(1)</script>{{7*7}}\u202e\U0001f976"
HALF: Final = "\ud800"  # of a surrogate pair: JSON can spell it, UTF-8 cannot say it
SECRET: Final = ("password", "proof", "invitation", "totp", "ticket")  # never come back


@pytest.fixture(scope="module")
def world(plain_server: DatabaseServer) -> Iterator[World]:
    with plain_server.fresh() as dsn, open_world(dsn) as made:
        yield made


@pytest.fixture(scope="module")
def things(world: World) -> Things:
    made = Things(world)
    for operation in operations(world):
        made.named(operation.parameters)
    return made


@pytest.fixture(scope="module")
def person(world: World) -> Person:
    return world.user("maker", *(role.value for role in OTHER_ROLES))


class Texts:
    """The members of an operation's body in which any text may stand, as the description has it."""

    def __init__(self, world: World) -> None:
        self._document = httpx.get(f"{world.url}/openapi.json").json()

    def of(self, operation: Operation) -> list[str]:
        """Names of such members of the body itself."""
        described = self._document["paths"][operation.path][operation.method]
        content = described.get("requestBody", {}).get("content", {})
        schema = self._resolved(content.get("application/json", {}).get("schema", {}))
        members = schema.get("properties", {}).items()
        return [name for name, member in members if name not in SECRET and self._is_free(member)]

    def _is_free(self, member: dict[str, Any]) -> bool:
        kinds = [self._resolved(kind) for kind in member.get("anyOf", [member])]
        return any(_admits(kind, HOSTILE) for kind in kinds)

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        name = schema.get("$ref", "").rsplit("/", 1)[-1]
        return self._document["components"]["schemas"][name] if name else schema


def _admits(schema: dict[str, Any], text: str) -> bool:
    if schema.get("type") != "string" or {"enum", "const", "format"} & set(schema):
        return False
    fits = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    return fits and re.search(schema.get("pattern", ""), text) is not None


def with_text(operation: Operation, members: list[str], text: str) -> dict[str, Any]:
    """The example with ``text`` in these members."""
    body: dict[str, Any] = copy.deepcopy(operation.example)
    return body | dict.fromkeys(members, text)


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    match value:
        case str():
            yield value
        case dict():
            for member in value.values():
                yield from strings(member)
        case list():
            for item in value:
                yield from strings(item)


def spoilt(value: Any) -> Iterator[Any]:
    """The JSON value with `HALF` in place of each text in it, one after the other."""
    match value:
        case str():
            yield HALF
        case dict():
            for name, member in value.items():
                yield from (value | {name: other} for other in spoilt(member))
            yield value | {HALF: "a member"}
        case list():
            for place, item in enumerate(value):
                yield from ([*value[:place], other, *value[place + 1 :]] for other in spoilt(item))


def test_sql_and_markup_come_back_as_text(world: World, things: Things, person: Person) -> None:
    texts = Texts(world)
    came_back = []
    for operation in operations(world):
        members = texts.of(operation) if operation.changes else []
        if not members or operation.right is None:
            continue
        body = with_text(operation, members, HOSTILE)
        answer = operation.send(person, things.named(operation.parameters), json=body)

        assert answer.status_code < 500, (operation.path, answer.text)
        assert answer.headers["content-type"] in {"application/json", "application/problem+json"}
        told = [text for text in strings(answer.json()) if "DROP TABLE" in text]
        if answer.is_success and told:
            assert HOSTILE in told, (operation.path, told)
            came_back.append(operation.path)
    assert len(came_back) >= 6, came_back
    assert world.fetch("SELECT count(*) FROM party") > [0]


def test_a_null_character_is_refused_everywhere(
    world: World, things: Things, person: Person
) -> None:
    texts = Texts(world)
    refused = 0
    for operation in operations(world):
        for member in texts.of(operation) if operation.changes else []:
            body = with_text(operation, [member], "before\x00after")
            client = world.of("operator") if operation.right is None else person
            answer = operation.send(client, things.named(operation.parameters), json=body)

            place = (operation.method, operation.path, member, answer.text)
            assert answer.status_code in {403, 422}, place
            refused += answer.status_code == 422
    assert refused >= 20


def test_half_a_surrogate_pair_is_refused_in_every_text_and_secret(
    world: World, things: Things, person: Person
) -> None:
    refused = 0
    for operation in operations(world):
        client = world.of("operator") if operation.right is None else person
        for body in spoilt(operation.example if operation.changes else None):
            answer = operation.send(
                client,
                things.named(operation.parameters),
                json=None,
                content=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )

            place = (operation.method, operation.path, ascii(body), answer.text)
            assert answer.status_code in {403, 422}, place
            refused += answer.status_code == 422
    assert refused >= 150
