"""Which PostgreSQL is taken, and what is said when none fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coldgate.errors import LaunchError
from coldgate.launch.postgres_binaries import choose

if TYPE_CHECKING:
    from pathlib import Path


def binaries(folder: Path, version: str) -> Path:
    folder.mkdir()
    for name in ("postgres", "initdb"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n", encoding="utf-8")
        program.chmod(0o755)
    return folder


def test_variable_wins_over_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = binaries(tmp_path / "bin", "16.3")
    monkeypatch.setenv("COLDGATE_PG_BIN", str(folder))

    found = choose(data_major=None)

    assert (found.folder, found.major) == (folder, 16)


def test_data_of_another_major_version_are_refused_with_both_versions(tmp_path: Path) -> None:
    folder = binaries(tmp_path / "bin", "17.1")

    with pytest.raises(
        LaunchError, match=r"made by PostgreSQL 15, but here is 17.*COLDGATE_PG_BIN"
    ):
        choose(data_major=15, explicit=folder)


def test_version_that_is_too_old_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="no PostgreSQL 15 or newer"):
        choose(data_major=None, explicit=binaries(tmp_path / "bin", "13.9"))


def test_folder_without_the_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="no postgres and initdb"):
        choose(data_major=None, explicit=tmp_path)


def test_development_version_is_understood(tmp_path: Path) -> None:
    assert choose(data_major=None, explicit=binaries(tmp_path / "bin", "19devel")).major == 19
