"""Numbered plain-SQL migrations: applied in order, once, under a lock, never edited afterwards."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Final

import psycopg

from coldgate.errors import MigrationError
from coldgate.storage import schema
from coldgate.storage.connection import connect
from coldgate.storage.queries import load_queries
from coldgate.storage.timescale import (
    Features,
    TimeTables,
    detect,
    enable_compression,
    enable_extension,
    guard_chunks,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)

_SQL: Final = load_queries("migrate")
_FILE: Final = re.compile(r"(\d{4})_([a-z_]+)(?:\.(plain|timescale))?\.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file; ``variant`` is None where all servers take the same SQL."""

    number: int
    name: str
    variant: str | None
    sql: bytes

    @property
    def sha256(self) -> str:
        """Digest of the file, kept in the database to find edited history."""
        return hashlib.sha256(self.sql).hexdigest()


def migrate(dsn: str) -> Features:
    """Bring the database to this version's schema and report what the server offers.

    Safe to run from several processes at once and again after a crash: each migration is one
    transaction. What is in force afterwards is entered in the ledger. Raises `MigrationError` for a
    database of a newer version, with edited history, or that somebody changed since.
    """
    with connect(dsn, autocommit=True) as connection:
        connection.execute(_SQL["lock"])
        try:
            _refuse_changed(connection)
            enable_extension(connection)
            features = detect(connection)
            _apply_recorded(connection, available_migrations(features.variant))
            with connection.transaction():
                TimeTables(features).cover_ahead(connection, datetime.now(UTC))
                guard_chunks(connection, features)
            enable_compression(connection)
            schema.record(connection)
            return detect(connection)
        finally:
            connection.execute(_SQL["unlock"])


def _refuse_changed(connection: Connection) -> None:
    """What somebody changed by hand is not taken over into the next record.

    Another server may write the same thing otherwise, and another version of ours as well. Of what
    was applied by a step that did not come to its end there is no record yet.
    """
    then = schema.recorded(connection)
    if then is None or then.migrations != schema.migrations(connection):
        return
    now = schema.describe(connection)
    if (then.form, then.server) == (now.form, now.server):
        schema.refuse(list(schema.differences(then, now)))


def available_migrations(variant: str) -> tuple[Migration, ...]:
    """The packaged migrations for this kind of server, in order of their numbers."""
    folder = resources.files(__package__).joinpath("migrations")
    found = []
    for entry in folder.iterdir():
        match = _FILE.fullmatch(entry.name)
        if match and match[3] in (None, variant):
            sql = entry.read_bytes()
            found.append(Migration(number=int(match[1]), name=match[2], variant=match[3], sql=sql))
    return tuple(sorted(found, key=lambda migration: migration.number))


def require_current(connection: Connection) -> None:
    """Return if the schema is this version's; `MigrationError` says what to run instead."""
    lacking = _pending(connection, available_migrations(detect(connection).variant))
    if lacking:
        raise MigrationError(
            f"the database lacks migration {lacking[0].number:04}_{lacking[0].name}: start this "
            "version on it first, or ask with the version that it belongs to"
        )


def _apply_recorded(connection: Connection, migrations: Sequence[Migration]) -> None:
    """Apply what is new; what was applied before one failed is on record all the same."""
    try:
        _apply(connection, migrations)
    except psycopg.Error:
        if not connection.closed:
            schema.record(connection)
        raise


def _apply(connection: Connection, migrations: Sequence[Migration]) -> None:
    connection.execute(_SQL["create_table"])
    for migration in _pending(connection, migrations):
        _apply_one(connection, migration)


def _pending(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Those that the database lacks; all others must be the ones that it has."""
    applied: dict[int, str] = dict(connection.execute(_SQL["applied"]).fetchall())
    unknown = sorted(set(applied) - {migration.number for migration in migrations})
    if unknown:
        raise MigrationError(
            f"the database has migration {unknown[-1]:04}, which this version does not know; "
            "run the version that made it, or a newer one"
        )
    for migration in migrations:
        if applied.get(migration.number, migration.sha256) != migration.sha256:
            raise MigrationError(
                f"migration {migration.number:04}_{migration.name} in the database differs from "
                "the one in this version; migrations are never edited: run the version that made it"
            )
    return [migration for migration in migrations if migration.number not in applied]


def _apply_one(connection: Connection, migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.sql)
        connection.execute(_SQL["record"], (migration.number, migration.name, migration.sha256))
    logger.info("migration applied", extra={"migration": f"{migration.number:04}_{migration.name}"})
