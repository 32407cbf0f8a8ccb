"""The long version of the chaos tests: ``make chaos``; a failing round is repeated by its seed.

make chaos                                   three rounds with fresh seeds
COLDGATE_CHAOS_SEEDS=17,18 make chaos        these two
"""

from __future__ import annotations

import os
import random
import secrets
from typing import TYPE_CHECKING, Any, Final

import pytest
from chaos_story import SHIPMENTS, true_rows, undisturbed_evaluation
from chaos_world import World, kill_at_random, kill_in_turn
from outage import MIB, Outage, suffer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
FRESH: Final = ",".join(str(secrets.randbelow(2**31)) for _ in range(3))
SEEDS: Final = [int(seed) for seed in os.environ.get("COLDGATE_CHAOS_SEEDS", FRESH).split(",")]


@pytest.mark.parametrize("seed", SEEDS)
def test_many_kills_at_random_change_nothing(state_folder: Path, seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - repeats the round
    chance = random.Random(seed)
    with World(state_folder) as world:
        world.play(factor=1_200)
        kill_in_turn(world, until=0.4)
        kill_at_random(world, chance, kills=6)
        after = world.finish()

    after.assert_exactly(true_rows())
    for shipment in SHIPMENTS:
        assert after.evaluations[shipment.id] == undisturbed_evaluation(shipment)


@pytest.mark.parametrize("frozen", [False, True], ids=["killed", "frozen"])
def test_a_minute_without_a_database_loses_nothing(
    broker: Any, state_folder: Path, *, frozen: bool
) -> None:
    outage = Outage(
        seconds=60,
        messages=700,
        message_blocks=4,
        block_readings=1_000,
        queue_bytes=4 * MIB,  # less than what comes meanwhile: the broker has to keep the rest
        frozen=frozen,
    )

    after = suffer(outage, broker, state_folder)

    print(f"peak RSS of ingest: {after.peak_rss_mib:.0f} MiB")  # noqa: T201 - the measurement
    assert after.stored == outage.expected
    assert after.peak_rss_mib < 200
