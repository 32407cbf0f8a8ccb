"""The demo's private folder: its own, and empty at each start, so that the story is the same."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError
from coldgate.launch.machine import Machine, MachineSettings

if TYPE_CHECKING:
    from pathlib import Path

MARK: Final = "made-by-coldgate-demo"  # a folder without it is never emptied
OWNER: Final = "owner"  # the lock that is held meanwhile


def fresh_machine(folder: Path) -> Machine:
    """A machine in ``folder``, which is ours and empty now.

    Raises:
        LaunchError: another demo runs there, or the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise LaunchError(f"{folder} is not a demo's folder; it would be emptied: name another one")
    machine = Machine(MachineSettings(folder=folder))
    machine.folder.acquire()
    (folder / MARK).touch()
    for server in (machine.postgres, machine.broker):
        server.folder.acquire()
        server.clear_left_overs()
        server.release()
    if machine.postgres.data.exists():  # elsewhere, where the server's user cannot come here
        shutil.rmtree(machine.postgres.data)
    for path in folder.iterdir():
        if path.name not in (MARK, OWNER):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return machine
