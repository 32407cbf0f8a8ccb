"""Pages of the judge: what the days of channels come to; a cache, never the truth."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from coldgate.storage.queries import columns, load_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("pages")

PageKey: TypeAlias = tuple[int, int, int]  # placement id, channel id, day since 1970 UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """One row of ``summary_page``; whether it can be trusted is for the reader to find out."""

    placement_id: int
    channel_id: int
    day: int
    basis: bytes
    seal: bytes
    body: bytes

    @property
    def key(self) -> PageKey:
        """What no other page has."""
        return self.placement_id, self.channel_id, self.day


def fetch_pages(connection: Connection, consignment_id: str) -> list[StoredPage]:
    """All pages of a consignment, by placement, channel and day."""
    rows = connection.execute(_SQL["pages"], (consignment_id,), binary=True)
    return [
        StoredPage(
            placement_id=placement_id,
            channel_id=channel_id,
            day=day,
            basis=basis,
            seal=seal,
            body=body,
        )
        for placement_id, channel_id, day, basis, seal, body in rows
    ]


def fetch_touched(
    connection: Connection, channel_ids: Collection[int]
) -> list[tuple[int, datetime, datetime]]:
    """(channel id, first, last) of what came for the channels and is not judged everywhere yet.

    Ingest writes such a row in the transaction of the readings, and the judge removes it in the
    transaction of the pages or later: who sees pages without it sees them with its readings.
    """
    return connection.execute(_SQL["touched"], (sorted(channel_ids),)).fetchall()


def put(connection: Connection, pages: Sequence[StoredPage]) -> None:
    """Store pages, each in the place of an older one."""
    if pages:
        connection.execute(_SQL["put"], columns([astuple(page) for page in pages], 6))


def remove(connection: Connection, keys: Collection[PageKey]) -> None:
    """Remove pages that do not hold any more."""
    if keys:
        connection.execute(_SQL["remove"], columns(sorted(keys), 3))


def clear(connection: Connection, consignment_id: str) -> None:
    """Remove all pages of a consignment."""
    connection.execute(_SQL["clear"], (consignment_id,))
