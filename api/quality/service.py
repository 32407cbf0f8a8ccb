"""Deviations on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.quality.schemas import DeviationView
from api.schemas import Page, page_of
from coldgate.storage import consignments, quality

if TYPE_CHECKING:
    from api.caller import Caller
    from coldgate.storage.connection import Connection


def list_deviations(
    connection: Connection, caller: Caller, *, consignment: str | None, after: int, limit: int
) -> Page[DeviationView]:
    """Deviations of one consignment, or of all that the caller takes part in."""
    if consignment is not None:
        consignments.visible(connection, consignment, scope=caller.scope)
    rows = quality.deviations(
        connection, scope=caller.scope, consignment=consignment, after=after, limit=limit
    )
    return page_of(DeviationView, rows, limit=limit)
