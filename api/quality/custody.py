"""Where goods were and who held them at a moment, from what was told; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One part of the journey, as it was planned."""

    position: int
    carrier_id: str
    origin: str
    destination: str
    vehicle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A custody event; ``id`` None is the gate's own word that goods left."""

    id: int | None
    kind: str
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """A stretch of the journey under one holder; ``leg`` is set from departure to receipt.

    ``event`` is the custody event that began it, None before the first.
    """

    phase: str
    holder: str
    leg: Leg | None
    since: datetime | None
    event: int | None

    def as_json(self) -> dict[str, object]:
        """Plain values, as a deviation keeps them."""
        leg = self.leg
        return {
            "phase": self.phase,
            "holder": self.holder,
            "since": self.since.isoformat() if self.since else None,
            "event": self.event,
            "leg": leg
            and {
                "position": leg.position,
                "carrier": leg.carrier_id,
                "origin": leg.origin,
                "destination": leg.destination,
                "vehicle": leg.vehicle,
            },
        }


def custody(
    events: Sequence[Told], legs: Sequence[Leg], *, consignor: str, consignee: str
) -> tuple[Custody, ...]:
    """Every stretch of the journey, in order; the first begins with the goods at the consignor."""
    stretches = [
        Custody(phase="at_consignor", holder=consignor, leg=None, since=None, event=None),
    ]
    on_leg = 0
    for event in sorted(events, key=lambda told: told.happened_at):
        if event.kind == "handed_over":
            on_leg = min(on_leg + 1, len(legs) - 1)
        stretches.append(_after(event, stretches[-1], legs[max(on_leg, 0) :], consignee))
    return tuple(stretches)


def during(
    stretches: Sequence[Custody], began_at: datetime, ended_at: datetime
) -> tuple[Custody, ...]:
    """The stretches that [began_at, ended_at] touches; never none."""
    started = [one for one in stretches if one.since is None or one.since <= ended_at]
    before = [one for one in started if one.since is None or one.since <= began_at]
    return tuple(started[len(before) - 1 :])


def _after(event: Told, before: Custody, ahead: Sequence[Leg], consignee: str) -> Custody:
    """The stretch that ``event`` begins; ``ahead`` are the current leg and those after it."""
    leg = ahead[0] if ahead else None
    carrier = leg.carrier_id if leg else before.holder
    phase, holder, on = {
        "packed": ("packed", before.holder, before.leg),
        "departed": ("in_transit", carrier, leg),
        "handed_over": ("in_transit", carrier, leg),
        "arrived": ("arrived", carrier, leg),
        "received": ("received", consignee, None),
        "opened": ("opened", consignee, None),
    }[event.kind]
    return Custody(phase=phase, holder=holder, leg=on, since=event.happened_at, event=event.id)
