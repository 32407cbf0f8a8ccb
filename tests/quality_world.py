"""Makers with people, goods that broke their conditions, CAPAs where a test begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import psycopg
from api_world import BEGIN, PROFILE, judge
from approval_world import signed

if TYPE_CHECKING:
    from api_world import Person, World

MINUTE: Final = timedelta(minutes=1)
DUE: Final = "2199-01-31"
DEVIATION: Final = {
    "classification": "major",
    "rationale": "beyond the label for 50 minutes",
    "containment": "the goods are in quarantine",
    "impact_assessment": "within the stability budget",
    "root_cause": "the door stood open",
    "root_cause_category": "handling",
    "no_capa_reason": "the driver was trained in May",
}
# What each step takes, in order; the states that a signature enters are the flows' own.
STEPS: Final[dict[str, dict[str, Any]]] = {
    "CONTAINED": {"containment": "the vehicle is out of service"},
    "INVESTIGATED": {
        "investigation": "five whys",
        "root_cause": "the door has no switch",
        "root_cause_category": "vehicle",
    },
    "PLANNED": {
        "need_for_action": "it will happen again",
        "effectiveness_criterion": "no excursion on the lane for 90 days",
    },
    "IMPLEMENTED": {"documents_updated": "SOP 12, version 4"},
    "VERIFIED": {"verification": "no effect on safety or performance"},
    "EFFECTIVENESS_DUE": {"effectiveness_due_on": "2199-06-30"},
    "CLOSED": {"effectiveness_result": "no excursion in 94 days"},
}


@dataclass(frozen=True)
class Plant:
    """A manufacturer of its own, with people who sign."""

    world: World
    party: str
    qa: Person
    other_qa: Person
    approver: Person

    def consign(self, *, vehicle: str = "", lot: str = "A1", **fields: Any) -> str:
        """A consignment under way, dispatched on time."""
        consignment = self.world.name("con")
        body = {
            "id": consignment,
            "consignee": "hospital",
            "profile": {"id": PROFILE},
            "lines": [{"product": f"{self.party}-vial", "lot": lot, "quantity": 1}],
            "legs": [
                {
                    "carrier": "truck",
                    "origin": "here",
                    "destination": "there",
                    "vehicle": vehicle,
                }
            ],
        }
        self.world.qualify("truck")
        self.world.post("/consignments", body | fields, party=self.party)
        self.world.place(consignment, self.world.add_logger())
        assert self.world.gate(consignment, "dispatch")["permitted"]
        departed = {"kind": "departed", "happened_at": BEGIN.isoformat()}
        self.world.post(f"/consignments/{consignment}/events", departed, party="truck")
        return consignment

    def deviations(self, consignment: str) -> list[dict[str, Any]]:
        found = self.world.get(f"/consignments/{consignment}/deviations", party=self.party)
        items: list[dict[str, Any]] = found["items"]
        return items

    def deviation(self, number: int) -> dict[str, Any]:
        return self.world.get(f"/deviations/{number}", party=self.party)

    def revise(self, path: str, record: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """The record after the fields were written into it."""
        body = {"based_on": record["revision"]} | fields
        return self.world.post(f"{path}/{record['id']}/revisions", body, party=self.party)

    def capa(self, **fields: Any) -> dict[str, Any]:
        body = {"title": "Doors", "problem": "stood open thrice", "due_on": DUE}
        return self.world.post("/capas", body | fields, party=self.party)

    def step(self, capa: dict[str, Any], to: str, **fields: Any) -> dict[str, Any]:
        """The CAPA after a step with all that it takes, signed where it takes that."""
        capa = self.revise("/capas", capa, **(STEPS.get(to, {}) | fields))
        if to == "PLANNED" and not capa["actions"]:
            self.act(capa)
        if to == "IMPLEMENTED":
            self.finish(capa)
        return self.sign(self.move(capa, to), to)

    def act(self, capa: dict[str, Any], owner: Person | None = None) -> dict[str, Any]:
        body = {
            "kind": "corrective",
            "description": "fit a switch",
            "owner": (owner or self.qa).id,
            "due_on": DUE,
        }
        return self.world.post(f"/capas/{capa['id']}/actions", body, party=self.party)

    def finish(self, capa: dict[str, Any]) -> None:
        for action in capa["actions"]:
            if action["result"] is None:
                path = f"/capas/{capa['id']}/actions/{action['id']}/result"
                self.world.post(path, {"result": "fitted"}, party=self.party)

    def move(self, capa: dict[str, Any], to: str) -> dict[str, Any]:
        body = {"to": to, "based_on": self.shown(capa)["revision"]}
        return self.world.post(f"/capas/{capa['id']}/transitions", body, party=self.party)

    def sign(self, capa: dict[str, Any], to: str) -> dict[str, Any]:
        people = {"PLANNED": self.other_qa, "CLOSED": self.approver}
        if to in people:
            signed(people[to], capa["approvals"][-1], meaning="approved")
        return self.shown(capa)

    def shown(self, capa: dict[str, Any]) -> dict[str, Any]:
        return self.world.get(f"/capas/{capa['id']}", party=self.party)

    def capa_in(self, state: str, **fields: Any) -> dict[str, Any]:
        """A CAPA that took every step up to that state."""
        capa = self.capa(**({"owner": self.qa.id} | fields))
        for step in STEPS:
            if capa["state"] == state:
                return capa
            capa = self.step(capa, step)
        assert capa["state"] == state
        return capa


def plant(world: World) -> Plant:
    """A manufacturer with one product in two lots, two of quality and an approver."""
    party = world.join("manufacturer")
    world.add_product(f"{party}-vial", party=party)
    for lot in ("A1", "A2"):
        body = {"number": lot, "expires_on": "2199-12-31"}
        world.post(f"/products/{party}-vial/lots", body, party=party)
    return Plant(
        world,
        party,
        world.user(party, "qa"),
        world.user(party, "qa"),
        world.user(party, "qa_approver"),
    )


def excursion(
    consignment: str, *, start: int, stop: int, rule: str = "HI_LABEL", **fields: Any
) -> dict[str, Any]:
    """An event from ``start`` to ``stop``, in minutes since the journey began."""
    return {
        "consignment": consignment,
        "channel": "LOG/0/temperature",
        "rule": rule,
        "action": "EXCURSION",
        "start": BEGIN + start * MINUTE,
        "stop": BEGIN + stop * MINUTE,
        "peak": 9_000,
    } | fields


def judge_with(
    world: World, consignment: str, verdict: str, *events: dict[str, Any], **fields: Any
) -> None:
    """Store an evaluation that lists these events, and wait until it was acted on."""
    store_with(world, consignment, verdict, *events, **fields)
    world.wait_for_reactions()


def store_with(
    world: World, consignment: str, verdict: str, *events: dict[str, Any], **fields: Any
) -> None:
    """Store an evaluation that lists these events."""
    with psycopg.connect(world.dsn) as connection:
        judge(connection, consignment, verdict, **fields)
        connection.cursor().executemany(
            "INSERT INTO excursion (evaluation_id, consignment_id, channel, rule_id, action,"
            " started_at, ended_at, start_bound, end_bound, lin_ms, hold_ms, upper_ms, peak_milli,"
            " peak_at, readings)"
            " SELECT max(id), %(consignment)s, %(channel)s, %(rule)s, %(action)s, %(start)s,"
            " %(stop)s, 'CROSS', 'CROSS', 0, 0, 0, %(peak)s, %(start)s, 1"
            " FROM evaluation WHERE consignment_id = %(consignment)s",
            list(events),
        )


def today() -> str:
    return datetime.now(UTC).date().isoformat()
