"""What reacting to an evaluation reads: work that is due, what it found, what releases stood on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_one

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("reactions")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRow:
    """An evaluation; ``zones`` is None where it was stored before zones were told apart."""

    id: int
    version: int
    verdict: str
    provisional: bool
    with_excursions: bool
    reason_codes: list[str]
    zones: dict[str, dict[str, object]] | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An excursion that asks for something; ``symbol`` is that of the quantity, '' if unknown."""

    id: int
    channel: str
    action: str
    rule_id: str
    began_at: datetime
    ended_at: datetime
    peak_milli: int
    symbol: str
    side: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedLine:
    """A released line; ``evaluation_id`` None where no decision tells what it stood on."""

    position: int
    product_id: str
    lot_number: str
    zone: str
    evaluation_id: int | None


def listen(connection: Connection) -> None:
    """Hear of new evaluations on this connection from now on."""
    connection.execute(_SQL["listen"])


def due(connection: Connection) -> list[str]:
    """Consignments with evaluations that nobody has acted on."""
    return [row[0] for row in connection.execute(_SQL["due"]).fetchall()]


def claim(connection: Connection, consignment: str) -> frozenset[int]:
    """Evaluations that this transaction acts on; whoever commits first has them."""
    rows = connection.execute(_SQL["claim"], {"consignment": consignment}).fetchall()
    return frozenset(row[0] for row in rows)


def judged(connection: Connection, evaluation: int) -> JudgedRow:
    """One evaluation with all that it says."""
    row = fetch_one(connection, JudgedRow, _SQL["judged"], {"evaluation": evaluation})
    if row is None:
        raise NotFoundError("evaluation", str(evaluation))
    return row


def events(connection: Connection, evaluation: int) -> list[EventRow]:
    """The excursions of an evaluation that ask for something, in order of their beginnings."""
    return fetch_all(connection, EventRow, _SQL["events"], {"evaluation": evaluation})


def released(connection: Connection, consignment: str) -> list[ReleasedLine]:
    """The released lines of a consignment, and what each was released on."""
    parameters = {"consignment": consignment}
    return fetch_all(connection, ReleasedLine, _SQL["released"], parameters)


def releases_due(connection: Connection) -> list[str]:
    """Consignments that may go by themselves now that their evidence was audited."""
    return [row[0] for row in connection.execute(_SQL["release_due"]).fetchall()]


def relapses_due(connection: Connection) -> list[str]:
    """Consignments whose evidence was found broken, and nobody acted on it."""
    return [row[0] for row in connection.execute(_SQL["relapses_due"]).fetchall()]


def claim_relapse(connection: Connection, consignment: str) -> bool:
    """Act on broken evidence in this transaction; False when somebody else did."""
    parameters = {"consignment": consignment}
    return connection.execute(_SQL["claim_relapse"], parameters).fetchone() is not None


def settle_release(connection: Connection, consignment: str) -> None:
    """Take the consignment off the list; a later audit puts it there again."""
    connection.execute(_SQL["settle_release"], {"consignment": consignment})
