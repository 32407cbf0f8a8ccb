"""Restrictions of a lot: holds, recalls, blocking CAPA. Rows are for ever; a lift is one more."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import ConflictError, NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new, fetch_one
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("restrictions")
_NO_ID: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRestriction:
    """A lot to restrict; ``kind`` is hold, recall or capa, ``reference`` what it serves."""

    kind: str
    product: str
    lot: str
    reason: str
    reference: str
    placed_by: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRefusal:
    """Goods that a signature rejected or returned; ``serials`` None where nobody named the units.

    Whoever sent them settles what became of them.
    """

    consignment: str
    product: str
    lot: str
    serials: list[str] | None
    reason: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionRow:
    """A restriction as placed; open while ``lifted_at`` is None.

    Of a refusal, ``serials`` are the units, and ``consignment_id`` is where they were refused: None
    for who takes no part in it.
    """

    id: int
    kind: str
    product_id: str
    lot_number: str
    reason: str
    reference: str
    placed_by: str
    actor: str
    placed_at: datetime
    lifted_by: str | None
    lift_reason: str | None
    approval_id: int | None
    lifted_at: datetime | None
    consignment_id: str | None
    serials: list[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernedLine:
    """A line that a word about its lot reaches, and who has a part in its consignment.

    ``product_id`` may be another party's, listed under the same number.
    """

    consignment_id: str
    position: int
    product_id: str
    quantity: int
    state: str
    consignor_id: str
    consignee_id: str
    carrier_ids: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A restriction just placed, and every line of its lot, whoever's it is."""

    restriction: RestrictionRow
    lines: tuple[ConcernedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftRequest:
    """That a hold be lifted, and why; it is lifted once that is signed."""

    id: int
    restriction_id: int
    reason: str
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which restrictions to list; None is no bound."""

    product: str | None = None
    lot: str | None = None
    open: bool = False
    after: int = _NO_ID
    limit: int = 1


def hold_still(connection: Connection, *, product: str, lot: str) -> None:
    """Have nobody move or name the lot before the transaction ends; ask while seeing everything.

    First nobody may name the lot in a new consignment, then every consignment with it is locked,
    in the order of their ids, and only then the caller says something of it. A decision of the gate
    has therefore either committed, and its effect is there to be read, or it sees what is said.
    """
    named = {"product": product, "lot": lot}
    connection.execute(_SQL["lock_lot"], named)
    connection.execute(_SQL["lock_consignments"], named)


def place(connection: Connection, new: NewRestriction) -> Placed:
    """Restrict the lot, in an order with everything that the gate decides about it."""
    with everything(connection):
        hold_still(connection, product=new.product, lot=new.lot)
        row = connection.execute(_SQL["insert"], asdict(new)).fetchone()
        assert row is not None  # noqa: S101 - INSERT … RETURNING gives its row
        return _placed(connection, row[0])


def refuse(connection: Connection, new: NewRefusal) -> Placed:
    """Have goods that were refused leave nowhere else unnoticed.

    Nobody waits for anybody: whoever is let go at this moment had its goods before the refusal.
    """
    with everything(connection):
        row = connection.execute(_SQL["insert_refusal"], asdict(new)).fetchone()
        assert row is not None  # noqa: S101 - the caller has the consignment
        return _placed(connection, row[0])


def _placed(connection: Connection, restriction_id: int) -> Placed:
    lines = tuple(concerned(connection, restriction_id))
    return Placed(restriction=restriction(connection, restriction_id), lines=lines)


def lift(
    connection: Connection,
    restriction_id: int,
    *,
    lifted_by: str,
    reason: str,
    approval: int | None,
) -> RestrictionRow:
    """Lift a restriction; ``approval`` None where the recall or CAPA that it served has ended."""
    parameters = {
        "id": restriction_id,
        "lifted_by": lifted_by,
        "reason": reason,
        "approval_id": approval,
    }
    if connection.execute(_SQL["lift"], parameters).fetchone() is None:
        raise ConflictError("ALREADY_LIFTED", f"restriction {restriction_id} is lifted already")
    return restriction(connection, restriction_id)


def ask_lift(
    connection: Connection, restriction_id: int, *, reason: str, requested_by: str
) -> LiftRequest:
    """Ask that a hold be lifted; the restriction stays as it is."""
    parameters = {
        "restriction": restriction_id,
        "reason": reason,
        "requested_by": requested_by,
    }
    return fetch_new(connection, LiftRequest, _SQL["ask_lift"], parameters)


def lift_request(connection: Connection, request_id: int) -> LiftRequest:
    """One request that the transaction may see."""
    parameters = {"id": request_id, "restriction": None}
    found = fetch_one(connection, LiftRequest, _SQL["lift_requests"], parameters)
    if found is None:
        raise NotFoundError("lift request", str(request_id))
    return found


def lift_requests(connection: Connection, restriction_id: int) -> list[LiftRequest]:
    """Every request about a restriction, oldest first."""
    parameters = {"id": None, "restriction": restriction_id}
    return fetch_all(connection, LiftRequest, _SQL["lift_requests"], parameters)


def concerned(connection: Connection, restriction_id: int) -> list[ConcernedLine]:
    """Every line that the restriction meets, as it stands now; ask while seeing everything."""
    parameters = {"restriction": restriction_id}
    return fetch_all(connection, ConcernedLine, _SQL["concerned"], parameters)


def restriction(connection: Connection, restriction_id: int) -> RestrictionRow:
    """One restriction, as far as the transaction may see it."""
    found = fetch_one(connection, RestrictionRow, _SQL["restriction"], {"id": restriction_id})
    if found is None:
        raise NotFoundError("restriction", str(restriction_id))
    return found


def restrictions(connection: Connection, wanted: Wanted) -> list[RestrictionRow]:
    """Restrictions that the transaction may see, oldest first."""
    return fetch_all(connection, RestrictionRow, _SQL["restrictions"], asdict(wanted))
