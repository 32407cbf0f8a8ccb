"""What evaluations do to goods on their way and to goods released: once, whoever looks first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest
from api_world import judge, serving

from api.metrics import Metrics
from api.quality.reaction import react
from api.quality.reactor import Reactor
from coldgate.launch.process import wait_until
from coldgate.storage import visibility
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database


def in_transit(world: World) -> str:
    consignment = world.consign()
    world.gate(consignment, "dispatch")
    return consignment


def test_proven_breach_blocks_goods_on_their_way(world: World) -> None:
    consignment = in_transit(world)

    world.judge(consignment, "FAIL", provisional=True)
    world.wait_for_reactions()

    assert world.states(consignment) == ["quarantined"]
    assert world.causes(consignment) == ["CONDITION_FAIL"]
    assert world.announced(consignment) == ["lot.blocked"]


def test_open_question_during_the_journey_blocks_nothing_yet(world: World) -> None:
    consignment = in_transit(world)

    world.judge(consignment, "HOLD", provisional=True)
    world.wait_for_reactions()

    assert world.states(consignment) == ["in_transit"]
    assert world.causes(consignment) == []


def test_question_left_open_after_receipt_opens_a_deviation(world: World) -> None:
    consignment = world.received()

    world.judge(consignment, "HOLD")
    world.wait_for_reactions()

    assert world.causes(consignment) == ["CONDITION_HOLD"]
    assert world.announced(consignment) == ["lot.blocked"]


@pytest.mark.parametrize(
    ("worse", "with_excursions", "cause"),
    [
        ("FAIL", False, "CONDITION_FAIL"),
        ("HOLD", False, "CONDITION_HOLD"),
        ("PASS", True, "CONDITION_HOLD"),
    ],
)
def test_worse_evaluation_revokes_a_release_once(
    world: World, worse: str, cause: str, *, with_excursions: bool
) -> None:
    consignment = world.released()

    for _ in range(2):
        world.judge(consignment, worse, with_excursions=with_excursions)
        world.wait_for_reactions()

    assert world.states(consignment) == ["revoked"]
    assert world.causes(consignment) == [cause]
    assert world.announced(consignment) == ["lot.released", "release.revoked"]


def test_better_evaluation_releases_nothing(world: World) -> None:
    consignment = world.received()
    world.judge(consignment, "FAIL")
    world.wait_for_reactions()

    world.judge(consignment, "PASS")
    world.wait_for_reactions()

    assert world.states(consignment) == ["quarantined"]


def test_revoked_goods_pass_the_gate_again_when_all_evidence_says_pass(world: World) -> None:
    consignment = world.released()
    world.judge(consignment, "HOLD")
    world.wait_for_reactions()
    world.judge(consignment, "PASS")

    assert world.gate(consignment, "receipt_release")["permitted"]
    assert world.states(consignment) == ["released"]


def test_only_the_newest_of_several_evaluations_counts_and_all_are_marked(world: World) -> None:
    consignment = world.released()

    with psycopg.connect(world.dsn) as connection:
        for verdict in ("FAIL", "PASS"):
            judge(connection, consignment, verdict)
    world.wait_for_reactions()

    query = "SELECT count(*) FROM evaluation JOIN reaction ON id = evaluation_id"
    assert world.states(consignment) == ["released"]
    assert world.fetch(f"{query} WHERE consignment_id = %s", consignment) == [3]


@pytest.mark.shows("CONDITION_FAIL")
def test_goods_that_failed_before_they_left_stay_until_it_is_cleared(world: World) -> None:
    consignment = world.consign()
    world.judge(consignment, "FAIL", provisional=True)

    answer = world.gate(consignment, "dispatch")

    assert [reason["code"] for reason in answer["reasons"]] == ["CONDITION_FAIL"]
    assert (answer["permit"], world.states(consignment)) == (None, ["planned"])
    world.judge(consignment, "PASS", provisional=True)
    assert world.gate(consignment, "dispatch")["permitted"]


def test_of_two_processes_one_reacts(world: World) -> None:
    consignment = world.released()

    def attempt(_: int) -> int:
        with connect(world.dsn, "coldgate_api") as connection:
            visibility.limit_to(connection, None)
            return react(connection, consignment)

    world.judge(consignment, "FAIL")
    with ThreadPoolExecutor() as pool:
        found = sum(pool.map(attempt, range(4)))
    world.wait_for_reactions()

    assert found <= 1  # the running process may have been the one
    assert world.announced(consignment) == ["lot.released", "release.revoked"]


def test_two_api_processes_side_by_side_react_once(world: World) -> None:
    with serving(world.dsn):
        consignments = [world.released() for _ in range(5)]
        for consignment in consignments:
            world.judge(consignment, "FAIL")
        world.wait_for_reactions()

    for consignment in consignments:
        assert world.announced(consignment) == ["lot.released", "release.revoked"]


def test_evaluation_stored_while_nobody_watched_is_acted_on_at_start(plain_database: str) -> None:
    with connect(plain_database) as connection:
        connection.execute("INSERT INTO party VALUES ('maker', 'm', 'manufacturer')")
        connection.execute("INSERT INTO profile VALUES ('USP_CCT_2_8', 1, '-', '{}')")
        connection.execute(
            "INSERT INTO consignment VALUES ('con-1', 'maker', 'maker', 'USP_CCT_2_8', 1)"
        )
        judge(connection, "con-1", "FAIL")
    reactor = Reactor(plain_database, Metrics())

    reactor.start()
    try:
        with connect(plain_database) as connection:
            assert wait_until(lambda: _open_deviations(connection) == 1, seconds=10)
    finally:
        reactor.stop()
    assert not reactor.alive


def _open_deviations(connection: psycopg.Connection[tuple[int]]) -> int:
    with connection.transaction():
        row = connection.execute("SELECT count(*) FROM deviation").fetchone()
    return row[0] if row else 0


def test_reactor_that_lost_its_connection_watches_again(world: World) -> None:
    consignment = in_transit(world)
    world.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND query LIKE '%reaction_due%'"
    )

    world.judge(consignment, "FAIL")
    world.wait_for_reactions()

    assert world.states(consignment) == ["quarantined"]


def test_evidence_of_reactions_cannot_be_changed(world: World) -> None:
    world.judge(world.received())
    world.wait_for_reactions()

    for statement in ("DELETE FROM reaction", "UPDATE outbox SET kind = ''", "DELETE FROM ledger"):
        for role in ("coldgate_api", None):
            with (
                pytest.raises(
                    (psycopg.errors.RestrictViolation, psycopg.errors.InsufficientPrivilege)
                ),
                connect(world.dsn, role) as connection,
            ):
                connection.execute(statement)
