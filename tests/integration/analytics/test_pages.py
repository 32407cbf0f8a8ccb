"""Pages in the database: what a judgement leaves behind, reads again, and does not believe."""

from __future__ import annotations

from typing import Any

import pytest
from factories import fetch
from judge_house import MINUTE, START, House, judging

from analytics.job.replay import reproduce
from coldgate.storage import archive
from coldgate.storage.connection import connect_reader

pytestmark = pytest.mark.database

FIRST_DAY = int(START.timestamp()) // 86_400
STORED = "SELECT day, xmin::text, seal FROM summary_page ORDER BY day"
TOUCH = "INSERT INTO touched (channel_id, first_at, last_at) VALUES (1, %s, %s)"
DAMAGE = """
WITH flipped AS (UPDATE summary_page SET body = set_byte(body, 40, 255 - get_byte(body, 40))
                 WHERE day % 5 = 0),
     emptied AS (UPDATE summary_page SET body = '' WHERE day % 5 = 1),
     outdated AS (UPDATE summary_page SET basis = sha256(basis) WHERE day % 5 = 2),
     moved AS (UPDATE summary_page SET day = day + 10 WHERE day % 5 = 3)
DELETE FROM summary_page WHERE day % 5 = 4
"""
SWAP = """
UPDATE summary_page AS page
SET (basis, seal, body) = (SELECT basis, seal, body FROM summary_page WHERE day = page.day + 1)
WHERE day < (SELECT max(day) FROM summary_page)
"""
TELL = "SELECT pg_notify('coldgate_touched', '')"


def send(house: House, minutes: range, milli: int = 5000) -> None:
    """Readings of some minutes since START, hardly moving, with the touched row of ingest."""
    message = house.new_message()
    house.execute(
        "INSERT INTO reading"
        " SELECT 1, %s + minute * interval '1 minute', %s + minute %% 3, 0, 1, %s"
        " FROM generate_series(%s::integer, %s, %s) AS minute",
        START,
        milli,
        message,
        minutes.start,
        minutes.stop - 1,
        minutes.step,
    )
    house.execute(TOUCH, START + minutes.start * MINUTE, START + minutes.stop * MINUTE)
    house.execute(TELL)


def finish(house: House, *, without: int | None = None) -> None:
    """A journey of three days, a reading a minute, but for one."""
    house.add_event("packed", START)
    end = 3 * 1440
    if without is None:
        send(house, range(end + 1))
    else:
        send(house, range(without))
        send(house, range(without + 1, end + 1))
    house.add_event("received", START + end * MINUTE)


def pages(house: House) -> dict[int, tuple[Any, ...]]:
    """Transaction and seal of each page by its day, counted from the first."""
    return {day - FIRST_DAY: (xmin, seal) for day, xmin, seal in fetch(house.dsn, STORED)}


def tamper(house: House, statement: str) -> None:
    """Change what must not change, past the triggers, as only a superuser can."""
    house.execute(f"SET session_replication_role = replica; {statement}")


def reproduced(house: House) -> int:
    """How many evaluations are made again byte for byte, from readings alone: all of them."""
    versions = fetch(house.dsn, "SELECT version FROM evaluation ORDER BY version")
    for version in versions:
        with connect_reader(house.dsn, "coldgate_analytics") as store, store.transaction():
            reproduce(store, "c-1", archive.fetch_version(store, "c-1", version))
    return len(versions)


def judged(house: House) -> House:
    with judging(house):
        assert house.settled()
    return house


def test_final_judgement_leaves_a_page_for_each_day(house: House) -> None:
    finish(house)

    judged(house)

    assert list(pages(house)) == [0, 1, 2, 3]
    assert house.evaluations == [("PASS", False)]
    assert reproduced(house) == 1


def test_late_reading_rewrites_the_page_of_its_day_only(house: House) -> None:
    finish(house, without=2000)
    before = pages(judged(house))

    send(house, range(2000, 2001), 16_000)
    after = pages(judged(house))

    assert [day for day in after if after[day] != before[day]] == [1]
    assert house.evaluations[-1] == ("FAIL", False)
    assert reproduced(house) == 2


def test_days_that_did_not_change_are_not_read(plain_house: House) -> None:
    finish(plain_house, without=2000)
    judged(plain_house)
    tamper(plain_house, "UPDATE reading SET value = 16000 WHERE taken_at < '2026-11-01T20:00Z'")

    send(plain_house, range(2000, 2001))
    judged(plain_house)

    assert plain_house.evaluations[-1] == ("PASS", False)


def test_day_that_goes_on_has_no_page_yet(plain_house: House) -> None:
    plain_house.add_event("packed", START)
    with judging(plain_house):
        for begin in (0, 1440, 1441):
            send(plain_house, range(begin, 1440 if not begin else begin + 1))
            assert plain_house.settled()

    assert list(pages(plain_house)) == [0]


@pytest.mark.parametrize("damage", [DAMAGE, SWAP])
def test_changed_page_is_made_again_and_never_believed(plain_house: House, damage: str) -> None:
    finish(plain_house)
    before = pages(judged(plain_house))
    plain_house.execute(damage)

    plain_house.execute("INSERT INTO touched (consignment_id) VALUES ('c-1')")
    after = pages(judged(plain_house))

    assert {day: seal for day, (_, seal) in after.items()} == {
        day: seal for day, (_, seal) in before.items()
    }
    assert plain_house.evaluations == [("PASS", False)]


def test_new_certificate_makes_all_pages_worthless(plain_house: House) -> None:
    finish(plain_house)
    before = pages(judged(plain_house))
    plain_house.execute(
        "INSERT INTO certificate (logger_id, quantity, number, valid_from, valid_to,"
        " expanded_milli, resolution_milli, drift_milli, corrections, entered_by)"
        " VALUES (1, 1, 'CAL-9', '2026-01-02', '2027-01-01', 50, 0, 0, '[[0, 4000]]', 'operator')"
    )
    plain_house.execute("INSERT INTO touched (consignment_id) VALUES ('c-1')")

    after = pages(judged(plain_house))

    assert not set(after.values()) & set(before.values())
    assert plain_house.newest["channels"][0]["statistics"]["mean"] == pytest.approx(9.0, abs=0.01)
    assert reproduced(plain_house) == 2


def test_consignment_without_a_profile_keeps_no_pages(plain_house: House) -> None:
    finish(plain_house)
    judged(plain_house)
    plain_house.execute("UPDATE consignment SET profile_id = NULL, profile_version = NULL")

    plain_house.execute("INSERT INTO touched (consignment_id) VALUES ('c-1')")

    assert pages(judged(plain_house)) == {}
