"""Pages: what a day of a channel comes to, kept so that its readings need not be read again.

A page is a cache. It stands for the readings of its day wherever it is valid, and the judge gives
the same bytes with it and without (section 7). It is valid for one basis: whatever else than its
readings it depends on.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import cbor2

from analytics.case import Page
from analytics.clock import clock_of
from analytics.evaluation import ENGINE_VERSION, plain
from analytics.packing import LAYOUT
from analytics.readings import DAY_MS, Tally
from analytics.record import bounds, is_trusted_interval
from coldgate.crypto import canonical_json
from coldgate.errors import ColdgateError
from coldgate.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.case import Channel, Window
    from analytics.panel import Panel
    from analytics.profile import Profile
    from analytics.record import Record

UNPAGED: Final = frozenset({Quantity.DOOR})  # asked reading by reading (S24)
TALLIED: Final = tuple(each.name for each in fields(Tally))
PAGED: Final = tuple(each.name for each in fields(Page))


class ReadingsNeededError(ColdgateError):
    """Pages do not tell enough; ``days`` of each channel have to be read again."""

    def __init__(self, days: Mapping[Channel, frozenset[int]]) -> None:
        told = ", ".join(f"{channel.key}: {sorted(of)}" for channel, of in days.items())
        super().__init__(f"pages do not tell enough; days to read again: {told}")
        self.days = days


def written_page(page: Page) -> bytes:
    """The page as it is kept; equal pages give equal bytes."""
    return cbor2.dumps(astuple(page))


def read_page(body: bytes) -> Page:
    """The page that ``written_page`` wrote."""
    written = dict(zip(PAGED, cbor2.loads(body), strict=True))
    counted = dict(zip(TALLIED, written.pop("tally"), strict=True))
    digests = tuple((day, digest) for day, digest in counted.pop("digests"))
    in_force = tuple(written.pop("in_force"))
    return Page(**written, in_force=in_force, tally=Tally(**counted, digests=digests))


def can_have_pages(profile: Profile, channel: Channel) -> bool:
    """Whether what a day comes to depends on nothing that readings of other days may change.

    An interval that has to be inferred from the readings is such a thing (S9).
    """
    return (
        channel.quantity not in UNPAGED
        and is_trusted_interval(channel.interval_ms, profile.gap_cap_ms)
        and clock_of(channel.clock_pairs).is_gentle
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the pages of a channel depend on besides its readings.

    A comparison of clocks more changes nothing as long as no drift is proven.
    """

    digest: bytes
    begin_ms: int | None
    end_ms: int | None

    @classmethod
    def of(cls, profile: Profile, window: Window, channel: Channel) -> Basis:
        """The basis of pages made by this engine, for a channel that can have any."""
        clock = clock_of(channel.clock_pairs)
        body = {
            "engine": ENGINE_VERSION,
            "layout": [list(PAGED), list(TALLIED), *LAYOUT],
            "profile": profile.digest,
            "channel": channel.key,
            "role": channel.role.value,
            "interval_ms": channel.interval_ms,
            "range_milli": plain(channel.range_milli),
            "certificates": [plain(certificate) for certificate in channel.certificates],
            "clock": [clock.offset_ms, clock.since_ms, clock.elapsed_ms, clock.gained_ms],
        }
        begin_ms, end_ms = bounds(profile, window, channel)
        digest = sha256(canonical_json(body)).digest()
        return cls(digest=digest, begin_ms=begin_ms, end_ms=end_ms)

    def of_day(self, day: int) -> bytes:
        """SHA-256 over the basis of one page: also how much of the day is within the window."""
        first, last = day * DAY_MS, (day + 1) * DAY_MS - 1
        begin = first if self.begin_ms is None else max(first, self.begin_ms)
        end = last if self.end_ms is None else min(last, self.end_ms)
        return sha256(self.digest + f"{day}:{begin}:{end}".encode()).digest()


def require_same_limits(records: Sequence[Record]) -> None:
    """Pages must be made for the limits of now: readings may show another uncertainty (S28).

    Raises:
        ReadingsNeededError: with the days of those that are not.
    """
    moved = {
        record.channel: frozenset(
            page.day for page in record.pages if page.uncertainty_milli != record.uncertainty_milli
        )
        for record in records
    }
    _require_none(moved)


def require_windows(profile: Profile, panel: Panel, records: Sequence[Record]) -> None:
    """MKT windows are made from readings, from the first one of the record on (section 2.1).

    Raises:
        ReadingsNeededError: with the days that are pages, and in a window of any excursion.
    """
    if panel.columns.kinetic is None:
        return
    runs, spread = panel.summary.runs, panel.summary.spread
    wanted: dict[int, set[int]] = {}
    for k in panel.columns.kinetic.all:
        out = runs.of_limit(k)
        spans = zip(out.row.tolist(), out.first_out.tolist(), out.end.tolist(), strict=True)
        for row, first_out, end in spans:
            days = _window_days(profile, int(spread.first_t[row]), first_out, end)
            wanted.setdefault(row, set()).update(days)
    _require_none(
        {
            record.channel: frozenset(page.day for page in record.pages) & wanted.get(row, set())
            for row, record in enumerate(records)
        }
    )


def days_to_read(profile: Profile, pages: Sequence[Page]) -> set[int]:
    """The days that MKT windows want, as far as the pages of a channel tell."""
    first_ms = min((page.first_ms for page in pages if page.first_ms is not None), default=0)
    return {
        day
        for page in pages
        if page.warm_ms is not None and page.last_ms is not None
        for day in _window_days(profile, first_ms, page.warm_ms, page.last_ms)
    }


def _window_days(profile: Profile, first_ms: int, first_out_ms: int, end_ms: int) -> set[int]:
    """The first day of a record, and those of the windows that end between two instants."""
    limit = profile.kinetic.limit if profile.kinetic else None
    if limit is None:
        return set()
    first = first_ms // DAY_MS
    begin = (first_out_ms - limit.window_ms) // DAY_MS
    return {first, *range(max(begin, first), end_ms // DAY_MS + 1)}


def _require_none(days: Mapping[Channel, frozenset[int]]) -> None:
    lacking = {channel: of for channel, of in days.items() if of}
    if lacking:
        raise ReadingsNeededError(lacking)
