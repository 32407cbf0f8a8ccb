"""What a consignment's judgement owes to others: its lots' past and its lane's (S32, S36).

Whoever judges a consignment with a stability budget holds its lots meanwhile, and whoever counts
the excursions of a lane holds the lane. The locks are had before the case is read, so that no two
judgements miss each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analytics.carryover import Journey, carried_over
from analytics.case import Damage, Lot
from analytics.damage import MOST_DAMAGE_PPB, UNKNOWN
from coldgate.instant import epoch_ms, from_epoch_ms
from coldgate.storage import stability

if TYPE_CHECKING:
    from analytics.case import Case
    from analytics.profile import Profile, Stability
    from coldgate.storage.connection import Connection
    from coldgate.storage.stability import LotLine, OtherJourney, ToldEnds


def hold_dependencies(connection: Connection, consignment_id: str, profile: Profile) -> None:
    """Wait until nobody else changes what a judgement by this profile depends on."""
    if profile.stability is not None:
        stability.lock_lots(connection, consignment_id)
    if profile.repeats.lane is not None:
        stability.lock_lane(connection, consignment_id)


def with_history(connection: Connection, consignment_id: str, profile: Profile, case: Case) -> Case:
    """The case with what its lots spent before and how often its lane had excursions.

    Either is looked up where the profile asks for it.
    """
    begin_ms = case.window.begin_ms
    if profile.stability is not None:
        case = replace(case, lots=_lots(connection, consignment_id, profile.stability, begin_ms))
    if profile.repeats.lane is not None and begin_ms is not None:
        began_at = from_epoch_ms(begin_ms)
        earlier = stability.earlier_on_lane(connection, consignment_id, began_at=began_at)
        case = replace(case, earlier_on_lane=earlier)
    return case


def lot_key(line: LotLine) -> str:
    """Name of a lot, or of one serial of it, as people read it; no other has it."""
    return " ".join(filter(None, (line.product_id, line.lot_number, line.serial)))


def joined_ms(window_begin_ms: int | None, ends: ToldEnds) -> int | None:
    """The latest moment at which a unit may have joined a consignment; None before it begins.

    The gate's word counts beside the parties'. What is over has nobody joining any more, so that a
    journey that is told afterwards lies where it was.
    """
    left = [
        *([] if window_begin_ms is None else [window_begin_ms]),
        *([] if ends.dispatched_at is None else [epoch_ms(ends.dispatched_at)]),
    ]
    over = [] if ends.ended_at is None else [epoch_ms(ends.ended_at)]
    return min([max(left), *over] if left else over, default=None)


def _lots(
    connection: Connection, consignment_id: str, budget: Stability, window_begin_ms: int | None
) -> tuple[Lot, ...]:
    begin_ms = joined_ms(window_begin_ms, stability.told_ends(connection, consignment_id))
    journeys: dict[tuple[str, str], list[Journey]] = {}
    for other in stability.other_journeys(connection, consignment_id, budget=budget.as_json()):
        journeys.setdefault((other.product_id, other.lot_number), []).append(_journey(other))
    lines = stability.lot_lines(connection, consignment_id)
    spent = {
        lot_key(line): carried_over(
            line.serial, begin_ms, journeys.get((line.product_id, line.lot_number), ())
        )
        for line in lines
    }
    return tuple(
        Lot(key=lot_key(line), zone=line.zone, spent=spent[lot_key(line)]) for line in lines
    )


def _journey(other: OtherJourney) -> Journey:
    """What another consignment says; one that nobody ended may have spent anything since."""
    source, damage = other.consignment_id, UNKNOWN
    if other.comparable:
        source = f"{other.consignment_id}/{other.version}"
        damage = Damage(
            optimistic_ppb=other.optimistic_ppb,
            measured_ppb=other.measured_ppb,
            pessimistic_ppb=MOST_DAMAGE_PPB if other.provisional else other.pessimistic_ppb,
        )
    return Journey(
        consignment=other.consignment_id,
        begin_ms=epoch_ms(other.began_at),
        end_ms=epoch_ms(other.ended_at),
        damage=damage,
        source=source,
        serial=other.serial,
    )
