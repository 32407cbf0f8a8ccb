"""Every route as the API describes it, callers of every kind, and things that are not theirs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx
from api_world import PARTIES, PUBLIC_KEY, Person
from fastapi.routing import APIRoute

from api.app import ROUTERS
from api.caller import OPERATOR
from api.deps import Needs
from api.identity.rights import Right, Role, rights_of_key, rights_of_roles
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api_world import World

PARAMETER: Final = re.compile(r"\{(\w+)\}")
WORD: Final = re.compile(r"[\w@-]+")
OTHER_ROLES: Final = tuple(role for role in Role if role is not Role.OPERATOR)
MISSING: Final = "1234"  # fits every parameter, and is nothing


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path; ``right`` is None where a route finds out itself who asks."""

    method: str
    path: str  # with its parameters in braces
    right: Right | None
    media_type: str | None
    example: Any

    @property
    def parameters(self) -> list[str]:
        return PARAMETER.findall(self.path)

    @property
    def changes(self) -> bool:
        return self.method != "get"

    def send(self, client: httpx.Client, names: dict[str, str], **fields: Any) -> httpx.Response:
        """Send it with its example, its path filled with what ``names`` has for the parameters."""
        path = PARAMETER.sub(lambda match: names.get(match[1], MISSING), self.path)
        query = {"serial": "ANY"} if path.endswith("/readings") else {}
        body: dict[str, Any] = {}
        if self.media_type == "application/json":
            body = {"json": _as_said_by(client, self.example)}
        elif self.media_type is not None:
            body = {"content": b"text", "headers": {"Content-Type": self.media_type}}
        request = {"params": query} | body | fields
        return client.request(self.method, path.removeprefix("/v1"), **request)


def _as_said_by(client: httpx.Client, example: Any) -> Any:
    """The example, with the caller's own proof of being there: a wrong one locks it out."""
    if isinstance(client, Person) and "proof" in (example or {}):
        return example | {"proof": client.proof()}
    return example


def operations(world: World) -> list[Operation]:
    """Every documented operation below /v1."""
    document = httpx.get(f"{world.url}/openapi.json").json()
    schemas = document["components"]["schemas"]
    declared = _declared_rights()
    found = []
    for path, methods in document["paths"].items():
        if not path.startswith("/v1"):
            continue
        for method, described in methods.items():
            content = described.get("requestBody", {}).get("content", {})
            media_type = next(iter(content), None)
            name = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            schema = schemas.get(name.rsplit("/", 1)[-1], {})
            found.append(
                Operation(
                    method=method,
                    path=path,
                    right=declared[method, path],
                    media_type=media_type,
                    example=schema.get("examples", [None])[0],
                )
            )
    return found


def _declared_rights() -> dict[tuple[str, str], Right | None]:
    found: dict[tuple[str, str], Right | None] = {}
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            needed = [
                one.dependency.right
                for one in route.dependencies
                if isinstance(one.dependency, Needs)
            ]
            path = re.sub(r":\w+\}", "}", route.path)
            for method in route.methods:
                right = Right.READ if method == "GET" else (needed or [None])[0]
                found[method.lower(), path] = right if needed else None
    return found


@dataclass(frozen=True, kw_only=True)
class Asker:
    """A client with what its rights should be."""

    name: str
    party: str
    client: httpx.Client
    rights: frozenset[Right]

    @property
    def is_key(self) -> bool:
        return "key" in self.name


def people_and_keys(world: World, party: str) -> Iterator[Asker]:
    """A user with each role that it may have, and a key with each scope, all of one party."""
    operates = party == OPERATOR
    for role in Role if operates else OTHER_ROLES:
        yield Asker(
            name=f"user who is {role.value}",
            party=party,
            client=world.user(party, role.value),
            rights=rights_of_roles([role]),
        )
    for right in Right:
        rights = rights_of_key([right], operator=operates)
        if rights:
            yield Asker(
                name=f"key for {right.value}",
                party=party,
                client=_key(world, party, [right.value]),
                rights=rights,
            )


