"""What the ledger costs: to append, to chain, to verify a million entries; and the evidence."""

from __future__ import annotations

import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from analytics.job.audit import Auditor
from api.ledger.checkpoints import Notary
from api.ledger.sequencing import recheck, sequence
from api.signing import Signer
from benchmarks.house import POSTGRES
from coldgate import crypto, wire
from coldgate.launch.ledger_audit import Sources, verify
from coldgate.launch.postgres import EmbeddedPostgres, PostgresSettings
from coldgate.model import Block, Message, Quantity, Series
from coldgate.secrets import new_secret
from coldgate.storage import evidence, visibility
from coldgate.storage.bulk import ReadingRows
from coldgate.storage.connection import connect
from coldgate.storage.migrate import migrate
from coldgate.storage.telemetry import MessageRow, copy_messages, write_readings
from coldgate.storage.timescale import TimeTables, detect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coldgate.storage.connection import Connection

ENTRIES = 1_000_000
ROWS = 50_000  # of a table that the ledger keeps
APPENDS = 2_000
DAYS = 30
LOGGERS = 6
READINGS_PER_MESSAGE = 30
_MINUTE_MS = 60_000
_ENTER = b"""
INSERT INTO ledger_entry (actor, kind, subject, body, digest)
SELECT 'maker/key-' || n %% 7, 'thing.done', 'consignment/con-' || n, body, sha256(body)
FROM (SELECT n, convert_to(format('{"decision":%%s,"verdict":"PASS","lots":["A-%%s"]}', n, n),
                           'UTF8') AS body
      FROM generate_series(1, %s) AS n) AS made
"""
_QUEUE = b"""
INSERT INTO ledger_due SELECT id FROM ledger_entry
WHERE NOT EXISTS (SELECT FROM ledger WHERE entry_id = ledger_entry.id)
ON CONFLICT DO NOTHING
"""
_KEPT_ROWS = b"""
INSERT INTO line_transition (line_id, from_state, to_state)
SELECT 1, 'planned', 'planned' FROM generate_series(1, %s)
"""


def run() -> dict[str, object]:
    """Figures of one ledger, in a database with fsync."""
    with _database() as dsn:
        figures = {"append": _append(dsn), "evidence": _evidence(dsn)}
        return figures | _million(dsn)


@contextmanager
def _database() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="coldgate-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        settings = PostgresSettings(folder=folder / "postgres", settings=POSTGRES)
        with EmbeddedPostgres(settings) as server:
            migrate(server.dsn)
            yield server.dsn


def _append(dsn: str) -> dict[str, object]:
    """What an append takes within a transaction, beside an empty statement; microseconds."""
    body = b'{"decision":123456,"verdict":"PASS","purpose":"receipt_release"}'
    query = b"SELECT append_ledger('maker/key-1', 'gate.decided', 'con-1', %s)"
    with connect(dsn, "coldgate_api", autocommit=True) as connection:
        append = _median_us(connection, query, body)
        nothing = _median_us(connection, b"SELECT length(%s)", body)
    return {"statement_us": round(append, 1), "of_which_round_trip_us": round(nothing, 1)}


