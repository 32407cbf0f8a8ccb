"""The ends of logs: which reading of a logger was its last, and whether all before are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from coldgate.storage.queries import columns, load_queries
from coldgate.storage.rows import fetch_all, fetch_new

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("seals")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealRow:
    """Who declared which number as the last of a logger's log."""

    id: int
    serial: str
    party_id: str
    last_sequence: int
    declared_by: str
    declared_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What is known of a log within a stay.

    ``missing`` numbers are not stored between the stay's first reading and the declared last one,
    or the highest stored one while the log is not ``sealed``: its last number declared and stored.
    """

    missing: int
    sealed: bool


LoggerStay: TypeAlias = "tuple[int, datetime, datetime]"  # logger id, first and last stamp


def insert(
    connection: Connection, consignment: str, *, logger: int, last_sequence: int, party: str
) -> SealRow:
    """Declare the last number of a logger's log; declarations are never changed."""
    parameters = {
        "consignment": consignment,
        "logger": logger,
        "last_sequence": last_sequence,
        "party": party,
    }
    return fetch_new(connection, SealRow, _SQL["insert"], parameters)


def seals(connection: Connection, consignment: str) -> list[SealRow]:
    """Every declaration about the loggers of a consignment, oldest first."""
    return fetch_all(connection, SealRow, _SQL["seals"], {"consignment": consignment})


def fetch_logs(
    connection: Connection, consignment: str, stays: Sequence[LoggerStay]
) -> list[LogState]:
    """What is known of the log of each stay; one without a reading misses nothing."""
    loggers, first, last = columns(stays, 3)
    parameters = {"consignment": consignment, "loggers": loggers, "first": first, "last": last}
    rows = connection.execute(_SQL["logs"], parameters)
    return [LogState(missing=missing or 0, sealed=sealed) for missing, sealed in rows]
