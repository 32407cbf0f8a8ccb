"""Work that goes on while its process lives, however often the database goes away meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import psycopg

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from coldgate.storage.connection import Connection

RETRY_SECONDS: Final = (1.0, 1.0)
STOP_SECONDS: Final = 0.2  # how long who waits for news takes to see that it has to stop


def persevere(
    work: Callable[[], None],
    *,
    stop: threading.Event,
    report: Callable[[Exception], None],
    losses: tuple[type[Exception], ...] = (psycopg.Error,),
    retry_seconds: tuple[float, float] = RETRY_SECONDS,
) -> None:
    """Do ``work`` until asked to stop; one of ``losses`` is reported, and the work begun anew.

    The pause between two attempts grows from the first of ``retry_seconds`` to the second, and is
    short again after work that went on for longer than that.
    """
    shortest, longest = retry_seconds
    pause = shortest
    while not stop.is_set():
        began = time.monotonic()
        try:
            work()
        except losses as error:
            report(error)
            if time.monotonic() - began > longest:
                pause = shortest
            stop.wait(pause)
            pause = min(2 * pause, longest)


def wait_for_news(connection: Connection, *, seconds: float, stop: threading.Event) -> bool:
    """Whether something was announced to the connection in time; False also when asked to stop."""
    deadline = time.monotonic() + seconds
    while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
        if list(connection.notifies(timeout=min(left, STOP_SECONDS), stop_after=1)):
            return True
    return False
