"""The table of pages as one judgement finds it, and as it leaves it (decision 0082).

A page counts if it was made on the basis of now, is as it was written, and nothing came for its
day since. The last is told by the touched rows of the judgement's own snapshot: one that is gone
was removed together with the pages that cover it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import numpy as np
import prometheus_client

from analytics.clock import clock_of
from analytics.gathering import write_up
from analytics.pages import Basis, can_have_pages, days_to_read, read_page, written_page
from analytics.readings import DAY_MS
from coldgate.instant import epoch_ms
from coldgate.storage import pages as table
from coldgate.storage.pages import StoredPage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from analytics.case import Channel, Page
    from analytics.evaluation import Evaluation
    from analytics.job.loading import Outline, Pages, Seat
    from analytics.judge import Bench
    from analytics.profile import Profile
    from coldgate.storage.connection import Connection
    from coldgate.storage.pages import PageKey

PAGES: Final = prometheus_client.Counter(
    "coldgate_analytics_pages", "Days of channels in judgements, by what became of them", ["fate"]
)
_PRECISION_MS: Final = 1_000  # of a touched row's ends by the server's clock


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Binder:
    """The pages of a consignment: which of them hold, for each seat of its outline.

    ``stored`` has the seals of all of them, also of those that do not hold.
    """

    seats: Sequence[Seat]
    bases: Sequence[Basis | None]
    holding: Sequence[Pages]
    stored: Mapping[PageKey, bytes]

    def without(
        self, channels: Sequence[Channel], days: Mapping[Channel, frozenset[int]]
    ) -> Binder:
        """The same with fewer pages in use: the readings of these days are wanted."""
        kept = [
            known and tuple(page for page in known if page.day not in days.get(channel, ()))
            for channel, known in zip(channels, self.holding, strict=True)
        ]
        return replace(self, holding=kept)

    def closed(
        self,
        profile: Profile,
        channels: Sequence[Channel],
        benches: Sequence[Bench],
        evaluation: Evaluation,
    ) -> Changes:
        """What to write so that the table has the pages that hold after this judgement, only."""
        places = {channel: place for place, channel in enumerate(channels)}
        fresh = [
            self._stored_page(places[channel], page)
            for bench in benches
            for channel, page in write_up(
                profile, bench.panel, bench.records, complete=not evaluation.provisional
            )
        ]
        used = {
            _key(seat, page.day)
            for seat, known in zip(self.seats, self.holding, strict=True)
            for page in known or ()
        }
        return Changes(
            used=len(used),
            put=tuple(page for page in fresh if self.stored.get(page.key) != page.seal),
            remove=frozenset(self.stored.keys() - used - {page.key for page in fresh}),
        )

    def _stored_page(self, place: int, page: Page) -> StoredPage:
        basis, seat = self.bases[place], self.seats[place]
        assert basis is not None  # noqa: S101 - no other channel has pages
        body = written_page(page)
        placement_id, channel_id, day = _key(seat, page.day)
        return StoredPage(
            placement_id=placement_id,
            channel_id=channel_id,
            day=day,
            basis=basis.of_day(day),
            seal=_seal(basis.of_day(day), body),
            body=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a judgement changes in the table of pages; ``used`` counts those that it relied on."""

    used: int
    put: tuple[StoredPage, ...]
    remove: frozenset[PageKey]

    def write(self, connection: Connection) -> None:
        """Make the changes, in the transaction that removes the touched rows they cover."""
        table.remove(connection, self.remove)
        table.put(connection, self.put)
        PAGES.labels("used").inc(self.used)
        PAGES.labels("written").inc(len(self.put))
        PAGES.labels("removed").inc(len(self.remove))


def open_binder(connection: Connection, outline: Outline, profile: Profile) -> Binder:
    """The pages of an outline's channels, as this transaction sees them."""
    window, channels = outline.case.window, outline.case.channels
    bases = [
        Basis.of(profile, window, channel) if can_have_pages(profile, channel) else None
        for channel in channels
    ]
    rows: dict[tuple[int, int], list[StoredPage]] = {}
    stored = table.fetch_pages(connection, outline.consignment_id)
    for row in stored:
        rows.setdefault((row.placement_id, row.channel_id), []).append(row)
    touched = table.fetch_touched(connection, {seat.channel.id for seat in outline.seats})
    holding = [
        None if basis is None else _holding(basis, rows.get(_key(seat, 0)[:2], ()), seat, touched)
        for basis, seat in zip(bases, outline.seats, strict=True)
    ]
    holding = [known and _unread(profile, known) for known in holding]
    return Binder(
        seats=outline.seats,
        bases=bases,
        holding=holding,
        stored={row.key: row.seal for row in stored},
    )


def _holding(
    basis: Basis,
    rows: Sequence[StoredPage],
    seat: Seat,
    touched: Sequence[tuple[int, datetime, datetime]],
) -> tuple[Page, ...]:
    """The pages of one channel that still tell what its readings do."""
    concerned = [_days(seat, first, last) for id_, first, last in touched if id_ == seat.channel.id]
    return tuple(
        read_page(row.body)
        for row in rows
        if row.basis == basis.of_day(row.day)
        and row.seal == _seal(row.basis, row.body)
        and not any(row.day in days for days in concerned)
    )


def _unread(profile: Profile, known: tuple[Page, ...]) -> tuple[Page, ...]:
    """The pages but those whose readings will be asked for: to be refused costs a second load."""
    days = days_to_read(profile, known)
    return tuple(page for page in known if page.day not in days)


def _days(seat: Seat, first: datetime, last: datetime) -> range:
    """The days, by the server's clock, that stamps of a logger between two may fall into."""
    stamps = np.array([epoch_ms(first), epoch_ms(last)], np.int64)
    begin, end = clock_of(seat.pairs).to_server(stamps).tolist()
    return range((begin - _PRECISION_MS) // DAY_MS, (end + _PRECISION_MS) // DAY_MS + 1)


def _key(seat: Seat, day: int) -> PageKey:
    return seat.stay.logger.placement_id, seat.channel.id, day


def _seal(basis: bytes, body: bytes) -> bytes:
    return sha256(basis + body).digest()
