"""The judge's only module with I/O: claims consignments with new facts and stores evaluations.

Several of these processes may run; the lock on the consignment gives each piece of work to one of
them. An evaluation, its excursions, its ledger entry and the removal of the touched rows that it
covers share one transaction, so a crash leaves the work pending and nothing half-stored.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import prometheus_client
import psycopg

from analytics.case import Case, Channel, Window
from analytics.judge import judge
from analytics.profile_format import parse_profile
from analytics.readings import Readings
from coldgate.crypto import canonical_json
from coldgate.instant import EPOCH, epoch_ms, from_epoch_ms
from coldgate.model import EventKind
from coldgate.storage import judging
from coldgate.storage.connection import connect
from coldgate.storage.judging import NewEvaluation, NewExcursion

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    from analytics.evaluation import Evaluation, Excursion
    from coldgate.model import ClockPair
    from coldgate.storage.bulk import Points
    from coldgate.storage.connection import Connection
    from coldgate.storage.judging import PlacedChannel, PlacedLogger, Span, StoredEvaluation

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
_SLACK: Final = timedelta(hours=1)  # around a placement, for clock pairs and stamps
_FAR_FUTURE: Final = datetime(3000, 1, 1, tzinfo=UTC)
_MOST_AHEAD_MS: Final = 20 * 366 * 86_400_000  # ingest takes stamps within ten years of receipt
_BEGINS: Final = (EventKind.PACKED, EventKind.DEPARTED)


class Job:
    """Judges consignments as their facts change, until asked to stop."""

    def __init__(self, dsn: str, stop: threading.Event, *, refresh: timedelta) -> None:
        self._dsn = dsn
        self._stop = stop
        self._refresh = refresh
        self._failing: dict[str, float] = {}  # consignment -> when to try again

    def run(self) -> None:
        """Work until asked to stop; a database that goes away is waited for."""
        pause = _RETRY_SECONDS[0]
        while not self._stop.is_set():
            try:
                self._work()
                pause = _RETRY_SECONDS[0]
            except psycopg.OperationalError as error:
                logger.warning("database is away", extra={"problem": str(error).strip()})
                self._stop.wait(pause)
                pause = min(2 * pause, _RETRY_SECONDS[1])

    def _work(self) -> None:
        with (
            connect(self._dsn, "coldgate_analytics", autocommit=True) as connection,
            connect(self._dsn, "coldgate_analytics", autocommit=True) as ear,
        ):
            judging.listen(ear)
            logger.info("judging")
            JUDGING.set(1)
            try:
                self._judge_as_told(connection, ear)
            finally:
                JUDGING.set(0)

    def _judge_as_told(self, connection: Connection, ear: Connection) -> None:
        while not self._stop.is_set():
            wait_seconds = self._judge_pending(connection)
            for _ in ear.notifies(timeout=wait_seconds, stop_after=1):
                pass  # what was told is found by the next pass

    def _judge_pending(self, connection: Connection) -> float:
        """One pass over the pending work; how long to wait unless notified earlier.

        A touched row that concerns one consignment goes in the transaction that judges it; one
        that concerns several goes when all of them are judged.
        """
        with connection.transaction():
            pending = judging.fetch_pending(connection, most=_BATCH)
            judging.settle(connection, pending.idle)
        concerned = Counter(id_ for ids in pending.consignments.values() for id_ in ids)
        unfinished: set[int] = set()
        waiting = False  # for somebody who holds a consignment at this moment
        for consignment_id, ids in pending.consignments.items():
            if self._stop.is_set():
                return 0.0
            own = frozenset(id_ for id_ in ids if concerned[id_] == 1)
            if not self._judge_safely(connection, consignment_id, ids, own):
                unfinished |= ids
                waiting |= consignment_id not in self._failing
        shared = frozenset(id_ for id_, times in concerned.items() if times > 1)
        with connection.transaction():
            judging.settle(connection, shared - unfinished)
        if waiting:
            return _BUSY_SECONDS
        return 0.0 if pending.consignments and not unfinished else _IDLE_SECONDS

    def _judge_safely(
        self,
        connection: Connection,
        consignment_id: str,
        ids: frozenset[int],
        own: frozenset[int],
    ) -> bool:
        """Judge one consignment; one that cannot be judged stays pending, which holds its lots."""
        if self._failing.get(consignment_id, 0.0) > time.monotonic():
            return False
        try:
            with connection.transaction():
                if not judge_consignment(connection, consignment_id, ids, refresh=self._refresh):
                    return False
                judging.settle(connection, own)
        except psycopg.OperationalError:
            raise
        except Exception:
            EVALUATIONS.labels("failed").inc()
            logger.exception("cannot be judged", extra={"consignment": consignment_id})
            self._failing[consignment_id] = time.monotonic() + _RETRY_SECONDS[1]
            return False
        self._failing.pop(consignment_id, None)
        return True


def judge_consignment(
    connection: Connection, consignment_id: str, ids: frozenset[int], *, refresh: timedelta
) -> bool:
    """Judge a consignment in the caller's transaction and store the answer if it is news.

    False when somebody else holds the consignment. ``ids`` are the touched rows behind the call:
    when all of them are gone, another process has judged what they stood for.
    """
    frozen = judging.lock_consignment(connection, consignment_id)
    if frozen is None:
        return False
    profile_id, version = frozen
    if profile_id is None or version is None or not judging.still_touched(connection, ids):
        return True  # without a profile there is no answer, and the gate says PROFILE_MISSING
    profile = parse_profile(judging.fetch_profile(connection, profile_id, version))
    evaluation = judge(profile, load_case(connection, consignment_id))
    newest = judging.fetch_newest(connection, consignment_id)
    if newest is not None and not _is_news(evaluation, newest, refresh):
        EVALUATIONS.labels("unchanged").inc()
        return True
    store(connection, consignment_id, 1 if newest is None else newest.version + 1, evaluation)
    EVALUATIONS.labels("stored").inc()
    return True


def load_case(connection: Connection, consignment_id: str) -> Case:
    """Everything that the judgement of one consignment depends on, read from the database."""
    lines = judging.fetch_lines(connection, consignment_id)
    window = _window(judging.fetch_events(connection, consignment_id))
    placed = judging.fetch_placed_loggers(connection, consignment_id)
    return Case(
        window=window,
        channels=_load_channels(connection, placed, window),
        freeze_sensitive=any(sensitive for _, sensitive in lines),
        planned_zones=tuple(sorted({zone for zone, _ in lines})),
        planned_loggers=tuple(sorted({one.serial for one in placed})),
    )


def _window(events: Sequence[tuple[EventKind, datetime]]) -> Window:
    """The evaluation window by the events that define it (S7).

    One event more can only make it longer: nobody cuts a breach off by telling of another one.
    """
    begin = next((event for event in events if event[0] in _BEGINS), None)
    end = _last(events, EventKind.RECEIVED) or _last(events, EventKind.OPENED)
    return Window(
        begin_ms=None if begin is None else epoch_ms(begin[1]),
        end_ms=None if end is None else epoch_ms(end[1]),
        begin_event=None if begin is None else begin[0],
        end_event=None if end is None else end[0],
    )


def _last(
    events: Sequence[tuple[EventKind, datetime]], kind: EventKind
) -> tuple[EventKind, datetime] | None:
    return next((event for event in reversed(events) if event[0] is kind), None)


def _load_channels(
    connection: Connection, placed: Sequence[PlacedLogger], window: Window
) -> tuple[Channel, ...]:
    stays = [
        # no stamp on the wire is before 1970
        _Stay(one, max(one.placed_at, EPOCH) - _SLACK, _last_moment(one, window))
        for one in placed
    ]
    pairs = judging.fetch_clock_pairs(
        connection,
        [(stay.logger.id, epoch_ms(stay.first), epoch_ms(stay.last)) for stay in stays],
    )
    known = judging.fetch_channels(connection, sorted({one.id for one in placed}))
    seats = [
        (stay, channel)
        for stay in stays
        for channel in known
        if channel.logger_id == stay.logger.id
    ]
    spans = [stay.span(channel, pairs.get(stay.logger.id, ())) for stay, channel in seats]
    readings = judging.fetch_readings(connection, spans)
    conflicts = judging.fetch_conflicts(connection, spans)
    return tuple(
        Channel(
            serial=stay.logger.serial,
            sensor=channel.sensor,
            quantity=channel.quantity,
            readings=_readings(points),
            conflicts=_readings(others),
            zone=stay.logger.zone,
            placed_from_ms=epoch_ms(stay.logger.placed_at),
            placed_to_ms=(
                None if stay.logger.removed_at is None else epoch_ms(stay.logger.removed_at)
            ),
            interval_ms=stay.logger.interval_ms,
            clock_pairs=pairs.get(stay.logger.id, ()),
        )
        for (stay, channel), points, others in zip(seats, readings, conflicts, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Stay:
    """A logger's time with the consignment, by our clock, with slack around it."""

    logger: PlacedLogger
    first: datetime
    last: datetime

    def span(self, channel: PlacedChannel, pairs: Sequence[ClockPair]) -> Span:
        """The stamps to look for: the logger's own clock may be ahead of ours or behind (S3)."""
        ahead_ms = [0, *(pair.logger_ms - pair.gateway_ms for pair in pairs)]
        return (
            channel.id,
            self.first + timedelta(milliseconds=max(min(ahead_ms), -_MOST_AHEAD_MS)),
            self.last + timedelta(milliseconds=min(max(ahead_ms), _MOST_AHEAD_MS)),
        )


