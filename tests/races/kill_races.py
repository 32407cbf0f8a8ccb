"""A process dies in the middle of everything: what it had begun is done once, or not at all."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
from approval_world import approval_of, propose, sign
from races.gate_races import RECEIPT, line, permit_of, question

if TYPE_CHECKING:
    from collections.abc import Callable

    from races.arena import Arena

LATEST_KILL_SECONDS = 0.15
GOODS = 3


def process_dies_midway(arena: Arena) -> None:
    """Requests that got no answer are sent again, to the process that is left."""
    consignments = [_arrived(arena) for _ in range(GOODS)]
    world, people, asked = arena.world, arena.people, _waiting(arena)
    redeemed = permit_of(question(arena, _arrived(arena), RECEIPT)())
    assert redeemed is not None
    sides = arena.sides[1].of("operator"), arena.sides[0].of("operator")
    signer = _at(arena, people.qa)
    keys = [world.name("key") for _ in consignments]

    _, answer, *answers = arena.at_once(
        partial(_kill, arena, arena.chance.random() * LATEST_KILL_SECONDS),
        partial(
            _patient, sides, "/gate/permits/redeem", {"token": redeemed["token"]}, world.name("key")
        ),
        *(
            partial(_patient, sides, "/gate/decisions", _question(one), key)
            for one, key in zip(consignments, keys, strict=True)
        ),
        *(partial(world.judge, one, "FAIL") for one in consignments[1:]),
        partial(_surviving, partial(sign, signer, asked)),
    )
    arena.processes[1].start()

    assert answer.is_success, answer.text
    refused = [one.text for one in answers[:GOODS] if one.is_error]
    assert not refused, refused
    arena.settle()
    for consignment in consignments[1:]:
        assert world.states(consignment)[0] in {"quarantined", "revoked"}
    query = "SELECT id FROM gate_decision WHERE consignment_id = ANY (%s)"
    decided = world.fetch(query, consignments)
    assert len(decided) == GOODS, decided
    signed = len(world.fetch("SELECT 1 FROM signature WHERE approval_id = %s", asked["id"]))
    state = world.get(f"/approvals/{asked['id']}")["state"]
    assert (signed, state) in {(0, "open"), (1, "granted")}


def _arrived(arena: Arena) -> str:
    consignment = arena.world.received(lines=[line(arena.lot())])
    arena.world.judge(consignment)
    return consignment


def _waiting(arena: Arena) -> dict[str, Any]:
    """A request for a signature that releases goods."""
    consignment = arena.world.received(lines=[line(arena.lot())])
    arena.world.judge(consignment, "HOLD")
    arena.world.wait_for_reactions()
    return approval_of(arena.world, propose(arena.world, consignment))


def _question(consignment: str) -> dict[str, str]:
    return {"consignment": consignment, "purpose": RECEIPT}


def _at(arena: Arena, person: Any) -> Any:
    while True:
        twin = arena.elsewhere(person)
        if str(twin.base_url).startswith(arena.sides[1].url):
            return twin


def _kill(arena: Arena, delay: float) -> None:
    time.sleep(delay)
    arena.processes[1].kill()


def _patient(
    clients: tuple[httpx.Client, httpx.Client], path: str, body: dict[str, Any], key: str
) -> httpx.Response:
    """The answer to a request that is sent again where none came."""
    headers = {"Idempotency-Key": key}
    try:
        return clients[0].post(path, json=body, headers=headers)
    except httpx.TransportError:
        return clients[1].post(path, json=body, headers=headers)


def _surviving(action: Callable[[], Any]) -> Any:
    """What the action returns; None where nobody answered."""
    try:
        return action()
    except httpx.TransportError:
        return None
