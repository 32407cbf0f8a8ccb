"""Every code of the gate blocks, by itself, what is otherwise clean; a clean consignment passes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from api_world import BEGIN
from gate_cases import ALSO, CASES, RECEIPT, ready, rejudge

from api.gate.rules import CHECKS

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database

ASKED = [
    (check.code, purpose.value)
    for check in CHECKS
    for purpose in sorted(check.purposes, key=lambda purpose: purpose.value)
]


def codes(answer: dict[str, Any]) -> set[str]:
    return {check["code"] for check in answer["checks"] if check["verdict"] != "PASS"}


@pytest.mark.shows("EVERY_CHECK")
@pytest.mark.parametrize(("code", "purpose"), ASKED)
def test_each_code_blocks_an_otherwise_clean_consignment(
    world: World, code: str, purpose: str
) -> None:
    answer = world.gate(CASES[code](world, purpose), purpose)

    assert answer["answer"] == "block"
    assert answer["permit"] is None
    assert {code} <= codes(answer) <= {code} | ALSO.get(code, set())
    assert answer["deviation"] is not None
    assert {reason["code"] for reason in answer["reasons"]} == codes(answer)


@pytest.mark.shows("EVERY_CHECK")
@pytest.mark.parametrize("purpose", ["dispatch", "receipt_release"])
def test_clean_consignment_passes_every_check(world: World, purpose: str) -> None:
    answer = world.gate(ready(world, purpose), purpose)

    assert codes(answer) == set()
    assert (answer["verdict"], answer["answer"], answer["deviation"]) == ("PASS", "permit", None)
    assert len(answer["checks"]) == sum(
        purpose in {one.value for one in check.purposes} for check in CHECKS
    )


@pytest.mark.shows("LOG_INCOMPLETE")
def test_goods_that_moved_on_after_their_receipt_wait_for_a_later_one(world: World) -> None:
    consignment = ready(world, RECEIPT)
    path, hour = f"/consignments/{consignment}/events", timedelta(hours=1)
    arrived = (BEGIN + 9 * hour).isoformat()
    world.post(path, {"kind": "arrived", "happened_at": arrived}, party="truck")
    rejudge(world, consignment)

    (reason,) = world.gate(consignment, RECEIPT)["reasons"]
    received = (BEGIN + 8 * hour).isoformat()
    assert reason["code"] == "LOG_INCOMPLETE"
    assert reason["facts"] == {"received": received, "later": "arrived", "later_at": arrived}
    world.post(path, {"kind": "received", "happened_at": arrived}, party="maker")
    rejudge(world, consignment)
    assert world.gate(consignment, RECEIPT)["permitted"]


@pytest.mark.parametrize(("code", "purpose"), ASKED)
def test_links_of_every_check_lead_to_something(world: World, code: str, purpose: str) -> None:
    answer = world.gate(CASES[code](world, purpose), purpose)
    links = {link for check in answer["checks"] for link in check["links"]}

    for link in links - {"/v1/ledger/checkpoint"}:  # written within a minute
        found = world.of("operator").get(link.removeprefix("/v1"))
        assert found.status_code == 200, (link, found.text)
