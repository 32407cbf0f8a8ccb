"""The thread that looks at the evidence: each message once, then each final evaluation.

The gate holds what was judged but not audited. Any process may be killed at any instant: what was
found commits with the marks that it was looked for.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import prometheus_client
import psycopg

from analytics.job.audit_message import NOTHING_STORED, difference, is_stored, told_by
from coldgate.errors import WireError
from coldgate.storage import evidence
from coldgate.storage.connection import connect
from coldgate.storage.evidence import Audit, AuditedBlock

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

    from analytics.job.audit_message import Told
    from coldgate.storage.connection import Connection
    from coldgate.storage.evidence import ChannelKey, Span, StoredMessage, Tide

logger = logging.getLogger(__name__)

AUDITED: Final = prometheus_client.Counter(
    "coldgate_analytics_audited_messages", "Messages whose evidence was looked at", ["outcome"]
)

BATCH: Final = 500  # messages in one transaction
_POLL_SECONDS: Final = 0.05  # a gate waits; an idle look is one query on an empty table
_MESSAGE_SECONDS: Final = 1.0  # messages that no evaluation waits for
_RETRY_SECONDS: Final = 1.0
_MOST_LOGGED: Final = 10


class Auditor:
    """Audits messages and evaluations until asked to stop; several of them take turns."""

    def __init__(self, dsn: str, stop: threading.Event) -> None:
        self._dsn = dsn
        self._stop = stop
        self._mark: Tide | None = None

    def run(self) -> None:
        """Work until asked to stop; a database that goes away is waited for."""
        while not self._stop.is_set():
            try:
                with connect(self._dsn, "coldgate_analytics", autocommit=True) as connection:
                    self._work(connection)
            except psycopg.Error as error:
                logger.warning("evidence not audited", extra={"problem": str(error).strip()})
                self._stop.wait(_RETRY_SECONDS)

    def _work(self, connection: Connection) -> None:
        idle_rounds = 0
        while not self._stop.is_set():
            waiting = evidence.due(connection)
            if waiting or idle_rounds * _POLL_SECONDS >= _MESSAGE_SECONDS:
                idle_rounds = 0
                self.audit(connection, waiting)
            idle_rounds += 1
            self._stop.wait(_POLL_SECONDS)

    def audit(self, connection: Connection, waiting: Sequence[tuple[int, str]]) -> None:
        """Audit every message that is there by now, then the evaluations that wait.

        The messages that an evaluation saw were committed before it: they are among them.
        """
        now = evidence.tide(connection)
        while audit_messages(connection) == BATCH:
            if self._stop.is_set():
                return
        self._advance(connection, now)
        for evaluation, consignment in waiting:
            with connection.transaction():
                audit_evaluation(connection, evaluation, consignment)

    def _advance(self, connection: Connection, now: Tide) -> None:
        """Move on when every transaction has ended that could still bring a lower number."""
        if self._mark is not None and now.done >= self._mark.begun:
            evidence.advance(connection, self._mark)
            self._mark = None
        if self._mark is None:
            self._mark = now


def audit_messages(connection: Connection) -> int:
    """Audit the first messages that nobody did, in a transaction; how many there were."""
    with connection.transaction():
        evidence.take_turn(connection)
        messages = evidence.unaudited(connection, most=BATCH)
        if messages:
            _audit(connection, messages)
    return len(messages)


def audit_evaluation(connection: Connection, evaluation: int, consignment: str) -> None:
    """Put together what stands behind an evaluation, in the caller's transaction."""
    if not evidence.settle(connection, evaluation):
        return
    messages, unsigned, broken = evidence.messages_behind(connection, consignment)
    problems = evidence.orphans(connection, consignment)
    if not evidence.body_is_entered(connection, evaluation):
        problems.append("the evaluation is not the one that was entered in the ledger")
    found = len(broken) + len(problems)
    if broken:
        problems += evidence.problems(connection, broken)
    evidence.add_audit(
        connection,
        Audit(
            evaluation_id=evaluation,
            messages=messages,
            broken=found,
            unsigned=unsigned,
            problems=problems,
        ),
    )


def _audit(connection: Connection, messages: Sequence[StoredMessage]) -> None:
    problems: dict[int, str] = {}
    told = _readable(messages, problems)
    unreadable = evidence.told_by(connection, list(problems)) if problems else {}
    channels = evidence.channels(connection, {one.key[:2] for one in told})
    spans = {message: list(found) for message, found in unreadable.items()}
    for one in told:
        if one.key in channels:
            span = channels[one.key], one.first_at, one.last_at
            spans.setdefault(one.message_id, []).append(span)
    _compare(connection, {message.id: message for message in messages}, told, channels, problems)
    evidence.add_findings(
        connection,
        [(message.id, problems.get(message.id)) for message in messages],
        [block for one in messages for block in _blocks(one, spans.get(one.id, ()), problems)],
    )
    AUDITED.labels("good").inc(len(messages) - len(problems))
    AUDITED.labels("broken").inc(len(problems))
    if problems:
        logger.error("broken evidence", extra={"messages": sorted(problems)[:_MOST_LOGGED]})


def _readable(messages: Sequence[StoredMessage], problems: dict[int, str]) -> list[Told]:
    """What the messages say; those that cannot be believed are entered in ``problems``."""
    told: list[Told] = []
    for message in messages:
        try:
            told += told_by(message)
        except WireError as error:
            problems[message.id] = str(error)
    return told


def _compare(
    connection: Connection,
    messages: Mapping[int, StoredMessage],
    told: Sequence[Told],
    channels: Mapping[ChannelKey, int],
    problems: dict[int, str],
) -> None:
    """Enter in ``problems`` which messages are stored otherwise than they say."""
    known = [one for one in told if one.key in channels]
    spans = [(channels[one.key], one.first_at, one.last_at) for one in known]
    rows = iter(evidence.stored(connection, spans))
    for one in told:
        there = next(rows) if one.key in channels else NOTHING_STORED
        if is_stored(one, there):
            continue
        channel = channels.get(one.key)
        span = None if channel is None else (channel, one.first_at, one.last_at)
        other = evidence.conflicts(connection, span) if span else set()
        refused = one.key[1] in evidence.refused_serials(
            connection, messages[one.message_id].payload
        )
        problem = difference(one, there, other, refused=refused)
        if problem is not None:
            problems.setdefault(one.message_id, f"logger {one.key[1]}: {problem}")


def _blocks(
    message: StoredMessage, spans: Sequence[Span], problems: Mapping[int, str]
) -> Iterator[AuditedBlock]:
    """One row for each channel that the message speaks of."""
    by_channel: dict[int, list[Span]] = {}
    for span in spans:
        by_channel.setdefault(span[0], []).append(span)
    for channel, own in by_channel.items():
        yield AuditedBlock(
            channel_id=channel,
            first_at=min(first for _, first, _ in own),
            last_at=max(last for _, _, last in own),
            message_id=message.id,
            signed=message.signed,
            broken=message.id in problems,
        )
