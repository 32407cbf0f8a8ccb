"""Which carrier is trusted with goods of which profile, by whom, and for how long."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new, fetch_one

if TYPE_CHECKING:
    from datetime import date, datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("carriers")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewQualification:
    """What ``party`` says of a carrier from now on; ``state`` approved, suspended or withdrawn."""

    party: str
    carrier: str
    profile: str
    state: str
    valid_from: date
    valid_until: date
    note: str
    entered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QualificationRow:
    """What was said of a carrier; the newest of a party about carrier and profile counts."""

    id: int
    party_id: str
    carrier_id: str
    profile_id: str
    state: str
    valid_from: date
    valid_until: date
    note: str
    entered_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a carrier of a consignment stands, by those who vouch for its goods.

    ``standing`` is approved, suspended, withdrawn, not_yet, lapsed or none; with none the others
    are None.
    """

    carrier_id: str
    standing: str
    qualification_id: int | None
    party_id: str | None
    valid_from: date | None
    valid_until: date | None


def insert(connection: Connection, new: NewQualification) -> QualificationRow:
    """Enter what counts from now on; what was said before stays readable."""
    return fetch_new(connection, QualificationRow, _SQL["insert"], asdict(new))


def history(
    connection: Connection, carrier: str | None, *, after: int, limit: int
) -> list[QualificationRow]:
    """What was said of a carrier, or of all, as far as the transaction may see it, oldest first."""
    parameters = {"carrier": carrier, "after": after, "limit": limit}
    return fetch_all(connection, QualificationRow, _SQL["history"], parameters)


def newest(
    connection: Connection, *, party: str, carrier: str, profile: str
) -> QualificationRow | None:
    """What ``party`` said last of the carrier for that profile; None where it never did."""
    parameters = {"party": party, "carrier": carrier, "profile": profile}
    return fetch_one(connection, QualificationRow, _SQL["newest"], parameters)


def standing(connection: Connection, consignment: str) -> list[Standing]:
    """Each carrier of the consignment's legs, once; ask while seeing everything.

    In SQL: ``SELECT * FROM carrier_standing(consignment)``.
    """
    return fetch_all(connection, Standing, _SQL["standing"], {"consignment": consignment})
