"""Connections to PostgreSQL, one role to a process."""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import Final, Literal, TypeAlias
from weakref import WeakKeyDictionary

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from coldgate.storage.packaged import newest_migration

Role: TypeAlias = Literal["coldgate_ingest", "coldgate_analytics", "coldgate_api"]
Connection: TypeAlias = psycopg.Connection[TupleRow]

_CONNECT_SECONDS: Final = 5
_PROBE_SECONDS: Final = 1.0
_SEES_ALL: Final = " -c coldgate.party=*"


def conninfo(dsn: str, role: Role | None = None, *, more: str = "") -> str:
    """``dsn`` with what every process wants of a session: UTC, its role, a name; and ``more``.

    Statements are short and many: to compile one takes longer than to answer it. The session says
    which schema its process knows: a database whose rules are newer lets it move nothing. Names are
    looked for where migrations put them, whatever search path others set.
    """
    schema = f" -c coldgate.schema={newest_migration()} -c search_path=public"
    options = "-c timezone=UTC -c jit=off" + schema + (f" -c role={role}" if role else "") + more
    return make_conninfo(
        dsn,
        options=options,
        application_name=role or "coldgate",
        connect_timeout=_CONNECT_SECONDS,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
    )


def connect(
    dsn: str,
    role: Role | None = None,
    *,
    autocommit: bool = False,
    lock_wait: timedelta | None = None,
) -> Connection:
    """One connection; ``role`` None keeps the rights of the login, as migrations need.

    A statement that waits longer than ``lock_wait`` for a lock fails (`LockNotAvailable`), so that
    who waits for one row keeps nothing from the others; None waits as long as it takes.
    """
    return psycopg.connect(conninfo(dsn, role, more=_patience(lock_wait)), autocommit=autocommit)


def connect_reader(dsn: str, role: Role) -> Connection:
    """One connection whose transactions change nothing and keep to the snapshot they begin with."""
    connection = connect(dsn, role, autocommit=True)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


class _Probe:
    """Asks a connection whether it lives, at most once in a while: each time costs a round trip.

    One that dies in between is an `OperationalError` for whoever has it, as it would be if it died
    a moment after it was asked.
    """

    def __init__(self) -> None:
        self._asked_at: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()

    def __call__(self, connection: Connection) -> None:
        """Return if the connection lives."""
        now = time.monotonic()
        if now - self._asked_at.get(connection, -math.inf) > _PROBE_SECONDS:
            ConnectionPool.check_connection(connection)
            self._asked_at[connection] = now


def open_pool(
    dsn: str,
    role: Role,
    *,
    size: int,
    lock_wait: timedelta | None = None,
    statement_limit: timedelta | None = None,
) -> ConnectionPool[Connection]:
    """A pool that opens its connections in the background; close it when done.

    Its statements wait for a lock as those of `connect` do. One that takes longer than
    ``statement_limit``, its waiting included, is ended (`QueryCanceled`), so that nobody makes the
    database work for as long as it likes; None lets each take its time.
    """
    more = _patience(lock_wait) + _limit("statement_timeout", statement_limit)
    target = conninfo(dsn, role, more=more)
    return _pool(target, size=size, autocommit=False)


def open_door(dsn: str, *, size: int) -> ConnectionPool[Connection]:
    """A pool to find out who asks: its connections see every row, and each statement stands alone.

    Nobody is known yet whose rows could be shown, and a request should not wait for more than one
    round trip until somebody is.
    """
    return _pool(conninfo(dsn, "coldgate_api", more=_SEES_ALL), size=size, autocommit=True)


def _patience(lock_wait: timedelta | None) -> str:
    return _limit("lock_timeout", lock_wait)


def _limit(setting: str, limit: timedelta | None) -> str:
    if limit is None:
        return ""
    return f" -c {setting}={limit // timedelta(milliseconds=1)}"


def _pool(target: str, *, size: int, autocommit: bool) -> ConnectionPool[Connection]:
    return ConnectionPool(
        target,
        kwargs={"autocommit": autocommit},
        min_size=1,
        max_size=size,
        open=True,
        check=_Probe(),
        timeout=_CONNECT_SECONDS,
    )
