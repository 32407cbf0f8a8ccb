"""What a lot carries over is bounded by every history that one of its units can have had."""

from __future__ import annotations

from itertools import chain, combinations
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.carryover import ANONYMOUS, Journey, carried_over
from analytics.case import Damage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

MANY = settings(max_examples=200, deadline=None)
BEGIN = 10
MOMENTS = st.integers(0, 14)


@st.composite
def damages(draw: st.DrawFn) -> Damage:
    low, middle, high = sorted(draw(st.tuples(*[st.integers(0, 9)] * 3)))
    return Damage(optimistic_ppb=low, measured_ppb=middle, pessimistic_ppb=high)


@st.composite
def lot_journeys(draw: st.DrawFn, serials: Sequence[str]) -> list[Journey]:
    """Up to seven consignments of a lot, each with the serials of one of its lines."""
    made: list[Journey] = []
    for number in range(draw(st.integers(0, 7))):
        begin, end = sorted(draw(st.tuples(MOMENTS, MOMENTS)))
        made += [
            Journey(
                consignment=f"c-{number}",
                begin_ms=begin,
                end_ms=end,
                damage=draw(damages()),
                source=f"c-{number}/1",
                serial=serial,
            )
            for serial in sorted(draw(st.sets(st.sampled_from(serials), min_size=1)))
        ]
    return made


def follow(one: Journey, other: Journey) -> bool:
    """Whether a unit could make both, one after the other."""
    return one.end_ms <= other.begin_ms or other.end_ms <= one.begin_ms


def histories(journeys: Sequence[Journey]) -> Iterator[tuple[Journey, ...]]:
    """Every set of journeys that one unit can have made, one serial's place in each."""
    subsets = (combinations(journeys, size) for size in range(len(journeys) + 1))
    for subset in chain.from_iterable(subsets):
        if all(
            one.consignment != other.consignment and follow(one, other)
            for one, other in combinations(subset, 2)
        ):
            yield subset


@MANY
@given(lot_journeys([ANONYMOUS, "s-1"]))
def test_unnamed_unit_carries_at_most_its_worst_possible_history(journeys: list[Journey]) -> None:
    earlier = [one for one in journeys if one.end_ms <= BEGIN]
    worst = max(sum(one.damage.pessimistic_ppb for one in units) for units in histories(earlier))

    carried = carried_over(ANONYMOUS, BEGIN, journeys)

    assert carried.optimistic_ppb == 0
    assert carried.pessimistic_ppb == worst
    assert carried.measured_ppb <= worst


@MANY
@given(lot_journeys([ANONYMOUS, "s-1", "s-2"]))
def test_named_unit_carries_what_is_said_of_it_and_what_nobody_excludes(
    journeys: list[Journey],
) -> None:
    named = [one for one in journeys if one.serial == "s-1" and one.begin_ms <= BEGIN]
    others = [
        one
        for one in journeys
        if one.serial == ANONYMOUS and one.end_ms <= BEGIN and all(follow(one, n) for n in named)
    ]
    said = sum(one.damage.pessimistic_ppb for one in named)
    worst = max(sum(one.damage.pessimistic_ppb for one in units) for units in histories(others))

    carried = carried_over("s-1", BEGIN, journeys)

    assert carried.pessimistic_ppb == said + worst
    assert carried.optimistic_ppb <= sum(one.damage.optimistic_ppb for one in named)
    assert carried.optimistic_ppb <= carried.measured_ppb <= carried.pessimistic_ppb


@MANY
@given(lot_journeys(["s-1", "s-2"]))
def test_named_unit_without_contradictions_has_one_history(journeys: list[Journey]) -> None:
    named = [one for one in journeys if one.serial == "s-1"]
    past = [one for one in named if one.end_ms <= BEGIN]
    consistent = past if past == named and tuple(past) in histories(past) else []
    told = [one for one in journeys if one.serial != "s-1"] + consistent

    carried = carried_over("s-1", BEGIN, told)

    assert carried.optimistic_ppb == sum(one.damage.optimistic_ppb for one in consistent)
    assert carried.measured_ppb == sum(one.damage.measured_ppb for one in consistent)
    assert carried.pessimistic_ppb == sum(one.damage.pessimistic_ppb for one in consistent)


@MANY
@given(lot_journeys([ANONYMOUS, "s-1"]), st.randoms(use_true_random=False))
def test_order_of_the_journeys_changes_nothing(journeys: list[Journey], random: Random) -> None:
    shuffled = list(journeys)
    random.shuffle(shuffled)

    for serial in (ANONYMOUS, "s-1"):
        assert carried_over(serial, BEGIN, shuffled) == carried_over(serial, BEGIN, journeys)
