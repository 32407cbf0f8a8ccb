"""A program that becomes another one and is signalled by the kernel when its parent ends.

Run by path with the bare interpreter, never imported by what it starts::

    python -I -S tether.py '{"parent": 1, "signal": 9, ...}' postgres -D data

It is a program of its own, and no ``preexec_fn``, because code between fork and exec is not safe
in an owner with threads. The order below matters: changing the user clears the death signal, and
a parent that ended before the signal was asked for is only seen by looking again afterwards.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Final, TypedDict

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
EXIT_NOT_STARTED: Final = 125  # as env(1) and timeout(1) have it for "could not start"


class Orders(TypedDict):
    """What to do before becoming the other program; sent as one JSON argument."""

    parent: int
    signal: int
    account: tuple[int, int] | None  # (uid, gid)
    record: str | None


def start_ticks(pid: int) -> int | None:
    """Clock ticks from boot to the start of ``pid``; None where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name in front may contain spaces
    return None if fields[0] == "Z" else int(fields[19])  # proc(5): field 22, counted from 3


def boot_id() -> str:
    """This boot's own identifier, so that a record of an earlier one never matches."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _obey(orders: Orders) -> None:
    if orders["record"]:  # written before the program runs: no moment in which it is unknown
        line = f"{os.getpid()} {start_ticks(os.getpid())} {boot_id()}\n"
        Path(orders["record"]).write_text(line, encoding="ascii")
    if orders["account"]:
        uid, gid = orders["account"]
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, orders["signal"], 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != orders["parent"]:
        sys.exit(EXIT_NOT_STARTED)


def main() -> None:
    """Obey the orders in the first argument, then become the program in the others."""
    try:
        _obey(json.loads(sys.argv[1]))
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - a list, no shell
    except OSError as error:
        sys.stderr.write(f"cannot run {sys.argv[2]}: {error}\n")
        sys.exit(EXIT_NOT_STARTED)


if __name__ == "__main__":
    main()
