"""The long version of the race tests: ``make races``; a failing race is repeated by its seed.

make races                                           300 rounds of each race, with a fresh seed
COLDGATE_RACE_ROUNDS=5000 COLDGATE_RACE_SEED=7 make races    so many, with this seed
"""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from conftest import open_folder
from races.arena import Arena, open_arena
from races.gate_races import GATE_RACES
from races.invariants import assert_sound
from races.kill_races import process_dies_midway
from races.people_races import PEOPLE_RACES
from races.rounds import rounds
from races.work_races import WORK_RACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.database, pytest.mark.timeout(7_200)]
ROUNDS: Final = rounds(300)
SEED: Final = int(os.environ.get("COLDGATE_RACE_SEED", str(secrets.randbelow(2**31))))
ROUNDS_TO_A_KILL: Final = 20  # a process takes seconds to start
RACES: Final = (*GATE_RACES, *PEOPLE_RACES, *WORK_RACES)


@pytest.fixture(scope="module")
def arena(plain_server: Any) -> Iterator[Arena]:
    """Two processes for all races; each race has chances of its own from the seed."""
    with (
        plain_server.fresh() as dsn,
        open_folder() as folder,
        open_arena(dsn, folder, SEED) as made,
    ):
        yield made


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_race_leaves_nothing_unsound(arena: Arena, race: Callable[[Arena], None]) -> None:
    run(arena, race, ROUNDS)


def test_process_that_dies_leaves_nothing_half_done(arena: Arena) -> None:
    run(arena, process_dies_midway, ROUNDS // ROUNDS_TO_A_KILL + 1)


def run(arena: Arena, race: Callable[[Arena], None], rounds: int) -> None:
    """So many rounds of the race, and then the whole database looked at."""
    print(f"\n{race.__name__}: seed {SEED}, {rounds} rounds", end="", flush=True)  # noqa: T201 - repeats the race
    arena.chance.seed(f"{SEED}/{race.__name__}")
    began = time.monotonic()
    for number in range(rounds):
        try:
            race(arena)
        except AssertionError as error:
            error.add_note(f"in round {number} of seed {SEED}")
            for process in arena.processes:
                error.add_note("\n".join(process.complaints()))
            raise
    print(f", {rounds / (time.monotonic() - began):.1f} a second ", end="")  # noqa: T201 - the measurement
    assert_sound(arena)
