"""Rounds of a race, few in the suite and as many as wanted in `make races`; and its start."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

WANTED: Final = os.environ.get("COLDGATE_RACE_ROUNDS")


def rounds(usual: int) -> int:
    """The number that was asked for, else the usual one."""
    return int(WANTED) if WANTED else usual


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """What the actions return, begun together."""
    barrier = threading.Barrier(len(actions))

    def begin(action: Callable[[], Any]) -> Any:
        barrier.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [done.result() for done in [pool.submit(begin, action) for action in actions]]
