"""``coldgate evaluate`` finds its database: by the environment, in a folder, running or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from command_line import coldgate
from judge_house import build_house, finish_clean_trip

from coldgate.launch.postgres import EmbeddedPostgres, PostgresSettings
from coldgate.storage.migrate import migrate

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.database


def test_database_of_a_folder_is_asked_whether_it_runs_or_not(state_folder: Path) -> None:
    wanted = ("evaluate", "--consignment", "c-1", "--folder", str(state_folder), "--cross-check")
    settings = PostgresSettings(folder=state_folder / "postgres", durable=False)
    with EmbeddedPostgres(settings) as server:
        migrate(server.dsn)
        finish_clean_trip(build_house(server.dsn))
        running = coldgate(*wanted)
    stopped = coldgate(*wanted)

    assert (running.returncode, running.stderr) == (0, "")
    assert "PASS" in running.stdout
    assert (stopped.returncode, stopped.stdout) == (0, running.stdout)


def test_database_that_the_environment_names_comes_first(
    plain_database: str, state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDGATE_DATABASE_DSN", plain_database)

    answer = coldgate("evaluate", "--consignment", "c-9", "--folder", str(state_folder))

    assert (answer.returncode, answer.stderr) == (1, "no consignment c-9\n")


def test_folder_without_a_database_is_refused(state_folder: Path) -> None:
    answer = coldgate("evaluate", "--consignment", "c-1", "--folder", str(state_folder))

    assert answer.returncode == 2
    assert answer.stderr.startswith(f"no database in {state_folder}; ")
    assert list(state_folder.iterdir()) == []
