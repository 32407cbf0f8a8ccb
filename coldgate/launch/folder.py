"""The state folder of one embedded server: who owns it, its secrets and its kept port."""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import socket
import stat
from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError
from coldgate.launch.process import Account

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOPBACK: Final = "127.0.0.1"
SERVER_PORTS: Final = range(20_000, 32_768)  # Linux gives clients 32768 and above
PORT_ATTEMPTS: Final = 200


class OwnedFolder:
    """A folder that one process owns at a time; the lock ends with the process, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    def acquire(self) -> None:
        """Make the folder ours; raises LaunchError while another living process has it."""
        if self._lock is not None:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path / "owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(lock, 20).decode().strip()
            os.close(lock)
            raise LaunchError(
                f"{self.path} is in use by process {owner}; stop that one, or use another folder"
            ) from error
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def release(self) -> None:
        """Let another process own the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def secret(self, name: str, make: Callable[[], str]) -> str:
        """The secret in file ``name`` (0600), made once and kept."""
        path = self.path / name
        try:
            return path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            secret = make()
            write_private(path, secret + "\n")
            return secret

    def port(self, name: str) -> int:
        """The port in file ``name`` while it is free, else a new free one, kept for next time."""
        path = self.path / name
        try:
            kept = int(path.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            kept = 0
        port = kept if kept and is_free(kept) else free_port()
        if port != kept:
            path.write_text(f"{port}\n", encoding="ascii")
        return port


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step with one that only its owner can read."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def free_port() -> int:
    """A port on loopback that nothing listens on at this moment.

    Never one that the kernel gives to clients: while the server restarts, a client that tries
    again and again would at last be connected to itself and hold the port.
    """
    for _ in range(PORT_ATTEMPTS):
        port = secrets.choice(SERVER_PORTS)
        if is_free(port):
            return port
    raise LaunchError(f"no free port from {SERVER_PORTS.start} to {SERVER_PORTS.stop - 1}")


def is_free(port: int) -> bool:
    """Whether a server could listen on that loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: no TIME_WAIT
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """Whether something on loopback takes a connection on that port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def account_named(*names: str) -> Account:
    """The first of these users that this machine knows; raises LaunchError when it knows none."""
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise LaunchError(f"no unprivileged user ({', '.join(names)}) on this machine to run as")


def closed_parent(path: Path, account: Account) -> Path | None:
    """The first folder on the way to ``path`` that the account may not pass; None if it may."""
    groups = set(os.getgrouplist(account.name, account.gid))
    for folder in reversed(path.resolve().parents):
        if not folder.exists():
            break
        status = folder.stat()
        if status.st_uid == account.uid:
            allowed = status.st_mode & stat.S_IXUSR
        elif status.st_gid in groups:
            allowed = status.st_mode & stat.S_IXGRP
        else:
            allowed = status.st_mode & stat.S_IXOTH
        if not allowed:
            return folder
    return None
