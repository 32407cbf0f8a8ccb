"""The judge's job on a real database: what is pending, what is stored, who wins a race."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from factories import certify, fetch, register_party
from judge_house import MINUTE, START, House, finish_clean_trip, judging

from coldgate.launch.process import wait_until

pytestmark = pytest.mark.database


def test_clean_journey_ends_in_a_final_pass(house: House) -> None:
    finish_clean_trip(house)

    with judging(house):
        assert house.settled()

    assert house.evaluations == [("PASS", False)]
    assert house.newest["channels"][0]["statistics"]["n"] == 61


def test_breach_is_judged_while_the_journey_goes_on(house: House) -> None:
    house.add_event("packed", START)
    with judging(house):
        house.add_readings([5000] * 30)
        assert house.settled()
        house.add_readings([16000] * 5, begin=START + 30 * MINUTE)

        assert wait_until(lambda: house.evaluations[-1:] == [("FAIL", True)], seconds=10)

    rules = fetch(house.dsn, "SELECT DISTINCT rule_id FROM excursion ORDER BY 1")
    assert "HI_HARD" in rules


def test_provisional_answer_is_stored_when_it_changes_not_with_each_reading(house: House) -> None:
    house.add_event("packed", START)
    with judging(house):
        for minute in range(20):
            house.add_readings([5000], begin=START + minute * MINUTE)
            assert house.settled()

    assert len(house.evaluations) <= 3


def test_late_readings_make_a_new_version(house: House) -> None:
    house.add_event("packed", START)
    house.add_readings([5000] * 20)
    house.add_event("received", START + 60 * MINUTE)
    with judging(house):
        assert house.settled()
        house.add_readings([5000] * 41, begin=START + 20 * MINUTE)
        assert house.settled()

    assert house.evaluations == [("HOLD", False), ("PASS", False)]


def breach_between(house: House, begin: int, end: int) -> None:
    """An hour at 5 °C but for 16 °C between these minutes."""
    house.add_readings([5000] * begin)
    house.add_readings([16000] * (end - begin), begin=START + begin * MINUTE)
    house.add_readings([5000] * (61 - end), begin=START + end * MINUTE)


@pytest.mark.parametrize(
    "told",
    [
        [("packed", 0), ("packed", 30), ("received", 60)],
        [("departed", 0), ("packed", 30), ("received", 60)],
        [("packed", 0), ("opened", 10), ("received", 60)],
        [("packed", 0), ("received", 10), ("received", 60)],
    ],
)
def test_one_event_more_never_cuts_a_breach_off(house: House, told: list[tuple[str, int]]) -> None:
    breach_between(house, 15, 20)

    for kind, minute in told:
        house.add_event(kind, START + minute * MINUTE)
    with judging(house):
        assert house.settled()

    assert house.evaluations == [("FAIL", False)]


@pytest.mark.parametrize(
    ("packer", "told_minutes", "verdict"),
    [("carrier-1", -1, "FAIL"), ("maker-1", -1, "PASS"), ("maker-1", 30, "FAIL")],
)
def test_journey_begins_at_the_gate_unless_the_consignor_had_said_when(
    house: House, packer: str, told_minutes: int, verdict: str
) -> None:
    register_party(house.dsn, "maker-1", "manufacturer")
    house.execute("UPDATE consignment SET consignor_id = 'maker-1'")
    house.execute(
        "INSERT INTO line_transition (line_id, from_state, to_state, changed_at)"
        " VALUES (1, 'planned', 'in_transit', %s)",
        START,
    )
    breach_between(house, 15, 20)

    told_at = START + told_minutes * MINUTE
    house.add_event("packed", START + 30 * MINUTE, party=packer, told_at=told_at)
    house.add_event("received", START + 60 * MINUTE)
    with judging(house):
        assert house.settled()

    assert house.evaluations == [(verdict, False)]


def test_late_breach_of_a_logger_with_a_wrong_clock_is_judged(house: House) -> None:
    day = timedelta(days=1)
    start_ms = int(START.timestamp() * 1000)
    behind_ms = start_ms - 86_400_000
    house.execute("INSERT INTO clock_pair VALUES (1, %s, %s, 1)", behind_ms, start_ms)
    house.add_event("packed", START)
    house.add_readings([5000] * 30, begin=START - day)
    house.add_readings([5000] * 26, begin=START - day + 35 * MINUTE)
    house.add_event("received", START + 60 * MINUTE)
    with judging(house):
        assert house.settled()

        house.add_readings([16000] * 5, begin=START - day + 30 * MINUTE)

        assert wait_until(lambda: house.evaluations[-1] == ("FAIL", False), seconds=5)


def test_judging_again_without_news_stores_nothing(house: House) -> None:
    finish_clean_trip(house)
    with judging(house):
        assert house.settled()
        house.execute("INSERT INTO touched (consignment_id) VALUES ('c-1')")
        assert house.settled()

    assert len(house.evaluations) == 1


def test_arrival_order_does_not_change_a_byte(house: House) -> None:
    house.add_readings([5000] * 31, begin=START + 30 * MINUTE)
    house.add_event("received", START + 60 * MINUTE)
    house.add_readings([5000] * 30)
    house.add_event("packed", START)
    house.add_consignment("c-2")
    house.execute(
        "INSERT INTO logger (serial, party_id, interval_ms) VALUES ('L-2', 'carrier-1', 60000)"
    )
    certify(house.dsn, 2)
    house.execute("INSERT INTO channel (logger_id, sensor, quantity) VALUES (2, 0, 1)")
    house.place(2, "c-2")
    house.add_event("packed", START, consignment="c-2")
    house.add_readings([5000] * 61, channel=2)
    house.add_event("received", START + 60 * MINUTE, consignment="c-2")

    with judging(house):
        assert house.settled()

    bodies = fetch(house.dsn, "SELECT body FROM evaluation ORDER BY consignment_id")
    first, second = (bytes(body).replace(b"L-2", b"L-1") for body in bodies)
    assert json.loads(first)["channels"] == json.loads(second)["channels"]


def test_conflicting_value_holds_the_consignment(house: House) -> None:
    finish_clean_trip(house)
    house.execute("INSERT INTO conflict VALUES (1, %s, 7900, 0, 1, 2)", START + 10 * MINUTE)

    with judging(house):
        assert house.settled()

    assert house.evaluations == [("HOLD", False)]
    assert "DATA_CONFLICT" in {reason["code"] for reason in house.newest["reasons"]}


def test_clock_of_the_logger_is_mapped_to_ours(house: House) -> None:
    hour_ms = 3_600_000
    start_ms = int(START.timestamp() * 1000)
    for after_ms in (0, hour_ms):
        house.execute(
            "INSERT INTO clock_pair VALUES (1, %s, %s, 1)",
            start_ms + after_ms - 5 * hour_ms,
            start_ms + after_ms,
        )
    house.add_event("packed", START)
    house.add_readings([5000] * 61, begin=START - timedelta(hours=5))
    house.add_event("received", START + 60 * MINUTE)

    with judging(house):
        assert house.settled()

    assert house.evaluations == [("PASS", False)]


def test_clock_that_is_ages_ahead_is_no_reason_to_give_no_answer(house: House) -> None:
    start_ms = int(START.timestamp() * 1000)
    house.execute("INSERT INTO clock_pair VALUES (1, %s, %s, 1)", 2**62, start_ms)
    finish_clean_trip(house)

    with judging(house):
        assert house.settled()

    assert house.evaluations == [("HOLD", False)]


def test_placement_since_the_beginning_of_time_is_judged(house: House) -> None:
    house.add_consignment("c-2")
    house.place(1, "c-2", at=datetime(1, 1, 1, tzinfo=UTC))
    house.execute("INSERT INTO touched (consignment_id) VALUES ('c-2')")

    with judging(house):
        assert house.settled()

    assert fetch(house.dsn, "SELECT consignment_id FROM evaluation") == ["c-2"]


def test_consignment_without_profile_gets_no_answer(house: House) -> None:
    house.add_consignment("c-2", profile=None)
    house.place(1, "c-2", at=START)
    house.add_readings([5000] * 5)

    with judging(house):
        assert house.settled()

    assert fetch(house.dsn, "SELECT DISTINCT consignment_id FROM evaluation") == ["c-1"]


def test_readings_of_a_logger_in_no_consignment_are_settled(house: House) -> None:
    house.execute("INSERT INTO logger (serial, party_id) VALUES ('L-9', 'carrier-1')")
    house.execute("INSERT INTO channel (logger_id, sensor, quantity) VALUES (2, 0, 1)")
    house.add_readings([5000] * 5, channel=2)

    with judging(house):
        assert house.settled()

    assert house.evaluations == []


def test_two_judges_store_each_version_once(house: House) -> None:
    house.add_event("packed", START)
    with judging(house), judging(house):
        for minute in range(0, 60, 5):
            house.add_readings([5000 + 1000 * (minute % 2)] * 5, begin=START + minute * MINUTE)
        house.add_event("received", START + 59 * MINUTE)
        assert house.settled()

    versions = fetch(house.dsn, "SELECT version FROM evaluation ORDER BY version")
    assert versions == list(range(1, len(versions) + 1))
    assert house.evaluations[-1] == ("PASS", False)


def test_consignment_that_somebody_holds_is_judged_afterwards(house: House) -> None:
    finish_clean_trip(house)
    with psycopg.connect(house.dsn) as gate:
        gate.execute("SELECT FROM consignment WHERE id = 'c-1' FOR UPDATE")
        with judging(house):
            assert not wait_until(lambda: bool(house.evaluations), seconds=0.5)
            gate.commit()
            assert house.settled()

    assert house.evaluations == [("PASS", False)]


def test_broken_profile_keeps_its_consignment_pending_and_the_others_moving(house: House) -> None:
    house.execute("INSERT INTO profile VALUES ('BROKEN', 1, '-', '{}')")
    house.execute(
        "INSERT INTO consignment (id, consignor_id, consignee_id, profile_id, profile_version)"
        " VALUES ('c-broken', 'carrier-1', 'carrier-1', 'BROKEN', 1)"
    )
    house.execute("INSERT INTO touched (consignment_id) VALUES ('c-broken')")
    finish_clean_trip(house)

    with judging(house):
        assert wait_until(lambda: house.evaluations == [("PASS", False)], seconds=10)

    assert fetch(house.dsn, "SELECT consignment_id FROM touched") == ["c-broken"]


def test_evaluation_enters_the_ledger(house: House) -> None:
    finish_clean_trip(house)

    with judging(house):
        assert house.settled()

    entries = fetch(house.dsn, "SELECT subject FROM ledger_entry WHERE kind = 'evaluation'")
    assert entries == ["consignment/c-1/evaluation/1"]
