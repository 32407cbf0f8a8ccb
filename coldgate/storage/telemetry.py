"""What ingest reads and writes: registry look-ups, messages, readings, conflicts, quarantine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.types.json import Jsonb

from coldgate.instant import from_epoch_ms
from coldgate.storage.queries import columns, load_queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from coldgate.storage.bulk import ReadingRows
    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("telemetry")
QUARANTINE_BYTES: Final = 64 * 1024 * 1024  # of one sender and day, kept for ever
_BEGINNING_BYTES: Final = 1024  # kept of what is beyond that
_MESSAGE_TYPES: Final = ("int8", "int4", "int8", "timestamptz", "bool", "bytea")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEntry:
    """What the registry says about one gateway at this moment."""

    id: int
    name: str
    party_id: str
    partition: str
    public_key: str
    revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerEntry:
    """What the registry says about one logger at this moment."""

    id: int
    revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One row of table ``message``: the bytes as they came."""

    id: int
    stream_id: int
    number: int
    received_at: datetime
    signed: bool
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRow:
    """One refusal, with everything needed to look into it later.

    ``cut_from`` is how long it was where ``payload`` is only its beginning.
    """

    received_at: datetime
    topic: str
    sender: str
    code: str
    problem: str
    serial: str
    sha256: str
    payload: bytes
    cut_from: int | None = None


