"""Goods that wait for a decision, and people who sign it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx
    from api_world import Person, World


@dataclass(frozen=True)
class People:
    """Users of the maker; nobody of them has written what they sign."""

    qa: Person
    other_qa: Person
    approver: Person
    other_approver: Person


def quarantined(world: World, verdict: str = "HOLD", **fields: Any) -> str:
    """A consignment that has come and was judged, with every line in quarantine."""
    consignment = world.received(**fields)
    world.judge(consignment, verdict, with_excursions=verdict == "PASS")
    world.wait_for_reactions()
    return consignment


def propose(world: World, consignment: str, **fields: Any) -> dict[str, Any]:
    """A disposition that the operator's key proposes; by default the release of all lines."""
    body = {"decision": "release", "evaluation": 1, "rationale": "within the stability budget"}
    return world.post(f"/consignments/{consignment}/dispositions", body | fields)


def approval_of(world: World, disposition: dict[str, Any]) -> dict[str, Any]:
    """The request for signatures about a disposition."""
    return world.get(f"/approvals/{disposition['approval']['id']}")


def waiting(world: World, verdict: str = "HOLD", **fields: Any) -> dict[str, Any]:
    """A request for signatures about goods in quarantine."""
    return approval_of(world, propose(world, quarantined(world, verdict), **fields))


def sign(person: Person, approval: dict[str, Any], **fields: Any) -> httpx.Response:
    """The person's signature under the record that the approval shows."""
    body = {
        "meaning": "approved release",
        "reason": "read and found in order",
        "digest": approval["record_sha256"],
        "proof": person.proof(),
    }
    return person.post(f"/approvals/{approval['id']}/signatures", json=body | fields)


def signed(person: Person, approval: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The approval after a signature that has to succeed."""
    answer = sign(person, approval, **fields)
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()
    return result


def code(answer: httpx.Response) -> str:
    """The stable code of a refusal."""
    assert answer.is_error, answer.text
    return str(answer.json()["code"])


def signatures(world: World, approval: dict[str, Any]) -> int:
    """How many signatures the database has."""
    return len(world.fetch("SELECT 1 FROM signature WHERE approval_id = %s", approval["id"]))
