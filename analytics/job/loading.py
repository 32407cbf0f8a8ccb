"""From the database to the case that the judge is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from analytics.case import Case, Certificate, Channel, Log, Role, Window
from analytics.clock import clock_of
from analytics.readings import DAY_MS, NO_READINGS, Readings
from coldgate.instant import EPOCH, epoch_ms, from_epoch_ms
from coldgate.model import EventKind
from coldgate.storage import calibration, judging, seals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.case import Page
    from coldgate.model import ClockPair, Quantity
    from coldgate.storage.bulk import Points
    from coldgate.storage.calibration import Calibration
    from coldgate.storage.connection import Connection
    from coldgate.storage.judging import PlacedChannel, PlacedLogger, Span
    from coldgate.storage.seals import LoggerStay

Pages: TypeAlias = "tuple[Page, ...] | None"  # of a channel; None: it has none, and gets none

_SLACK: Final = timedelta(hours=1)  # around a placement, for clock pairs and stamps
_PRECISION: Final = timedelta(seconds=1)  # of a day's ends by the logger's clock
_FAR_FUTURE: Final = datetime(3000, 1, 1, tzinfo=UTC)
_MOST_AHEAD_MS: Final = 20 * 366 * 86_400_000  # ingest takes stamps within ten years of receipt
_GOODS: Final = Role.GOODS.value
_BEGINS: Final = (EventKind.PACKED, EventKind.DEPARTED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """A case as the database has it; ``stays`` are those of its channels, by their own clocks."""

    consignment_id: str
    case: Case
    stays: tuple[LoggerStay, ...]

    def with_logs(self, connection: Connection) -> Case:
        """The case with what sequence numbers and seals say of its channels (S29)."""
        wanted = list(dict.fromkeys(self.stays))
        found = seals.fetch_logs(connection, self.consignment_id, wanted)
        logs = {
            stay: Log(missing=state.missing, sealed=state.sealed)
            for stay, state in zip(wanted, found, strict=True)
        }
        told = zip(self.case.channels, self.stays, strict=True)
        channels = tuple(replace(channel, log=logs[stay]) for channel, stay in told)
        return replace(self.case, channels=channels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """A case as the database has it but for its readings; a seat for each of its channels."""

    consignment_id: str
    case: Case
    seats: tuple[Seat, ...]

    def filled(self, connection: Connection, pages: Sequence[Pages]) -> Loaded:
        """The case with its readings, but those that the pages of each channel stand for."""
        spans = [seat.spans(known or ()) for seat, known in zip(self.seats, pages, strict=True)]
        flat = [span for each in spans for span in each]
        readings = iter(judging.fetch_readings(connection, flat))
        conflicts = iter(judging.fetch_conflicts(connection, flat))
        channels = tuple(
            replace(
                channel,
                readings=_readings(list(islice(readings, len(each)))),
                conflicts=_readings(list(islice(conflicts, len(each)))),
                pages=known,
            )
            for channel, each, known in zip(self.case.channels, spans, pages, strict=True)
        )
        return Loaded(
            consignment_id=self.consignment_id,
            case=replace(self.case, channels=channels),
            stays=tuple(seat.log_stay for seat in self.seats),
        )


def load_case(connection: Connection, consignment_id: str) -> Loaded:
    """Everything that the judgement of one consignment depends on but the logs' completeness."""
    outline = load_outline(connection, consignment_id)
    return outline.filled(connection, [None] * len(outline.seats))


def load_outline(connection: Connection, consignment_id: str) -> Outline:
    """The same without the readings."""
    lines = judging.fetch_lines(connection, consignment_id)
    window = _window(judging.fetch_events(connection, consignment_id))
    placed = judging.fetch_placed_loggers(connection, consignment_id)
    seats = _seats(connection, placed, window)
    evidence = _Evidence(
        certificates=calibration.fetch_counting(connection, consignment_id),
        ranges=calibration.fetch_ranges(connection, consignment_id),
    )
    case = Case(
        window=window,
        channels=tuple(_channel(seat, evidence) for seat in seats),
        freeze_sensitive=any(freeze for _, freeze, _ in lines),
        shock_sensitive=any(shock for _, _, shock in lines),
        planned_zones=tuple(sorted({zone for zone, _, _ in lines})),
        planned_loggers=tuple(sorted({one.serial for one in placed if one.role == _GOODS})),
    )
    return Outline(consignment_id=consignment_id, case=case, seats=tuple(seats))


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


def _seats(connection: Connection, placed: Sequence[PlacedLogger], window: Window) -> list[Seat]:
    """Every channel of every placed logger, with the comparisons of its clock."""
    stays = [_stay(one, window) for one in placed]
    pairs = judging.fetch_clock_pairs(
        connection,
        [
            (stay.logger.id, epoch_ms(stay.first - _SLACK), epoch_ms(stay.last + _SLACK))
            for stay in stays
        ],
    )
    known = judging.fetch_channels(connection, sorted({one.id for one in placed}))
    return [
        Seat(stay, channel, pairs.get(stay.logger.id, ()))
        for stay in stays
        for channel in known
        if channel.logger_id == stay.logger.id
    ]


