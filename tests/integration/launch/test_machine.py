from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from coldgate.errors import LaunchError
from coldgate.launch.folder import LOOPBACK
from coldgate.launch.machine import Machine, MachineSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_port_of_another_program_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        machine = Machine(MachineSettings(folder=tmp_path, api_port=port))

        with pytest.raises(LaunchError, match=f"port {port} is taken"):
            machine.prepare()

    assert not (tmp_path / "postgres").exists()
    machine.folder.acquire()  # it was given back
    machine.folder.release()
