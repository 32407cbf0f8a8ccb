"""Events with one physical cause are one incident, in whatever order they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from api.quality.incidents import NEARNESS, Event, incidents, unexplained

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def event(number: int, start: int, length: int, **fields: str) -> Event:
    values = {"channel": f"LOG-{number}/0/temperature", "quantity": "temperature", "side": "high"}
    began = NOON + start * MINUTE
    return Event(id=number, began_at=began, ended_at=began + length * MINUTE, **(values | fields))


def groups(*events: Event) -> list[list[int]]:
    return [[one.id for one in incident.events] for incident in incidents(events)]


def test_events_within_a_quarter_of_an_hour_are_one_and_a_millisecond_more_is_two() -> None:
    near, far = event(2, 25, 5), event(3, 45, 5)
    later = Event(
        id=3,
        channel=far.channel,
        quantity=far.quantity,
        side=far.side,
        began_at=far.began_at + timedelta(milliseconds=1),
        ended_at=far.ended_at,
    )

    assert groups(event(1, 0, 10), near, far) == [[1, 2, 3]]
    assert groups(event(1, 0, 10), near, later) == [[1, 2], [3]]


def test_long_event_holds_together_what_lies_within_it() -> None:
    assert groups(event(1, 0, 300), event(2, 10, 1), event(3, 310, 5)) == [[1, 2, 3]]


def test_sides_and_quantities_stay_apart() -> None:
    low, moist = event(2, 0, 10, side="low"), event(3, 0, 10, quantity="humidity")

    assert sorted(groups(event(1, 0, 10), low, moist)) == [[1], [2], [3]]


def test_no_events_are_no_incident_and_explain_nothing() -> None:
    assert incidents([]) == ()
    assert unexplained([("RULE_VIOLATED", None)], []) == ["RULE_VIOLATED"]


def test_incident_explains_its_own_channels_and_never_the_record() -> None:
    found = incidents([event(1, 0, 10)])
    reasons = [
        ("RULE_VIOLATED", "LOG-1/0/temperature"),
        ("MKT_EXCEEDED", None),
        ("RULE_VIOLATED", "LOG-9/0/temperature"),
        ("LOG_INCOMPLETE", None),
    ]

    assert unexplained(reasons, found) == ["RULE_VIOLATED", "LOG_INCOMPLETE"]


EVENTS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 40), st.sampled_from(["high", "low"])),
    max_size=8,
).map(lambda drawn: [event(i, start, length, side=s) for i, (start, length, s) in enumerate(drawn)])


def linked(one: Event, other: Event) -> bool:
    return (
        one.side == other.side
        and one.began_at <= other.ended_at + NEARNESS
        and other.began_at <= one.ended_at + NEARNESS
    )


def components(events: list[Event]) -> set[frozenset[int]]:
    """An independent way: follow the links from each event as far as they go."""
    return {reached(one, events) for one in events}


def reached(start: Event, events: list[Event]) -> frozenset[int]:
    found = [start]
    for one in found:
        found += [other for other in events if other not in found and linked(one, other)]
    return frozenset(one.id for one in found)


@given(events=EVENTS, seed=st.randoms(use_true_random=False))
def test_incidents_are_the_connected_groups_in_any_order(events: list[Event], seed: object) -> None:
    shuffled = list(events)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random

    assert {frozenset(group) for group in groups(*shuffled)} == components(events)