_QUARANTINED: Final = attrgetter(*(field.name for field in fields(QuarantineRow)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a set of readings."""

    stored: int
    duplicates: int
    conflicts: int


def commit_durably(connection: Connection) -> None:
    """Have COMMIT mean "on disk" in this session, whatever the server's default.

    Gateways delete what was acknowledged: a commit that a crash takes back would be a loss.
    """
    connection.execute(_SQL["commit_durably"])


def fetch_gateways(connection: Connection, names: Iterable[str]) -> dict[str, GatewayEntry]:
    """The gateways of these names, by name; unknown ones are absent."""
    rows = connection.execute(_SQL["gateways"], (sorted(set(names)),))
    return {
        name: GatewayEntry(
            id=id_,
            name=name,
            party_id=party_id,
            partition=partition,
            public_key=public_key,
            revoked=revoked,
        )
        for name, id_, party_id, partition, public_key, revoked in rows
    }


def fetch_loggers(
    connection: Connection, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], LoggerEntry]:
    """Loggers by (party, serial); unknown ones are absent."""
    parties, serials = columns(sorted(set(wanted)), 2)
    rows = connection.execute(_SQL["loggers"], (parties, serials))
    return {
        (party_id, serial): LoggerEntry(id=id_, revoked=revoked)
        for party_id, serial, id_, revoked in rows
    }


def ensure_channels(
    connection: Connection, wanted: Iterable[tuple[int, int, int]]
) -> dict[tuple[int, int, int], int]:
    """Channel ids by (logger id, sensor, quantity); missing channels are made."""
    keys = sorted(set(wanted))
    channels = _fetch_channels(connection, keys)
    missing = [key for key in keys if key not in channels]
    if missing:
        connection.execute(_SQL["add_channels"], columns(missing, 3))
        channels |= _fetch_channels(connection, missing)
    return channels


def _fetch_channels(
    connection: Connection, keys: Sequence[tuple[int, int, int]]
) -> dict[tuple[int, int, int], int]:
    rows = connection.execute(_SQL["channels"], columns(keys, 3))
    return {(logger_id, sensor, quantity): id_ for logger_id, sensor, quantity, id_ in rows}


def lock_streams(
    connection: Connection, wanted: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], int]:
    """Stream ids by (gateway id, stream name), each locked to the end of the transaction."""
    keys = sorted(set(wanted))
    streams = _lock_known_streams(connection, keys)
    missing = [key for key in keys if key not in streams]
    if missing:
        connection.execute(_SQL["add_streams"], columns(missing, 2))
        streams |= _lock_known_streams(connection, missing)
    return streams


def _lock_known_streams(
    connection: Connection, keys: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], int]:
    rows = connection.execute(_SQL["lock_streams"], columns(keys, 2))
    return {(gateway_id, name): id_ for gateway_id, name, id_ in rows}


def known_numbers(
    connection: Connection, wanted: Sequence[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Those (stream id, message number) that are committed already."""
    return set(connection.execute(_SQL["known_numbers"], columns(wanted, 2)).fetchall())


def message_digests(
    connection: Connection, wanted: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], str]:
    """SHA-256 of the stored payloads by (stream id, message number)."""
    rows = connection.execute(_SQL["message_digests"], columns(wanted, 2))
    return {(stream_id, number): digest for stream_id, number, digest in rows}


def allocate_message_ids(connection: Connection, count: int) -> list[int]:
    """``count`` message ids that nobody else gets."""
    return [id_ for (id_,) in connection.execute(_SQL["message_ids"], (count,))]


def copy_messages(connection: Connection, rows: Iterable[MessageRow]) -> None:
    """Store messages by binary COPY."""
    with connection.cursor().copy(_SQL["copy_messages"]) as copy:
        copy.set_types(_MESSAGE_TYPES)
        for row in rows:
            copy.write_row(
                (row.id, row.stream_id, row.number, row.received_at, row.signed, row.payload)
            )


def write_readings(connection: Connection, rows: ReadingRows) -> Written:
    """Store readings; what is there already is left alone, another value goes to ``conflict``.

    Optimistic: messages that were never seen rarely repeat a reading, so the rows are copied
    straight in and only a complaint of the key takes the slower way.
    """
    try:
        with connection.transaction(), connection.cursor().copy(_SQL["copy_readings"]) as copy:
            copy.write(rows.as_copy())
    except psycopg.errors.UniqueViolation:
        return _merge_readings(connection, rows)
    return Written(stored=len(rows), duplicates=0, conflicts=0)


def _merge_readings(connection: Connection, rows: ReadingRows) -> Written:
    connection.execute(_SQL["create_incoming"])
    with connection.cursor().copy(_SQL["copy_incoming"]) as copy:
        copy.write(rows.as_copy())
    stored = connection.execute(_SQL["merge_incoming"]).rowcount
    span = from_epoch_ms(int(rows.taken_ms.min())), from_epoch_ms(int(rows.taken_ms.max()))
    conflicts = connection.execute(_SQL["keep_conflicts"], span).rowcount
    return Written(stored=stored, duplicates=len(rows) - stored, conflicts=conflicts)


def add_clock_pairs(connection: Connection, pairs: Sequence[tuple[int, int, int, int]]) -> None:
    """Keep (logger id, logger ms, gateway ms, message id) of each clock comparison."""
    if pairs:
        connection.execute(_SQL["add_clock_pairs"], columns(pairs, 4))


def add_quarantine(
    connection: Connection, rows: Sequence[QuarantineRow], *, share_bytes: int = QUARANTINE_BYTES
) -> list[QuarantineRow]:
    """Keep refused messages, and return them as kept; the same refusal of the same bytes once.

    What is beyond the sender's share of the day, by the database's clock and in UTC, is cut.
    """
    if not rows:
        return []
    senders = sorted({row.sender for row in rows})
    used: dict[str, int] = dict(connection.execute(_SQL["kept_today"], (senders,)).fetchall())
    kept = _within_shares(rows, used, share_bytes)
    wanted = columns([_QUARANTINED(row) for row in kept], len(fields(QuarantineRow)))
    connection.execute(_SQL["add_quarantine"], wanted)
    return kept


def _within_shares(
    rows: Sequence[QuarantineRow], used: Mapping[str, int], share_bytes: int
) -> list[QuarantineRow]:
    """The rows, cut where their sender's share is spent; ``used`` is what it had before."""
    spent = Counter(used)
    kept = []
    for row in rows:
        size = len(row.payload)
        if size > _BEGINNING_BYTES and spent[row.sender] + size > share_bytes:
            kept.append(replace(row, payload=row.payload[:_BEGINNING_BYTES], cut_from=size))
        else:
            kept.append(row)
        spent[row.sender] += len(kept[-1].payload)
    return kept


def add_touched(connection: Connection, spans: Sequence[tuple[int, datetime, datetime]]) -> None:
    """Tell the judge (channel id, first, last) of new readings, and wake it at commit."""
    if spans:
        connection.execute(_SQL["add_touched"], columns(spans, 3))
        connection.execute(_SQL["notify"])


def advance_streams(connection: Connection, committed: Sequence[tuple[int, int]]) -> None:
    """Add (stream id, message number) to what is committed of each stream."""
    if committed:
        connection.execute(_SQL["advance_streams"], columns(committed, 2))


def stream_positions(connection: Connection, stream_ids: Iterable[int]) -> dict[int, int]:
    """For each stream the number up to which all messages are committed, 0 for none."""
    return dict(connection.execute(_SQL["positions"], (sorted(set(stream_ids)),)).fetchall())


def keep_status(
    connection: Connection, gateway_id: int, received_at: datetime, body: object
) -> None:
    """Remember the newest health report of a gateway."""
    connection.execute(_SQL["keep_status"], (gateway_id, received_at, Jsonb(body)))
