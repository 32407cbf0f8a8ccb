"""Whose turn it is, what is due, and what somebody was reminded of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("schedule")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """Something that is to be done by a day; ``kind`` and ``id`` name it."""

    kind: str
    id: int
    party_id: str
    owner_user_id: int | None
    due_on: date
    title: str


def try_lead(connection: Connection) -> bool:
    """Whether this connection is the one that keeps the schedule, from now until it is lost."""
    row = connection.execute(_SQL["lead"]).fetchone()
    return bool(row and row[0])


def take_turn(connection: Connection, job: str, *, every: timedelta) -> datetime | None:
    """This moment if the job has not run for ``every``, and note that it runs; else None.

    The note commits with the work: work that fails is due again.
    """
    row = connection.execute(_SQL["take_turn"], {"job": job, "every": every}).fetchone()
    return row[0] if row else None


def tasks(connection: Connection, *, until: date) -> list[TaskRow]:
    """Open tasks of every party that are due by then."""
    return fetch_all(connection, TaskRow, _SQL["tasks"], {"until": until})


def remember(connection: Connection, key: str, *, party: str) -> bool:
    """Note a reminder; False if it was sent before."""
    row = connection.execute(_SQL["remember"], {"key": key, "party": party}).fetchone()
    return row is not None
