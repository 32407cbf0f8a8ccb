"""The loop: take a batch, decode, commit, and only then acknowledge to broker and gateway."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import psycopg

from coldgate.storage import telemetry
from coldgate.storage.connection import Connection, connect
from coldgate.storage.timescale import TimeTables, detect
from ingest import metrics
from ingest.decoder import Decoded, Refused, decode, sender_of
from ingest.writer import Outcome, write_batch

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from ingest.delivery import Delivery
    from ingest.source import MqttSource

logger = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = (0.2, 5.0)  # first and longest pause while the database is away
_AHEAD_EVERY: Final = timedelta(hours=6)


class Consumer:
    """Moves deliveries from the broker into the database, batch by batch."""

    def __init__(
        self, source: MqttSource, dsn: str, stop: threading.Event, *, batch_age: timedelta
    ) -> None:
        self._source = source
        self._dsn = dsn
        self._stop = stop
        self._age_seconds = batch_age.total_seconds()
        self._connection: Connection | None = None
        self._time_tables: TimeTables | None = None
        self._ahead_at = datetime.min.replace(tzinfo=UTC)

    def run(self) -> None:
        """Consume until asked to stop. What is not committed by then comes again."""
        while not self._stop.is_set():
            batch = self._source.take(wait_seconds=_IDLE_SECONDS, age_seconds=self._age_seconds)
            if batch:
                self._consume(batch)
        self._disconnect()

    def _consume(self, batch: Sequence[Delivery]) -> None:
        outcomes = self._commit_persistently(batch)
        if outcomes is None:
            return  # asked to stop while the database was away: nothing is acknowledged
        self._source.settle(batch)
        for outcome in outcomes:
            self._source.publish(outcome.acknowledgements)
            metrics.count(outcome)

    def _commit_persistently(self, batch: Sequence[Delivery]) -> list[Outcome] | None:
        """Commit, waiting for the database as long as it takes; None when asked to stop."""
        pause = _RETRY_SECONDS[0]
        while not self._stop.is_set():
            try:
                return self._commit(batch)
            except psycopg.Error as error:
                self._disconnect()
                logger.warning("database is away", extra={"problem": str(error).strip()})
                self._stop.wait(pause)
                pause = min(2 * pause, _RETRY_SECONDS[1])
        return None

    def _commit(self, batch: Sequence[Delivery]) -> list[Outcome]:
        """Commit the batch; one that the database refuses is halved down to the culprit."""
        connection, time_tables = self._database()
        try:
            with connection.transaction():
                decoded = self._decode(connection, batch)
                with _timed("write"):
                    return [write_batch(connection, decoded, time_tables)]
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            time_tables.forget()
            if len(batch) > 1:
                middle = len(batch) // 2
                return self._commit(batch[:middle]) + self._commit(batch[middle:])
            return [self._quarantine_culprit(connection, batch[0], error, time_tables)]

    def _decode(self, connection: Connection, batch: Sequence[Delivery]) -> list[Decoded]:
        """Decode against the registry as it is now, so that a revocation counts at once."""
        gateways = telemetry.fetch_gateways(
            connection, {sender for delivery in batch if (sender := sender_of(delivery))}
        )
        with _timed("decode"):
            return [decode(delivery, gateways) for delivery in batch]

    def _quarantine_culprit(
        self,
        connection: Connection,
        delivery: Delivery,
        error: psycopg.Error,
        time_tables: TimeTables,
    ) -> Outcome:
        logger.error("database refused a message", extra={"problem": str(error)})
        refused = Refused(
            delivery=delivery,
            sender="",  # no answer to the gateway: it keeps the message
            partition="",
            code="STORAGE_REFUSED",
            problem=str(error),
        )
        with connection.transaction():
            return write_batch(connection, [refused], time_tables)

    def _database(self) -> tuple[Connection, TimeTables]:
        if self._connection is None or self._time_tables is None:
            self._connection = connect(self._dsn, "coldgate_ingest", autocommit=True)
            features = detect(self._connection)
            self._time_tables = TimeTables(features)
            logger.info("connected to the database", extra={"edition": features.edition.value})
        now = datetime.now(UTC)
        if now - self._ahead_at > _AHEAD_EVERY:
            with self._connection.transaction():
                self._time_tables.cover_ahead(self._connection, now)
            self._ahead_at = now
        return self._connection, self._time_tables

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._time_tables = None


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    metrics.STAGE_SECONDS.labels(stage).inc(time.perf_counter() - started)
