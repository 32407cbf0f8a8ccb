"""A process that supervises the children in its first argument; not a test by itself."""

from __future__ import annotations

import asyncio
import json
import sys

from coldgate.errors import LaunchError
from coldgate.launch.process import Command
from coldgate.launch.supervisor import Child, Patience, Supervisor


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Supervise until told to stop; 1 when a child could not be started."""
    children = [
        Child(
            name=spec["name"],
            command=Command(argv=tuple(spec["argv"])),
            grace_seconds=0.5,
            once=spec.get("once", False),
        )
        for spec in json.loads(sys.argv[1])
    ]
    patience = Patience(first_seconds=0.1, longest_seconds=5)
    supervisor = Supervisor(children, write=say, health_port=int(sys.argv[2]), patience=patience)
    try:
        asyncio.run(supervisor.run(started=lambda: say("all started")))
    except LaunchError as error:
        say(f"failed: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
