"""Products and their lots."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.restrictions import ConcernedLine
from coldgate.storage.rows import fetch_all, fetch_new

if TYPE_CHECKING:
    from datetime import date, datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("goods")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct:
    """An article to register."""

    id: str
    party: str
    name: str
    gtin: str | None
    hibc: str | None
    scan_required: bool
    freeze_sensitive: bool
    shock_sensitive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRow:
    """An article."""

    id: str
    party_id: str
    name: str
    gtin: str | None
    hibc: str | None
    scan_required: bool
    freeze_sensitive: bool
    shock_sensitive: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRow:
    """A batch; ``expires_on`` is its last day of use."""

    product_id: str
    number: str
    expires_on: date
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCorrection:
    """Another last day of use for a lot that is registered."""

    product: str
    number: str
    expires_on: date
    reason: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRow:
    """That a lot ends on ``expires_on`` and not on ``expired_on``, as was said until then."""

    id: int
    product_id: str
    number: str
    expired_on: date
    expires_on: date
    reason: str
    corrected_by: str
    corrected_at: datetime


def insert_product(connection: Connection, new: NewProduct) -> ProductRow:
    """Register an article; its id is taken for ever."""
    return fetch_new(connection, ProductRow, _SQL["insert_product"], asdict(new))


def products(
    connection: Connection, *, scope: str | None, after: str, limit: int
) -> list[ProductRow]:
    """Articles of the party ``scope``, of all where it is None, in order of their ids."""
    parameters = {"scope": scope, "id": None, "after": after, "limit": limit}
    return fetch_all(connection, ProductRow, _SQL["products"], parameters)


def product(connection: Connection, *, scope: str | None, product_id: str) -> ProductRow:
    """One article; `NotFoundError` where there is none in ``scope``."""
    parameters = {"scope": scope, "id": product_id, "after": "", "limit": 1}
    rows = fetch_all(connection, ProductRow, _SQL["products"], parameters)
    if not rows:
        raise NotFoundError("product", product_id)
    return rows[0]


def identify_product(
    connection: Connection,
    product_id: str,
    *,
    gtin: str | None,
    hibc: str | None,
    scan_required: bool,
) -> ProductRow:
    """Name an article on its labels otherwise; the caller has seen that there is one."""
    parameters = {"id": product_id, "gtin": gtin, "hibc": hibc, "scan_required": scan_required}
    return fetch_new(connection, ProductRow, _SQL["identify_product"], parameters)


def insert_lot(connection: Connection, *, product_id: str, number: str, expires_on: date) -> LotRow:
    """Register a batch of a product."""
    parameters = {"product": product_id, "number": number, "expires_on": expires_on}
    return fetch_new(connection, LotRow, _SQL["insert_lot"], parameters)


def lots(connection: Connection, product_id: str) -> list[LotRow]:
    """Batches of a product in order of their numbers."""
    return fetch_all(connection, LotRow, _SQL["lots"], {"product": product_id, "number": None})


def lot(connection: Connection, product_id: str, number: str) -> LotRow:
    """One batch; `NotFoundError` where nobody registered it, or the transaction sees none."""
    parameters = {"product": product_id, "number": number}
    rows = fetch_all(connection, LotRow, _SQL["lots"], parameters)
    if not rows:
        raise NotFoundError("lot", f"{product_id}/{number}")
    return rows[0]


def correct_lot(connection: Connection, new: NewCorrection) -> CorrectionRow:
    """Have a batch end on another day from now on; the caller has seen that there is one."""
    return fetch_new(connection, CorrectionRow, _SQL["correct_lot"], asdict(new))


def corrections(connection: Connection, product_id: str, number: str) -> list[CorrectionRow]:
    """What was said of the end of a batch, and no longer is, oldest first."""
    parameters = {"product": product_id, "number": number}
    return fetch_all(connection, CorrectionRow, _SQL["corrections"], parameters)


def bound_lines(connection: Connection, product_id: str, number: str) -> list[ConcernedLine]:
    """Every line whose last day of use this batch has a part in; ask while seeing everything."""
    parameters = {"product": product_id, "number": number}
    return fetch_all(connection, ConcernedLine, _SQL["bound_lines"], parameters)
