"""How much of a lot's life must be left when it is sent to a consignee."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("agreements")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAgreement:
    """Days that must be left; ``product`` None for whatever ``consignor`` sends there."""

    consignor: str
    consignee: str
    product: str | None
    min_days: int
    party: str
    entered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRow:
    """An agreement as entered; the newest counts, one about the product before a general one."""

    id: int
    consignor_id: str
    consignee_id: str
    product_id: str | None
    min_days: int
    party_id: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """Days that must be left of every lot of the product."""

    product_id: str
    min_days: int
    agreement_id: int


def insert(connection: Connection, new: NewAgreement) -> AgreementRow:
    """Enter an agreement; it counts from now on."""
    return fetch_new(connection, AgreementRow, _SQL["insert"], asdict(new))


def agreements(connection: Connection, *, after: int, limit: int) -> list[AgreementRow]:
    """Agreements that the transaction may see, oldest first."""
    return fetch_all(connection, AgreementRow, _SQL["agreements"], {"after": after, "limit": limit})


def minimum(connection: Connection, consignment: str) -> list[Minimum]:
    """One row for each product of the consignment that an agreement speaks of.

    Ask while seeing everything. In SQL: ``SELECT * FROM agreed_shelf_life(consignment)``.
    """
    return fetch_all(connection, Minimum, _SQL["minimum"], {"consignment": consignment})
