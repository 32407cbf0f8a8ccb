"""Commands of the judge, run beside the database that they are about."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError
from coldgate.launch.postgres import EmbeddedPostgres, PostgresSettings, dsn_in
from coldgate.launch.process import python

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DSN: Final = "COLDGATE_DATABASE_DSN"


def run_judge_command(folder: Path, arguments: Sequence[str]) -> int:
    """Exit status of ``python -m analytics …``, whose output goes where ours does.

    It is about the database that the environment names, else about the one in ``folder``.
    """
    with database_in(folder) as dsn:
        command = python("analytics", *arguments, env={DSN: dsn})
        return subprocess.run(command.tethered(), env=command.environment(), check=False).returncode


@contextmanager
def database_in(folder: Path) -> Iterator[str]:
    """The DSN of a database that answers, for the time of the block."""
    named = os.environ.get(DSN)
    if named:
        yield named
        return
    state = folder / "postgres"
    if not state.exists():
        raise LaunchError(f"no database in {folder}; name another --folder, or one by {DSN}")
    server = EmbeddedPostgres(PostgresSettings(folder=state))
    try:
        server.folder.acquire()
    except LaunchError:  # somebody runs it: that one is asked
        yield dsn_in(state)
        return
    with server:
        yield server.dsn
