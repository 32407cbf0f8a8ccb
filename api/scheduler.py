"""Work that is due by the clock: one process does it, and downtime is caught up."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import psycopg
from apscheduler.schedulers.background import (  # type: ignore[import-untyped] # ships no types
    BackgroundScheduler,
)

from coldgate.storage import schedule, visibility
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from api.metrics import Metrics
    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 30.0  # after a failure; the other jobs go on meanwhile
LOCK_WAIT: Final = timedelta(seconds=1)  # what somebody works on is left for the next run


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do every so often: everything that is due by the moment it is given.

    ``action`` sees every row and runs in a transaction with the note that it ran, so that it counts
    once however often it was missed. It may run again after a crash: what it writes has keys. It
    tells how many of its cases failed and are left for its next run.
    """

    name: str
    every: timedelta
    action: Callable[[Connection, datetime], int]


class Scheduler:
    """Runs jobs while it leads; of several processes one does, and another when that one ends."""

    def __init__(self, dsn: str, jobs: Sequence[Job], metrics: Metrics) -> None:
        self._dsn = dsn
        self._jobs = tuple(jobs)
        self._metrics = metrics
        self._connection: Connection | None = None
        self._leads = False
        self._not_before: dict[str, float] = {}
        self._ticking = threading.Lock()
        self._clock = BackgroundScheduler(
            timezone=UTC,
            daemon=True,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    @property
    def leads(self) -> bool:
        """Whether this is the one that runs the jobs, as far as it knows."""
        return self._leads

    def start(self) -> None:
        """Begin to tick at once."""
        now = datetime.now(UTC)
        self._clock.add_job(self.tick, "interval", seconds=TICK_SECONDS, next_run_time=now)
        self._clock.start()

    def stop(self) -> None:
        """Finish the jobs at hand and let another one lead."""
        self._clock.shutdown(wait=True)
        with self._ticking:
            self._resign()

    def tick(self) -> None:
        """Run what is due, if this is the leader; a lost connection is lost leadership."""
        with self._ticking:
            try:
                connection = self._lead()
                if connection is None:
                    return
                for job in self._jobs:
                    self._run(connection, job)
            except psycopg.Error as error:
                logger.warning("schedule interrupted", extra={"problem": str(error)})
                self._resign()

    def _lead(self) -> Connection | None:
        """The connection that leads; None where another process does."""
        if self._connection is None or self._connection.closed:
            self._resign()
            self._connection = connect(
                self._dsn, "coldgate_api", autocommit=True, lock_wait=LOCK_WAIT
            )
        if not self._leads:
            self._leads = schedule.try_lead(self._connection)
        return self._connection if self._leads else None

    def _resign(self) -> None:
        self._leads = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run(self, connection: Connection, job: Job) -> None:
        """Run the job if it is its turn; where it fails the others still get theirs."""
        if time.monotonic() < self._not_before.get(job.name, 0.0):
            return
        try:
            with connection.transaction():
                visibility.limit_to(connection, None)
                now = schedule.take_turn(connection, job.name, every=job.every)
                if now is not None:
                    failed = job.action(connection, now)
                    self._metrics.scheduled_failures.labels(job.name).inc(failed)
                    self._metrics.scheduled_runs.labels(job.name).inc()
        except Exception as error:  # one job's trouble must not stop the others
            if isinstance(error, psycopg.Error) and connection.closed:
                raise
            self._not_before[job.name] = time.monotonic() + RETRY_SECONDS
            self._metrics.scheduled_failures.labels(job.name).inc()
            logger.exception("job failed, will be repeated", extra={"job": job.name})
