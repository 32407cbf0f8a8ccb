"""Reactions: once whatever is killed, and a release falls with what it stood on and no sooner."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from approval_world import approval_of, propose, quarantined, signed
from quality_world import excursion, judge_with

from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from api_world import World
    from quality_world import Plant

    from coldgate.storage.connection import Connection

pytestmark = pytest.mark.database

STEPS = (
    "reactions.claim",
    "consignments.move_lines",
    "deviations.insert",
    "deviations.add_evidence",
    "capas.open_by_rule",
    "records.append_ledger",
)


POISON = """
CREATE FUNCTION refuse_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'too much' USING ERRCODE = 'program_limit_exceeded'; END $$;
CREATE TRIGGER refuse_{name} BEFORE DELETE ON reaction_due
    FOR EACH ROW WHEN (OLD.consignment_id = '{consignment}') EXECUTE FUNCTION refuse_{name}();
"""


def kill_after(monkeypatch: pytest.MonkeyPatch, dsn: str, step: str) -> list[str]:
    """End the backend of whoever takes that step first; what was killed is in the list."""
    module, name = step.split(".")
    storage = importlib.import_module(f"coldgate.storage.{module}")
    real, killed = getattr(storage, name), []

    def take(connection: Connection, *args: Any, **fields: Any) -> Any:
        answer = real(connection, *args, **fields)
        if not killed:
            killed.append(step)
            with psycopg.connect(dsn) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        return answer

    monkeypatch.setattr(storage, name, take)
    return killed


@pytest.mark.parametrize("step", STEPS)
def test_reaction_that_is_killed_after_a_step_happens_once(
    house: Plant, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    lane = [{"carrier": "truck", "origin": step, "destination": "there"}]
    consignment = house.consign(legs=lane)
    killed = kill_after(monkeypatch, house.world.dsn, step)

    judge_with(house.world, consignment, "FAIL", excursion(consignment, start=60, stop=90))

    assert killed == [step]
    (deviation,) = house.deviations(consignment)
    assert house.world.states(consignment) == ["quarantined"]
    assert house.world.announced(consignment) == ["lot.blocked"]
    assert house.shown({"id": deviation["capa"]})["deviations"] == [deviation["id"]]
    kinds = "SELECT kind FROM ledger_entry WHERE subject IN (%s, %s) ORDER BY kind"
    subject = f"deviation/{deviation['id']}"
    assert house.world.fetch(kinds, consignment, subject).count("lot.blocked") == 1


def reasoned(verdict: str, *reasons: dict[str, Any]) -> dict[str, Any]:
    """What an evaluation with these reasons is stored as."""
    listed = [{"verdict": verdict, "channel": None, "rule": None} | one for one in reasons]
    return {
        "body": json.dumps({"verdict": verdict, "reasons": listed}).encode(),
    }


def released_by_signature(world: World, verdict: str = "HOLD") -> str:
    """Goods that QA released although the evidence left it open."""
    consignment = quarantined(world, verdict)
    approval = approval_of(world, propose(world, consignment))
    signed(world.user("maker", "qa"), approval)
    assert world.states(consignment) == ["released"]
    return consignment


def test_release_that_was_signed_stands_while_nothing_gets_worse(world: World) -> None:
    consignment = released_by_signature(world)

    for verdict in ("HOLD", "PASS"):
        world.judge(consignment, verdict)
        world.wait_for_reactions()

    assert world.states(consignment) == ["released"]


def test_release_that_was_signed_falls_with_a_reason_that_was_not_signed(world: World) -> None:
    consignment = released_by_signature(world)

    world.judge(consignment, "HOLD", **reasoned("HOLD", {"code": "DATA_CONFLICT"}))
    world.wait_for_reactions()

    assert world.states(consignment) == ["revoked"]
    assert world.announced(consignment)[-1] == "release.revoked"


def test_release_that_was_signed_falls_with_a_worse_verdict(world: World) -> None:
    consignment = released_by_signature(world)

    world.judge(consignment, "FAIL")
    world.wait_for_reactions()

    assert world.states(consignment) == ["revoked"]


def test_new_evaluation_supersedes_what_is_proposed(world: World) -> None:
    consignment = quarantined(world)
    proposed = propose(world, consignment)

    world.judge(consignment, "HOLD")
    world.wait_for_reactions()

    shown = world.get(f"/consignments/{consignment}/dispositions/{proposed['id']}")
    assert shown["state"] == "superseded"


def test_goods_go_by_themselves_once_their_evidence_is_audited(world: World) -> None:
    consignment = world.received(release_policy="automatic")

    world.judge(consignment)

    assert wait_until(lambda: world.states(consignment) == ["released"], seconds=10)
    assert world.announced(consignment) == ["lot.released"]
    due = "SELECT 1 FROM release_due WHERE consignment_id = %s"  # the evaluation may come first
    assert wait_until(lambda: not world.fetch(due, consignment), seconds=10)


def test_better_evaluation_lets_nothing_go_by_itself(world: World) -> None:
    consignment = world.received(release_policy="automatic")

    for verdict in ("HOLD", "PASS"):
        world.judge(consignment, verdict)
        world.wait_for_reactions()

    assert world.states(consignment) == ["quarantined"]


def test_consignment_that_the_database_refuses_to_serve_stops_no_other(world: World) -> None:
    stuck, sound = world.received(), world.received()
    name = stuck.replace("-", "_")
    with psycopg.connect(world.dsn, autocommit=True) as owner:
        owner.execute(POISON.format(name=name, consignment=stuck))
        world.judge(stuck, "FAIL")
        world.judge(sound, "FAIL")

        try:
            assert wait_until(lambda: bool(world.causes(sound)), seconds=10)
            assert world.causes(stuck) == []
        finally:
            owner.execute(f"DROP FUNCTION refuse_{name} CASCADE")
    world.wait_for_reactions()
    assert world.causes(stuck)


@pytest.mark.shows("EVIDENCE_BROKEN")
def test_release_falls_with_evidence_that_breaks_after_its_audit(world: World) -> None:
    consignment = world.released()
    permit = world.gate(consignment, "receipt_release")["permit"]

    world.fetch(
        "INSERT INTO evidence_relapse (evaluation_id, problem)"
        " SELECT max(id), 'message 7: it is gone' FROM evaluation WHERE consignment_id = %s"
        " RETURNING id",
        consignment,
    )

    assert wait_until(lambda: world.states(consignment) == ["revoked"], seconds=10)
    assert world.causes(consignment) == ["EVIDENCE_BROKEN"]
    assert "release.revoked" in world.announced(consignment)
    answer = world.gate(consignment, "receipt_release")
    assert [one["code"] for one in answer["reasons"]] == ["EVIDENCE_BROKEN"]
    used = world.of("operator").post("/gate/permits/redeem", json={"token": permit["token"]})
    assert used.json()["code"] == "PERMIT_VOID"
