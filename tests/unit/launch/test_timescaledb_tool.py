"""The script that brings TimescaleDB says in one line when it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[3] / "tools" / "timescaledb.py"


def run(folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOL), "--folder", str(folder)],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_machine_without_apt_is_told_so_in_one_line(tmp_path: Path) -> None:
    answer = run(tmp_path / "private", path=str(tmp_path))

    assert answer.returncode == 3
    assert answer.stderr.splitlines() == [
        "TimescaleDB cannot be had here: apt-get is missing: this is not a Debian machine"
    ]


def test_apt_without_a_debian_archive_is_told_so_in_one_line(tmp_path: Path) -> None:
    for name in ("apt-get", "apt-config", "dpkg-deb"):
        (tmp_path / name).write_text("#!/bin/sh\n", encoding="ascii")
        (tmp_path / name).chmod(0o755)

    answer = run(tmp_path / "private", path=str(tmp_path))

    assert answer.returncode == 3
    assert len(answer.stderr.splitlines()) == 1
