"""The thread that hears of new evaluations and acts on them at once."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

import psycopg

from api.quality.reaction import react, release_audited
from api.quality.stopping import revoke_unproven
from coldgate.storage import reactions, visibility
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.metrics import Metrics
    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = (
    0.5  # safety net: a lost notification costs this much, and stop() waits for it
)
RETRY_SECONDS: Final = 1.0


class Reactor:
    """Acts on every evaluation while it runs; any number of them may run side by side."""

    def __init__(self, dsn: str, metrics: Metrics) -> None:
        self._dsn = dsn
        self._metrics = metrics
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reactor", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether evaluations are being watched."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to watch; evaluations that came before are acted on first."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the reaction at hand and end the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._watch()
            except psycopg.Error as error:
                self._report(error)
                self._stopping.wait(RETRY_SECONDS)

    def _watch(self) -> None:
        with connect(self._dsn, "coldgate_api", autocommit=True) as connection:
            reactions.listen(connection)
            while not self._stopping.is_set():
                for consignment in self._due(connection, reactions.due):
                    self._act(connection, consignment, self._react)
                for consignment in self._due(connection, reactions.releases_due):
                    self._act(connection, consignment, release_audited)
                for consignment in self._due(connection, reactions.relapses_due):
                    self._act(connection, consignment, revoke_unproven)
                for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                    pass

    def _due(self, connection: Connection, listed: Callable[[Connection], list[str]]) -> list[str]:
        with connection.transaction():
            visibility.limit_to(connection, None)  # the work of all parties
            return listed(connection)

    def _react(self, connection: Connection, consignment: str) -> None:
        self._metrics.reactions.inc(react(connection, consignment))

    def _act(
        self,
        connection: Connection,
        consignment: str,
        action: Callable[[Connection, str], object],
    ) -> None:
        """Act on one consignment; where that fails the others still get their turn."""
        try:
            with connection.transaction():
                visibility.limit_to(connection, None)
                action(connection, consignment)
        except Exception as error:  # one consignment's trouble must not stop the others
            if isinstance(error, psycopg.Error) and connection.closed:
                raise
            self._report(error)

    def _report(self, error: Exception) -> None:
        self._metrics.reaction_failures.inc()
        logger.error("reaction failed, will be repeated", exc_info=error)
