"""The gateway's memory on disk: readings in, numbered messages out, gone when the server has them.

One SQLite file (WAL, ``synchronous=FULL``) is one stream. A reading passes two stages:

    store()        rows of ``block``: durable when the call returns, so the logger may be told
    pack()         rows move into a numbered, signed ``message`` in one transaction
    acknowledge()  the server has committed messages 1 to n: they leave

A crash between any two of these loses nothing: what was returned from is on disk, and what was not
is either there as well or was never confirmed to anybody.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from coldgate import wire
from coldgate.crypto import open_envelope, sha256_hex
from coldgate.errors import OutboxFullError, SettingsError
from coldgate.model import Message
from gateway import blocks as work
from gateway.capacity import HOUR_MS, Capacity
from gateway.statements import load_script, load_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from coldgate.model import Acknowledgement, Block, Rejection
    from gateway.blocks import Arrival

_SQL: Final = load_statements("outbox.sql")
_ROW_READINGS: Final = 500  # a row of ``block`` stays small, so that any message can be filled
_KNOWN_LIVE_READINGS: Final = 4_096  # remembered per logger on the spot, to spot redelivery
_KNOWN_FILE_READINGS: Final = 500_000  # the same for files, which are read again months later
_REUSED: Final = "NUMBER_REUSED"  # the server has other bytes under this number
_HEADROOM_BYTES: Final = 16 * 1024**2  # packing may need pages while storing is refused already


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """When readings become a message, and how large it may grow."""

    enough: int = 100  # readings that are worth a message at once
    most: int = 1_000  # readings in one message
    after_ms: int = 1_000  # older readings are packed however few they are
    messages: int = 8  # in one transaction, so that a backlog does not pay one fsync for each


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the logger is told: its readings between these sequence numbers are on disk.

    Where the gateway numbers the readings, redelivered ones keep the numbers that they had, and
    the range is that of the new ones; it is empty if there are none.
    """

    serial: str
    first_sequence: int
    upto_sequence: int
    new_readings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """What the outbox holds at one moment, as the status message shows it."""

    stream: str
    acknowledged: int
    readings: int
    messages: int
    oldest_stored_ms: int | None
    capacity_readings: int
    hours_left: float
    bytes_used: int
    refused: int
    rejected: dict[str, int]
    rejected_pruned: int
    unsettled: dict[str, int]


