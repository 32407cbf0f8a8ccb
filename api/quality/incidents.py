"""Events of several loggers that have one physical cause, told as one; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

NEARNESS: Final = timedelta(minutes=15)  # our own rule: events this near to each other are one
# Reasons that events explain; every other one is about the record and stands for itself.
OF_EVENTS: Final = frozenset(
    {
        "RULE_VIOLATED",
        "MKT_EXCEEDED",
        "MKT_UNDECIDED",
        "EXCURSION",
        "EXCURSION_POSSIBLE",
        "REPEATED_EXCURSIONS",
        "BUDGET_EXCEEDED",
        "BUDGET_UNDECIDED",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One excursion on record: what was beyond which side of a limit, where and how long."""

    id: int
    channel: str
    quantity: str
    side: str
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Events that overlap, or nearly do, each with the next; in order of their beginnings."""

    events: tuple[Event, ...]

    @property
    def quantity(self) -> str:
        """What was measured, such as ``temperature``."""
        return self.events[0].quantity

    @property
    def side(self) -> str:
        """``high`` or ``low``."""
        return self.events[0].side

    @property
    def began_at(self) -> datetime:
        """When the first of its events began."""
        return self.events[0].began_at

    @property
    def ended_at(self) -> datetime:
        """When the last of its events ended."""
        return max(event.ended_at for event in self.events)

    @property
    def trend_code(self) -> str:
        """What incidents are counted by, such as ``TEMPERATURE_HIGH``."""
        return f"{self.quantity}_{self.side}".upper()


def incidents(events: Iterable[Event]) -> tuple[Incident, ...]:
    """The events by physical cause: same quantity and side, and near each other in time."""
    ordered = sorted(events, key=lambda event: (_kind(event), event.began_at, event.id))
    return tuple(
        incident for _, alike in groupby(ordered, key=_kind) for incident in _in_time(alike)
    )


def unexplained(reasons: Iterable[tuple[str, str | None]], found: Iterable[Incident]) -> list[str]:
    """Codes of the (code, channel) that no incident explains, each once, in order."""
    channels = {event.channel for incident in found for event in incident.events}
    codes = [
        code
        for code, channel in reasons
        if not (channels and code in OF_EVENTS and (channel is None or channel in channels))
    ]
    return list(dict.fromkeys(codes))


def _kind(event: Event) -> tuple[str, str]:
    return event.quantity, event.side


def _in_time(events: Iterable[Event]) -> Iterator[Incident]:
    """Stretches of events, which come in order of their beginnings."""
    together: list[Event] = []
    until: datetime | None = None
    for event in events:
        if until is not None and event.began_at > until + NEARNESS:
            yield Incident(events=tuple(together))
            together, until = [], None
        together.append(event)
        until = event.ended_at if until is None else max(until, event.ended_at)
    if together:
        yield Incident(events=tuple(together))
