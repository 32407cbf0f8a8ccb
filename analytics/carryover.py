"""What a lot, or one serial of it, has spent of its stability budget before a consignment (S36).

A unit is in one place at a time: it can have been in two consignments that follow one another, and
never in two that overlap, which carry different units (a split). Which of the earlier ones a unit
was in is known of units that the lines name by serial number, and of no other. So the bounds are:

*pessimistic*: what the lines say of the unit, and the heaviest chain of other consignments in
which it may have been beside them. Nothing is assumed about quantities: the smallest part of a
lot may be the one that was in every warm lorry.

*optimistic*: what the lines say of the unit. A FAIL needs proof, and without serial numbers no
unit is proven to have been anywhere.

*measured*, for people: as pessimistic without serial numbers, as optimistic with them.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from analytics.case import Damage
from analytics.damage import MOST_DAMAGE_PPB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ANONYMOUS: Final = ""  # serial of the units that no line names


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """One other consignment of the lot, as far as it concerns one of its serials.

    ``begin_ms`` is the latest moment at which a unit may have joined it, ``end_ms`` the earliest
    at which one may have left, never before ``begin_ms``. ``source`` names the evaluation.
    """

    consignment: str
    begin_ms: int
    end_ms: int
    damage: Damage
    source: str
    serial: str = ANONYMOUS

    def precedes(self, begin_ms: int | None) -> bool:
        """Whether its units could be elsewhere from ``begin_ms`` on; None is not yet begun."""
        return begin_ms is None or self.end_ms <= begin_ms

    def apart_from(self, other: Journey) -> bool:
        """Whether one unit can have been in both."""
        return self.precedes(other.begin_ms) or other.precedes(self.begin_ms)


def carried_over(serial: str, begin_ms: int | None, journeys: Iterable[Journey]) -> Damage:
    """What a unit of a consignment that begins at ``begin_ms`` has spent on these journeys.

    All of them are of its lot, and none is the consignment itself.
    """
    if serial == ANONYMOUS:
        return _of_any_unit(begin_ms, list(journeys))
    return _of_named_unit(serial, begin_ms, list(journeys))


def _of_any_unit(begin_ms: int | None, journeys: Sequence[Journey]) -> Damage:
    """Of a unit that might be any of the lot: named elsewhere or not."""
    earlier = _by_consignment([one for one in journeys if one.precedes(begin_ms)])
    worst = heaviest_chain(earlier, _pessimistic)
    return Damage(
        measured_ppb=_total(heaviest_chain(earlier, _measured), _measured),
        pessimistic_ppb=_total(worst, _pessimistic),
        sources=_sources(worst),
    )


def _of_named_unit(serial: str, begin_ms: int | None, journeys: Sequence[Journey]) -> Damage:
    """Of a unit whose serial number the lines tell.

    Where it is said to be in two places at once, one of them is wrong: then neither is proof, and
    both are feared.
    """
    named = [
        one
        for one in journeys
        if one.serial == serial and (begin_ms is None or one.begin_ms <= begin_ms)
    ]
    certain = [
        one
        for one in named
        if one.precedes(begin_ms) and all(one is other or one.apart_from(other) for other in named)
    ]
    possible = [
        one
        for one in journeys
        if one.serial == ANONYMOUS
        and one.precedes(begin_ms)
        and all(one.apart_from(other) for other in named)
    ]
    feared = [*named, *heaviest_chain(_by_consignment(possible), _pessimistic)]
    return Damage(
        optimistic_ppb=min(sum(one.damage.optimistic_ppb for one in certain), MOST_DAMAGE_PPB),
        measured_ppb=_total(certain, _measured),
        pessimistic_ppb=_total(feared, _pessimistic),
        sources=_sources(feared),
    )


def heaviest_chain(
    journeys: Iterable[Journey], weight: Callable[[Journey], int]
) -> tuple[Journey, ...]:
    """Journeys that one unit can have made one after another, with the greatest sum of weights.

    Weighted interval scheduling, in O(n log n); journeys without weight are left out.
    """
    ordered = sorted(
        (one for one in journeys if weight(one) > 0),
        key=lambda one: (one.end_ms, one.begin_ms, one.consignment),
    )
    ends = [one.end_ms for one in ordered]
    before = [min(bisect_right(ends, one.begin_ms), index) for index, one in enumerate(ordered)]
    best = [0]  # best[i]: of the first i journeys
    for index, one in enumerate(ordered):
        best.append(max(best[index], weight(one) + best[before[index]]))
    chain: list[Journey] = []
    left = len(ordered)
    while left:
        if best[left] == best[left - 1]:
            left -= 1
        else:
            chain.append(ordered[left - 1])
            left = before[left - 1]
    return tuple(reversed(chain))


def _by_consignment(journeys: Iterable[Journey]) -> list[Journey]:
    """One journey for each consignment, by the worst that any of its units met."""
    worst: dict[str, Journey] = {}
    for one in journeys:
        known = worst.get(one.consignment)
        worst[one.consignment] = one if known is None else _worse(known, one)
    return list(worst.values())


def _worse(one: Journey, other: Journey) -> Journey:
    """The heavier of two journeys of one consignment, with the higher of each bound."""
    heavier = max(one, other, key=lambda each: (_pessimistic(each), each.source))
    damage = Damage(
        measured_ppb=max(_measured(one), _measured(other)),
        pessimistic_ppb=_pessimistic(heavier),
    )
    return replace(heavier, damage=damage)


def _total(journeys: Iterable[Journey], weight: Callable[[Journey], int]) -> int:
    return min(sum(map(weight, journeys)), MOST_DAMAGE_PPB)


def _sources(journeys: Iterable[Journey]) -> tuple[str, ...]:
    return tuple(sorted({one.source for one in journeys if _pessimistic(one) > 0}))


def _measured(journey: Journey) -> int:
    return journey.damage.measured_ppb


def _pessimistic(journey: Journey) -> int:
    return journey.damage.pessimistic_ppb
