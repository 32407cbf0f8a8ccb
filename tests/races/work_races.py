"""Races for what is done by steps and by the clock: each step and each word once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from api_world import SIGNING_KEY
from approval_world import code, sign
from races.people_races import approve, waiting

from api.approvals.escalation import escalate_due
from api.ledger.checkpoints import Notary
from api.quality.reminding import remind
from api.signing import Signer
from coldgate.storage.connection import connect
from coldgate.storage.visibility import limit_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from races.arena import Arena

    from coldgate.storage.connection import Connection

YEAR = timedelta(days=365)


def capa_takes_a_step_twice(arena: Arena) -> None:
    """From one record on the screen one step is taken."""
    plant = arena.plant
    capa = plant.revise("/capas", plant.capa(owner=plant.qa.id), containment="stopped")
    body = {"to": "CONTAINED", "based_on": capa["revision"]}
    path = f"/capas/{capa['id']}/transitions"

    answers = arena.at_once(*(arena.ask(path, body, party=plant.party) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


def plan_is_signed_and_changed(arena: Arena) -> None:
    """What is signed is what the record says; owner of the new action may be who signs."""
    plant = arena.plant
    capa = plant.capa_in("INVESTIGATED")
    capa = plant.revise(
        "/capas", capa, need_for_action="again", effectiveness_criterion="none in 90 days"
    )
    plant.act(capa)
    capa = plant.move(plant.shown(capa), "PLANNED")
    revision = {"based_on": capa["revision"], "root_cause": "another"}
    action = {
        "kind": "corrective",
        "description": "fit another",
        "owner": plant.other_qa.id,
        "due_on": "2199-01-31",
    }
    path, party = f"/capas/{capa['id']}", plant.party

    signed, revised, _ = arena.at_once(
        partial(approve, arena.elsewhere(plant.other_qa), capa["approvals"][-1]),
        arena.ask(f"{path}/revisions", revision, party=party),
        arena.ask(f"{path}/actions", action, party=party),
    )

    state = plant.shown(capa)["state"]
    assert (state == "PLANNED") == signed.is_success, signed.text
    assert not (signed.is_success and revised.is_success)


def request_expires_while_it_is_signed(arena: Arena) -> None:
    """It is granted or expired; two leaders are at it at once, one by a clock that was set back."""
    approval = waiting(arena)
    later = datetime.now(UTC) + YEAR

    answer, *_ = arena.at_once(
        partial(approve, arena.elsewhere(arena.people.qa), approval),
        partial(by_the_clock, arena, partial(escalate_due, now=later)),
        partial(by_the_clock, arena, partial(escalate_due, now=later - YEAR / 2)),
    )

    state = arena.world.get(f"/approvals/{approval['id']}")["state"]
    assert state == ("granted" if answer.is_success else "expired")


def two_leaders_remind(arena: Arena) -> None:
    """Each reminder once, whatever the clocks of the two say; `violations` counts them."""
    plant = arena.plant
    due = datetime.now(UTC).date() - timedelta(days=arena.chance.randint(0, 20))
    capa = plant.capa(due_on=due.isoformat(), owner=plant.qa.id)
    now = datetime.now(UTC)
    clocks = [now, now, now - timedelta(days=arena.chance.randint(0, 10))]

    arena.at_once(*(partial(by_the_clock, arena, partial(remind, now=clock)) for clock in clocks))

    query = "SELECT 1 FROM outbox WHERE kind LIKE 'task.%%' AND body ->> 'id' = %s"
    assert arena.world.fetch(query, str(capa["id"]))


def two_notaries_sign(arena: Arena) -> None:
    """One checkpoint for a size, although one of them has a clock that was set back."""
    notary = Notary(signer=Signer(SIGNING_KEY), origin="coldgate.local/ledger")
    now = datetime.now(UTC) + timedelta(days=arena.world.fetch("SELECT count(*) FROM outbox")[0])
    clocks = [now, now, now - timedelta(hours=1)]

    arena.at_once(
        arena.ask("/products", {"id": arena.world.name("p"), "name": "p"}, party="maker"),
        *(partial(by_the_clock, arena, partial(notary.checkpoint, now=clock)) for clock in clocks),
    )

    arena.settle()


def hold_is_lifted_by_two_requests(arena: Arena) -> None:
    """The first signature that is complete lifts it, and the other finds it lifted."""
    lot = arena.lot()
    body = {"product": "vaccine", "lot": lot, "reason": "race"}
    placed = arena.world.post("/restrictions", body, party="maker")["id"]
    path = f"/restrictions/{placed}/lift"
    asked = [arena.world.post(path, {"reason": "race"}, party="maker") for _ in range(2)]
    approvals = [arena.world.get(f"/approvals/{one['approval']}") for one in asked]
    people = [arena.elsewhere(one) for one in (arena.people.qa, arena.people.other_qa)]

    answers = arena.at_once(
        *(
            partial(sign, one, approval, meaning="approved")
            for one, approval in zip(people, approvals, strict=True)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert {code(answer) for answer in answers if answer.is_error} == {"ALREADY_LIFTED"}


def by_the_clock(arena: Arena, action: Callable[[Connection], Any]) -> None:
    """Do what a leader does, in a transaction of its own."""
    with connect(arena.world.dsn, "coldgate_api") as connection:
        limit_to(connection, None)
        action(connection)


WORK_RACES = (
    capa_takes_a_step_twice,
    plan_is_signed_and_changed,
    request_expires_while_it_is_signed,
    two_leaders_remind,
    two_notaries_sign,
    hold_is_lifted_by_two_requests,
)
