"""What all embedded servers share: one owner, a clean start, a clean end, no left-overs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Self

from coldgate.errors import LaunchError
from coldgate.launch.folder import OwnedFolder
from coldgate.launch.process import Command, end_left_over, spawn, stop, wait_until

if TYPE_CHECKING:
    import signal
    import subprocess
    from pathlib import Path

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
LAST_LINES: Final = 15


class EmbeddedServer(ABC):
    """One server process in one state folder; own it with ``with``, or give it to a supervisor.

    A supervisor calls ``prepare`` once, then runs ``command`` and, before each run,
    ``clear_left_overs``; ``release`` ends the ownership. ``start`` and ``stop`` do all of it.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, folder: Path) -> None:
        self.folder = OwnedFolder(folder)
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Command:
        """The program to run; the same at every restart. Call ``prepare`` before."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether the server takes clients at this moment; quick, and never raises."""

    @abstractmethod
    def _make_state(self) -> None:
        """Create or check what is on disk, and choose the port; the folder is ours already."""

    def prepare(self) -> None:
        """Own the folder, end what an earlier owner left behind, and make the state ready."""
        self.folder.acquire()
        try:
            self.clear_left_overs()
            self._make_state()
        except BaseException:
            self.release()
            raise

    def clear_left_overs(self) -> None:
        """End the process of an owner that was killed; a no-op when there is none."""
        end_left_over(self.record, by=self.stop_signal, grace_seconds=STOP_SECONDS)
        if self._process is not None:
            self._process.wait()  # else its pid would still count as taken
            self._process = None

    def release(self) -> None:
        """Let another process own the folder; the server must have ended."""
        self.folder.release()

    @property
    def record(self) -> Path:
        """The file that identifies the running server to a later owner."""
        return self.folder.path / "running"

    @property
    def log(self) -> Path:
        """Where the server's own output goes when no supervisor reads it."""
        return self.folder.path / "server.log"

    @property
    def pid(self) -> int:
        """Process id of the server itself; raises LaunchError when it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise LaunchError(f"{self.name} is not running")
        return self._process.pid

    def start(self) -> None:
        """Run the server until ``stop``; returns when it takes clients.

        Call it again after the process was killed: the same port, the same data.
        """
        self.prepare()
        with self.log.open("ab") as log:
            self._process = spawn(self.command(), log)
        if not wait_until(self._settled, seconds=START_SECONDS) or not self.ready():
            self.stop()
            raise LaunchError(f"{self.name} did not start: {last_lines(self.log)}")

    def _settled(self) -> bool:
        return self.ready() or self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        """End the server in good order; a no-op when it does not run."""
        if self._process is not None:
            stop(self._process, by=self.stop_signal, grace_seconds=STOP_SECONDS)
            self._process = None
            self.record.unlink(missing_ok=True)
        self.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def last_lines(log: Path) -> str:
    """The end of a log, for the person who reads why a server did not start."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return "\n  ".join(lines[-LAST_LINES:]) or "it wrote nothing"