def whole_party(world: World, kind: str) -> Iterator[Asker]:
    """A user with every role and a key with every scope, of a new party of that kind."""
    party = world.join(kind)
    yield Asker(
        name=f"{kind}'s user with every role",
        party=party,
        client=world.user(party, *(role.value for role in OTHER_ROLES)),
        rights=rights_of_roles(OTHER_ROLES),
    )
    yield Asker(
        name=f"{kind}'s key",
        party=party,
        client=_key(world, party, None),
        rights=rights_of_key(None, operator=False),
    )


def _key(world: World, party: str, scopes: list[str] | None) -> httpx.Client:
    body = {"label": "key"} | ({} if scopes is None else {"scopes": scopes})
    return world.client(world.post(f"/parties/{party}/keys", body)["secret"])


class Things:
    """One existing thing for every path parameter, of the maker and those it deals with.

    A new parameter: write a method of its name that makes such a thing, or finds one, and returns
    what stands for it in a path.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._made: dict[str, str] = {}

    def named(self, parameters: list[str]) -> dict[str, str]:
        """What to put into a path."""
        return {parameter: self._get(parameter) for parameter in parameters}

    def _get(self, parameter: str) -> str:
        if parameter not in self._made:
            make: Callable[[], object] | None = getattr(self, parameter, None)
            assert make is not None, (
                f"there is a new path parameter {{{parameter}}}: add a method `{parameter}` to"
                " Things in tests/access.py that makes such a thing of the maker, so that it is"
                " shown that no other party gets at it"
            )
            self._made[parameter] = str(make())
        return self._made[parameter]

    def party(self) -> str:
        return "maker"

    def product(self) -> str:
        return "vaccine"

    def lot(self) -> str:
        return "A1"

    def consignment(self) -> str:
        consignment = self._world.received()
        self._world.judge(consignment)
        return consignment

    def version(self) -> int:
        self._get("consignment")
        return 1

    def placement(self) -> int:
        consignment = self._get("consignment")
        placed = self._world.get(f"/consignments/{consignment}/placements")["items"]
        return int(placed[0]["id"])

    def scan(self) -> int:
        consignment = self._get("consignment")
        body = {"raw": "(01)09506000134352(10)A1", "purpose": "receipt_release"}
        path = f"/consignments/{consignment}/scans"
        return int(self._world.post(path, body, party="hospital")["id"])

    def gateway(self) -> str:
        gateway = self._world.name("gw")
        self._world.post("/gateways", {"id": gateway, "public_key": PUBLIC_KEY}, party="truck")
        return gateway

    def logger_id(self) -> int:
        self._world.add_logger()
        (number,) = self._world.fetch("SELECT max(id) FROM logger WHERE party_id = 'truck'")
        return int(number)

    def decision(self) -> int:
        (number,) = self._world.fetch(
            "SELECT max(id) FROM gate_decision WHERE consignment_id = %s", self._get("consignment")
        )
        return int(number)

    def disposition(self) -> int:
        path = f"/consignments/{self._get('consignment')}/dispositions"
        body = {"decision": "reject", "evaluation": 1, "rationale": "the foil is torn"}
        return int(self._world.post(path, body, party="maker")["id"])

    def approval(self) -> int:
        self._get("disposition")
        (number,) = self._world.fetch("SELECT max(id) FROM approval WHERE party_id = 'maker'")
        return int(number)

    def delegation(self) -> int:
        giver, taker = (self._world.user("maker", "qa") for _ in range(2))
        body = {
            "to_user": taker.id,
            "role": "qa",
            "valid_from": "2100-01-01T00:00:00Z",
            "valid_until": "2100-02-01T00:00:00Z",
            "reason": "annual leave",
            "proof": giver.proof(),
        }
        answer = giver.post("/delegations", json=body)
        assert answer.is_success, answer.text
        return int(answer.json()["id"])

    def deviation(self) -> int:
        consignment = self._world.received()
        self._world.judge(consignment, "FAIL")
        self._world.wait_for_reactions()
        found = self._world.get(f"/consignments/{consignment}/deviations")["items"]
        return int(found[0]["id"])

    def capa(self) -> int:
        body = {"title": "doors", "problem": "doors stood open", "due_on": "2199-01-31"}
        return int(self._world.post("/capas", body, party="maker")["id"])

    def action(self) -> int:
        body = {
            "kind": "corrective",
            "description": "a switch at the door",
            "owner": self._world.user("maker", "qa").id,
            "due_on": "2199-01-15",
        }
        made = self._world.post(f"/capas/{self._get('capa')}/actions", body, party="maker")
        return int(made["actions"][0]["id"])

    def restriction(self) -> int:
        """Of the maker's lot, by somebody else, whose signature ends it."""
        body = {"product": "vaccine", "lot": "A2", "reason": "the foil is torn"}
        return int(self._world.post("/restrictions", body)["id"])

    def requirement(self) -> int:
        for made_before in ("consignment", "deviation"):  # without what is required from now on
            self._get(made_before)
        body = {"kind": "conformity_certificate", "per": "lot"}
        return int(self._world.post("/products/vaccine/requirements", body, party="maker")["id"])

    def statement(self) -> int:
        body = {"id": "IVD_2_8"}
        return int(self._world.post("/products/vaccine/profiles", body, party="maker")["id"])

    def document(self) -> int:
        answer = self._world.of("maker").post(
            "/documents",
            params={
                "kind": "conformity_certificate",
                "title": "certificate",
                "product": "vaccine",
                "lot": "A1",
            },
            content=b"it conforms",
            headers={"Content-Type": "text/plain"},
        )
        assert answer.is_success, answer.text
        return int(answer.json()["id"])

    def document_key(self) -> int:
        body = {"public_key": PUBLIC_KEY}
        return int(self._world.post("/document-keys", body, party="maker")["id"])

    def key_id(self) -> int:
        self._world.of("maker")
        (number,) = self._world.fetch("SELECT min(id) FROM api_key WHERE party_id = 'maker'")
        return int(number)

    def user_id(self) -> int:
        return self._world.user("maker", "qa").id

    def session(self) -> int:
        return self._world.user("maker", "qa").session

    def sequence(self) -> int:
        query = (
            "SELECT min(sequence) FROM ledger JOIN ledger_entry AS entry ON entry.id = entry_id"
            " WHERE entry.party_id = 'maker'"
        )
        self._world.consign(place=False)
        assert wait_until(lambda: self._world.fetch(query) != [None], seconds=10)
        return int(self._world.fetch(query)[0])


