"""From PUBLISH of a breaching reading to the lot blocked in the database, among a live fleet."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import psycopg

from benchmarks.house import PARTY, House, house
from benchmarks.publisher import Publisher
from coldgate import crypto, wire
from coldgate.launch.folder import free_port
from coldgate.launch.process import wait_until
from coldgate.model import Block, Message, Quantity, Series

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TRIALS = 200
OTHERS = 1_000
OTHERS_IN_A_CONSIGNMENT = 10
OTHERS_INTERVAL_SECONDS = 60.0
HISTORY = 60  # clean readings, one a minute, that each trial's consignment already has
MINUTE_MS = 60_000
_UNFINISHED = b"SELECT (SELECT count(*) FROM touched) + (SELECT count(*) FROM reaction_due)"


def run() -> dict[str, object]:
    """Median and 99th percentile over the trials, in ms; the goal is below 1,000."""
    with house() as built:
        fleet = _Sender(built, "gw-fleet", [f"FLEET-{n:04}" for n in range(OTHERS)])
        trials = _Sender(built, "gw-trial", [f"TRIAL-{n:04}" for n in range(TRIALS)])
        _start_processes(built)
        _consignments(built, "fleet", fleet.serials, OTHERS_IN_A_CONSIGNMENT)
        _consignments(built, "trial", trials.serials, 1)
        for sender in (fleet, trials):
            sender.send_history()
        assert wait_until(lambda: built.query(_UNFINISHED) == 0, seconds=120)
        with _running(fleet):
            waits_ms = [_trial(built, trials, number) for number in range(TRIALS)]
        return {
            "trials": TRIALS,
            "other_loggers": OTHERS,
            "other_messages_per_second": round(OTHERS / OTHERS_INTERVAL_SECONDS, 1),
            "median_ms": round(float(np.median(waits_ms)), 1),
            "p99_ms": round(float(np.percentile(waits_ms, 99)), 1),
            "worst_ms": round(max(waits_ms), 1),
        }


class _Sender:
    """One gateway and its loggers, each of which sends a message of its own a time."""

    def __init__(self, built: House, gateway: str, serials: list[str]) -> None:
        self.serials = serials
        self._gateway = gateway
        self._key: Ed25519PrivateKey = built.register(gateway, serials)
        self._built = built
        self._publisher: Publisher | None = None
        self._number = 0
        self._begin_ms = _now_ms() - HISTORY * MINUTE_MS

    def send_history(self) -> None:
        """An hour of clean readings of every logger."""
        broker = self._built.broker
        self._publisher = Publisher(broker.host, broker.port, self._gateway)
        values = np.full(HISTORY, 51, np.int16)
        self._publisher.publish_all(
            self._message(serial, 1, self._begin_ms, values) for serial in self.serials
        )

    def send(self, logger: int, tenths_celsius: int) -> None:
        """One reading of now."""
        assert self._publisher is not None
        values = np.array([tenths_celsius], np.int16)
        sequence = self._number + HISTORY
        message = self._message(self.serials[logger], sequence, _now_ms(), values)
        self._publisher.publish_all([message])

    def _message(self, serial: str, sequence: int, base_ms: int, values: np.ndarray) -> bytes:
        self._number += 1
        offsets = np.arange(len(values), dtype=np.uint32) * MINUTE_MS
        series = Series(quantity=Quantity.TEMPERATURE, sensor=0, exponent=-1, values=values)
        block = Block(
            serial=serial,
            first_sequence=sequence,
            base_ms=base_ms,
            offsets_ms=offsets,
            series=(series,),
        )
        message = Message(
            gateway=self._gateway,
            stream="bench",
            number=self._number,
            sent_at_ms=_now_ms(),
            blocks=(block,),
        )
        return crypto.sign(wire.encode_message(message), key=self._key, key_id=self._gateway)


@dataclass
class _running:  # noqa: N801 - reads as a verb where it is used
    """The fleet sends, evenly spread over its interval, while this is open."""

    fleet: _Sender

    def __enter__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        logger = 0
        while not self._ended.wait(OTHERS_INTERVAL_SECONDS / OTHERS):
            self.fleet.send(logger % OTHERS, 51)
            logger += 1


def _trial(built: House, trials: _Sender, number: int) -> float:
    """Milliseconds from PUBLISH of 16.0 °C until the line is quarantined."""
    statement = b"SELECT state = 'quarantined' FROM consignment_line WHERE consignment_id = %s"
    with psycopg.connect(built.dsn, autocommit=True) as connection:
        started = time.perf_counter()
        trials.send(number, 160)
        while True:
            row = connection.execute(statement, (f"trial-{number:04}",)).fetchone()
            if row == (True,):
                return (time.perf_counter() - started) * 1000
            assert time.perf_counter() - started < 30, "the lot was never blocked"
            time.sleep(0.002)


def _start_processes(built: House) -> None:
    built.start_ingest()
    built.start("analytics")
    port = free_port()
    built.start(
        "api",
        COLDGATE_API_HOST="127.0.0.1",
        COLDGATE_API_PORT=str(port),
        COLDGATE_API_BROKER_HOST=built.broker.host,
        COLDGATE_API_BROKER_PORT=str(built.broker.port),
        COLDGATE_API_OPERATOR_KEY="cg_" + "0" * 43,
        COLDGATE_API_SIGNING_KEY="A" * 43,
    )
    statement = b"SELECT count(*) FROM profile WHERE id = 'USP_CCT_2_8'"
    assert wait_until(lambda: built.query(statement) == 1, seconds=30)


def _consignments(built: House, prefix: str, serials: list[str], each: int) -> None:
    """Consignments under way, ``each`` loggers in one."""
    with psycopg.connect(built.dsn) as connection:
        cursor = connection.cursor()
        names = [f"{prefix}-{number:04}" for number in range(len(serials) // each)]
        cursor.executemany(
            "INSERT INTO consignment (id, consignor_id, consignee_id, profile_id, profile_version)"
            " SELECT %s, %s, %s, id, max(version) FROM profile"
            " WHERE id = 'USP_CCT_2_8' GROUP BY id",
            [(name, PARTY, PARTY) for name in names],
        )
        cursor.executemany(
            "INSERT INTO consignment_line (consignment_id, position, product_id, lot_number,"
            " quantity, state) VALUES (%s, 1, 'product', 'LOT', 1, 'in_transit')",
            [(name,) for name in names],
        )
        cursor.executemany(
            "INSERT INTO placement (consignment_id, logger_id, placed_at)"
            " SELECT %s, id, now() - interval '1 hour' FROM logger WHERE serial = %s",
            [(names[n // each], serial) for n, serial in enumerate(serials)],
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
