"""The loop: take a batch, prepare it, commit it, and only then acknowledge to broker and gateway.

Two batches are in hand at a time: while one is being committed, the next one is decoded.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import psycopg

from coldgate.storage import telemetry
from coldgate.storage.connection import Connection, connect
from coldgate.storage.timescale import TimeTables, detect
from ingest import metrics
from ingest.decoder import Refused
from ingest.prepare import Prepared, prepare
from ingest.rows import build_rows
from ingest.writer import Outcome, write_batch

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from ingest.delivery import Delivery
    from ingest.source import MqttSource

logger = logging.getLogger(__name__)

T = TypeVar("T")

_IDLE_SECONDS: Final = 0.2  # how long it takes to see that it has to stop
_RETRY_SECONDS: Final = (0.2, 5.0)  # first and longest pause while the database is away
_REFUSALS: Final = (  # what a message may be to blame for, and trying again does not help
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
)
_AHEAD_EVERY: Final = timedelta(hours=6)


class Consumer:
    """Moves deliveries from the broker into the database, batch by batch."""

    def __init__(
        self,
        source: MqttSource,
        dsn: str,
        stop: threading.Event,
        *,
        batch_age: timedelta,
        share_bytes: int,
    ) -> None:
        self._source = source
        self._share_bytes = share_bytes
        self._age_seconds = batch_age.total_seconds()
        self._stop = stop
        self._registry = _Database(dsn, stop)
        self._store = _Database(dsn, stop)

    def run(self) -> None:
        """Consume until asked to stop. What is not committed by then comes again."""
        committing: Future[None] = Future()
        committing.set_result(None)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit") as committer:
            while not self._stop.is_set():
                deliveries = self._source.take(
                    wait_seconds=_IDLE_SECONDS, age_seconds=self._age_seconds
                )
                prepared = self._prepare(deliveries) if deliveries else None
                if deliveries or committing.done():
                    committing.result()  # raises what went wrong, if it did
                if prepared is not None:
                    committing = committer.submit(self._commit, prepared)
        self._registry.close()
        self._store.close()

    def _prepare(self, deliveries: Sequence[Delivery]) -> Prepared | None:
        return self._registry.persistently(lambda connection, _: prepare(connection, deliveries))

    def _commit(self, batch: Prepared) -> None:
        """Commit, then acknowledge; a crash in between means redelivery, not loss."""
        started = time.perf_counter()
        outcomes = self._store.persistently(
            lambda connection, tables: _write(connection, tables, batch, self._share_bytes)
        )
        metrics.STAGE_SECONDS.labels("write").inc(time.perf_counter() - started)
        if outcomes is None:
            return  # asked to stop while the database was away: nothing is acknowledged
        self._source.settle(batch.deliveries)
        for outcome in outcomes:
            self._source.publish(outcome.acknowledgements)
            metrics.count(outcome)


def _write(
    connection: Connection, tables: TimeTables, batch: Prepared, share_bytes: int
) -> list[Outcome]:
    """Commit the batch; one that the database refuses is halved down to the culprit."""
    try:
        with connection.transaction():
            return [write_batch(connection, batch, tables, share_bytes=share_bytes)]
    except _REFUSALS as error:
        tables.forget()
        if len(batch.deliveries) == 1:
            logger.error("database refused a message", extra={"problem": str(error)})  # noqa: TRY400 - the message says it all
            refusal = _refusal(batch.deliveries, error)
            with connection.transaction():
                return [write_batch(connection, refusal, tables, share_bytes=share_bytes)]
        middle = len(batch.deliveries) // 2
        halves = batch.deliveries[:middle], batch.deliveries[middle:]
        return [
            outcome
            for half in halves
            for outcome in _write(connection, tables, prepare(connection, half), share_bytes)
        ]


def _refusal(deliveries: Sequence[Delivery], error: psycopg.Error) -> Prepared:
    """The quarantine of what the database refused; the gateway gets no answer and keeps it."""
    return Prepared(
        deliveries=deliveries,
        accepted=(),
        refused=[
            Refused(
                delivery=delivery,
                sender="",
                partition="",
                code="STORAGE_REFUSED",
                problem=str(error),
            )
            for delivery in deliveries
        ],
        statuses=(),
        blocks=(),
        block_refusals=(),
        channels={},
        rows=build_rows((), {}),
    )


class _Database:
    """One connection that is made again when it breaks; used by one thread."""

    def __init__(self, dsn: str, stop: threading.Event) -> None:
        self._dsn = dsn
        self._stop = stop
        self._open: tuple[Connection, TimeTables] | None = None
        self._ahead_at = datetime.min.replace(tzinfo=UTC)

    def persistently(self, work: Callable[[Connection, TimeTables], T]) -> T | None:
        """What ``work`` gives, however long the database is away; None when asked to stop."""
        pause = _RETRY_SECONDS[0]
        while not self._stop.is_set():
            try:
                return work(*self._connected())
            except psycopg.Error as error:
                self.close()
                logger.warning("database is away", extra={"problem": str(error).strip()})
                self._stop.wait(pause)
                pause = min(2 * pause, _RETRY_SECONDS[1])
        return None

    def close(self) -> None:
        """Close the connection; the next use makes another."""
        if self._open is not None:
            self._open[0].close()
        self._open = None

    def _connected(self) -> tuple[Connection, TimeTables]:
        if self._open is None:
            connection = connect(self._dsn, "coldgate_ingest", autocommit=True)
            telemetry.commit_durably(connection)
            features = detect(connection)
            self._open = connection, TimeTables(features)
            logger.info("connected to the database", extra={"edition": features.edition.value})
        now = datetime.now(UTC)
        if now - self._ahead_at > _AHEAD_EVERY:
            connection, tables = self._open
            with connection.transaction():
                tables.cover_ahead(connection, now)
            self._ahead_at = now
        return self._open
