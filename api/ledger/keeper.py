"""The thread that keeps the ledger: chains what was entered, reads it again, has it signed."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import psycopg

from api.background import Background
from api.ledger.sequencing import BATCH, patrol, recheck, sequence
from coldgate.errors import LedgerError

if TYPE_CHECKING:
    from api.ledger.checkpoints import Notary
    from api.metrics import Metrics
    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)

# Entries are not announced: a NOTIFY would have all commits of the database queue for one lock.
POLL_SECONDS: Final = 0.1
ROUND_SECONDS: Final = 1.0  # between two looks at old rows, and at whether a checkpoint is due


class Keeper(Background):
    """Keeps the ledger while it runs; of several processes one does at a time."""

    losses = (psycopg.Error, OSError)  # the file of checkpoints may fail as well

    def __init__(self, dsn: str, notary: Notary, metrics: Metrics) -> None:
        super().__init__("ledger", dsn)
        self._notary = notary
        self._metrics = metrics
        self._patrolled = 0
        self._next_round = 0.0

    def _work(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            chained = self._chain(connection)
            if time.monotonic() >= self._next_round:
                self._next_round = time.monotonic() + ROUND_SECONDS
                self._go_round(connection)
            if chained < BATCH:
                self._stopping.wait(POLL_SECONDS)
        self._chain(connection)  # what the last requests entered

    def _report(self, error: Exception) -> None:
        self._metrics.ledger_failures.inc()
        logger.error("ledger not kept, will be tried again", exc_info=error)

    def _chain(self, connection: Connection) -> int:
        with connection.transaction():
            chained = sequence(connection)
        self._metrics.ledger_entries.inc(chained)
        return chained

    def _go_round(self, connection: Connection) -> None:
        with connection.transaction():
            found = recheck(connection)
        self._metrics.ledger_broken.set(found.broken is not None)
        if found.broken is not None:
            logger.error("the ledger is broken", extra={"problem": found.broken})
            return
        with connection.transaction():
            self._patrolled = patrol(connection, self._patrolled)
        self._sign(connection)

    def _sign(self, connection: Connection) -> None:
        try:
            with connection.transaction():
                self._notary.checkpoint(connection, datetime.now(UTC))
            with connection.transaction():
                self._notary.publish(connection)
        except LedgerError:
            logger.exception("no checkpoint was signed")