def _last_moment(placed: PlacedLogger, window: Window) -> datetime:
    """When the placement, or else the window, ends; with slack on it."""
    ends = [_FAR_FUTURE] if placed.removed_at is None else [_FAR_FUTURE, placed.removed_at]
    if window.end_ms is not None:
        ends.append(from_epoch_ms(window.end_ms))
    return min(ends) + _SLACK


def _readings(points: Points) -> Readings:
    return Readings(taken_at_ms=points.taken_ms, value_milli=points.value, flags=points.flags)


def _is_news(evaluation: Evaluation, newest: StoredEvaluation, refresh: timedelta) -> bool:
    """Whether the answer is to be stored as a new version.

    A final answer is whenever a byte of it differs. While the journey goes on the figures differ
    with each reading; then a new version tells a new answer, and at most every ``refresh`` the
    figures.
    """
    if not evaluation.provisional:
        return evaluation.to_bytes() != newest.body
    if _answer(evaluation.as_json()) != _answer(json.loads(newest.body)):
        return True
    return datetime.now(UTC) - newest.evaluated_at >= refresh and (
        evaluation.to_bytes() != newest.body
    )


def _answer(body: Mapping[str, object]) -> bytes:
    """What somebody may have to act on: verdict, reasons and which excursions there are."""
    return canonical_json(
        {
            "verdict": body["verdict"],
            "provisional": body["provisional"],
            "with_excursions": body["with_excursions"],
            "profile": body["profile"],
            "reasons": _picked(body["reasons"], ("verdict", "code", "rule", "channel")),
            "excursions": _picked(body["excursions"], ("rule", "channel", "start_ms")),
        }
    )


