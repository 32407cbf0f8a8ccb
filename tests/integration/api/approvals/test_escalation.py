"""Requests that nobody signs in time: told of once, then signed by others, then expired."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from approval_world import code, sign, signed, waiting

from api.approvals.escalation import escalate_due
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from api_world import World
    from approval_world import People

pytestmark = pytest.mark.database

IN_USE = """
    SELECT FROM consignment WHERE id = (SELECT consignment_id FROM approval WHERE id = %s)
    FOR UPDATE"""

TORN_FLOW = """
    INSERT INTO approval_flow (name, version, digest, body)
    VALUES ('torn', 1, repeat('0', 64), '{}') RETURNING id"""


def point(world: World, approval: dict[str, Any], flow: int) -> None:
    """Have a request follow another flow, as only the owner of the database can."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE approval SET flow_id = %s WHERE id = %s", (flow, approval["id"]))


def age(world: World, approval: dict[str, Any], **length: float) -> None:
    """Let time pass for one request."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute("ALTER TABLE approval DISABLE TRIGGER USER")
        connection.execute(
            "UPDATE approval SET opened_at = opened_at - %(length)s, due_at = due_at - %(length)s"
            " WHERE id = %(id)s",
            {"length": timedelta(**length), "id": approval["id"]},
        )
        connection.execute("ALTER TABLE approval ENABLE TRIGGER USER")


def tick(world: World, **patience: timedelta) -> int:
    """One run of the scheduler's job."""
    with connect(world.dsn, "coldgate_api", **patience) as connection:
        return escalate_due(connection, datetime.now(UTC))


def told(world: World, approval: dict[str, Any]) -> list[Any]:
    return world.fetch(
        "SELECT kind FROM outbox WHERE kind LIKE 'approval.%%' AND body ->> 'approval' = %s"
        " ORDER BY id",
        str(approval["id"]),
    )


def test_overdue_step_escalates_once_and_lets_another_role_sign(
    world: World, people: People
) -> None:
    approval = waiting(world)
    assert code(sign(people.approver, approval)) == "SIGNER_NOT_ENTITLED"
    age(world, approval, hours=24)

    tick(world)
    tick(world)
    assert told(world, approval) == ["approval.opened", "approval.escalated"]
    assert signed(people.approver, approval)["state"] == "granted"


def test_role_may_sign_from_the_limit_on_whether_or_not_the_scheduler_ran(
    world: World, people: People
) -> None:
    approval = waiting(world)
    age(world, approval, hours=24)

    assert signed(people.approver, approval)["state"] == "granted"


def test_two_schedulers_tell_once(world: World) -> None:
    approval = waiting(world)
    age(world, approval, hours=25)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: tick(world), range(2)))
    assert told(world, approval).count("approval.escalated") == 1


def test_request_about_goods_in_use_keeps_no_other_from_being_told(world: World) -> None:
    stuck, other = waiting(world), waiting(world)
    for approval in (stuck, other):
        age(world, approval, hours=24)
    with psycopg.connect(world.dsn) as holding:
        holding.execute(IN_USE, (stuck["id"],))
        tick(world, lock_wait=timedelta(milliseconds=50))

        assert [told(world, one)[1:] for one in (stuck, other)] == [[], ["approval.escalated"]]
    tick(world)
    assert told(world, stuck) == ["approval.opened", "approval.escalated"]


def test_expired_request_is_closed_with_its_disposition(world: World, people: People) -> None:
    approval = waiting(world)
    age(world, approval, days=30)

    assert code(sign(people.qa, approval)) == "APPROVAL_CLOSED"
    tick(world)
    assert world.get(f"/approvals/{approval['id']}")["state"] == "expired"
    query = "SELECT state FROM disposition WHERE approval_id = %s"
    assert world.fetch(query, approval["id"]) == ["expired"]


def test_nothing_is_due_before_its_time(world: World) -> None:
    approval = waiting(world)
    tick(world)

    assert told(world, approval) == ["approval.opened"]


def test_request_that_cannot_be_closed_keeps_no_other_open(world: World) -> None:
    stuck, sound = waiting(world), waiting(world)
    with psycopg.connect(world.dsn) as connection:
        closed = "UPDATE disposition SET state = 'refused' WHERE approval_id = %s"
        connection.execute(closed, (stuck["id"],))
    for approval in (stuck, sound):
        age(world, approval, days=30)

    tick(world)
    states = [world.get(f"/approvals/{one['id']}")["state"] for one in (stuck, sound)]
    assert states == ["open", "expired"]


def test_request_that_cannot_be_read_keeps_no_other_open(world: World) -> None:
    stuck, sound = waiting(world), waiting(world)
    for approval in (stuck, sound):
        age(world, approval, days=30)
    (flow,) = world.fetch("SELECT flow_id FROM approval WHERE id = %s", stuck["id"])
    (torn,) = world.fetch(TORN_FLOW)
    point(world, stuck, torn)
    failed = tick(world)
    point(world, stuck, flow)

    states = [world.get(f"/approvals/{one['id']}")["state"] for one in (stuck, sound)]
    assert states == ["open", "expired"]
    assert failed >= 1