@dataclass(frozen=True)
class Foreign:
    """The identifiers of all that a party has no part in."""

    words: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def to(cls, world: World, party: str) -> Foreign:
        """What ``party`` must not learn of; it has no part in consignments of others."""
        own = {party, "operator"}
        names = world.fetch("SELECT id FROM party")
        names += world.fetch("SELECT id FROM consignment WHERE consignor_id <> %s", party)
        names += world.fetch("SELECT serial FROM logger WHERE party_id <> %s", party)
        names += world.fetch("SELECT name FROM gateway WHERE party_id <> %s", party)
        names += world.fetch("SELECT id FROM product WHERE party_id <> %s", party)
        names += world.fetch("SELECT login FROM app_user WHERE party_id <> %s", party)
        examples = set(WORD.findall(httpx.get(f"{world.url}/openapi.json").text))
        return cls(frozenset(names) - own - (examples - set(PARTIES)))

    @classmethod
    def of(cls, world: World, party: str) -> Foreign:
        """What nobody but ``party`` may learn of, which deals with itself only."""
        names = world.fetch("SELECT id FROM consignment WHERE consignor_id = %s", party)
        names += world.fetch("SELECT serial FROM logger WHERE party_id = %s", party)
        names += world.fetch("SELECT name FROM gateway WHERE party_id = %s", party)
        names += world.fetch("SELECT id FROM product WHERE party_id = %s", party)
        return cls(frozenset([party, *names]))

    def found_in(self, answer: httpx.Response) -> set[str]:
        """Identifiers that the answer tells and the request did not send.

        One that is a word as well, such as maker, counts where it is a whole value.
        """
        told = answer.text + json.dumps(dict(answer.headers))
        sent = f"{answer.request.url} {answer.request.content.decode(errors='replace')}"
        return self.words_in(told, sent=sent)

    def words_in(self, told: str, *, sent: str) -> set[str]:
        """Identifiers in what was told, without those that were sent."""
        words = set(WORD.findall(told)) - set(WORD.findall(sent))
        return {word for word in self.words & words if not word.isalpha() or f'"{word}"' in told}
