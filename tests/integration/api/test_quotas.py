"""A party that asks in a loop fills neither the disk nor what judge and gate have to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from api_world import BEGIN

from coldgate.storage.quotas import MOST, Part, Quota

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from api_world import World

pytestmark = pytest.mark.database


def scan(world: World, consignment: str, party: str) -> httpx.Response:
    body = {"purpose": "dispatch", "raw": "LOT A1"}
    return world.of(party).post(f"/consignments/{consignment}/scans", json=body)


def question(world: World, consignment: str, party: str) -> httpx.Response:
    """One that is answered with a refusal: nobody placed a logger."""
    body = {"consignment": consignment, "purpose": "dispatch"}
    return world.of(party).post("/gate/decisions", json=body)


def upload(world: World, consignment: str, party: str) -> httpx.Response:
    said = {"kind": "other", "title": "T", "consignment": consignment}
    sent = {"params": said, "content": b"words", "headers": {"Content-Type": "text/plain"}}
    return world.of(party).post("/documents", **sent)


def event(world: World, consignment: str, party: str) -> httpx.Response:
    body = {"kind": "handed_over", "happened_at": BEGIN.isoformat()}
    return world.of(party).post(f"/consignments/{consignment}/events", json=body)


def placement(world: World, consignment: str, party: str) -> httpx.Response:
    body = {"serial": world.add_logger(party), "placed_at": BEGIN.isoformat()}
    return world.of(party).post(f"/consignments/{consignment}/placements", json=body)


def plan(world: World, party: str) -> httpx.Response:
    line = {"product": "vaccine", "lot": "A1", "quantity": 1}
    body = {"consignee": "hospital", "lines": [line]}
    return world.of(party).post("/consignments", json=body)


def told(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


def carried(world: World, *parties: str) -> str:
    """A consignment that these carry."""
    legs = [{"carrier": party, "origin": "here", "destination": "there"} for party in parties]
    return world.consign(legs=legs, place=False)


@pytest.mark.parametrize(
    ("use", "name", "quota", "table"),
    [
        (scan, "SCANS", Quota(kind="scan", uses=2, size=1_000), "scan"),
        (scan, "SCANS", Quota(kind="scan", uses=9, size=12), "scan"),
        (question, "REFUSALS", Quota(kind="refusal", uses=2, size=0), "gate_decision"),
        (upload, "UPLOADS", Quota(kind="upload", uses=2, size=1_000), "document"),
        (upload, "UPLOADS", Quota(kind="upload", uses=9, size=10), "document"),
    ],
)
def test_what_is_beyond_the_quota_of_a_day_stores_nothing(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    use: Callable[[World, str, str], httpx.Response],
    name: str,
    quota: Quota,
    table: str,
) -> None:
    monkeypatch.setattr(f"api.quotas.{name}", quota)
    greedy, other = world.join("carrier"), world.join("carrier")
    consignment = carried(world, greedy, other)

    answers = [use(world, consignment, greedy) for _ in range(3)]

    assert [answer.status_code for answer in answers[:2]].count(429) == 0
    assert told(answers[2]) == (429, "QUOTA_SPENT")
    assert 0 < int(answers[2].headers["Retry-After"]) <= 24 * 3600
    assert use(world, consignment, other).is_success
    stored = {"scan": 3, "gate_decision": 3, "document": 3}
    query = f"SELECT count(*) FROM {table} WHERE consignment_id = %s"  # noqa: S608  # named above
    assert world.fetch(query, consignment) == [stored[table]]


@pytest.mark.parametrize(
    ("add", "part"),
    [
        (scan, Part.SCANS),
        (upload, Part.DOCUMENTS),
        (event, Part.EVENTS),
        (placement, Part.PLACEMENTS),
    ],
)
def test_consignment_takes_so_many_of_a_party_and_still_those_of_others(
    world: World, monkeypatch: pytest.MonkeyPatch, add: Any, part: Part
) -> None:
    monkeypatch.setattr("coldgate.storage.quotas.MOST", {**MOST, part: 1})
    greedy, other = world.join("carrier"), world.join("carrier")
    consignment = carried(world, greedy, other)
    assert add(world, consignment, greedy).is_success

    assert told(add(world, consignment, greedy)) == (409, f"{part.name}_LIMIT")
    assert add(world, consignment, other).is_success


@pytest.mark.parametrize("name", ["CONSIGNMENTS", "THINGS"])
def test_party_makes_so_much_in_a_day(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind = name.lower().removesuffix("s")
    greedy, other = world.join("carrier"), world.join("carrier")
    world.of(greedy), world.of(other)  # their keys, which the operator makes
    monkeypatch.setattr(f"api.quotas.{name}", Quota(kind=kind, uses=2, size=10_000))
    made = "SELECT count(*) FROM consignment WHERE consignor_id = %s"

    assert plan(world, greedy).is_success
    assert plan(world, greedy).is_success
    assert told(plan(world, greedy)) == (429, "QUOTA_SPENT")
    assert plan(world, other).is_success
    assert world.fetch(made, greedy) == [2]


def test_permit_is_asked_for_again_so_often(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = {"product": "vaccine", "number": "A1"}
    lines = [{"product": "vaccine", "lot": "A1", "quantity": units} for units in (2, 1)]
    maker, consignment = world.of("maker"), world.consign(lines=lines)
    ask = {"consignment": consignment, "purpose": "dispatch", "lot": lot, "quantity": 1}
    for module in ("coldgate.storage.quotas", "api.gate.service"):
        monkeypatch.setattr(f"{module}.MOST", {**MOST, Part.PERMITS: 1})

    assert maker.post("/gate/decisions", json=ask).json()["permitted"]
    assert told(maker.post("/gate/decisions", json=ask)) == (409, "PERMITS_LIMIT")


def test_log_is_declared_to_end_so_often(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    consignment, serial = world.consign(place=False), world.add_logger()
    world.place(consignment, serial)
    monkeypatch.setattr("coldgate.storage.quotas.MOST", {**MOST, Part.SEALS: 1})
    path = f"/consignments/{consignment}/seals"

    answers = [
        world.of("truck").post(path, json={"serial": serial, "last_sequence": last})
        for last in (1, 2)
    ]

    assert answers[0].is_success
    assert told(answers[1]) == (409, "SEALS_LIMIT")
