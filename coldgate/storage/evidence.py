"""What is known of the messages behind readings: whose they are, and whether they are as sent."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from psycopg.types.json import Jsonb

from coldgate.storage.bulk import POSTGRES_EPOCH_MS
from coldgate.storage.queries import columns, load_queries
from coldgate.storage.rows import fetch_all, fetch_new, fetch_one

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("evidence")
NOT_ENTERED: Final = "the evaluation is not the one that was entered in the ledger"
MOST_PROBLEMS: Final = 20  # named in one audit; all are counted
_STORED: Final = np.dtype(
    [
        ("taken_at", ">i8"),
        ("value", ">i4"),
        ("flags", ">i2"),
        ("sequence", ">i8"),
        ("message_id", ">i8"),
    ]
)

ChannelKey: TypeAlias = "tuple[str, str, int, int]"  # party, serial, sensor, quantity
ClockKey: TypeAlias = "tuple[str, str, int, int]"  # party, serial, logger's and gateway's ms
Span: TypeAlias = "tuple[int, datetime, datetime]"  # channel id, first and last stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message as it was stored; stream and gateway are None where nobody knows them."""

    id: int
    number: int
    received_at: datetime
    signed: bool
    payload: bytes
    stream: str | None
    gateway: str | None
    party_id: str | None
    public_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tide:
    """What a snapshot knows: transactions before ``done`` have ended, from ``begun`` on none began.

    ``last_message`` is the highest number that any of those could have given to a message.
    """

    done: int
    begun: int
    last_message: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedBlock:
    """What was found about one channel of one message."""

    channel_id: int
    first_at: datetime
    last_at: datetime
    message_id: int
    signed: bool
    broken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What stands behind one evaluation; ``problems`` are the first of those that are counted."""

    evaluation_id: int
    messages: int
    broken: int
    unsigned: int
    problems: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow(Audit):
    """An audit as it is told to the parties."""

    version: int
    audited_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """Whether a consignor takes goods on the word of messages that nobody signed."""

    id: int
    party_id: str
    accepted: bool
    reason: str
    recorded_by: str
    recorded_at: datetime


def take_turn(connection: Connection) -> None:
    """Wait until nobody else audits messages; nobody does until this transaction ends."""
    connection.execute(_SQL["take_turn"])


def tide(connection: Connection) -> Tide:
    """What is settled at this moment."""
    row = connection.execute(_SQL["tide"]).fetchone()
    assert row is not None  # noqa: S101 - SELECT without FROM gives its row
    return Tide(done=row[0], begun=row[1], last_message=row[2], at=row[3])


def unaudited(connection: Connection, *, most: int) -> list[StoredMessage]:
    """The first ``most`` messages that nobody audited."""
    return fetch_all(connection, StoredMessage, _SQL["unaudited"], {"most": most})


def channels(connection: Connection, loggers: Collection[tuple[str, str]]) -> dict[ChannelKey, int]:
    """The channels of the loggers, each (party, serial)."""
    rows = connection.execute(_SQL["channels"], columns(loggers, 2))
    return {(party, serial, sensor, kind): id_ for party, serial, sensor, kind, id_ in rows}


def stored(connection: Connection, spans: Sequence[Span]) -> list[NDArray[np.int64]]:
    """The readings of each span by time, shape (n, 5).

    Columns: ms since 1970, milli-units, flags, sequence number, message id.
    """
    if not spans:
        return []
    whole = min(first for _, first, _ in spans), max(last for _, _, last in spans)
    with connection.cursor().copy(_SQL["copy_stored"], (*columns(spans, 3), *whole)) as copy:
        copy.set_types(["int4", "bytea"])
        found = {ordinal: _unpacked(packed) for ordinal, packed in copy.rows()}
    return [found[ordinal] for ordinal in range(1, len(spans) + 1)]


def _unpacked(packed: bytes | None) -> NDArray[np.int64]:
    rows = np.frombuffer(packed or b"", _STORED)
    names = _STORED.names or ()
    table = np.empty((len(rows), len(names)), np.int64)
    for place, name in enumerate(names):
        table[:, place] = rows[name]
    table[:, 0] = table[:, 0] // 1000 + POSTGRES_EPOCH_MS
    ordered: NDArray[np.int64] = table[np.argsort(table[:, 0], kind="stable")]
    return ordered


def conflicts(connection: Connection, span: Span) -> set[tuple[int, int, int]]:
    """Other values that were received within the span: (ms since 1970, milli-units, flags)."""
    channel, first, last = span
    parameters = {"channel": channel, "first": first, "last": last}
    return set(connection.execute(_SQL["conflicts"], parameters).fetchall())


def clock_pairs(
    connection: Connection, messages: Sequence[int], told: Collection[ClockKey]
) -> dict[ClockKey, int]:
    """Comparisons that are stored as of ``messages``, or that are ``told``; by whom, its id."""
    rows = connection.execute(_SQL["clock_pairs"], (list(messages), *columns(told, 4)))
    return {(party, serial, own, other): message for party, serial, own, other, message in rows}


def refused_serials(connection: Connection, payload: bytes) -> set[str]:
    """Loggers whose part of this message was refused; '' stands for the whole of it."""
    rows = connection.execute(_SQL["refused_serials"], {"payload": payload})
    return {serial for (serial,) in rows}


def told_by(connection: Connection, messages: Sequence[int]) -> dict[int, list[Span]]:
    """Where readings are stored as these messages'; it reads the whole table."""
    spans: dict[int, list[Span]] = {}
    for message, *span in connection.execute(_SQL["told_by"], {"messages": list(messages)}):
        spans.setdefault(message, []).append((span[0], span[1], span[2]))
    return spans


