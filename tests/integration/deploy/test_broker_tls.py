"""``COLDGATE_BROKER_TLS`` chooses one of two files that the broker's configuration includes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from certificates import write_certificate
from compose_file import NATS_CONF, ROOT

from coldgate.launch.deployment import new_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.broker

NATS = str(Path(sys.executable).parent / "nats-server")


def check(folder: Path, choice: str, secrets: Mapping[str, str]) -> str:
    """What the broker says of its configuration; empty when it accepts it."""
    shutil.copy(NATS_CONF, folder / "nats.conf")
    tls = (ROOT / "deploy" / "tls" / f"{choice}.conf").read_text(encoding="utf-8")
    (folder / "tls.conf").write_text(
        tls.replace("/etc/coldgate/tls", str(folder)), encoding="utf-8"
    )
    command = [NATS, "-c", str(folder / "nats.conf"), "-t"]
    answer = subprocess.run(command, env={**secrets}, capture_output=True, text=True, check=False)
    return "" if answer.returncode == 0 else answer.stderr


def test_broker_accepts_its_configuration_without_tls(tmp_path: Path) -> None:
    assert check(tmp_path, "off", new_environment()) == ""


def test_broker_accepts_its_configuration_with_a_certificate(tmp_path: Path) -> None:
    write_certificate(tmp_path / "server.crt", tmp_path / "server.key")

    assert check(tmp_path, "on", new_environment()) == ""


def test_broker_refuses_to_start_without_the_certificate(tmp_path: Path) -> None:
    assert "server.crt" in check(tmp_path, "on", new_environment())


def test_broker_reads_no_secret_as_a_number(tmp_path: Path) -> None:
    for _ in range(20):
        assert check(tmp_path, "off", new_environment()) == ""
