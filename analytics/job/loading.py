"""From the database to the case that the judge is given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from analytics.case import Case, Channel, Window
from analytics.readings import Readings
from coldgate.instant import EPOCH, epoch_ms, from_epoch_ms
from coldgate.model import EventKind
from coldgate.storage import judging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coldgate.model import ClockPair
    from coldgate.storage.bulk import Points
    from coldgate.storage.connection import Connection
    from coldgate.storage.judging import PlacedChannel, PlacedLogger, Span

_SLACK: Final = timedelta(hours=1)  # around a placement, for clock pairs and stamps
_FAR_FUTURE: Final = datetime(3000, 1, 1, tzinfo=UTC)
_MOST_AHEAD_MS: Final = 20 * 366 * 86_400_000  # ingest takes stamps within ten years of receipt
_BEGINS: Final = (EventKind.PACKED, EventKind.DEPARTED)


def load_case(connection: Connection, consignment_id: str) -> Case:
    """Everything that the judgement of one consignment depends on, read from the database."""
    lines = judging.fetch_lines(connection, consignment_id)
    window = _window(judging.fetch_events(connection, consignment_id))
    placed = judging.fetch_placed_loggers(connection, consignment_id)
    return Case(
        window=window,
        channels=_load_channels(connection, placed, window),
        freeze_sensitive=any(sensitive for _, sensitive in lines),
        planned_zones=tuple(sorted({zone for zone, _ in lines})),
        planned_loggers=tuple(sorted({one.serial for one in placed})),
    )


def _window(events: Sequence[tuple[EventKind, datetime]]) -> Window:
    """The evaluation window by the events that define it (S7).

    One event more can only make it longer: nobody cuts a breach off by telling of another one.
    """
    begin = next((event for event in events if event[0] in _BEGINS), None)
    end = _last(events, EventKind.RECEIVED) or _last(events, EventKind.OPENED)
    return Window(
        begin_ms=None if begin is None else epoch_ms(begin[1]),
        end_ms=None if end is None else epoch_ms(end[1]),
        begin_event=None if begin is None else begin[0],
        end_event=None if end is None else end[0],
    )


def _last(
    events: Sequence[tuple[EventKind, datetime]], kind: EventKind
) -> tuple[EventKind, datetime] | None:
    return next((event for event in reversed(events) if event[0] is kind), None)


def _load_channels(
    connection: Connection, placed: Sequence[PlacedLogger], window: Window
) -> tuple[Channel, ...]:
    stays = [
        # no stamp on the wire is before 1970
        _Stay(one, max(one.placed_at, EPOCH) - _SLACK, _last_moment(one, window))
        for one in placed
    ]
    pairs = judging.fetch_clock_pairs(
        connection,
        [(stay.logger.id, epoch_ms(stay.first), epoch_ms(stay.last)) for stay in stays],
    )
    known = judging.fetch_channels(connection, sorted({one.id for one in placed}))
    seats = [
        (stay, channel)
        for stay in stays
        for channel in known
        if channel.logger_id == stay.logger.id
    ]
    spans = [stay.span(channel, pairs.get(stay.logger.id, ())) for stay, channel in seats]
    readings = judging.fetch_readings(connection, spans)
    conflicts = judging.fetch_conflicts(connection, spans)
    return tuple(
        Channel(
            serial=stay.logger.serial,
            sensor=channel.sensor,
            quantity=channel.quantity,
            readings=_readings(points),
            conflicts=_readings(others),
            zone=stay.logger.zone,
            placed_from_ms=epoch_ms(stay.logger.placed_at),
            placed_to_ms=(
                None if stay.logger.removed_at is None else epoch_ms(stay.logger.removed_at)
            ),
            interval_ms=stay.logger.interval_ms,
            clock_pairs=pairs.get(stay.logger.id, ()),
        )
        for (stay, channel), points, others in zip(seats, readings, conflicts, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Stay:
    """A logger's time with the consignment, by our clock, with slack around it."""

    logger: PlacedLogger
    first: datetime
    last: datetime

    def span(self, channel: PlacedChannel, pairs: Sequence[ClockPair]) -> Span:
        """The stamps to look for: the logger's own clock may be ahead of ours or behind (S3)."""
        ahead_ms = [0, *(pair.logger_ms - pair.gateway_ms for pair in pairs)]
        return (
            channel.id,
            self.first + timedelta(milliseconds=max(min(ahead_ms), -_MOST_AHEAD_MS)),
            self.last + timedelta(milliseconds=min(max(ahead_ms), _MOST_AHEAD_MS)),
        )


def _last_moment(placed: PlacedLogger, window: Window) -> datetime:
    """When the placement, or else the window, ends; with slack on it."""
    ends = [_FAR_FUTURE] if placed.removed_at is None else [_FAR_FUTURE, placed.removed_at]
    if window.end_ms is not None:
        ends.append(from_epoch_ms(window.end_ms))
    return min(ends) + _SLACK


def _readings(points: Points) -> Readings:
    return Readings(taken_at_ms=points.taken_ms, value_milli=points.value, flags=points.flags)
