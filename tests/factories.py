"""Values and database rows that many tests need; every field can be overridden by keyword."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import sql

from coldgate import crypto, wire
from coldgate.launch.process import wait_until
from coldgate.model import Block, Message, Quantity, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTE_MS = 60_000


def now_ms() -> int:
    """This moment in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def make_series(values: Sequence[int] = (51, 52, 53), **fields: Any) -> Series:
    defaults: dict[str, Any] = {"quantity": Quantity.TEMPERATURE, "sensor": 0, "exponent": -1}
    return Series(values=np.array(values, np.int16), **(defaults | fields))


def make_block(values: Sequence[int] = (51, 52, 53), **fields: Any) -> Block:
    """One reading a minute of one logger, the last a minute ago."""
    count = len(values)
    defaults: dict[str, Any] = {
        "serial": "L-1",
        "first_sequence": 1,
        "base_ms": now_ms() // MINUTE_MS * MINUTE_MS - count * MINUTE_MS,
        "offsets_ms": np.arange(count, dtype=np.uint32) * MINUTE_MS,
        "series": (make_series(values),),
    }
    return Block(**(defaults | fields))


def make_message(**fields: Any) -> Message:
    defaults: dict[str, Any] = {
        "gateway": "gw-0001",
        "stream": "stream-1",
        "number": 1,
        "sent_at_ms": now_ms(),
        "blocks": (make_block(),),
    }
    return Message(**(defaults | fields))


@dataclass(frozen=True)
class Gateway:
    """A registered gateway with its key, able to sign what it says."""

    name: str
    key: Ed25519PrivateKey
    partition: str = "p00"

    @property
    def topic(self) -> str:
        return str(wire.Topic(self.partition, self.name, wire.UP_READINGS))

    def signed(self, **fields: Any) -> bytes:
        """A signed native message of this gateway."""
        message = make_message(**({"gateway": self.name} | fields))
        return crypto.sign(wire.encode_message(message), key=self.key, key_id=self.name)


def register_party(dsn: str, party: str = "carrier-1", kind: str = "carrier") -> str:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO party (id, name, kind) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (party, party, kind),
        )
    return party


def register_gateway(
    dsn: str, name: str = "gw-0001", *, party: str = "carrier-1", secret_hash: str = "-"
) -> Gateway:
    register_party(dsn, party)
    gateway = Gateway(name, Ed25519PrivateKey.generate())
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO gateway (name, party_id, partition, public_key, secret_hash)"
            " VALUES (%s, %s, %s, %s, %s)",
            (name, party, gateway.partition, crypto.public_key_text(gateway.key), secret_hash),
        )
    return gateway


def register_logger(dsn: str, serial: str = "L-1", *, party: str = "carrier-1") -> int:
    register_party(dsn, party)
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(
            "INSERT INTO logger (serial, party_id, interval_ms) VALUES (%s, %s, 60000)"
            " RETURNING id",
            (serial, party),
        ).fetchone()
    assert row is not None
    return int(row[0])


def certify(dsn: str, logger: int, **fields: Any) -> int:
    """A certificate of the operator's, in force at any time; its id."""
    register_party(dsn, "operator", "operator")
    values = {
        "logger_id": logger,
        "sensor": None,
        "quantity": Quantity.TEMPERATURE.value,
        "number": "CAL-1",
        "valid_from": "2000-01-01T00:00Z",
        "valid_to": "2100-01-01T00:00Z",
        "expanded_milli": 200,
        "resolution_milli": 0,
        "drift_milli": 0,
        "corrections": "[]",
        "supersedes": None,
        "entered_by": "operator",
    } | fields
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    marks = sql.SQL(", ").join(map(sql.Placeholder, values))
    query = sql.SQL("INSERT INTO certificate ({}) VALUES ({}) RETURNING id").format(names, marks)
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query, values).fetchone()
    assert row is not None
    return int(row[0])


def fetch(dsn: str, query: str, *parameters: object) -> list[Any]:
    """All rows of a query; rows of one column as plain values."""
    with psycopg.connect(dsn, options="-c timezone=UTC") as connection:
        rows = connection.execute(query, parameters or None).fetchall()  # type: ignore[arg-type]  # tests write their queries here
    return [row[0] if len(row) == 1 else row for row in rows]


def comes_to_nothing(dsn: str, query: str, *, seconds: float = 10) -> bool:
    """Whether the query finds no row any more in time; asked over one connection."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return wait_until(
            lambda: connection.execute(query).fetchone() is None,  # type: ignore[arg-type]  # as above
            seconds=seconds,
        )
