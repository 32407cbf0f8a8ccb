"""The one place that knows whether TimescaleDB is there, and with which licence."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

import psycopg

from coldgate.storage.queries import load_queries

if TYPE_CHECKING:
    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)

_SQL: Final = load_queries("timescale")
_AHEAD: Final = timedelta(days=92)  # partitions that exist before the first row needs them


class Edition(Enum):
    """What the server offers for tables that grow with time."""

    PLAIN = "plain"  # native range partitions
    APACHE = "apache"  # hypertables
    COMMUNITY = "timescale"  # hypertables and compression


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Edition and version found in one database, and whether old chunks are compressed."""

    edition: Edition
    version: str | None
    compression: bool

    @property
    def variant(self) -> str:
        """Which variant of a migration applies here: ``plain`` or ``timescale``."""
        return "plain" if self.edition is Edition.PLAIN else "timescale"


def detect(connection: Connection) -> Features:
    """What is installed in this database, found by asking and never by configuration."""
    row = connection.execute(_SQL["detect"]).fetchone()
    version, licence, compression = row or (None, None, False)
    edition = Edition.PLAIN if version is None else Edition(licence or "apache")
    return Features(edition=edition, version=version, compression=compression)


def enable_extension(connection: Connection) -> None:
    """Create the extension where the server has loaded it; elsewhere nothing happens."""
    row = connection.execute(_SQL["loader_is_there"]).fetchone()
    if row and row[0]:
        connection.execute(_SQL["create_extension"])


def enable_compression(connection: Connection) -> None:
    """Compress old chunks where the licence allows it; a refusal leaves them uncompressed."""
    if detect(connection).edition is not Edition.COMMUNITY:
        return
    try:
        with connection.transaction():
            connection.execute(_SQL["compress_readings"])
            connection.execute(_SQL["compress_policy"])
    except psycopg.Error as error:
        logger.warning("compression not enabled", extra={"problem": str(error)})


def guard_chunks(connection: Connection, features: Features) -> None:
    """Refuse TRUNCATE of each chunk that is there; partitions are guarded when they are made."""
    if features.edition is not Edition.PLAIN:
        connection.execute(_SQL["guard_chunks"])


class TimeTables:
    """Keeps room for rows of any time in the tables that grow with it.

    Hypertables make their chunks themselves. Native partitions are made a quarter ahead, and for
    older stamps (a logger file of last year) when the first of them arrives.
    """

    def __init__(self, features: Features) -> None:
        self._native = features.edition is Edition.PLAIN
        self._months: set[tuple[str, int]] = set()

    def cover(self, connection: Connection, table: str, first: datetime, last: datetime) -> None:
        """Make sure that rows of ``table`` with stamps in [first, last] find a partition."""
        if not self._native:
            return
        wanted = {(table, month) for month in range(_month(first), _month(last) + 1)}
        if wanted <= self._months:
            return
        connection.execute(_SQL["make_partitions"], (table, first, last))
        self._months |= wanted

    def cover_ahead(self, connection: Connection, now: datetime) -> None:
        """Make the partitions of the coming quarter."""
        for table in ("message", "reading"):
            self.cover(connection, table, now - _AHEAD, now + _AHEAD)

    def forget(self) -> None:
        """Ask the database again; call it when a transaction that made partitions rolled back."""
        self._months.clear()


def _month(moment: datetime) -> int:
    utc = moment.astimezone(UTC)
    return utc.year * 12 + utc.month - 1