def _picked(entries: object, keys: Sequence[str]) -> list[list[object]]:
    listed = entries if isinstance(entries, list) else []
    return [[entry[key] for key in keys] for entry in listed]


def store(
    connection: Connection, consignment_id: str, version: int, evaluation: Evaluation
) -> None:
    """Keep an evaluation for ever, with a row for each of its excursions."""
    row = NewEvaluation(
        consignment_id=consignment_id,
        version=version,
        verdict=evaluation.verdict.value,
        provisional=evaluation.provisional,
        with_excursions=evaluation.with_excursions,
        profile_id=evaluation.profile.id,
        profile_version=evaluation.profile.version,
        engine=evaluation.engine_version,
        input_digest=evaluation.input_digest,
        body=evaluation.to_bytes(),
    )
    judging.add_evaluation(connection, row, [_excursion_row(one) for one in evaluation.excursions])


def _excursion_row(one: Excursion) -> NewExcursion:
    return NewExcursion(
        channel=one.channel,
        rule_id=one.rule,
        action=one.action.value,
        started_at=from_epoch_ms(one.start_ms),
        ended_at=from_epoch_ms(one.end_ms),
        start_bound=one.lower_bound,
        end_bound=one.upper_bound,
        lin_ms=one.lin_ms,
        hold_ms=one.hold_ms,
        upper_ms=one.upper_ms,
        peak_milli=one.peak_milli,
        peak_at=from_epoch_ms(one.peak_at_ms),
        readings=one.readings,
    )
