"""Permits: the gate's word that goods may pass, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_new, fetch_one

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitRow:
    """A permit as it was given."""

    id: int
    decision_id: int
    consignment_id: str
    purpose: str
    audience: str
    lines: list[dict[str, object]]
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitStanding:
    """What became of a permit; ``redeemed_at`` is None while nobody used it."""

    expired: bool
    redeemed_at: datetime | None


def permit(connection: Connection, permit_id: int) -> PermitRow:
    """One permit that the transaction may see."""
    row = fetch_one(connection, PermitRow, _SQL["permit"], {"id": permit_id})
    if row is None:
        raise NotFoundError("permit", str(permit_id))
    return row


def standing(connection: Connection, permit_id: int) -> PermitStanding:
    """Whether a permit can still be used; the caller holds the consignment's lock."""
    return fetch_new(connection, PermitStanding, _SQL["standing"], {"id": permit_id})


def taken(connection: Connection, permit: PermitRow) -> dict[int, int]:
    """Units of each line that are spoken for beside a permit, by their positions.

    By permits that were used, and by those that were given after it to whoever asked; ask seeing
    everything, under the consignment's lock.
    """
    parameters = {"consignment": permit.consignment_id, "purpose": permit.purpose, "id": permit.id}
    return {place: int(units) for place, units in connection.execute(_SQL["taken"], parameters)}


def promised(connection: Connection, consignment: str, purpose: str) -> dict[int, int]:
    """Units of each line that permits name which nobody used yet and which have not expired.

    Ask as for `taken`.
    """
    parameters = {"consignment": consignment, "purpose": purpose}
    return {place: int(units) for place, units in connection.execute(_SQL["promised"], parameters)}


def redeem(connection: Connection, permit_id: int, *, actor: str) -> datetime:
    """Use a permit up; when that was."""
    row = connection.execute(_SQL["redeem"], {"id": permit_id, "actor": actor}).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives its row
    redeemed_at: datetime = row[0]
    return redeemed_at
