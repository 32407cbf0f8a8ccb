"""A thread of the process that works with a connection of its own."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import psycopg

from coldgate.storage.connection import connect
from coldgate.storage.perseverance import persevere

if TYPE_CHECKING:
    from coldgate.storage.connection import Connection


class Background(ABC):
    """Works from `start` to `stop`; after a failure anew, with another connection."""

    losses: ClassVar[tuple[type[Exception], ...]] = (psycopg.Error,)

    def __init__(self, name: str, dsn: str) -> None:
        self._dsn = dsn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def alive(self) -> bool:
        """Whether it works, or waits for the database."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin; what became due before comes first."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is at hand and end the thread."""
        self._stopping.set()
        self._thread.join()

    @abstractmethod
    def _work(self, connection: Connection) -> None:
        """Work until it is time to stop; one of ``losses`` asks for another connection."""

    @abstractmethod
    def _report(self, error: Exception) -> None:
        """Count and log what will be tried again."""

    def _run(self) -> None:
        persevere(self._connected, stop=self._stopping, report=self._report, losses=self.losses)

    def _connected(self) -> None:
        with connect(self._dsn, "coldgate_api", autocommit=True) as connection:
            self._work(connection)
