"""The gate's answers over HTTP: how many a second, how long one takes, and how fast it shuts.

Consignments of thirty days with six loggers that recorded once a minute; some have all of their
readings in the database, which the gate does not look at.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import psycopg

from benchmarks.gate_callers import Load, call
from benchmarks.house import PARTY, house
from coldgate.launch.folder import free_port
from coldgate.launch.process import wait_until
from coldgate.secrets import new_secret
from coldgate.storage.bulk import ReadingRows
from coldgate.storage.connection import connect
from coldgate.storage.telemetry import write_readings
from coldgate.storage.timescale import TimeTables, detect

if TYPE_CHECKING:
    from benchmarks.gate_callers import Heard
    from benchmarks.house import House

CONSIGNMENTS: Final = 500
LOGGERS: Final = 6  # of each
WITH_READINGS: Final = 4
READINGS: Final = 30 * 1440  # of each logger
CALLERS: Final = 50
SECONDS: Final = 20.0
FEW_SECONDS: Final = 2.0  # a consignment takes a thousand permits of a party
PACE: Final = 300.0  # decisions a second
PACED_RUNS: Final = 5  # a neighbour on the machine spoils one, and not their median
PACED_SECONDS: Final = 6.0
TRIALS: Final = 200
APPENDS: Final = 2_000
LEDGER_ROUNDS: Final = 9
LEDGER_SECONDS: Final = 2.0
KEY: Final = "cg_" + "0" * 43
ARRIVED: Final = datetime.now(UTC).replace(second=0, microsecond=0)
LEFT: Final = ARRIVED - timedelta(days=30)

_GOODS: Final = (
    b"INSERT INTO product (id, party_id, name) VALUES ('vaccine', %(party)s, 'Vaccine')",
    b"INSERT INTO lot (product_id, number, expires_on) VALUES ('vaccine', 'LOT', '2199-12-31')",
    b"""
    INSERT INTO product_profile (product_id, profile_id, profile_version, stated_by)
    SELECT 'vaccine', id, max(version), 'bench' FROM profile WHERE id = 'USP_CCT_2_8' GROUP BY id
    """,
    b"""
    INSERT INTO carrier_qualification
        (party_id, carrier_id, profile_id, state, valid_from, valid_until, entered_by)
    VALUES ('operator', %(party)s, 'USP_CCT_2_8', 'approved', '2000-01-01', '2199-12-31', 'bench')
    """,
    b"""
    INSERT INTO admission (logger_id, kind, passed, checks, party_id, recorded_by)
    SELECT id, 'declared', true, '{}', 'operator', 'bench' FROM logger
    """,
    b"INSERT INTO channel (logger_id, sensor, quantity) SELECT id, 0, 1 FROM logger ORDER BY id",
)
_CONSIGNMENT: Final = (
    b"""
    INSERT INTO consignment (id, consignor_id, consignee_id, profile_id, profile_version)
    SELECT %(id)s, %(party)s, %(party)s, id, max(version) FROM profile
    WHERE id = 'USP_CCT_2_8' GROUP BY id
    """,
    b"""
    INSERT INTO consignment_line
        (consignment_id, position, product_id, lot_number, quantity, state)
    VALUES (%(id)s, 1, 'vaccine', 'LOT', 20, %(state)s)
    """,
    b"""
    INSERT INTO leg (consignment_id, position, carrier_id, origin, destination)
    VALUES (%(id)s, 1, %(party)s, 'here', 'there')
    """,
    b"""
    INSERT INTO placement (consignment_id, logger_id, placed_at, removed_at)
    SELECT %(id)s, id, %(left)s, %(arrived)s FROM logger
    WHERE serial = ANY (%(serials)s) ORDER BY id
    """,
    b"""
    INSERT INTO custody_event (consignment_id, kind, happened_at, party_id)
    SELECT %(id)s, 'received', %(arrived)s, %(party)s WHERE %(state)s = 'quarantined'
    """,
)
_JUDGE: Final = b"""
    INSERT INTO evaluation (consignment_id, version, verdict, provisional, with_excursions,
        profile_id, profile_version, engine, input_digest, body, reason_codes, zones)
    SELECT %(id)s, 1, %(verdict)s, false, false, profile_id, profile_version, 'bench', '-', '{}',
        %(codes)s, %(zones)s
    FROM consignment WHERE id = %(id)s RETURNING id
