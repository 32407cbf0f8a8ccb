"""The gate on a real database: what blocks, what passes, what is recorded, who wins a race."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from api_world import BEGIN, judge

from coldgate.launch.process import wait_until
from ingest.rows import SLACK_MS

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database


def blocking(answer: dict[str, Any]) -> set[str]:
    return {check["code"] for check in answer["checks"] if check["verdict"] != "PASS"}


def test_dispatch_sets_goods_in_transit_and_freezes_the_profile(world: World) -> None:
    consignment = world.consign()
    world.gate(consignment, "dispatch")

    answer = world.of("maker").put(f"/consignments/{consignment}/profile", json={"id": "WHO_30DTR"})

    assert world.states(consignment) == ["in_transit"]
    assert (answer.status_code, answer.json()["code"]) == (409, "PROFILE_FROZEN")


def test_blocked_dispatch_leaves_goods_planned_and_opens_one_deviation(world: World) -> None:
    consignment = world.consign(lots=("OLD",))

    first, second = (world.gate(consignment, "dispatch") for _ in range(2))

    assert world.states(consignment) == ["planned"]
    assert first["deviation"] == second["deviation"]
    assert world.causes(consignment) == ["LOT_EXPIRED"]
    assert world.announced(consignment) == ["gate.blocked", "gate.blocked"]


def test_received_goods_are_quarantined_and_then_released_by_the_gate(world: World) -> None:
    consignment = world.received()
    assert world.states(consignment) == ["quarantined"]
    world.judge(consignment)

    answer = world.gate(consignment, "receipt_release")

    assert [line["state"] for line in answer["lines"]] == ["released"]
    assert world.announced(consignment) == ["lot.released"]


def test_blocked_receipt_quarantines_goods_that_nobody_received(world: World) -> None:
    consignment = world.consign()
    world.gate(consignment, "dispatch")
    world.event(consignment, "departed")

    answer = world.gate(consignment, "receipt_release")

    assert blocking(answer) >= {"JUDGEMENT_PENDING"}
    assert world.states(consignment) == ["quarantined"]
    assert world.causes(consignment) == ["JUDGEMENT_PENDING"]


def test_gate_asked_for_one_lot_moves_only_its_lines(world: World) -> None:
    consignment = world.consign(lots=("A1", "A2"))

    world.gate(consignment, "dispatch", lot={"product": "vaccine", "number": "A2"})

    assert world.states(consignment) == ["planned", "in_transit"]


def test_pass_with_excursions_waits_for_a_signature(world: World) -> None:
    consignment = world.received()
    world.judge(consignment, "PASS", with_excursions=True)

    answer = world.gate(consignment, "receipt_release")

    assert blocking(answer) == {"CONDITION_HOLD"}


def sent(world: World, consignment: str, at: datetime, *, ahead: timedelta) -> None:
    """What ingest enters of a reading of then, whose logger's clock was compared before."""
    moment = at - timedelta(milliseconds=SLACK_MS)
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "WITH c AS (INSERT INTO channel (logger_id, sensor, quantity)"
            " SELECT logger_id, 0, 1 FROM placement WHERE consignment_id = %s"
            " RETURNING id, logger_id), told AS ("
            " INSERT INTO touched (channel_id, first_at, last_at) SELECT id, %s, %s FROM c)"
            " INSERT INTO clock_pair (logger_id, logger_ms, gateway_ms, message_id)"
            " SELECT logger_id, %s, 0, 1 FROM c",
            (consignment, moment, moment, ahead / timedelta(milliseconds=1)),
        )


@pytest.mark.shows("JUDGEMENT_PENDING")
@pytest.mark.parametrize(
    ("after_receipt", "ahead", "heard"),
    [
        (timedelta(hours=-1), timedelta(0), {"JUDGEMENT_PENDING"}),
        (timedelta(hours=1), timedelta(0), {"JUDGEMENT_PENDING"}),
        (timedelta(hours=1, seconds=1), timedelta(0), set()),
        (timedelta(hours=4), timedelta(hours=3), {"JUDGEMENT_PENDING"}),
        (timedelta(hours=4, seconds=1), timedelta(hours=3), set()),
    ],
)
def test_reading_that_is_not_judged_holds_the_goods_unless_the_judge_would_not_look_at_it(
    world: World, after_receipt: timedelta, ahead: timedelta, heard: set[str]
) -> None:
    consignment = world.received()
    world.judge(consignment)
    sent(world, consignment, BEGIN + timedelta(hours=8) + after_receipt, ahead=ahead)

    answer = world.gate(consignment, "receipt_release")
    assert blocking(answer) == heard
    assert world.causes(consignment) == sorted(heard)
    assert world.get(f"/consignments/{consignment}")["unjudged"] == len(heard)


