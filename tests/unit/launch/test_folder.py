"""The state folder of an embedded server."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from coldgate.errors import LaunchError
from coldgate.launch.folder import (
    LOOPBACK,
    SERVER_PORTS,
    OwnedFolder,
    account_named,
    closed_parent,
    free_port,
    write_private,
)
from coldgate.launch.process import Account

STRANGER = Account(name="nobody", uid=65534, gid=65534)


def test_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    first, second = OwnedFolder(tmp_path), OwnedFolder(tmp_path)
    first.acquire()

    with pytest.raises(LaunchError, match="in use by process"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = OwnedFolder(tmp_path)
    made = iter(["first", "second"])

    assert folder.secret("key", lambda: next(made)) == "first"
    assert folder.secret("key", lambda: next(made)) == "first"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_port_stays_the_same_while_it_is_free(tmp_path: Path) -> None:
    folder = OwnedFolder(tmp_path)

    assert folder.port("port") == folder.port("port")


def test_port_that_is_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    folder = OwnedFolder(tmp_path)
    kept = folder.port("port")

    with socket.create_server((LOOPBACK, kept)):
        assert folder.port("port") != kept


def test_port_is_none_that_the_kernel_gives_to_clients() -> None:
    ephemeral = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")

    assert free_port() in SERVER_PORTS
    assert SERVER_PORTS.stop <= int(ephemeral.split()[0])


def test_private_file_replaces_an_open_one(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)

    write_private(path, "new")

    assert path.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_folder_closed_to_the_servers_user_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    assert closed_parent(Path("/usr/bin/env"), STRANGER) is None
    assert closed_parent(closed / "data", STRANGER) in (closed, *tmp_path.parents, tmp_path)


def test_user_that_the_machine_does_not_know_is_an_error() -> None:
    with pytest.raises(LaunchError, match="no unprivileged user"):
        account_named("no-such-user", "root")
