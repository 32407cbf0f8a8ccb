"""The supervisor as a process of its own, with real children that are really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil
import psycopg
import pytest

from coldgate.launch.folder import accepts, free_port
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
SLEEPER = ["sleep", "600"]
DEAF = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"]
FAILING = ["sh", "-c", "echo cannot; exit 7"]


class Supervised:
    """The supervising process, and what it says."""

    def __init__(self, script: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / script), *arguments], stdout=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []

    def read_until(self, text: str) -> str:
        """The first further line that holds the text; fails at the end of the stream."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if text in line:
                return line.rstrip()
        raise AssertionError(f"{text!r} never came: {self.lines}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Exit status after the signal; the rest of the stream is in ``lines``."""
        self.process.send_signal(number)
        self.lines.extend(line.rstrip() for line in self.process.stdout)
        return self.process.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def supervised(children: dict[str, list[str]], *, once: str = "", port: int = 0) -> Supervised:
    specs = [{"name": name, "argv": argv, "once": name == once} for name, argv in children.items()]
    return Supervised("run_supervisor.py", json.dumps(specs), str(port or free_port()))


def health(port: int) -> tuple[int, dict[str, dict[str, object]]]:
    """Status code of ``/healthz`` and the children by name."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read()
    return status, {child["name"]: child for child in json.loads(body)["children"]}


def pid_of(port: int, name: str) -> int:
    pid = health(port)[1][name]["pid"]
    assert isinstance(pid, int)
    return pid


def eventually(condition: Callable[[], bool]) -> bool:
    return wait_until(condition, seconds=20)


def test_killed_child_is_started_again_and_counted() -> None:
    port = free_port()
    with supervised({"first": SLEEPER, "second": SLEEPER}, port=port) as running:
        running.read_until("all started")
        killed = pid_of(port, "second")
        os.kill(killed, signal.SIGKILL)
        running.read_until("second | supervisor: ended with status -9; starting again in")

        assert eventually(lambda: health(port)[0] == 200)
        second = health(port)[1]["second"]
        assert (second["restarts"], second["pid"] != killed) == (1, True)
        assert health(port)[1]["first"]["restarts"] == 0


def test_health_is_degraded_while_a_child_cannot_stay_up() -> None:
    port = free_port()
    fleeting = ["sh", "-c", "sleep 0.6; exit 7"]
    with supervised({"steady": SLEEPER, "fleeting": fleeting}, port=port) as running:
        running.read_until("all started")

        assert eventually(lambda: health(port)[0] == 503)
        assert health(port)[1]["steady"]["state"] == "up"


def test_delay_grows_while_a_child_keeps_failing() -> None:
    with supervised({"failing": FAILING}) as running:
        lines = [running.read_until("starting again in") for _ in range(4)]

    delays = [float(line.split()[-2]) for line in lines]
    assert delays[0] < delays[2] <= delays[3]


def test_sigterm_stops_all_children_and_ends_with_status_0() -> None:
    port = free_port()
    with supervised({"first": SLEEPER, "second": SLEEPER}, port=port) as running:
        running.read_until("all started")
        pids = [pid_of(port, "first"), pid_of(port, "second")]

        assert running.end(signal.SIGTERM) == 0
        assert not any(psutil.pid_exists(pid) for pid in pids)


def test_ctrl_c_stops_the_children_in_reverse_order() -> None:
    loud = ["sh", "-c", "trap 'echo ended; exit 0' TERM; echo here; while :; do sleep 0.05; done"]
    with supervised({"first": loud, "second": loud}) as running:
        running.read_until("| here")
        running.read_until("| here")

        assert running.end(signal.SIGINT) == 0
        ended = [line.split()[0] for line in running.lines if line.endswith("| ended")]
        assert ended == ["second", "first"]


def test_child_that_ignores_sigterm_is_killed_after_its_grace() -> None:
    port = free_port()
    with supervised({"deaf": DEAF}, port=port) as running:
        running.read_until("| deaf")
        pid = pid_of(port, "deaf")

        assert running.end(signal.SIGTERM) == 0
        assert not psutil.pid_exists(pid)
        assert "deaf | supervisor: did not end in time; killed" in running.lines


def test_killed_supervisor_takes_its_children_with_it() -> None:
    port = free_port()
    with supervised({"first": SLEEPER, "deaf": DEAF}, port=port) as running:
        running.read_until("all started")
        pids = [pid_of(port, "first"), pid_of(port, "deaf")]

        running.process.kill()

        assert eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_next_child_waits_for_one_that_runs_once() -> None:
    children = {"migrate": ["sh", "-c", "sleep 0.2; echo done"], "api": ["echo", "serving"]}
    with supervised(children, once="migrate") as running:
        running.read_until("api     | serving")

    assert "migrate | done" in running.lines


def test_failure_of_a_child_that_runs_once_stops_everything() -> None:
    children = {"database": SLEEPER, "migrate": FAILING, "api": SLEEPER}
    with supervised(children, once="migrate") as running:
        running.read_until("failed: migrate failed with status 7")

        assert running.process.wait(20) == 1


def test_program_that_does_not_exist_fails_the_start_at_once() -> None:
    with supervised({"api": ["/no/such/program"]}) as running:
        running.read_until("cannot run /no/such/program")
        running.read_until("failed: api cannot be run")

        assert running.process.wait(20) == 1


@pytest.mark.database
@pytest.mark.broker
def test_killed_servers_come_back_on_their_ports_with_their_data(state_folder: Path) -> None:
    with Supervised("run_machine.py", str(state_folder)) as running:
        words = running.read_until("all started").split()
        health_port, dsn, broker_port = int(words[2]), words[3], int(words[4])
        for name in ("postgres", "broker"):
            os.kill(pid_of(health_port, name), signal.SIGKILL)
            running.read_until("starting again in")

        assert eventually(lambda: health(health_port)[0] == 200)
        assert accepts(broker_port)
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT count(*) > 0 FROM pg_tables").fetchone() == (True,)
        assert running.end() == 0


@pytest.mark.database
@pytest.mark.broker
def test_killed_machine_leaves_nothing_and_starts_again(state_folder: Path) -> None:
    with Supervised("run_machine.py", str(state_folder)) as running:
        words = running.read_until("all started").split()
        pids = [pid_of(int(words[2]), name) for name in ("postgres", "broker")]
        running.process.kill()
        assert eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))

    with Supervised("run_machine.py", str(state_folder)) as running:
        assert running.read_until("all started").split() == words
        assert running.end() == 0
