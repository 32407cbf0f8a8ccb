"""Who held the goods, from what was told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from api.quality.custody import Custody, Leg, Told, custody, during

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEGS = [
    Leg(position=1, carrier_id="truck", origin="a", destination="b", vehicle="KA-1"),
    Leg(position=2, carrier_id="plane", origin="b", destination="c", vehicle=""),
]


def journey(*kinds: str) -> tuple[Custody, ...]:
    """One event an hour, in that order."""
    told = [Told(id=i, kind=kind, happened_at=NOON + i * HOUR) for i, kind in enumerate(kinds)]
    return custody(told, LEGS, consignor="maker", consignee="clinic")


def test_each_event_begins_a_stretch_with_its_holder() -> None:
    stretches = journey("packed", "departed", "handed_over", "arrived", "received", "opened")

    assert [(one.phase, one.holder) for one in stretches] == [
        ("at_consignor", "maker"),
        ("packed", "maker"),
        ("in_transit", "truck"),
        ("in_transit", "plane"),
        ("arrived", "plane"),
        ("received", "clinic"),
        ("opened", "clinic"),
    ]


def test_moment_of_an_event_belongs_to_what_it_begins() -> None:
    stretches = journey("departed", "received")

    assert during(stretches, NOON, NOON) == (stretches[1],)
    assert during(stretches, NOON - HOUR, NOON - HOUR) == (stretches[0],)


def test_event_that_spans_a_handover_is_in_both_hands() -> None:
    stretches = journey("departed", "handed_over")

    held = during(stretches, NOON + HOUR / 2, NOON + 2 * HOUR)
    assert [one.holder for one in held] == ["truck", "plane"]


def test_more_handovers_than_legs_stay_on_the_last_leg() -> None:
    assert journey("departed", *["handed_over"] * 5)[-1].holder == "plane"


def test_journey_without_legs_stays_with_whom_it_was() -> None:
    told = [Told(id=1, kind="departed", happened_at=NOON)]

    (_, moving) = custody(told, [], consignor="maker", consignee="clinic")
    assert (moving.holder, moving.leg) == ("maker", None)
    assert moving.as_json()["leg"] is None
