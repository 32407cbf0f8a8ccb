"""The thread that hears of new evaluations and acts on them at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import psycopg

from api.background import Background
from api.quality.reaction import react, release_audited
from api.quality.stopping import revoke_unproven
from coldgate.storage import reactions, visibility
from coldgate.storage.perseverance import wait_for_news

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.metrics import Metrics
    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.5  # safety net: a lost notification costs this much


class Reactor(Background):
    """Acts on every evaluation while it runs; any number of them may run side by side."""

    def __init__(self, dsn: str, metrics: Metrics) -> None:
        super().__init__("reactor", dsn)
        self._metrics = metrics

    def _work(self, connection: Connection) -> None:
        reactions.listen(connection)
        while not self._stopping.is_set():
            for consignment in self._due(connection, reactions.due):
                self._act(connection, consignment, self._react)
            for consignment in self._due(connection, reactions.releases_due):
                self._act(connection, consignment, release_audited)
            for consignment in self._due(connection, reactions.relapses_due):
                self._act(connection, consignment, revoke_unproven)
            wait_for_news(connection, seconds=POLL_SECONDS, stop=self._stopping)

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
