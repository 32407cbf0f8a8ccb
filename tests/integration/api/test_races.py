"""Races over two processes, a few rounds of each; `make races` runs thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from api_world import judge
from conftest import open_folder
from races.arena import open_arena
from races.gate_races import GATE_RACES
from races.invariants import assert_sound
from races.people_races import PEOPLE_RACES
from races.work_races import WORK_RACES

from api.quality.reaction import release_audited
from coldgate.launch.process import wait_until
from coldgate.storage.connection import connect
from coldgate.storage.consignments import locked
from coldgate.storage.visibility import limit_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_world import World
    from races.arena import Arena

pytestmark = pytest.mark.database

ROUNDS = 2
SEED = 20_261_122
DEVIATION_LOCKED = """
    SELECT FROM deviation WHERE consignment_id = %s FOR NO KEY UPDATE"""
JUDGED_AGAIN = """
    WITH judged AS (DELETE FROM touched WHERE consignment_id = %s RETURNING consignment_id)
    INSERT INTO evaluation (consignment_id, version, verdict, provisional, with_excursions,
        profile_id, profile_version, engine, input_digest, body)
    SELECT consignment_id, version + 1, verdict, provisional, with_excursions, profile_id,
        profile_version, engine, input_digest, body
    FROM evaluation JOIN judged USING (consignment_id)"""
AUDITED = """
    INSERT INTO evidence_audit (evaluation_id, messages, broken, unsigned)
    SELECT max(id), 0, 0, 0 FROM evaluation WHERE consignment_id = %s"""


@pytest.fixture(scope="module")
def arena(plain_server: Any) -> Iterator[Arena]:
    """Two processes, and at the end the whole database looked at."""
    with (
        plain_server.fresh() as dsn,
        open_folder() as folder,
        open_arena(dsn, folder, SEED) as made,
    ):
        yield made
        assert_sound(made)


@pytest.mark.parametrize(
    "race", [*GATE_RACES, *PEOPLE_RACES, *WORK_RACES], ids=lambda race: race.__name__
)
def test_race_leaves_nothing_unsound(arena: Arena, race: Any) -> None:
    arena.chance.seed(f"{SEED}/{race.__name__}")

    for _ in range(ROUNDS):
        race(arena)


def test_audit_that_commits_while_a_release_is_considered_still_lets_goods_go(
    world: World,
) -> None:
    consignment = world.received(release_policy="automatic")
    with psycopg.connect(world.dsn) as judging:  # audited, but something is not judged yet
        judge(judging, consignment)
        judging.execute("INSERT INTO touched (consignment_id) VALUES (%s)", (consignment,))
    with psycopg.connect(world.dsn) as auditing:
        auditing.execute(JUDGED_AGAIN, (consignment,))
        auditing.commit()
        auditing.execute(AUDITED, (consignment,))
        world.wait_for_reactions()
        with connect(world.dsn, "coldgate_api") as considering:
            limit_to(considering, None)
            release_audited(considering, consignment)

    assert wait_until(lambda: world.states(consignment) == ["released"], seconds=10)


def test_reaction_waits_for_no_other_consignment_of_the_carrier(world: World) -> None:
    earlier, later = world.received(), world.received()
    world.judge(earlier, "FAIL")
    world.wait_for_reactions()

    with psycopg.connect(world.dsn) as deciding:
        deciding.execute("SELECT FROM consignment WHERE id = %s FOR UPDATE", (earlier,))
        deciding.execute(DEVIATION_LOCKED, (earlier,))
        world.judge(later, "FAIL")
        world.wait_for_reactions()

    assert world.causes(later) == ["CONDITION_FAIL"]


def test_word_about_a_lot_waits_for_no_decision_about_another_part_of_it(world: World) -> None:
    profile = world.add_budget()
    one, other = (world.consign(profile={"id": profile}) for _ in range(2))

    with connect(world.dsn, "coldgate_api") as deciding:
        limit_to(deciding, None)
        locked(deciding, other, scope=None)
        world.event(one, "departed")  # has the other one judged again

    assert world.fetch("SELECT 1 FROM touched WHERE consignment_id = %s", other)
