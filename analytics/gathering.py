"""From the records of single channels to panels of channels that are judged side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.case import Page
from analytics.certificates import CLIMATIC
from analytics.clock import ClockState, clock_of
from analytics.columns import NO_COLUMNS, columns
from analytics.packing import pack, unpack
from analytics.pages import require_same_limits, require_windows
from analytics.panel import NO_CLIP_HIGH, NO_CLIP_LOW, Frame, panel
from analytics.pieces import NO_PIECE, Pieces, asked_of, collapsed, merged
from analytics.summary import summarise
from analytics.table import table
from analytics.traces import Demands, trace
from coldgate.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.arrays import Millis
    from analytics.case import Channel
    from analytics.columns import Columns
    from analytics.limits import Bars
    from analytics.panel import Panel
    from analytics.profile import Profile
    from analytics.record import Record, Sheet
    from analytics.summary import Summary
    from analytics.table import Table

NO_DAY: Final = int(np.iinfo(np.int64).min)  # before all days


def gather(
    profile: Profile, quantity: Quantity, records: Sequence[Record], *, ruled: bool
) -> Panel:
    """The panel of channels of one quantity; without ``ruled``, nothing is asked of them.

    Raises:
        ReadingsNeededError: a page cannot stand for the readings of its day.
    """
    wanted = columns(profile, quantity) if ruled else NO_COLUMNS
    bars = wanted.bars([record.uncertainty_milli for record in records])
    asked = demands(profile, quantity, records)
    readings = table(
        [(sheet.kept.t, sheet.kept.v) for record in records for sheet in record.sheets],
        [record.bridge_ms for record in records for _ in record.sheets],
    )
    if all(record.channel.pages is None for record in records):
        pieces = _summed_up(readings, bars, asked)
    else:
        require_same_limits(records)
        pieces = _bound(records, readings, bars, asked)
        readings = _by_record(records, readings)
    found = panel(wanted, bars, pieces.summary, pieces.traces, frame(records), readings)
    require_windows(profile, found, records)
    return found


def _bound(records: Sequence[Record], sheets: Table, bars: Bars, asked: Demands) -> Pieces:
    """Sheets and pages of each record as one piece; ``sheets`` has a row for each sheet."""
    listed = [(owner, sheet) for owner, record in enumerate(records) for sheet in record.sheets]
    pages = [(owner, page) for owner, record in enumerate(records) for page in record.pages]
    owner = np.array([of for of, _ in (*listed, *pages)], np.intp)
    days = [_or(sheet.day, NO_DAY) for _, sheet in listed] + [page.day for _, page in pages]
    bridge_ms = _millis(record.bridge_ms for record in records)
    first = owner[: len(listed)]
    found = _summed_up(sheets, bars.take(first), asked_of(asked, first))
    if pages:
        order = np.lexsort((np.array(days, np.int64), owner))
        owner = owner[order]
        found = merged(
            found.take(np.where(order < len(listed), order, NO_PIECE)),
            unpack([page.piece for _, page in pages]).take(
                np.where(order >= len(listed), order - len(listed), NO_PIECE)
            ),
            bars.take(owner),
            bridge_ms[owner],
            asked_of(asked, owner),
        )
    return collapsed(found, owner, bars, bridge_ms, asked)


def _summed_up(rows: Table, bars: Bars, asked: Demands) -> Pieces:
    """A piece for each row of a table."""
    summary = summarise(rows, bars)
    return Pieces(summary=summary, traces=trace(rows, asked, summary.spread))


def _by_record(records: Sequence[Record], sheets: Table) -> Table:
    """The same readings with a row for each record."""
    last = np.cumsum([len(record.sheets) for record in records])
    return replace(
        sheets,
        starts=sheets.starts[np.concatenate(([0], last))],
        bridge_ms=_millis(record.bridge_ms for record in records),
    )


def write_up(
    profile: Profile, panel: Panel, records: Sequence[Record], *, complete: bool
) -> list[tuple[Channel, Page]]:
    """New pages of all days whose readings are at hand, of channels that have pages.

    While more is to come, unless the records are ``complete``, the last day of a channel gets none,
    for the next reading would make it worthless; nor does any while the clock is seen to drift, for
    each comparison would.
    """
    chosen = [
        (owner, sheet)
        for owner, record in enumerate(records)
        if complete or not clock_of(record.channel.clock_pairs).gained_ms
        for sheet in record.sheets
        if sheet.day is not None and (complete or sheet.day < _last_day(record))
    ]
    if not chosen:
        return []
    owner = np.array([of for of, _ in chosen], np.intp)
    asked = demands(profile, records[0].channel.quantity, records)
    sheets = table(
        [(sheet.kept.t, sheet.kept.v) for _, sheet in chosen],
        [records[of].bridge_ms for of, _ in chosen],
    )
    pieces = _summed_up(sheets, panel.bars.take(owner), asked_of(asked, owner))
    warm = _first_warm(panel.columns, pieces.summary)
    packed = zip(chosen, warm, pack(pieces), strict=True)
    return [
        (records[of].channel, _page(records[of], sheet, warm_ms, piece))
        for (of, sheet), warm_ms, piece in packed
    ]


def _first_warm(wanted: Columns, found: Summary) -> list[int | None]:
    """The first reading beyond the limit of the MKT in each row, at the worst."""
    if wanted.kinetic is None:
        return [None] * found.rows
    first = np.full(found.rows, NO_CLIP_HIGH)
    for k in wanted.kinetic.all:
        runs = found.runs.of_limit(k)
        np.minimum.at(first, runs.row, runs.first_out)
    return [None if each == NO_CLIP_HIGH else each for each in first.tolist()]


def _last_day(record: Record) -> int:
    loose = [sheet.day for sheet in record.sheets if sheet.day is not None]
    return max([*loose, *(page.day for page in record.pages)], default=NO_DAY)


def _page(record: Record, sheet: Sheet, warm_ms: int | None, piece: bytes) -> Page:
    assert sheet.day is not None  # noqa: S101 - no other sheet becomes a page
    t = sheet.kept.t
    return Page(
        day=sheet.day,
        first_ms=int(t[0]) if len(t) else None,
        last_ms=int(t[-1]) if len(t) else None,
        in_force=sheet.in_force,
        uncertainty_milli=record.uncertainty_milli,
        tally=sheet.kept.tally,
        warm_ms=warm_ms,
        piece=piece,
    )


def frame(records: Sequence[Record]) -> Frame:
    """What is known of the channels besides their readings."""
    tallies = [record.tally for record in records]
    zones = sorted({record.channel.zone for record in records if record.channel.zone is not None})
    number = {zone: index for index, zone in enumerate(zones)}
    return Frame(
        begin_ms=_millis(record.begin_ms or 0 for record in records),
        end_ms=_millis(record.end_ms or 0 for record in records),
        has_begin=np.array([record.begin_ms is not None for record in records], np.bool_),
        has_end=np.array([record.end_ms is not None for record in records], np.bool_),
        interval_ms=_millis(record.interval_ms or 0 for record in records),
        unsynced=np.array([record.clock is ClockState.UNSYNCED for record in records], np.bool_),
        clip_high=_millis(_or(tally.clipped_high, NO_CLIP_HIGH) for tally in tallies),
        clip_low=_millis(_or(tally.clipped_low, NO_CLIP_LOW) for tally in tallies),
        group=_millis(number.get(record.channel.zone or "", -1) for record in records),
    )


def demands(profile: Profile, quantity: Quantity, records: Sequence[Record]) -> Demands:
    """What is asked of the records themselves, whatever the rules (S9, S21, S22, section 5)."""
    rows = len(records)
    is_temperature = quantity is Quantity.TEMPERATURE
    label, doubt, recording = profile.label, profile.suspicion, profile.recording
    high, low = (label.high_milli, label.low_milli) if is_temperature else (None, None)
    return Demands(
        interval_ms=_millis(record.interval_ms or 0 for record in records),
        watched=np.full(rows, is_temperature),
        climatic=np.full(rows, quantity in CLIMATIC),
        label_low=np.full(rows, _or(low, NO_CLIP_LOW)),
        label_high=np.full(rows, _or(high, NO_CLIP_HIGH)),
        spike_milli_per_minute=doubt.spike_milli_per_minute,
        change_milli_per_minute=doubt.change_milli_per_minute,
        stuck_ms=doubt.stuck_ms,
        step_ms=tuple(step.interval_ms for step in recording.steps) if recording else (),
        out_of_range_ms=recording.out_of_range_ms if recording else None,
    )


def _millis(values: Iterable[int]) -> Millis:
    return np.fromiter(values, np.int64)


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
