"""The command ``coldgate`` as a person starts it, and the processes that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import local_http
import psutil

from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[1]
SHARED: Final = ROOT.parent / "shared" / "data" / "berlinger-msupply"
QTAG: Final = next(iter(sorted(SHARED.glob("QTag*.txt"))), None)
NO_SHARED_DATA: Final = "the real logger files are not at ../shared/data"
START_SECONDS: Final = 60
END_SECONDS: Final = 30
BEGIN: Final = datetime(2026, 3, 1, 6, tzinfo=UTC)
MAPPING: Final = """
serial: {serial}
time: {{columns: [when], format: "%Y-%m-%d %H:%M:%S"}}
values:
  - {{column: warmth, quantity: temperature, unit: C}}
"""


def coldgate(*arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "coldgate", *arguments],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


@dataclass
class Running:
    """A running command and every process that was seen below it."""

    folder: Path
    output: Path
    process: subprocess.Popen[bytes]
    seen: set[psutil.Process] = field(default_factory=set)

    def look(self) -> bool:
        """Remember what runs now; whether the command itself still does."""
        try:
            self.seen.update(psutil.Process(self.process.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return False
        return self.process.poll() is None

    def ended(self) -> int:
        """The exit status, once the command ended by itself; what it started is remembered."""
        assert wait_until(lambda: not self.look(), seconds=START_SECONDS)
        return self.process.wait()

    def stop(self, number: signal.Signals) -> int:
        """The exit status after that signal."""
        self.look()
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)

    @property
    def left(self) -> list[psutil.Process]:
        """What is still there of everything that was seen."""
        return [one for one in self.seen if one.is_running()]

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    @property
    def health_url(self) -> str:
        return f"http://127.0.0.1:{self.kept('health-port')}/healthz"

    def kept(self, name: str) -> str:
        """What the machine left in its folder for others."""
        return (self.folder / name).read_text(encoding="utf-8").strip()

    def children(self) -> dict[str, dict[str, Any]]:
        """What the supervisor says about each child; empty while it does not answer."""
        try:
            answer = local_http.get(self.health_url)
        except httpx.TransportError:
            return {}
        return {child["name"]: child for child in answer.json()["children"]}

    def is_healthy(self) -> bool:
        try:
            return local_http.is_well(self.health_url)
        except FileNotFoundError:
            return False

    def ask(self, path: str) -> Any:
        """What the API answers to the operator."""
        headers = {"Authorization": f"Bearer {self.kept('operator-key')}"}
        return local_http.get(f"{self.kept('api-url')}/v1{path}", headers=headers).json()


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Running]:
    """The command in the background, killed at the end if it still runs."""
    output = folder.with_suffix(".output")
    with (
        output.open("wb") as stream,
        subprocess.Popen(
            [sys.executable, "-m", "coldgate", *arguments, "--folder", str(folder)],
            cwd=ROOT,
            env=_environment(),
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield Running(folder=folder, output=output, process=process)
        finally:
            process.kill()


@contextmanager
def machine_up(folder: Path, *more: str) -> Iterator[Running]:
    """``coldgate up`` with all its children well."""
    with running(folder, "up", "--port", "0", *more) as machine:
        assert wait_until(machine.is_healthy, seconds=START_SECONDS), machine.text
        yield machine
        machine.stop(signal.SIGTERM)


def make_csv(folder: Path, serial: str, celsius: list[float], *, begin: datetime = BEGIN) -> Path:
    """A CSV file with a reading every ten minutes, and its mapping beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{begin + timedelta(minutes=10 * index):%Y-%m-%d %H:%M:%S},{value}"
        for index, value in enumerate(celsius)
    ]
    path = folder / f"{serial}.csv"
    path.write_text("\n".join(["when,warmth", *rows]) + "\n")
    path.with_suffix(".mapping.yaml").write_text(MAPPING.format(serial=serial))
    return path


def _environment() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "120", "NO_PROXY": "127.0.0.1"}
