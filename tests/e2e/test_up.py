"""``coldgate up``: one machine with everything on it, healed while it runs and ended whole."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from command_line import coldgate, machine_up

from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command_line import Running

CHILDREN = ["postgres", "broker", "migrate", "ingest", "analytics", "api"]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with machine_up(tmp_path_factory.mktemp("up") / "machine") as machine:
        yield machine


def test_everything_runs_and_is_well(machine: Running) -> None:
    children = machine.children()

    assert list(children) == CHILDREN
    assert {child["state"] for child in children.values()} == {"up", "finished"}
    assert machine.is_healthy()


def test_it_says_where_the_api_is_and_which_key_opens_it(machine: Running) -> None:
    assert machine.kept("api-url") in machine.text
    assert machine.kept("operator-key") in machine.text
    assert machine.kept("operator-invitation") in machine.text
    assert [party["id"] for party in machine.ask("/parties")["items"]] == ["operator"]


@pytest.mark.parametrize("name", ["ingest", "analytics", "broker"])
def test_a_killed_child_is_started_again(machine: Running, name: str) -> None:
    before = machine.children()[name]

    psutil.Process(before["pid"]).kill()

    def healed() -> bool:
        now = machine.children()[name]
        return now["state"] == "up" and now["pid"] != before["pid"]

    assert wait_until(healed, seconds=20)
    assert machine.children()[name]["restarts"] == before["restarts"] + 1


def test_a_second_machine_in_the_same_folder_is_refused(machine: Running) -> None:
    refused = coldgate("up", "--port", "0", "--folder", str(machine.folder))

    assert refused.returncode == 2
    assert "is in use by process" in refused.stderr


def test_sigterm_ends_all_of_it(tmp_path: Path) -> None:
    with machine_up(tmp_path / "machine") as machine:
        status = machine.stop(signal.SIGTERM)

        assert status == 0
        assert len(machine.seen) >= len(CHILDREN) - 1
        assert wait_until(lambda: not machine.left, seconds=10)