def add_findings(
    connection: Connection,
    problems: Sequence[tuple[int, str | None]],
    blocks: Sequence[AuditedBlock],
) -> None:
    """Keep what was found of messages, each (id, problem or None); they are audited from now on."""
    connection.execute(_SQL["add_messages"], columns(problems, 2))
    rows = [
        (one.channel_id, one.first_at, one.last_at, one.message_id, one.signed, one.broken)
        for one in blocks
    ]
    connection.execute(_SQL["add_blocks"], columns(rows, 6))


def advance(connection: Connection, mark: Tide) -> None:
    """Look for no message any more that had its number by then."""
    connection.execute(_SQL["advance"], {"message": mark.last_message, "at": mark.at})


def due(connection: Connection) -> list[tuple[int, str]]:
    """Final evaluations that nobody audited, each (id, consignment)."""
    return connection.execute(_SQL["due"]).fetchall()


def settle(connection: Connection, evaluation: int) -> bool:
    """Take an evaluation off the list; False when another process did."""
    return connection.execute(_SQL["settle"], {"evaluation": evaluation}).fetchone() is not None


def messages_behind(connection: Connection, consignment: str) -> tuple[int, int, list[int]]:
    """Messages of the loggers that travelled with it: how many, how many unsigned, which broken."""
    row = connection.execute(_SQL["messages_behind"], {"consignment": consignment}).fetchone()
    return (row[0], row[1], row[2] or []) if row else (0, 0, [])


def problems(connection: Connection, messages: Sequence[int]) -> list[str]:
    """What is wrong with these messages, in words."""
    parameters = {"messages": list(messages), "limit": MOST_PROBLEMS}
    return [text for (text,) in connection.execute(_SQL["problems"], parameters)]


def is_first_audit(connection: Connection, consignment: str) -> bool:
    """Whether nobody has looked at the evidence of a consignment yet."""
    row = connection.execute(_SQL["is_first_audit"], {"consignment": consignment}).fetchone()
    return bool(row and row[0])


