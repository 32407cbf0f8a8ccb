"""Evaluations as the quality side reads them, and what the outside must hear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from psycopg.types.json import Jsonb

from coldgate.errors import NotFoundError
from coldgate.storage.judging import NewExcursion
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("quality")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRow:
    """An evaluation without its body."""

    id: int
    version: int
    verdict: str
    provisional: bool
    with_excursions: bool
    profile_id: str
    profile_version: int
    engine: str
    input_digest: str
    evaluated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcursionRow(NewExcursion):
    """One out-of-limit event that a rule found, and the evaluation that lists it."""

    evaluation_version: int


def announce(
    connection: Connection,
    *,
    kind: str,
    consignment: str | None = None,
    party: str | None = None,
    body: Mapping[str, object],
) -> None:
    """Tell the outside when, and only when, this transaction commits.

    It is for whoever takes part in ``consignment``, or for one ``party``; one of the two is given.
    """
    parameters = {
        "kind": kind,
        "consignment": consignment,
        "party": party,
        "body": Jsonb(dict(body)),
    }
    connection.execute(_SQL["announce"], parameters)


def announced(connection: Connection, consignment: str) -> list[str]:
    """Kinds of what is to be told outside about a consignment, oldest first."""
    rows = connection.execute(_SQL["announced"], {"consignment": consignment})
    return [kind for (kind,) in rows]


def evaluations(
    connection: Connection, consignment: str, *, after: int, limit: int
) -> list[EvaluationRow]:
    """Evaluations in order of their versions."""
    parameters = {"consignment": consignment, "after": after, "limit": limit}
    return fetch_all(connection, EvaluationRow, _SQL["evaluations"], parameters)


def evaluation_body(connection: Connection, consignment: str, version: int) -> bytes:
    """One evaluation, byte for byte as the judge wrote it (S33)."""
    parameters = {"consignment": consignment, "version": version}
    row = connection.execute(_SQL["evaluation_body"], parameters).fetchone()
    if row is None:
        raise NotFoundError("evaluation", str(version))
    return bytes(row[0])


def excursions(
    connection: Connection, consignment: str, *, version: int | None
) -> list[ExcursionRow]:
    """Excursions that one evaluation lists; ``version`` None takes the newest."""
    parameters = {"consignment": consignment, "version": version}
    return fetch_all(connection, ExcursionRow, _SQL["excursions"], parameters)
