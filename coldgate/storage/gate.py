"""What the gate looks at, and what it decided."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from psycopg.types.json import Jsonb

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new, fetch_one

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLine:
    """A line with what is registered of its lot; ``expires_on`` None where nothing is."""

    position: int
    product_id: str
    lot_number: str
    zone: str
    state: str
    registered: bool
    expires_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The part of an evaluation that decides; ``verdict`` is text as it was stored."""

    id: int
    version: int
    verdict: str
    provisional: bool
    with_excursions: bool
    profile_id: str
    profile_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Facts about a consignment beside its lines; ``unjudged`` counts rows of `touched`.

    ``profile_from`` and ``profile_until`` are the days on which goods may be frozen to its profile;
    None where they do not matter, or no longer since goods have left.
    """

    today: date  # UTC
    logged_zones: list[str]
    unjudged: int
    received: bool
    profile_from: date | None
    profile_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """A decision to record; ``checks`` is what the answer lists, as plain JSON values."""

    consignment: str
    purpose: str
    verdict: str
    permitted: bool
    evaluation_id: int | None
    checks: Sequence[dict[str, object]]
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """A recorded decision."""

    id: int
    consignment_id: str
    purpose: str
    verdict: str
    permitted: bool
    evaluation_id: int | None
    checks: list[dict[str, object]]
    actor: str
    decided_at: datetime


def lines(
    connection: Connection, consignment: str, *, product: str | None = None, lot: str | None = None
) -> list[GateLine]:
    """Lines of the consignment, or of one lot in it."""
    parameters = {"id": consignment, "product": product, "lot": lot}
    return fetch_all(connection, GateLine, _SQL["lines"], parameters)


def judgement(connection: Connection, consignment: str) -> Judgement | None:
    """The newest evaluation; None before the first."""
    return fetch_one(connection, Judgement, _SQL["judgement"], {"id": consignment})


def circumstances(connection: Connection, consignment: str) -> Circumstances:
    """Everything else that the gate's rules ask about."""
    return fetch_new(connection, Circumstances, _SQL["circumstances"], {"id": consignment})


def insert_decision(connection: Connection, new: NewDecision) -> DecisionRow:
    """Record a decision for ever."""
    parameters = {**asdict(new), "checks": Jsonb(list(new.checks))}
    return fetch_new(connection, DecisionRow, _SQL["insert_decision"], parameters)


def decisions(
    connection: Connection, consignment: str, *, after: int, limit: int
) -> list[DecisionRow]:
    """Decisions about a consignment, oldest first."""
    parameters = {"id": consignment, "after": after, "limit": limit}
    return fetch_all(connection, DecisionRow, _SQL["decisions"], parameters)
