"""Spent before: in a row, beside one another, by serial number, and where nobody knows."""

from __future__ import annotations

from typing import Any

from analytics.carryover import ANONYMOUS, Journey, carried_over
from analytics.case import Damage
from analytics.damage import MOST_DAMAGE_PPB, UNKNOWN


def journey(name: str, begin: int, end: int, spent: int = 100, **changes: Any) -> Journey:
    fields: dict[str, Any] = {
        "consignment": name,
        "begin_ms": begin,
        "end_ms": end,
        "damage": Damage(optimistic_ppb=spent - 10, measured_ppb=spent, pessimistic_ppb=spent + 10),
        "source": f"{name}/1",
    }
    return Journey(**(fields | changes))


def test_consignments_in_a_row_add_up() -> None:
    carried = carried_over(ANONYMOUS, 30, [journey("a", 0, 10), journey("b", 10, 20)])

    assert (carried.measured_ppb, carried.pessimistic_ppb) == (200, 220)
    assert carried.sources == ("a/1", "b/1")


def test_consignments_beside_one_another_carry_different_units() -> None:
    carried = carried_over(ANONYMOUS, 30, [journey("a", 0, 12), journey("b", 11, 20, spent=300)])

    assert (carried.measured_ppb, carried.pessimistic_ppb) == (300, 310)
    assert carried.sources == ("b/1",)


def test_consignment_that_still_runs_when_another_begins_is_not_before_it() -> None:
    assert carried_over(ANONYMOUS, 9, [journey("a", 0, 10)]) == Damage()


def test_without_serial_numbers_nothing_is_proven_to_be_spent() -> None:
    assert carried_over(ANONYMOUS, 30, [journey("a", 0, 10)]).optimistic_ppb == 0


def test_serial_number_proves_where_a_unit_was() -> None:
    told = [journey("a", 0, 10, serial="s-1"), journey("b", 10, 20, 500, serial="s-2")]

    carried = carried_over("s-1", 30, told)

    assert (carried.optimistic_ppb, carried.measured_ppb, carried.pessimistic_ppb) == (90, 100, 110)


def test_unit_that_is_named_in_two_places_at_once_is_proven_to_be_in_neither() -> None:
    told = [journey("a", 0, 10, serial="s-1"), journey("b", 5, 20, serial="s-1")]

    carried = carried_over("s-1", 30, told)

    assert (carried.optimistic_ppb, carried.measured_ppb, carried.pessimistic_ppb) == (0, 0, 220)


def test_unit_that_is_named_where_nobody_told_the_end_keeps_what_it_may_have_spent() -> None:
    running = journey("a", 0, 50, serial="s-1", damage=UNKNOWN)

    assert carried_over("s-1", 30, [running]).pessimistic_ppb == MOST_DAMAGE_PPB


def test_what_nobody_knows_is_as_much_as_can_be() -> None:
    told = [journey("a", 0, 10, damage=UNKNOWN), journey("b", 10, 20, damage=UNKNOWN)]

    assert carried_over(ANONYMOUS, 30, told).pessimistic_ppb == MOST_DAMAGE_PPB
