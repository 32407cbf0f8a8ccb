"""Processes are killed while goods travel; afterwards all is as if nothing had happened."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING, Final

import pytest
from chaos_story import SHIPMENTS, true_rows, undisturbed_evaluation
from chaos_world import Outcome, World, kill_at_random, kill_in_turn, undisturbed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.broker, pytest.mark.database]
SEED: Final = 20_260_105


def test_killing_every_process_changes_no_reading_and_no_verdict(state_folder: Path) -> None:
    folders = [state_folder / name for name in ("calm", "disturbed")]
    for folder in folders:
        folder.mkdir()
    calm = undisturbed(folders[0])
    with World(folders[1]) as world:
        world.play(factor=3_500)
        kill_in_turn(world, until=0.6)
        kill_at_random(world, random.Random(SEED), kills=4)
        disturbed = world.finish()

    assert_as_in_truth(calm)
    assert_as_in_truth(disturbed)
    assert disturbed.evaluations == calm.evaluations
    assert disturbed.gate == calm.gate


def test_power_cut_loses_nothing_and_leaves_nobody_behind(state_folder: Path) -> None:
    with World(state_folder) as world:
        world.play(factor=10_000)
        world.wait_for(0.4)
        survivors = world.cut_power()
        world.restart()
        after = world.finish()

    assert survivors == []
    assert_as_in_truth(after)


def test_broker_that_loses_what_it_confirmed_costs_no_reading(state_folder: Path) -> None:
    with World(state_folder) as world:
        world.play(factor=10_000)
        world.wait_for(0.2)
        world.suspend("ingest")  # from now on only the broker has what gateways send
        world.wait_for(0.6)
        world.cut_power()
        at_stake = world.unacknowledged
        shutil.rmtree(world.state / "broker" / "store")
        world.restart()
        after = world.finish()

    assert at_stake > 0
    assert_as_in_truth(after)


def assert_as_in_truth(outcome: Outcome) -> None:
    outcome.assert_exactly(true_rows())
    for shipment in SHIPMENTS:
        assert outcome.evaluations[shipment.id] == undisturbed_evaluation(shipment)
    assert {name: answer[0] for name, answer in outcome.gate.items()} == {
        "clean": "PASS",
        "warm": "FAIL",
    }
