"""Goods that wait for a decision, and people who sign it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api_world import PROFILE

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


@dataclass(frozen=True)
class House:
    """A manufacturer with flows, people and a product of its own."""

    world: World
    party: str

    @property
    def product(self) -> str:
        return f"{self.party}-vial"

    def flow(self, name: str, *steps: dict[str, Any]) -> httpx.Response:
        """Add the next version of a flow."""
        shown = self.world.get("/flows", party=self.party)["items"]
        own = [one["id"] for one in shown if one["party"] == self.party]
        body = {"id": name, "version": own.count(name) + 1, "description": "-", "steps": steps}
        return self.world.of(self.party).post("/flows", json={"flow": body})

    def waiting(self, verdict: str = "HOLD") -> dict[str, Any]:
        """A request for signatures about goods of the house."""
        world, consignment = self.world, self.world.name("con")
        body = {
            "id": consignment,
            "consignee": "hospital",
            "profile": {"id": PROFILE},
            "lines": [{"product": self.product, "lot": "A1", "quantity": 1}],
            "legs": [{"carrier": "truck", "origin": "here", "destination": "there"}],
        }
        world.qualify("truck")
        world.post("/consignments", body, party=self.party)
        world.place(consignment, world.add_logger())
        assert world.gate(consignment, "dispatch")["permitted"]
        world.event(consignment, "received")
        world.judge(consignment, verdict, with_excursions=verdict == "PASS")
        world.wait_for_reactions()
        return approval_of(world, propose(world, consignment))


def house(world: World) -> House:
    """A house of its own for one test."""
    made = House(world, world.join("manufacturer"))
    world.post("/products", {"id": made.product, "name": "Vial"}, party=made.party)
    lot = {"number": "A1", "expires_on": "2199-12-31"}
    world.post(f"/products/{made.product}/lots", lot, party=made.party)
    return made


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
