"""A process that runs a machine's servers and its migrations; not a test by itself."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from coldgate.launch.machine import Machine, MachineSettings
from coldgate.launch.supervisor import Supervisor

SERVERS = ("postgres", "broker", "migrate")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Supervise the part of the machine that every other process stands on."""
    machine = Machine(MachineSettings(folder=Path(sys.argv[1]), durable=False))
    with machine.prepare():
        children = [child for child in machine.children() if child.name in SERVERS]
        supervisor = Supervisor(children, write=say, health_port=machine.health_port)
        started = f"all started {machine.health_port} {machine.postgres.dsn} {machine.broker.port}"
        asyncio.run(supervisor.run(started=lambda: say(started)))


if __name__ == "__main__":
    main()
