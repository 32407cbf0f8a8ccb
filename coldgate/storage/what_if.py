"""What the dry run of a profile asks of the past; it writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_one

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection
    from coldgate.storage.judging import Snapshot

_SQL: Final = load_queries("what_if")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A journey that ended, with the states of its lines.

    ``version`` is of its newest evaluation; None where that is provisional, or there is none.
    """

    consignment_id: str
    version: int | None
    states: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an evaluation said, by which profile, and the snapshot of the facts that it saw.

    ``overtaken`` says that the database may have more facts by now than it saw: a later
    evaluation, or some that wait for the judge. ``snapshot`` is None where none was kept.
    """

    verdict: str
    with_excursions: bool
    profile_id: str
    profile_version: int
    engine: str
    input_digest: str
    snapshot: Snapshot | None
    overtaken: bool


def finished(
    connection: Connection, *, since: datetime, until: datetime | None = None
) -> list[Finished]:
    """The journeys that ended at ``since`` or later, and before ``until``, in order of their end.

    They ended with the last receipt, or where nobody told one, with the last opening.
    """
    return fetch_all(connection, Finished, _SQL["finished"], {"since": since, "until": until})


def said(connection: Connection, consignment_id: str, version: int) -> Said:
    """What the evaluation with this version said.

    Raises:
        NotFoundError: there is none.
    """
    parameters = {"consignment": consignment_id, "version": version}
    found = fetch_one(connection, Said, _SQL["said"], parameters)
    if found is None:
        raise NotFoundError("evaluation", f"{version} of consignment {consignment_id}")
    return found


def identity(connection: Connection) -> str | None:
    """What tells this store from every other, and stays with its copies; None of an empty one."""
    row = connection.execute(_SQL["identity"]).fetchone()
    return str(row[0]) if row else None
