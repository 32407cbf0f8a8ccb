"""The loop that claims consignments with new facts and has each judged and stored.

Several of these processes may run; the lock on the consignment gives each piece of work to one of
them. An evaluation, its excursions, its ledger entry and the removal of the touched rows that it
covers share one transaction, so a crash leaves the work pending and nothing half-stored. The case
is loaded at one snapshot by a session of its own: the other one has to see the newest ledger entry
and the newest evaluation, whoever committed them meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import prometheus_client
import psycopg

from analytics.job.dependants import changes_of
from analytics.job.history import hold_dependencies
from analytics.job.live import answer_live
from analytics.job.news import is_news
from analytics.job.storing import store
from analytics.profile_format import parse_profile
from coldgate.storage import judging, pages
from coldgate.storage.connection import connect, connect_reader
from coldgate.storage.perseverance import persevere, wait_for_news

if TYPE_CHECKING:
    import threading
    from datetime import timedelta

    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)

EVALUATIONS: Final = prometheus_client.Counter(
    "coldgate_analytics_evaluations", "Judgements made", ["outcome"]
)

JUDGING: Final = prometheus_client.Gauge(
    "coldgate_analytics_judging", "1 while connected to the database and told of new work"
)

_BATCH: Final = 50_000  # touched rows looked at in one pass
_IDLE_SECONDS: Final = 1.0
_BUSY_SECONDS: Final = 0.01  # before a consignment that somebody else holds is tried again
_RETRY_SECONDS: Final = (0.2, 5.0)
_ROLE: Final = "coldgate_analytics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """What one judge has open: ``writer`` claims and stores, ``reader`` loads cases."""

    writer: Connection
    reader: Connection


class Job:
    """Judges consignments as their facts change, until asked to stop."""

    def __init__(self, dsn: str, stop: threading.Event, *, refresh: timedelta) -> None:
        self._dsn = dsn
        self._stop = stop
        self._refresh = refresh
        self._failing: dict[str, float] = {}  # consignment -> when to try again

    def run(self) -> None:
        """Work until asked to stop; a database that goes away is waited for."""
        persevere(
            self._work,
            stop=self._stop,
            report=_report,
            losses=(psycopg.OperationalError,),
            retry_seconds=_RETRY_SECONDS,
        )

    def _work(self) -> None:
        with (
            connect(self._dsn, _ROLE, autocommit=True) as writer,
            connect_reader(self._dsn, _ROLE) as reader,
            connect(self._dsn, _ROLE, autocommit=True) as ear,
        ):
            judging.listen(ear)
            logger.info("judging")
            JUDGING.set(1)
            try:
                self._judge_as_told(Sessions(writer=writer, reader=reader), ear)
            finally:
                JUDGING.set(0)

    def _judge_as_told(self, sessions: Sessions, ear: Connection) -> None:
        while not self._stop.is_set():
            wait_seconds = self._judge_pending(sessions)
            wait_for_news(ear, seconds=wait_seconds, stop=self._stop)  # the next pass finds it

    def _judge_pending(self, sessions: Sessions) -> float:
        """One pass over the pending work; how long to wait unless notified earlier.

        A touched row that concerns one consignment goes in the transaction that judges it; one
        that concerns several goes when all of them are judged.
        """
        with sessions.writer.transaction():
            pending = judging.fetch_pending(sessions.writer, most=_BATCH)
            judging.settle(sessions.writer, pending.idle)
        concerned = Counter(id_ for ids in pending.consignments.values() for id_ in ids)
        unfinished: set[int] = set()
        waiting = False  # for somebody who holds a consignment at this moment
        for consignment_id, ids in pending.consignments.items():
            if self._stop.is_set():
                return 0.0
            own = frozenset(id_ for id_ in ids if concerned[id_] == 1)
            if not self._judge_safely(sessions, consignment_id, ids, own):
                unfinished |= ids
                waiting |= consignment_id not in self._failing
        shared = frozenset(id_ for id_, times in concerned.items() if times > 1)
        with sessions.writer.transaction():
            judging.settle(sessions.writer, shared - unfinished)
        if waiting:
            return _BUSY_SECONDS
        return 0.0 if pending.consignments and not unfinished else _IDLE_SECONDS

    def _judge_safely(
        self,
        sessions: Sessions,
        consignment_id: str,
        ids: frozenset[int],
        own: frozenset[int],
    ) -> bool:
        """Judge one consignment; one that cannot be judged stays pending, which holds its lots."""
        if self._failing.get(consignment_id, 0.0) > time.monotonic():
            return False
        try:
            with sessions.writer.transaction():
                if not judge_consignment(sessions, consignment_id, ids, refresh=self._refresh):
                    return False
                judging.settle(sessions.writer, own)
        except psycopg.OperationalError:
            raise
        except Exception:
            EVALUATIONS.labels("failed").inc()
            logger.exception("cannot be judged", extra={"consignment": consignment_id})
            self._failing[consignment_id] = time.monotonic() + _RETRY_SECONDS[1]
            return False
        self._failing.pop(consignment_id, None)
        return True


def _report(error: Exception) -> None:
    logger.warning("database is away", extra={"problem": str(error).strip()})


def judge_consignment(
    sessions: Sessions, consignment_id: str, ids: frozenset[int], *, refresh: timedelta
) -> bool:
    """Judge a consignment in the writer's transaction and store the answer if it is news.

    False when somebody else holds the consignment. ``ids`` are the touched rows behind the call:
    when all of them are gone, another process has judged what they stood for.
    """
    writer = sessions.writer
    frozen = judging.lock_consignment(writer, consignment_id)
    if frozen is None:
        return False
    profile_id, version = frozen
    if profile_id is None or version is None:
        pages.clear(writer, consignment_id)  # nobody keeps them in step with the readings
        return True  # without a profile there is no answer, and the gate says PROFILE_MISSING
    if not judging.still_touched(writer, ids):
        return True
    profile = parse_profile(judging.fetch_profile(writer, profile_id, version))
    hold_dependencies(writer, consignment_id, profile)
    with sessions.reader.transaction():  # begins after the lock was had: nothing judged is missed
        snapshot = judging.fetch_snapshot(sessions.reader)
        answer = answer_live(sessions.reader, consignment_id, profile)
    evaluation = answer.evaluation
    answer.pages.write(writer)
    newest = judging.fetch_newest(writer, consignment_id)
    news = newest is None or is_news(evaluation, newest, refresh)
    if news or not evaluation.provisional:
        changes = changes_of(writer, consignment_id, profile, evaluation)
        changes.announce(writer, consignment_id)
        if news:
            next_version = 1 if newest is None else newest.version + 1
            store(writer, consignment_id, next_version, evaluation, snapshot=snapshot)
        changes.enter(writer, consignment_id)
    EVALUATIONS.labels("stored" if news else "unchanged").inc()
    return True
