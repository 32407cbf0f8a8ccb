"""Goods that wait for a decision, and people who sign it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api_world import PROFILE, SIGNING_KEY
from pydantic import SecretStr

from api.approvals.flow import Meaning
from api.approvals.requests import SignatureRequest, open_approval
from api.approvals.schemas import SignatureIn
from api.approvals.signatures import sign as service_sign
from api.caller import CallerUser
from api.identity.reauthentication import Proof, Reauthenticated
from api.identity.rights import Role
from api.restrictions.effects import HOLD_LIFT, lift_record
from api.signing import Signer
from coldgate.errors import ConflictError, ForbiddenError
from coldgate.storage import clock, restrictions
from coldgate.storage.connection import connect
from coldgate.storage.restrictions import NewRestriction
from coldgate.storage.visibility import limit_to

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
        world.event(consignment, "received", party=self.party)
        world.judge(consignment, verdict, with_excursions=verdict == "PASS")
        world.wait_for_reactions()
        return approval_of(world, propose(world, consignment))

    def hold_lift(self) -> dict[str, Any]:
        """A request to lift a new hold, made without a route between."""
        hold = NewRestriction(
            kind="hold",
            product=self.product,
            lot="A1",
            reason="-",
            reference="",
            placed_by=self.party,
            actor="test",
        )
        with connect(self.world.dsn, "coldgate_api") as connection:
            limit_to(connection, None)
            placed = restrictions.place(connection, hold).restriction
            asked = restrictions.ask_lift(connection, placed.id, reason="-", requested_by="test")
            wanted = SignatureRequest(
                subject_kind=HOLD_LIFT,
                subject_id=str(asked.id),
                flow=HOLD_LIFT,
                record=lift_record(connection, str(asked.id)),
                party=self.party,
            )
            row = open_approval(connection, None, wanted)
        return {"id": row.id, "record_sha256": row.record_digest.hex()}


def sign_straight(world: World, person: Person, approval: dict[str, Any]) -> str:
    """A signature without a route and a password's work: `signed`, or the code of the refusal."""
    user = CallerUser(
        id=person.id,
        login=person.login,
        printed_name=person.printed_name,
        roles=frozenset({Role.QA}),
    )
    given = SignatureIn(
        meaning=Meaning.APPROVED,
        reason="-",
        digest=approval["record_sha256"],
        proof=Proof(password=SecretStr("unread")),
    )
    with connect(world.dsn, "coldgate_api") as connection:
        proven = Reauthenticated(user=user, method="password", at=clock.now(connection))
        try:
            service_sign(connection, approval["id"], given, proven, signer=Signer(SIGNING_KEY))
        except (ConflictError, ForbiddenError) as refused:
            connection.rollback()
            return refused.code
    return "signed"


def house(world: World) -> House:
    """A house of its own for one test."""
    made = House(world, world.join("manufacturer"))
    world.add_product(made.product, party=made.party)
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