def strays(connection: Connection, consignment: str) -> list[str]:
    """What is said of readings that no message brought; it looks at all of them."""
    parameters = {"consignment": consignment, "limit": MOST_PROBLEMS}
    return [text for (text,) in connection.execute(_SQL["strays"], parameters)]


def known_strays(connection: Connection, consignment: str) -> list[str]:
    """The same, and whatever else is wrong beside the messages, as it was found before."""
    parameters = {"consignment": consignment, "limit": MOST_PROBLEMS}
    return [text for (text,) in connection.execute(_SQL["known_strays"], parameters)]


def body_is_entered(connection: Connection, evaluation: int) -> bool:
    """Whether the ledger has an entry with the digest of this very evaluation."""
    row = connection.execute(_SQL["body_is_entered"], {"evaluation": evaluation}).fetchone()
    return bool(row and row[0])


def add_audit(connection: Connection, audit: Audit) -> None:
    """Keep an audit; the gate waits for it."""
    connection.execute(_SQL["add_audit"], asdict(audit) | {"problems": Jsonb(audit.problems)})


def next_watched(connection: Connection) -> str | None:
    """The consignment whose evidence is to be looked at again first; None while none is due."""
    row = connection.execute(_SQL["next_watched"]).fetchone()
    return None if row is None else str(row[0])


def judge_again(connection: Connection, consignment: str, messages: Sequence[int]) -> None:
    """Have a consignment judged if one of these messages or a fact came after its evaluation."""
    parameters = {"consignment": consignment, "messages": list(messages)}
    connection.execute(_SQL["judge_again"], parameters)


def watch_on(connection: Connection, consignment: str) -> None:
    """Look again later, if any of the goods may be used then."""
    connection.execute(_SQL["watch_on"], {"consignment": consignment})
    connection.execute(_SQL["watch_no_more"], {"consignment": consignment})


def watched_messages(
    connection: Connection, consignment: str, *, after: int, most: int
) -> list[int]:
    """The next messages behind a consignment that were found whole, in order of their ids."""
    parameters = {"consignment": consignment, "after": after, "most": most}
    return [number for (number,) in connection.execute(_SQL["watched_messages"], parameters)]


def stored_messages(connection: Connection, messages: Sequence[int]) -> list[StoredMessage]:
    """Those of the messages that are there, in order of their ids."""
    parameters = {"messages": list(messages)}
    return fetch_all(connection, StoredMessage, _SQL["stored_messages"], parameters)


def add_relapses(
    connection: Connection, consignment: str, found: Sequence[tuple[int | None, str]]
) -> None:
    """Keep what broke, each (message or None, problem); the gate sees it at once.

    It is of the newest evaluation that was audited. One that is audited at this moment comes before
    or after, and counts it itself.
    """
    take_turn(connection)
    messages, told = columns(found, 2)
    parameters = {"consignment": consignment, "messages": messages, "problems": told}
    connection.execute(_SQL["add_relapses"], parameters)


def fetch_audit(
    connection: Connection, consignment: str, version: int | None = None
) -> AuditRow | None:
    """The audit of one evaluation, None before it is done; without ``version`` the newest one."""
    parameters = {"consignment": consignment, "version": version}
    return fetch_one(connection, AuditRow, _SQL["audit"], parameters)


def add_consent(
    connection: Connection, *, party: str, accepted: bool, reason: str, recorded_by: str
) -> ConsentRow:
    """Say whether unsigned messages will do for this consignor's goods from now on."""
    parameters = {"party": party, "accepted": accepted, "reason": reason}
    return fetch_new(
        connection, ConsentRow, _SQL["add_consent"], parameters | {"recorded_by": recorded_by}
    )


def consents(
    connection: Connection, *, scope: str | None, after: int, limit: int
) -> list[ConsentRow]:
    """What consignors said about unsigned messages, oldest first."""
    parameters = {"scope": scope, "after": after, "limit": limit}
    return fetch_all(connection, ConsentRow, _SQL["consents"], parameters)
