"""A lot's stability budget may have been spent on another journey that nobody judged yet."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from api_world import BEGIN
from gate_cases import RECEIPT
from races.rounds import at_once, rounds

from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from datetime import datetime

    from api_world import World

pytestmark = pytest.mark.database

RECEIVED = BEGIN + timedelta(hours=8)


@pytest.fixture(scope="module")
def profile(world: World) -> dict[str, str]:
    return {"id": world.add_budget()}


def own_lot(world: World) -> str:
    """A lot that nothing else in the world is of."""
    body = {"number": world.name("lot"), "expires_on": "2199-12-31"}
    number: str = world.post("/products/vaccine/lots", body, party="maker")["number"]
    return number


def pair(world: World, profile: dict[str, str] | None, **other: Any) -> tuple[str, str]:
    """Two consignments of one lot that came and passed; the second is to be released."""
    fields: dict[str, Any] = {} if profile is None else {"profile": profile}
    lines = [{"product": "vaccine", "lot": own_lot(world), "quantity": 1}]
    earlier = world.received(**fields | {"lines": lines} | other)
    later = world.received(**fields | {"lines": lines})
    for consignment in (earlier, later):
        world.judge(consignment)
    return earlier, later


def told(world: World, consignment: str) -> None:
    """A fact of the consignment that nobody judged yet."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute("INSERT INTO touched (consignment_id) VALUES (%s)", (consignment,))


def sent(world: World, consignment: str, *, at: datetime) -> None:
    """Readings of the consignment's logger that nobody judged yet, as ingest leaves them."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "WITH sensing AS (INSERT INTO channel (logger_id, sensor, quantity)"
            " SELECT logger_id, 0, 1 FROM placement WHERE consignment_id = %s RETURNING id)"
            " INSERT INTO touched (channel_id, first_at, last_at) SELECT id, %s, %s FROM sensing",
            (consignment, at, at),
        )


@pytest.mark.shows("JUDGEMENT_PENDING")
def test_release_waits_for_readings_of_the_lot_on_another_journey(
    world: World, profile: dict[str, str]
) -> None:
    earlier, later = pair(world, profile)
    sent(world, earlier, at=RECEIVED - timedelta(hours=1))

    answer = world.gate(later, RECEIPT)

    assert [reason["code"] for reason in answer["reasons"]] == ["JUDGEMENT_PENDING"]
    assert answer["waits_for"] == [earlier]
    assert earlier not in str(answer["checks"])


def test_who_may_not_know_of_the_other_journey_is_not_told_its_name(
    world: World, profile: dict[str, str]
) -> None:
    earlier, later = pair(world, profile, consignee=world.join("consignee"))
    told(world, earlier)
    body = {"consignment": later, "purpose": RECEIPT}

    names = {
        party: world.post("/gate/decisions", body, party=party)["waits_for"]
        for party in ("hospital", "maker")
    }

    assert names == {"hospital": [], "maker": [earlier]}


def test_stream_of_a_journey_that_goes_on_holds_nobody(
    world: World, profile: dict[str, str]
) -> None:
    travelling, later = pair(world, profile)
    sent(world, travelling, at=RECEIVED + timedelta(minutes=61))

    assert world.gate(later, RECEIPT)["answer"] == "permit"


def test_lot_without_a_budget_waits_for_no_other_journey(world: World) -> None:
    earlier, later = pair(world, None)
    told(world, earlier)

    assert world.gate(later, RECEIPT)["answer"] == "permit"


def test_automatic_release_comes_when_the_other_journey_is_judged(
    world: World, profile: dict[str, str]
) -> None:
    lines = [{"product": "vaccine", "lot": own_lot(world), "quantity": 1}]
    earlier, later = (
        world.received(profile=profile, lines=lines, release_policy="automatic") for _ in range(2)
    )
    world.judge(later)
    world.wait_for_reactions()
    before = world.states(later)

    world.judge(earlier)

    assert before == ["quarantined"]
    assert wait_until(lambda: world.states(later) == ["released"], seconds=10)


@pytest.mark.shows("JUDGEMENT_PENDING")
def test_reading_elsewhere_that_commits_meanwhile_holds_the_lot_now_or_when_asked_again(
    world: World, profile: dict[str, str]
) -> None:
    for _ in range(rounds(6)):
        earlier, later = pair(world, profile)

        answer, _ = at_once(
            partial(world.gate, later, RECEIPT),
            partial(sent, world, earlier, at=RECEIVED - timedelta(hours=1)),
        )

        again = world.gate(later, RECEIPT)
        assert {reason["code"] for reason in answer["reasons"]} <= {"JUDGEMENT_PENDING"}
        assert {reason["code"] for reason in again["reasons"]} == {"JUDGEMENT_PENDING"}