class Outbox:
    """The outbox in the file ``path``, held alone until `close`; one thread at a time may use it.

    Raises ``SettingsError`` when another process holds the file or it is another gateway's.
    """

    def __init__(
        self,
        path: Path,
        *,
        gateway: str,
        capacity: Capacity | None = None,
        keep_rejected: int = 1_000,
    ) -> None:
        self._path = path
        self._gateway = gateway
        self._capacity = capacity or Capacity()
        self._keep_rejected = keep_rejected
        self._refused = 0  # times that there was no room, since this process began
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(path)
        try:
            self._connection = _connect(path, self._capacity)
            self.stream = self._open_stream()
            self._block_readings, self._message_readings, self._messages = self._one("totals")
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def readings(self) -> int:
        """Readings held: stored, and not yet acknowledged by the server."""
        return self._block_readings + self._message_readings

    @property
    def waiting(self) -> int:
        """Readings that no message carries yet."""
        return self._block_readings

    @property
    def messages(self) -> int:
        """Messages that the server has not acknowledged yet."""
        return self._messages

    @property
    def acknowledged(self) -> int:
        """Number of the newest message that the server has committed; 0 at first."""
        return self._stream_row().acknowledged

    def close(self) -> None:
        """Give the file back; calling it twice does no harm."""
        if self._lock >= 0:
            self._connection.close()
            os.close(self._lock)
            self._lock = -1

    def store(self, arrivals: Sequence[Arrival], *, now_ms: int) -> tuple[Stored, ...]:
        """Put all of them on disk or none; a reading stored before is not stored again.

        Raises `OutboxFullError` when there is no room: the loggers must keep their readings.
        """
        with self._transaction():
            stored = self._store(arrivals, now_ms, _KNOWN_LIVE_READINGS)
        self._block_readings += sum(one.new_readings for one in stored)
        return stored

    def store_file(
        self, arrivals: Sequence[Arrival], *, digest: str, name: str, report: str, now_ms: int
    ) -> int:
        """Store a logger file's readings and remember it by ``digest``; how many were new."""
        with self._transaction():
            stored = self._store(arrivals, now_ms, _KNOWN_FILE_READINGS)
            self._run("remember_file", digest, name, now_ms, None, report)
        added = sum(one.new_readings for one in stored)
        self._block_readings += added
        return added

    def refuse_file(self, *, digest: str, name: str, problem: str, now_ms: int) -> None:
        """Remember that the file with this digest cannot be read, so that it is reported once."""
        with self._transaction():
            self._run("remember_file", digest, name, now_ms, problem, None)

    def knows_file(self, digest: str) -> bool:
        """Whether a file with this digest was taken or refused already."""
        return self._connection.execute(_SQL["file"], (digest,)).fetchone() is not None

    def last_sequence(self, serial: str) -> int:
        """The number of the newest reading that was stored of a logger; 0 before the first."""
        row = self._connection.execute(_SQL["logger"], (serial,)).fetchone()
        return row[1] - 1 if row else 0

    def pack(
        self,
        seal: Callable[[Message], bytes],
        *,
        now_ms: int,
        packing: Packing,
        flush: bool = False,
    ) -> int:
        """Move waiting readings into messages; how many messages there are more now.

        ``seal`` encodes and signs. Nothing happens while only a few young readings wait, unless
        ``flush`` says so.
        """
        if not (flush or self._is_due(now_ms, packing)):
            return 0
        made = moved = 0
        with self._transaction():
            while made < packing.messages and self._block_readings - moved >= (
                1 if made == 0 or flush else packing.enough
            ):
                moved += self._pack_one(seal, now_ms, packing.most)
                made += 1
        self._block_readings -= moved
        self._message_readings += moved
        self._messages += made
        return made

    def next_message(self, after: int) -> tuple[int, bytes] | None:
        """Number and bytes of the first message behind number ``after``; None if there is none."""
        row: tuple[int, bytes] | None = self._connection.execute(
            _SQL["next_message"], (after,)
        ).fetchone()
        return row

    def acknowledge(self, acknowledgement: Acknowledgement, *, now_ms: int) -> int:
        """Let go what the server has committed, keep what it refused; how many messages left.

        An acknowledgement of another stream deletes nothing. One that contradicts this file means
        that either side is an old copy, and a new stream begins with everything held.
        """
        if acknowledgement.stream not in ("", self.stream):
            return 0
        if self._is_contradicted(acknowledgement):
            self._restart_stream()
            return 0
        upto = acknowledgement.upto if acknowledgement.stream else 0
        with self._transaction():
            for rejection in acknowledgement.rejected:
                self._reject(rejection, now_ms)
            readings, messages = self._one("readings_upto", upto)
            self._run("drop_messages", upto)
            self._run("acknowledged", upto)
        self._message_readings -= readings
        self._messages -= messages
        return int(messages)

    def depth(self) -> Depth:
        """What the outbox holds now."""
        row = self._stream_row()
        busiest = self._one("busiest_hour")[0]
        used = self._bytes_used()
        return Depth(
            stream=self.stream,
            acknowledged=row.acknowledged,
            readings=self.readings,
            messages=self._messages,
            oldest_stored_ms=self._one("oldest")[0],
            capacity_readings=self._capacity.readings(busiest),
            hours_left=self._capacity.hours_left(
                held=self.readings, held_bytes=used, busiest_hour=busiest
            ),
            bytes_used=used,
            refused=self._refused,
            rejected=dict(self._connection.execute(_SQL["rejected"])),
            rejected_pruned=row.rejected_pruned,
            unsettled=dict(self._connection.execute(_SQL["unsettled"])),
        )

    def _open_stream(self) -> str:
        with self._transaction():
            self._run("create_stream", secrets.token_hex(8), self._gateway)
        row = self._stream_row()
        if row.gateway != self._gateway:
            raise SettingsError(
                f"{self._path} is the outbox of {row.gateway}, not of {self._gateway}"
            )
        return row.id

    def _stream_row(self) -> _StreamRow:
        return _StreamRow(*self._connection.execute(_SQL["stream"]).fetchone())

    def _is_contradicted(self, acknowledgement: Acknowledgement) -> bool:
        """Whether the server knows other messages by our numbers, or forgot what it acknowledged.

        The former happens to a restored outbox, the latter to a restored database, which would
        wait for ever for numbers that are gone here.
        """
        row = self._stream_row()
        if acknowledgement.stream and not (
            row.acknowledged <= acknowledgement.upto < row.next_number
        ):
            return True
        return any(
            rejection.code == _REUSED and self._held_by_digest(rejection.sha256) is not None
            for rejection in acknowledgement.rejected
        )

    def _held_by_digest(self, sha256: str) -> tuple[int, bytes] | None:
        row: tuple[int, bytes] | None = self._connection.execute(
            _SQL["message_by_digest"], (sha256,)
        ).fetchone()
        return row

    def _restart_stream(self) -> None:
        """Take all messages apart and begin a new stream with what they carry, in their order."""
        stream, moved = secrets.token_hex(8), 0
        with self._transaction():
            for stored_ms, payload in self._connection.execute(_SQL["messages"]).fetchall():
                message = wire.decode_message(open_envelope(payload).payload)
                moved += sum(self._add_rows(block, stored_ms) for block in message.blocks)
            self._run("drop_all_messages")
            self._run("restart_stream", stream)
        self.stream = stream
        self._block_readings += moved
        self._message_readings = self._messages = 0

    def _add_rows(self, block: Block, stored_ms: int) -> int:
        """Put one block on disk in rows of a handy size; how many readings it has."""
        for piece in work.pieces(block, _ROW_READINGS):
            self._run("add_block", stored_ms, piece.count, work.encode_block(piece))
        return block.count

    def _store(
        self, arrivals: Sequence[Arrival], now_ms: int, remembered: int
    ) -> tuple[Stored, ...]:
        stored = tuple(self._store_one(arrival, now_ms, remembered) for arrival in arrivals)
        new = sum(one.new_readings for one in stored)
        if new:
            self._check_room(new, now_ms)
        return stored

    def _check_room(self, new: int, now_ms: int) -> None:
        """Count the new readings; `OutboxFullError` rolls the transaction back."""
        hour = now_ms // HOUR_MS
        self._run("count_hour", hour, new)
        self._run("drop_hours", hour - self._capacity.hours)
        limit = self._capacity.readings(self._one("busiest_hour")[0])
        if self.readings + new > limit:
            raise OutboxFullError(self.readings, limit)
        free = shutil.disk_usage(self._path.parent).free
        if self._bytes_used() > self._capacity.max_bytes or free < self._capacity.reserve_bytes:
            raise OutboxFullError(self.readings)

    def _bytes_used(self) -> int:
        pages, page_bytes = self._one("pages")
        return int(pages * page_bytes)

    def _store_one(self, arrival: Arrival, now_ms: int, remembered: int) -> Stored:
        block = arrival.block
        self._run("meet_logger", block.serial)
        logger, next_sequence, known = self._one("logger", block.serial)
        new = self._remember_new(logger, arrival)
        fresh = self._numbered(arrival, new, next_sequence)
        count = sum(self._add_rows(block, now_ms) for block in fresh)
        first = block.first_sequence if arrival.numbered else next_sequence
        last = first + (block.count if arrival.numbered else count) - 1
        self._run("advance_logger", max(next_sequence, last + 1), count, logger)
        if known + count > 2 * remembered:
            self._forget(logger, remembered)
        return Stored(
            serial=block.serial, first_sequence=first, upto_sequence=last, new_readings=count
        )

    def _remember_new(self, logger: int, arrival: Arrival) -> NDArray[np.bool_]:
        """Which readings were never taken before, shape (n,); they count as taken from now on."""
        instants = arrival.block.taken_ms.tolist()
        keys = list(zip(instants, work.fingerprints(arrival).tolist(), strict=True))
        known = set(
            self._connection.execute(_SQL["known_between"], (logger, min(instants), max(instants)))
        )
        new = np.zeros(len(keys), np.bool_)
        for i, key in enumerate(keys):
            new[i] = key not in known
            known.add(key)
        rows = [(logger, *keys[i]) for i in np.flatnonzero(new)]
        self._connection.executemany(_SQL["remember"], rows)
        return new

    def _numbered(
        self,
        arrival: Arrival,
        new: NDArray[np.bool_],
        next_sequence: int,
    ) -> tuple[Block, ...]:
        """The new readings under the logger's own sequence numbers, or under the gateway's."""
        if arrival.numbered:
            return tuple(work.numbered_runs(arrival.block, new))
        if not new.any():
            return ()
        return (work.chosen(arrival.block, np.flatnonzero(new), next_sequence),)

    def _forget(self, logger: int, remembered: int) -> None:
        """Bound the memory of redelivered readings; a forgotten one is sent twice, no more."""
        gone = self._run("forget", logger, remembered)
        self._run("count_forgotten", gone, logger)

    def _is_due(self, now_ms: int, packing: Packing) -> bool:
        if self._block_readings >= packing.enough:
            return True
        if self._block_readings == 0:
            return False
        return bool(self._one("oldest_block")[0] <= now_ms - packing.after_ms)

    def _pack_one(self, seal: Callable[[Message], bytes], now_ms: int, most: int) -> int:
        """One message from the oldest rows; how many readings it carries."""
        rows = self._oldest_rows(most, now_ms)
        number = self._stream_row().next_number
        rows, payload = self._sealed(rows, seal, number, now_ms)
        readings = sum(row.readings for row in rows)
        self._run("drop_blocks", rows[-1].id)
        self._run("add_message", number, rows[0].stored_ms, readings, sha256_hex(payload), payload)
        self._run("advance_stream", number + 1)
        return readings

    def _oldest_rows(self, most: int, now_ms: int) -> list[_Row]:
        """Rows for one message; a block that the server would refuse for its times is alone."""
        rows: list[_Row] = []
        readings = 0
        for row_id, stored_ms, count, body in self._connection.execute(_SQL["blocks"]):
            block = work.decode_block(body)
            alone = not work.believable(block, now_ms)
            if rows and (alone or readings + count > most):
                break
            rows.append(_Row(id=row_id, stored_ms=stored_ms, readings=count, block=block))
            readings += count
            if alone:
                break
        return rows

    def _sealed(
        self, rows: list[_Row], seal: Callable[[Message], bytes], number: int, now_ms: int
    ) -> tuple[list[_Row], bytes]:
        """As many of the rows as fit into one message, and that message's bytes."""
        while True:
            blocks = work.joined(row.block for row in rows)
            message = Message(
                gateway=self._gateway,
                stream=self.stream,
                number=number,
                sent_at_ms=now_ms,
                blocks=blocks,
            )
            payload = seal(message)
            fits = len(payload) <= wire.MAX_MESSAGE_BYTES
            if len(rows) == 1 or (fits and len(blocks) <= wire.MAX_BLOCKS):
                return rows, payload
            rows = rows[: len(rows) // 2]

    def _reject(self, rejection: Rejection, now_ms: int) -> None:
        """Keep the refused bytes; without a trusted number the message itself stays as well."""
        if rejection.number is None:
            held = self._held_by_digest(rejection.sha256)
            if held is not None:
                self._run("mark_refused", rejection.code, held[0])
            return
        row = self._connection.execute(_SQL["message_by_number"], (rejection.number,)).fetchone()
        if row is None:
            return
        number, payload = row
        self._run("add_rejected", now_ms, number, rejection.code, rejection.serial or "", payload)
        self._run("count_pruned", self._run("prune_rejected", self._keep_rejected))

    def _one(self, name: str, *values: object) -> tuple[int, ...]:
        row: tuple[int, ...] = self._connection.execute(_SQL[name], values).fetchone()
        return row

    def _run(self, name: str, *values: object) -> int:
        return self._connection.execute(_SQL[name], values).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or none; a full disk becomes `OutboxFullError`."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, OutboxFullError):
                self._refused += 1
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                self._refused += 1
                raise OutboxFullError(self.readings) from error
            raise


@dataclass(frozen=True, slots=True)
class _StreamRow:
    """The only row of ``stream``."""

    id: str
    gateway: str
    next_number: int
    acknowledged: int
    rejected_pruned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One row of ``block`` on its way into a message."""

    id: int
    stored_ms: int
    readings: int
    block: Block


def _lock(path: Path) -> int:
    """Hold the file for this process alone; the kernel lets go when the process dies."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise SettingsError(f"{path} is in use by another process") from error
    return descriptor


def _connect(path: Path, capacity: Capacity) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
    most = (capacity.max_bytes + _HEADROOM_BYTES) // page_bytes
    connection.execute(f"PRAGMA max_page_count = {most:d}")
    connection.executescript(load_script("schema.sql"))
    return connection