def _median_us(connection: Connection, query: bytes, body: bytes) -> float:
    taken = []
    for _ in range(APPENDS // 10):
        with connection.transaction():  # each of ten: commits are not what is measured
            for _ in range(10):
                begun = time.perf_counter()
                connection.execute(query, (body,))
                taken.append(time.perf_counter() - begun)
    return float(np.median(taken)) * 1e6


def _million(dsn: str) -> dict[str, object]:
    """A million entries chained and verified, then as many rows compared with theirs."""
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute(_ENTER, (ENTRIES,))
        owner.execute(_QUEUE)
    chained, chain_seconds = _chain(dsn)
    file = Path(tempfile.mkdtemp()) / "checkpoints"
    signer = Signer(new_secret())
    notary = Notary(signer=signer, origin="benchmark/ledger", file=file)
    with connect(dsn, "coldgate_api", autocommit=True) as connection:
        with connection.transaction():
            visibility.limit_to(connection, None)
            signer.publish(connection)
        _chain(dsn)
        with connection.transaction():
            notary.checkpoint(connection, datetime.now(UTC))
        with connection.transaction():
            notary.publish(connection)
    sources = Sources(dsn=dsn, checkpoints=file, machine_key=signer.public_key)
    entries, seconds = _verify(sources)
    with psycopg.connect(dsn, autocommit=True) as owner:
        _a_line(owner)
        owner.execute(_KEPT_ROWS, (ROWS,))
    _chain(dsn)
    more, longer = _verify(sources)
    return {
        "entries": entries,
        "chained_per_second": round(chained / chain_seconds),
        "verify_seconds": round(seconds, 1),
        "verified_per_second": round(entries / seconds),
        "rows_compared": ROWS,
        "verify_with_rows_seconds": round(longer, 1),
        "verified_with_rows_per_second": round(more / longer),
    }


def _chain(dsn: str) -> tuple[int, float]:
    begun, total = time.perf_counter(), 0
    with connect(dsn, "coldgate_api", autocommit=True) as connection:
        while True:
            with connection.transaction():
                chained = sequence(connection)
            if not chained:
                return total, time.perf_counter() - begun
            with connection.transaction():
                recheck(connection)
            total += chained


def _verify(sources: Sources) -> tuple[int, float]:
    begun = time.perf_counter()
    report = verify(sources, lambda _done, _total: None)
    assert not report.findings, report.findings[:3]
    return report.entries, time.perf_counter() - begun


def _a_line(owner: Connection) -> None:
    owner.execute(
        "INSERT INTO consignment_line (consignment_id, position, product_id, lot_number, quantity)"
        " VALUES ('con-1', 1, 'x', 'x', 1)"
    )


def _evidence(dsn: str) -> dict[str, object]:
    """The audit of a month of six loggers, and of one more message behind it."""
    key = Ed25519PrivateKey.generate()
    messages = _fleet(dsn, key)
    auditor = Auditor(dsn, threading.Event())
    with connect(dsn, "coldgate_analytics", autocommit=True) as connection:
        first = _audit(dsn, auditor, connection, 1)
        again = []
        for version in range(2, 12):
            _send(dsn, key, messages + version, logger=0, begin=DAYS * 1440 + version, count=1)
            again.append(_audit(dsn, auditor, connection, version))
    return {
        "messages": messages,
        "readings": DAYS * 1440 * LOGGERS,
        "first_audit_seconds": round(first, 2),
        "one_more_message_ms": round(float(np.median(again)) * 1000, 1),
    }


def _fleet(dsn: str, key: Ed25519PrivateKey) -> int:
    """Register six loggers in one consignment and store a month of each; messages stored."""
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO party (id, name, kind) VALUES ('truck', 'Truck', 'carrier');"
            "INSERT INTO profile (id, version, digest, body) VALUES ('P', 1, '', '{}');"
            "INSERT INTO consignment (id, consignor_id, consignee_id)"
            " VALUES ('con-1', 'truck', 'truck')"
        )
        owner.execute(
            "INSERT INTO gateway (name, party_id, partition, public_key, secret_hash)"
            " VALUES ('gw-1', 'truck', 'p00', %s, '-')",
            (crypto.public_key_text(key),),
        )
        owner.execute("INSERT INTO stream (gateway_id, name) VALUES (1, 'stream-1')")
        for logger in range(LOGGERS):
            owner.execute(
                "INSERT INTO logger (serial, party_id) VALUES (%s, 'truck')", (f"L-{logger}",)
            )
            owner.execute(
                "INSERT INTO channel (logger_id, sensor, quantity) VALUES (%s, 0, 1)",
                (logger + 1,),
            )
            owner.execute(
                "INSERT INTO placement (consignment_id, logger_id, placed_at)"
                " VALUES ('con-1', %s, %s)",
                (logger + 1, _BEGIN),
            )
    number = 0
    for logger in range(LOGGERS):
        for begin in range(0, DAYS * 1440, READINGS_PER_MESSAGE):
            number += 1
            _send(dsn, key, number, logger=logger, begin=begin, count=READINGS_PER_MESSAGE)
    return number


_BEGIN = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=DAYS + 1)
_BEGIN_MS = int(_BEGIN.timestamp() * 1000)
_open: dict[str, tuple[Connection, TimeTables]] = {}


def _send(
    dsn: str, key: Ed25519PrivateKey, number: int, *, logger: int, begin: int, count: int
) -> None:
    """Store one message with its readings, as ingest does."""
    if dsn not in _open:
        connection = connect(dsn, "coldgate_ingest", autocommit=True)
        _open[dsn] = connection, TimeTables(detect(connection))
    connection, tables = _open[dsn]
    values = (51 + np.arange(count) % 7).astype(np.int16)
    taken = _BEGIN_MS + (begin + np.arange(count, dtype=np.int64)) * _MINUTE_MS
    series = Series(quantity=Quantity.TEMPERATURE, sensor=0, exponent=-1, values=values)
    block = Block(
        serial=f"L-{logger}",
        first_sequence=begin,
        base_ms=int(taken[0]),
        offsets_ms=(taken - taken[0]).astype(np.uint32),
        series=(series,),
    )
    message = Message(
        gateway="gw-1", stream="stream-1", number=number, sent_at_ms=_BEGIN_MS, blocks=(block,)
    )
    payload = crypto.sign(wire.encode_message(message), key=key, key_id="gw-1")
    with connection.transaction():
        (id_,) = connection.execute("SELECT nextval('message_id_seq')").fetchone() or (0,)
        now = datetime.now(UTC)
        tables.cover(connection, "message", now, now)
        tables.cover(connection, "reading", _BEGIN, now)
        row = MessageRow(
            id=id_, stream_id=1, number=number, received_at=now, signed=True, payload=payload
        )
        copy_messages(connection, [row])
        ones = np.ones(count, np.int64)
        rows = ReadingRows(
            channel_id=(ones * (logger + 1)).astype(np.int32),
            taken_ms=taken,
            value=values.astype(np.int32) * 100,
            flags=np.zeros(count, np.int16),
            sequence=begin + np.arange(count, dtype=np.int64),
            message_id=ones * id_,
        )
        write_readings(connection, rows)


def _audit(dsn: str, auditor: Auditor, connection: Connection, version: int) -> float:
    """Seconds from an evaluation to its audit."""
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE audited_block, audited_message, reading, message")
        owner.execute(
            "INSERT INTO evaluation (consignment_id, version, verdict, provisional,"
            " with_excursions, profile_id, profile_version, engine, input_digest, body)"
            " VALUES ('con-1', %s, 'PASS', false, false, 'P', 1, '1', '-', '{}')",
            (version,),
        )
        owner.execute(
            "SELECT append_ledger('analytics', 'evaluation', %s, '{}')",
            (f"consignment/con-1/evaluation/{version}",),
        )
    begun = time.perf_counter()
    auditor.audit(connection, evidence.due(connection))
    taken = time.perf_counter() - begun
    found = evidence.fetch_audit(connection, "con-1")
    assert found is not None, version
    assert not found.broken, found.problems
    return taken
