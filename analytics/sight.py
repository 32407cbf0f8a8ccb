"""A record together with its events, and what its neighbours in the zone add to it (S11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analytics.clock import ClockState
from analytics.exposure import Evidence
from analytics.intervals import Intervals, difference
from analytics.kernel import Limit, Side, events
from analytics.record import Record, observe, unclosed
from coldgate.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.arrays import Milli
    from analytics.case import Channel, Window
    from analytics.kernel import Events
    from analytics.profile import Profile
    from analytics.readings import Label

UNSYNCED_SHARE: Final = 100  # S3: one hundredth of the elapsed time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """One record and its events beyond each limit that the profile sets for its quantity."""

    record: Record
    events: Mapping[Limit, Events]

    @property
    def order(self) -> tuple[str, int, str]:
        """Sorts the sights of a case in one way, however they came."""
        begin = self.record.begin_ms
        return self.record.channel.key, -1 if begin is None else begin, self.record.kept.digest


def look(channel: Channel, window: Window, profile: Profile) -> Sight:
    """The channel's record within the window, with its events."""
    record = observe(channel, window, profile)
    kept, covered = record.kept, record.between.covered
    found = {limit: events(kept.t, kept.v, covered, limit) for limit in _limits(profile, record)}
    return Sight(record=record, events=found)


def kinetic_limit(profile: Profile, quantity: Quantity) -> Limit | None:
    """The limit whose events end an MKT window; None where the profile sets no MKT (S26)."""
    if quantity is not Quantity.TEMPERATURE or profile.kinetic is None:
        return None
    bound = profile.kinetic.limit
    return None if bound is None else Limit(bound.limit_milli, Side.HIGH, inclusive=False)


def companions(sight: Sight, sights: Sequence[Sight]) -> tuple[Sight, ...]:
    """The others of the same quantity in the same declared zone."""
    mine = sight.record.channel
    if mine.zone is None:
        return ()
    return tuple(
        other
        for other in sights
        if other is not sight
        and other.record.channel.zone == mine.zone
        and other.record.channel.quantity is mine.quantity
    )


def evidence(sight: Sight, beside: Sequence[Sight], limit: Limit, label: Label) -> Evidence:
    """What the sight shows about ``limit``; gaps count unless a companion was within it then."""
    record = sight.record
    asked = beside if len(record.gaps) else ()
    within = [difference(other.record.known, _out(other, limit)) for other in asked]
    bounds = _clipped_towards(record, limit, label)
    unsynced = record.clock is ClockState.UNSYNCED
    return Evidence(
        events=sight.events[limit],
        gaps=unclosed(record, within),
        margin_ms=-(-record.elapsed_ms // UNSYNCED_SHARE) if unsynced else 0,
        bounds_only=bool(len(bounds)),
        hidden=not limit.out(bounds).all(),
    )


def uncovered(sight: Sight, beside: Sequence[Sight]) -> Intervals:
    """The sight's gaps in which no companion knew the value either."""
    return unclosed(sight.record, [other.record.known for other in beside])


def _limits(profile: Profile, record: Record) -> tuple[Limit, ...]:
    quantity = record.channel.quantity
    limits = [rule.limit for rule in profile.rules if rule.quantity is quantity]
    kinetic = kinetic_limit(profile, quantity)
    return tuple(dict.fromkeys(limits if kinetic is None else [*limits, kinetic]))


def _out(sight: Sight, limit: Limit) -> Intervals:
    return Intervals(sight.events[limit].start, sight.events[limit].end)


def _clipped_towards(record: Record, limit: Limit, label: Label) -> Milli:
    """Ends of scale on the limit's side of the label's middle; all of them without a middle."""
    clipped = record.clipped
    is_labelled = record.channel.quantity is Quantity.TEMPERATURE
    if not is_labelled or label.low_milli is None or label.high_milli is None:
        return clipped
    middle = Limit((label.low_milli + label.high_milli) // 2, limit.side, inclusive=True)
    return clipped[middle.out(clipped)]