"""
_AUDIT: Final = b"""
    INSERT INTO evidence_audit (evaluation_id, messages, broken, unsigned) VALUES (%s, 4320, 0, 0)
"""
_ZONES: Final = (
    '{"main": {"verdict": "PASS", "reason_codes": [], "with_excursions": false, "lots": {}}}'
)


def run() -> dict[str, object]:
    """Decisions a second, waits in ms at full load and at a pace, and from judged to blocked."""
    with house() as built:
        serials = [f"LOG-{n:05}" for n in range(CONSIGNMENTS * LOGGERS)]
        built.register("gw-bench", serials)
        port = _start_api(built)
        named = tuple(f"gate-{n:04}" for n in range(CONSIGNMENTS))
        _furnish(built, named, serials)
        load = Load(port=port, key=KEY, consignments=named, callers=CALLERS, seconds=3.0)
        call(load)  # releases them, and has plans and caches made
        return {
            "closed_loop": _figures(call(_longer(load))),
            "closed_loop_one_consignment": _figures(
                call(_longer(load, consignments=named[:1], seconds=FEW_SECONDS))
            ),
            "paced_300": _paced(_longer(load, pace=PACE, seconds=PACED_SECONDS)),
            "alone": _figures(call(_longer(load, callers=1))),
            "ledger_append_ms": _append_ms(built),
            "ledger_share": _ledger_share(built, _longer(load, callers=1, seconds=LEDGER_SECONDS)),
            "judged_to_blocked": _blocked(built),
        }


def _longer(load: Load, **changes: object) -> Load:
    values = {
        "port": load.port,
        "key": load.key,
        "consignments": load.consignments,
        "callers": load.callers,
        "seconds": SECONDS,
    }
    return Load(**(values | changes))  # type: ignore[arg-type]  # fields of a dataclass


def _figures(heard: Heard) -> dict[str, object]:
    waits = np.array(heard.waits_ms)
    assert heard.permits == len(waits), "somebody was refused"
    return {
        "decisions": len(waits),
        "per_second": round(len(waits) / heard.seconds, 1),
        "median_ms": round(float(np.median(waits)), 1),
        "p99_ms": round(float(np.percentile(waits, 99)), 1),
        "worst_ms": round(float(waits.max()), 1),
    }


def _paced(load: Load) -> dict[str, object]:
    """Medians over several runs, and the 99th percentile of each."""
    runs = [np.array(call(load).waits_ms) for _ in range(PACED_RUNS)]
    tails = [round(float(np.percentile(waits, 99)), 1) for waits in runs]
    return {
        "runs": PACED_RUNS,
        "decisions_of_each": len(runs[0]),
        "median_ms": round(float(np.median([np.median(waits) for waits in runs])), 1),
        "p99_ms": float(np.median(tails)),
        "p99_ms_of_each": tails,
        "worst_ms": round(float(max(waits.max() for waits in runs)), 1),
    }


def _start_api(built: House) -> int:
    port = free_port()
    built.start(
        "api",
        COLDGATE_API_HOST="127.0.0.1",
        COLDGATE_API_PORT=str(port),
        COLDGATE_API_BROKER_HOST=built.broker.host,
        COLDGATE_API_BROKER_PORT=str(built.broker.port),
        COLDGATE_API_OPERATOR_KEY=KEY,
        COLDGATE_API_SIGNING_KEY=new_secret(),
    )
    statement = b"SELECT count(*) FROM profile WHERE id = 'USP_CCT_2_8'"
    assert wait_until(lambda: built.query(statement) == 1, seconds=30)
    return port


def _furnish(built: House, named: tuple[str, ...], serials: list[str]) -> None:
    with psycopg.connect(built.dsn) as connection:
        for statement in _GOODS:
            connection.execute(statement, {"party": PARTY})
        for number, name in enumerate(named):
            own = serials[number * LOGGERS : (number + 1) * LOGGERS]
            _consign(connection, name, own, "quarantined")
            _judge(connection, name, "PASS")
    _record(built, serials[: WITH_READINGS * LOGGERS])
    with psycopg.connect(built.dsn, autocommit=True) as connection:
        connection.execute(b"DELETE FROM touched")
        connection.execute(b"ANALYZE")


def _consign(connection: psycopg.Connection, name: str, serials: list[str], state: str) -> None:
    values = {
        "id": name,
        "party": PARTY,
        "state": state,
        "serials": serials,
        "left": LEFT,
        "arrived": ARRIVED,
    }
    for statement in _CONSIGNMENT:
        connection.execute(statement, values)


def _judge(connection: psycopg.Connection, name: str, verdict: str) -> None:
    """What the judge and the auditor leave behind."""
    values = {
        "id": name,
        "verdict": verdict,
        "codes": [] if verdict == "PASS" else ["RULE_VIOLATED"],
        "zones": _ZONES if verdict == "PASS" else None,
    }
    row = connection.execute(_JUDGE, values).fetchone()
    assert row is not None
    connection.execute(_AUDIT, row)
    connection.execute(b"DELETE FROM audit_due")


def _record(built: House, serials: list[str]) -> None:
    """A reading a minute of each logger."""
    with psycopg.connect(built.dsn) as owner:
        rows = owner.execute(
            b"SELECT channel.id FROM channel JOIN logger ON logger.id = logger_id"
            b" WHERE serial = ANY (%s)",
            (serials,),
        ).fetchall()
    minutes = np.arange(READINGS, dtype=np.int64)
    begin_ms = int(LEFT.timestamp() * 1000)
    with connect(built.dsn, "coldgate_ingest") as connection:
        TimeTables(detect(connection)).cover(connection, "reading", LEFT, ARRIVED)
        for (channel,) in rows:
            write_readings(
                connection,
                ReadingRows(
                    channel_id=np.full(READINGS, channel, np.int32),
                    taken_ms=begin_ms + minutes * 60_000,
                    value=np.full(READINGS, 5_000, np.int32),
                    flags=np.zeros(READINGS, np.int16),
                    sequence=minutes,
                    message_id=np.ones(READINGS, np.int64),
                ),
            )


def _append_ms(built: House) -> float:
    """One entry of a decision, in a transaction that goes on."""
    body = b'{"decision":123456,"permitted":true,"verdict":"PASS"}'
    with connect(built.dsn, "coldgate_api") as connection:
        began = time.perf_counter()
        for _ in range(APPENDS):
            connection.execute(
                b"SELECT append_ledger('operator/key-1', 'gate.decided', 'gate-0001', %s)", (body,)
            )
        spent = time.perf_counter() - began
        connection.rollback()
    return round(spent / APPENDS * 1000, 3)


def _ledger_share(built: House, load: Load) -> dict[str, object]:
    """A lone decision with its entries in the ledger and without them, in turns."""
    medians: dict[bytes, list[float]] = {b"ENABLE": [], b"DISABLE": []}
    with psycopg.connect(built.dsn, autocommit=True) as owner:
        for _ in range(LEDGER_ROUNDS):
            for switch, found in medians.items():
                _switch(owner, switch)
                found.append(float(np.median(call(load).waits_ms)))
        _switch(owner, b"ENABLE")
    entered, silent = (float(np.median(found)) for found in medians.values())
    return {
        "with_ms": round(entered, 2),
        "without_ms": round(silent, 2),
        "share": round(1 - silent / entered, 3),
    }


def _switch(owner: psycopg.Connection, switch: bytes) -> None:
    """Have both rows of a decision that is permitted enter the ledger, or none."""
    for table in (b"gate_decision ", b"permit "):
        owner.execute(b"ALTER TABLE " + table + switch + b" TRIGGER added_rows_enter_the_ledger")


def _blocked(built: House) -> dict[str, object]:
    """From the commit of a FAIL to the line in quarantine, one consignment after another."""
    names = [f"late-{n:04}" for n in range(TRIALS)]
    with psycopg.connect(built.dsn) as connection:
        for name in names:
            _consign(connection, name, [], "in_transit")
    waits = np.array([_until_blocked(built, name) for name in names])
    return {
        "trials": TRIALS,
        "median_ms": round(float(np.median(waits)), 1),
        "p99_ms": round(float(np.percentile(waits, 99)), 1),
        "worst_ms": round(float(waits.max()), 1),
    }


def _until_blocked(built: House, name: str) -> float:
    statement = b"SELECT state = 'quarantined' FROM consignment_line WHERE consignment_id = %s"
    with psycopg.connect(built.dsn, autocommit=True) as connection:
        with connection.transaction():
            _judge(connection, name, "FAIL")
            connection.execute(b"SELECT pg_notify('coldgate_evaluation', %s)", (name,))
        began = time.perf_counter()
        while connection.execute(statement, (name,)).fetchone() != (True,):
            assert time.perf_counter() - began < 30, "the lot was never blocked"
            time.sleep(0.002)
        return (time.perf_counter() - began) * 1000
