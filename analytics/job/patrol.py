"""Evidence that was found whole, looked at again while the goods may be used (decision 0103).

What the owner of the database changes after a message's audit is found here: the signed message is
the witness, not what was noted of it. And what came after the newest evaluation is judged, whatever
the queue of work says (decision 0109). A batch at a time, so that nobody who waits notices. A round
that is killed is begun again within the hour; what it found by then is on record.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import prometheus_client

from analytics.job.audit_batch import examine
from coldgate.storage import evidence

if TYPE_CHECKING:
    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)

LOOKED_AT: Final = prometheus_client.Counter(
    "coldgate_analytics_patrolled_messages",
    "Messages whose evidence was looked at again",
    ["outcome"],
)
BATCH: Final = 500  # messages in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """A look at one consignment, done up to the message ``after``."""

    consignment: str
    after: int = 0


class Patrol:
    """Looks again at the evidence of one consignment after the other; several take turns."""

    def __init__(self) -> None:
        self._round: _Round | None = None

    def step(self, connection: Connection) -> bool:
        """Look at the next batch, in a transaction; False where nothing is due."""
        begun, self._round = self._round or _begin(connection), None  # an error gives it up
        if begun is None:
            return False
        with connection.transaction():
            self._round = _look(connection, begun)
        return True


def _begin(connection: Connection) -> _Round | None:
    """A claim in a transaction of its own: an audit that commits meanwhile writes the same row."""
    with connection.transaction():
        consignment = evidence.next_watched(connection)
    return None if consignment is None else _Round(consignment=consignment)


def _look(connection: Connection, begun: _Round) -> _Round | None:
    """Look at the next batch of a round; None when it was the last one."""
    behind = evidence.watched_messages(connection, begun.consignment, after=begun.after, most=BATCH)
    messages = evidence.stored_messages(connection, behind)
    problems = dict(examine(connection, messages).problems)
    there = {message.id for message in messages}
    problems |= {number: "it is gone" for number in behind if number not in there}
    found: list[tuple[int | None, str]] = list(problems.items())
    if len(behind) < BATCH:
        found += [(None, problem) for problem in _beside(connection, begun.consignment)]
    if found:
        logger.error("evidence broke", extra={"consignment": begun.consignment, "n": len(found)})
        evidence.add_relapses(connection, begun.consignment, found)
    evidence.judge_again(connection, begun.consignment, behind)
    LOOKED_AT.labels("good").inc(len(behind) - len(problems))
    LOOKED_AT.labels("broken").inc(len(problems))
    if len(behind) == BATCH:
        return replace(begun, after=behind[-1])
    evidence.watch_on(connection, begun.consignment)
    return None


def _beside(connection: Connection, consignment: str) -> list[str]:
    """What is wrong beside the messages that were audited."""
    problems = evidence.strays(connection, consignment)
    audit = evidence.fetch_audit(connection, consignment)
    if audit is not None and not evidence.body_is_entered(connection, audit.evaluation_id):
        problems.append(evidence.NOT_ENTERED)
    return problems