def test_reading_of_any_hour_holds_goods_that_nobody_received(world: World) -> None:
    consignment = world.consign()
    before = world.get(f"/consignments/{consignment}")["unjudged"]
    sent(world, consignment, BEGIN + timedelta(days=1), ahead=timedelta(0))

    assert world.get(f"/consignments/{consignment}")["unjudged"] == before + 1


def test_released_goods_cannot_be_dispatched_again(world: World) -> None:
    consignment = world.released()

    body = {"consignment": consignment, "purpose": "dispatch"}
    answer = world.of("operator").post("/gate/decisions", json=body)

    assert (answer.status_code, answer.json()["code"]) == (409, "ILLEGAL_TRANSITION")
    assert world.states(consignment) == ["released"]


def test_decision_is_recorded_with_every_check_and_enters_the_ledger(world: World) -> None:
    consignment = world.consign(lots=("OLD",))
    answer = world.gate(consignment, "dispatch")

    recorded = world.get(f"/consignments/{consignment}/decisions")["items"]

    assert [decision["checks"] for decision in recorded] == [answer["checks"]]
    query = "SELECT kind FROM ledger_entry WHERE subject = %s ORDER BY id DESC LIMIT 1"
    assert world.fetch(query, consignment) == ["gate.decided"]


def test_of_requests_at_once_each_gets_a_permit_and_one_of_them_is_good(world: World) -> None:
    consignment = world.consign()
    client, body = world.of("operator"), {"consignment": consignment, "purpose": "dispatch"}

    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(client.post, "/gate/decisions", json=body) for _ in range(4)]
        tokens = [answer.result().json()["permit"]["token"] for answer in asked]

    used = [client.post("/gate/permits/redeem", json={"token": token}) for token in tokens]
    assert sorted(answer.status_code for answer in used) == [200, 409, 409, 409]
    assert world.states(consignment) == ["in_transit"]


def test_hold_that_arrives_while_a_release_is_decided_is_seen(world: World) -> None:
    consignment = world.received()
    world.judge(consignment)

    with ThreadPoolExecutor() as pool, psycopg.connect(world.dsn) as judging:
        judge(judging, consignment, "HOLD")  # holds the consignment's lock
        asked = pool.submit(world.gate, consignment, "receipt_release")
        wait_for_lock(world)
        judging.commit()

        assert blocking(asked.result()) == {"CONDITION_HOLD"}
    world.wait_for_reactions()
    assert world.states(consignment) == ["quarantined"]


def test_carrier_may_dispatch_but_never_release(world: World) -> None:
    consignment = world.consign()
    dispatch, release = (
        {"consignment": consignment, "purpose": purpose}
        for purpose in ("dispatch", "receipt_release")
    )

    dispatched = world.of("truck").post("/gate/decisions", json=dispatch)
    refused = world.of("truck").post("/gate/decisions", json=release)

    assert dispatched.json()["permitted"]
    assert refused.status_code == 404


def wait_for_lock(world: World) -> None:
    """Return when some session of this database waits for a lock."""
    waiting = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    assert wait_until(lambda: bool(world.fetch(waiting)), seconds=10)


@pytest.mark.parametrize(
    ("told", "code", "state"),
    [
        ("departed", "ALREADY_DEPARTED", "in_transit"),
        ("opened", "ALREADY_DEPARTED", "in_transit"),
        ("received", "ALREADY_RECEIVED", "quarantined"),
    ],
)
def test_goods_cannot_leave_on_a_journey_that_began_without_them(
    world: World, told: str, code: str, state: str
) -> None:
    consignment = world.consign(lots=("A1", "A2"))
    world.gate(consignment, "dispatch", lot={"product": "vaccine", "number": "A1"})
    world.event(consignment, told)

    lot = {"product": "vaccine", "number": "A2"}
    asked = {"consignment": consignment, "purpose": "dispatch", "lot": lot}
    answer = world.of("maker").post("/gate/decisions", json=asked)

    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert world.states(consignment) == [state, "planned"]
