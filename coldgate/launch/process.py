"""Child processes that never outlive their owner, and records by which left-overs are known."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from coldgate.launch import tether

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An unprivileged user that a server runs as when its owner is root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One program to run; ``env`` is added to the owner's environment.

    ``death_signal`` reaches it the moment its owner ends, however that happens; ``record`` is the
    file that identifies it to a later owner.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    death_signal: signal.Signals = signal.SIGKILL
    record: Path | None = None

    def tethered(self) -> list[str]:
        """The arguments that start the program bound to this process."""
        orders = tether.Orders(
            parent=os.getpid(),
            signal=int(self.death_signal),
            account=(self.account.uid, self.account.gid) if self.account else None,
            record=str(self.record) if self.record else None,
        )
        program = [sys.executable, "-I", "-S", str(Path(tether.__file__))]
        return [*program, json.dumps(orders), *self.argv]

    def environment(self) -> dict[str, str]:
        """The owner's environment with the command's own variables on top."""
        return {**os.environ, **self.env}


def python(module: str, *arguments: str, env: Mapping[str, str] | None = None) -> Command:
    """``python -m module arguments…`` with the interpreter that runs now.

    It is killed with its owner: every process of ours may be killed at any instant.
    """
    return Command(argv=(sys.executable, "-m", module, *arguments), env=env or {})


@cache
def _spawner() -> ThreadPoolExecutor:
    # The kernel sends the death signal when the *thread* that forked ends (prctl(2)), so all
    # children come from one thread that lives as long as the process.
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


def spawn(command: Command, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """The running command in a session of its own; ``output`` takes stdout and stderr."""

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command.tethered(),
            env=command.environment(),
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the owner only; it stops them in order
        )

    return _spawner().submit(start).result()


def stop(process: subprocess.Popen[bytes], *, by: signal.Signals, grace_seconds: float) -> None:
    """Ask the process to end, and kill it when it has not within the grace period."""
    if process.poll() is not None:
        return
    process.send_signal(by)
    try:
        process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def recorded_pid(record: Path) -> int | None:
    """The pid in a record file, if that very process still runs; never a later one's."""
    try:
        pid_text, ticks_text, boot = record.read_text(encoding="ascii").split()
        pid, ticks = int(pid_text), int(ticks_text)
    except (OSError, ValueError):
        return None
    same = boot == tether.boot_id() and tether.start_ticks(pid) == ticks
    return pid if same else None


def signal_if_caught(pid: int, number: signal.Signals) -> bool:
    """Send a signal to a process that handles it; one that would die of it is left alone.

    A program that has just been started handles nothing yet.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
        if not int(caught.split()[1], 16) >> (number - 1) & 1:  # proc(5): a mask, signal 1 first
            return False
        os.kill(pid, number)
    except (OSError, StopIteration):  # it ended meanwhile
        return False
    return True


def end_left_over(record: Path, *, by: signal.Signals, grace_seconds: float) -> None:
    """End the process that an earlier owner left behind; a stranger's pid is never touched."""
    for number in (by, signal.SIGKILL):
        pid = recorded_pid(record)
        if pid is None:
            break
        os.kill(pid, number)
        wait_until(lambda: recorded_pid(record) is None, seconds=grace_seconds)
    record.unlink(missing_ok=True)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """True as soon as the condition holds, False when it has not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