def _channel(seat: Seat, evidence: _Evidence) -> Channel:
    logger = seat.stay.logger
    return Channel(
        serial=logger.serial,
        sensor=seat.channel.sensor,
        quantity=seat.channel.quantity,
        readings=NO_READINGS,
        zone=logger.zone,
        placed_from_ms=epoch_ms(logger.placed_at),
        placed_to_ms=_optional_ms(logger.removed_at),
        interval_ms=logger.interval_ms,
        clock_pairs=seat.pairs,
        certificates=evidence.certificates_of(seat),
        range_milli=evidence.ranges.get((seat.channel.logger_id, seat.channel.quantity)),
        role=Role(logger.role),
    )


@dataclass(frozen=True, slots=True)
class Stay:
    """A logger's time with the consignment, by our clock; ``due`` is where the window begins."""

    logger: PlacedLogger
    first: datetime
    due: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Seat:
    """One channel of a logger during its stay."""

    stay: Stay
    channel: PlacedChannel
    pairs: tuple[ClockPair, ...]

    def spans(self, pages: Sequence[Page]) -> list[Span]:
        """The stamps to look for, with slack around the stay, but within the days of the pages."""
        first, last = self._by_its_clock(self.stay.first - _SLACK, self.stay.last + _SLACK)
        clock = clock_of(self.pairs)
        spans = []
        for begin, end in _stretches(frozenset(page.day for page in pages)):
            until = from_epoch_ms(clock.to_device(begin * DAY_MS)) + _PRECISION
            if until > first:
                spans.append((self.channel.id, first, until))
            first = max(first, from_epoch_ms(clock.to_device(end * DAY_MS)) - _PRECISION)
        return [*spans, (self.channel.id, first, max(first, last))]

    @property
    def log_stay(self) -> LoggerStay:
        """The logger and the stamps between which every one of its numbers is due."""
        first, last = self._by_its_clock(self.stay.due, self.stay.last)
        return self.channel.logger_id, first, last

    def _by_its_clock(self, first: datetime, last: datetime) -> tuple[datetime, datetime]:
        """The same time by the logger's clock, which may be ahead of ours or behind (S3)."""
        ahead_ms = [0, *(pair.logger_ms - pair.gateway_ms for pair in self.pairs)]
        return (
            first + timedelta(milliseconds=max(min(ahead_ms), -_MOST_AHEAD_MS)),
            last + timedelta(milliseconds=min(max(ahead_ms), _MOST_AHEAD_MS)),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Evidence:
    """What vouches for the loggers of a consignment."""

    certificates: Sequence[Calibration]
    ranges: Mapping[tuple[int, Quantity], tuple[int, int]]

    def certificates_of(self, seat: Seat) -> tuple[Certificate, ...]:
        """Those of the channel's sensor that are in force at some time of the stay (S2)."""
        channel, stay = seat.channel, seat.stay
        return tuple(
            _certificate(one)
            for one in self.certificates
            if one.logger_id == channel.logger_id
            and one.quantity == channel.quantity
            and one.sensor in (None, channel.sensor)
            and one.valid_from <= stay.last
            and one.valid_to >= stay.due
        )


def _certificate(entered: Calibration) -> Certificate:
    return Certificate(
        number=entered.number,
        valid_from_ms=epoch_ms(entered.valid_from),
        valid_to_ms=epoch_ms(entered.valid_to),
        expanded_milli=entered.expanded_milli,
        resolution_milli=entered.resolution_milli,
        drift_milli=entered.drift_milli,
        corrections=tuple((reading, add) for reading, add in entered.corrections),
    )


def _stay(placed: PlacedLogger, window: Window) -> Stay:
    first = max(placed.placed_at, EPOCH)  # no stamp on the wire is before 1970
    ends = [_FAR_FUTURE] if placed.removed_at is None else [_FAR_FUTURE, placed.removed_at]
    if window.end_ms is not None:
        ends.append(from_epoch_ms(window.end_ms))
    due = first if window.begin_ms is None else max(first, from_epoch_ms(window.begin_ms))
    return Stay(placed, first, due, min(ends))


def _optional_ms(instant: datetime | None) -> int | None:
    return None if instant is None else epoch_ms(instant)


def _stretches(days: frozenset[int]) -> list[tuple[int, int]]:
    """Days as stretches from the first day to the one after the last.

    >>> _stretches(frozenset({3, 4, 7}))
    [(3, 5), (7, 8)]
    """
    begins = sorted(day for day in days if day - 1 not in days)
    ends = sorted(day + 1 for day in days if day + 1 not in days)
    return list(zip(begins, ends, strict=True))


def _readings(parts: Sequence[Points]) -> Readings:
    return Readings(
        taken_at_ms=np.concatenate([part.taken_ms for part in parts]),
        value_milli=np.concatenate([part.value for part in parts]),
        flags=np.concatenate([part.flags for part in parts]),
    )
