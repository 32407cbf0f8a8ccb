"""The thread that looks at the evidence: each message, then each final evaluation, then again.

The gate holds what was judged but not audited. Any process may be killed at any instant: what was
found commits with the marks that it was looked for.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import prometheus_client

from analytics.job.audit_batch import examine
from analytics.job.patrol import Patrol
from coldgate.storage import evidence
from coldgate.storage.connection import connect
from coldgate.storage.evidence import Audit, AuditedBlock
from coldgate.storage.perseverance import persevere

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

    from coldgate.storage.connection import Connection
    from coldgate.storage.evidence import Span, StoredMessage, Tide

logger = logging.getLogger(__name__)

AUDITED: Final = prometheus_client.Counter(
    "coldgate_analytics_audited_messages", "Messages whose evidence was looked at", ["outcome"]
)

BATCH: Final = 500  # messages in one transaction
_POLL_SECONDS: Final = 0.05  # a gate waits; an idle look is one query on an empty table
_MESSAGE_SECONDS: Final = 1.0  # messages that no evaluation waits for
_PATROL_SECONDS: Final = 1.0  # between batches that are looked at again
_MOST_LOGGED: Final = 10


class Auditor:
    """Audits messages and evaluations until asked to stop; several of them take turns."""

    def __init__(self, dsn: str, stop: threading.Event) -> None:
        self._dsn = dsn
        self._stop = stop
        self._mark: Tide | None = None
        self._patrol = Patrol()
        self._patrol_at = 0.0

    def run(self) -> None:
        """Work until asked to stop; a database that goes away is waited for."""
        persevere(self._connected, stop=self._stop, report=_report)

    def _connected(self) -> None:
        with connect(self._dsn, "coldgate_analytics", autocommit=True) as connection:
            self._work(connection)

    def _work(self, connection: Connection) -> None:
        idle_rounds = 0
        while not self._stop.is_set():
            waiting = evidence.due(connection)
            if waiting or idle_rounds * _POLL_SECONDS >= _MESSAGE_SECONDS:
                idle_rounds = 0
                self.audit(connection, waiting)
            if time.monotonic() >= self._patrol_at:
                self._patrol_at = time.monotonic() + _PATROL_SECONDS
                self._patrol.step(connection)
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


def _report(error: Exception) -> None:
    logger.warning("evidence not audited", extra={"problem": str(error).strip()})


def audit_messages(connection: Connection) -> int:
    """Audit the first messages that nobody did, in a transaction; how many there were."""
    with connection.transaction():
        evidence.take_turn(connection)
        messages = evidence.unaudited(connection, most=BATCH)
        if messages:
            _audit(connection, messages)
    return len(messages)


def audit_evaluation(connection: Connection, evaluation: int, consignment: str) -> None:
    """Put together what stands behind an evaluation, in the caller's transaction.

    Readings that no message brought are looked for once, and then by the patrol; what is found
    either way is kept as what broke, so that no later evaluation is whole again.
    """
    if not evidence.settle(connection, evaluation):
        return
    evidence.take_turn(connection)  # what a patrol finds is of this evaluation, or counted here
    messages, unsigned, broken = evidence.messages_behind(connection, consignment)
    strays = (
        evidence.strays(connection, consignment)
        if evidence.is_first_audit(connection, consignment)
        else []
    )
    problems = evidence.known_strays(connection, consignment)
    if not evidence.body_is_entered(connection, evaluation):
        problems.append(evidence.NOT_ENTERED)
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
    if strays:
        evidence.add_relapses(connection, consignment, [(None, stray) for stray in strays])


def _audit(connection: Connection, messages: Sequence[StoredMessage]) -> None:
    examined = examine(connection, messages)
    problems = examined.problems
    unreadable = (
        evidence.told_by(connection, list(examined.unreadable)) if examined.unreadable else {}
    )
    spans = {message: list(found) for message, found in unreadable.items()}
    for one in examined.told:
        if one.key in examined.channels:
            span = examined.channels[one.key], one.first_at, one.last_at
            spans.setdefault(one.message_id, []).append(span)
    evidence.add_findings(
        connection,
        [(message.id, problems.get(message.id)) for message in messages],
        [block for one in messages for block in _blocks(one, spans.get(one.id, ()), problems)],
    )
    AUDITED.labels("good").inc(len(messages) - len(problems))
    AUDITED.labels("broken").inc(len(problems))
    if problems:
        logger.error("broken evidence", extra={"messages": sorted(problems)[:_MOST_LOGGED]})


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
