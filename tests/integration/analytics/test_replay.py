"""What an evaluation saw is seen again, whatever came since, and what keeps it from it is told."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from factories import certify, fetch
from judge_house import MESSAGE, MINUTE, START, House, finish_clean_trip, judging

from analytics import reference
from analytics.job import commands
from analytics.job.replay import first_difference, judge_now, reproduce
from coldgate.errors import JudgementError, NotFoundError
from coldgate.instant import epoch_ms
from coldgate.storage import archive
from coldgate.storage.connection import connect_reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analytics.case import Case
    from analytics.job.answering import Examination
    from analytics.profile import Profile
    from analytics.reference.answer import Reference
    from coldgate.storage.connection import Connection

pytestmark = pytest.mark.database

SEAL = """
INSERT INTO seal (consignment_id, logger_id, last_sequence, declared_by)
VALUES ('c-1', 1, 1, 'carrier-1')
"""
RANGE = """
INSERT INTO sensor_range (logger_id, quantity, low_milli, high_milli, entered_by)
VALUES (1, 1, -40000, 4900, 'operator')
"""
UNCHANGING = {
    # Written with the consignment, or before anything can depend on them, and never again.
    "consignment",
    "consignment_line",
    "leg",
    "logger",
    "party",
    "profile",
}


@contextmanager
def reading_store(house: House) -> Iterator[Connection]:
    with connect_reader(house.dsn, "coldgate_analytics") as store, store.transaction():
        yield store


def made_again(house: House, version: int) -> Examination:
    with reading_store(house) as store:
        return reproduce(store, "c-1", archive.fetch_version(store, "c-1", version))


def judge_after(house: House, fact: str, *parameters: object) -> None:
    """Add a fact and have the consignment judged, by the touched rows of api and of ingest."""
    house.execute(fact, *parameters)
    house.execute("INSERT INTO touched (consignment_id) VALUES ('c-1')")
    house.execute(
        "INSERT INTO touched (channel_id, first_at, last_at) VALUES (1, %s, %s)",
        START,
        START + 60 * MINUTE,
    )
    house.execute("SELECT pg_notify('coldgate_touched', '')")
    assert house.settled()


def bodies(house: House) -> list[bytes]:
    rows = fetch(house.dsn, "SELECT body FROM evaluation ORDER BY version")
    return [bytes(body) for body in rows]


def tamper(house: House, statement: str) -> None:
    """Change what must not change, past the triggers, as only a superuser can."""
    house.execute(f"SET session_replication_role = replica; {statement}")


def judged_once(house: House) -> House:
    finish_clean_trip(house)
    with judging(house):
        assert house.settled()
    return house


def test_each_evaluation_is_made_again_after_every_kind_of_later_fact(house: House) -> None:
    house.add_event("packed", START)
    house.add_readings([5000] * 40)
    with judging(house):
        assert house.settled()
        house.add_event("received", START + 60 * MINUTE)
        assert house.settled()
        judge_after(house, SEAL)
        house.add_readings([5000] * 21, begin=START + 40 * MINUTE)
        assert house.settled()
        conflict = "INSERT INTO conflict VALUES (1, %s, 7900, 0, 1, %s)"
        judge_after(house, conflict, START, house.new_message())
        pair = "INSERT INTO clock_pair VALUES (1, %s, %s, %s)"
        judge_after(house, pair, epoch_ms(START) - 3000, epoch_ms(START), house.new_message())
        judge_after(house, "UPDATE placement SET removed_at = %s", START + 30 * MINUTE)
        judge_after(house, "UPDATE placement SET removed_at = %s", START + 50 * MINUTE)
        judge_after(house, "INSERT INTO channel (logger_id, sensor, quantity) VALUES (1, 1, 1)")
        certify(house.dsn, 1, number="CAL-2", expanded_milli=900)
        judge_after(
            house, "INSERT INTO product VALUES ('product-1', 'carrier-1', 'P', NULL, false)"
        )
        judge_after(house, RANGE)
        house.add_event("packed", START - 10 * MINUTE)
        assert house.settled()

    stored = bodies(house)
    assert len(stored) == 12
    for version, body in enumerate(stored, start=1):
        assert made_again(house, version).evaluation.to_bytes() == body


def test_reading_in_flight_while_judged_is_not_part_of_that_evaluation(house: House) -> None:
    house.add_event("packed", START)
    house.add_readings([5000] * 61)
    house.add_event("received", START + 60 * MINUTE)
    with psycopg.connect(house.dsn) as ingest, judging(house):
        (message,) = ingest.execute(MESSAGE).fetchone() or (0,)
        row = (START + 30 * MINUTE + MINUTE / 2, message)
        ingest.execute("INSERT INTO reading VALUES (1, %s, 16000, 0, 2, %s)", row)
        assert house.settled()
        ingest.commit()
        judge_after(house, "SELECT 1")

    assert [verdict for verdict, _ in house.evaluations] == ["PASS", "FAIL"]
    assert made_again(house, 1).evaluation.verdict.value == "PASS"
    assert made_again(house, 2).evaluation.verdict.value == "FAIL"


def test_whatever_a_case_is_loaded_from_is_seen_as_it_was_or_never_changes(house: House) -> None:
    finish_clean_trip(house)
    looked_at = """
        SELECT pg_class.relname FROM pg_stat_xact_user_tables
        JOIN pg_class ON pg_class.oid = relid
        WHERE schemaname = 'public' AND NOT relispartition AND seq_scan + coalesce(idx_scan, 0) > 0
    """
    with reading_store(house) as store:
        judge_now(store, "c-1")
        tables = {name for (name,) in store.execute(looked_at)}
        past = store.execute("SELECT viewname FROM pg_views WHERE schemaname = 'past'")

        assert {"custody_event", "placement", "certificate"} <= tables
        assert tables - {name for (name,) in past} <= UNCHANGING


def test_view_of_the_past_has_the_columns_of_its_table(house: House) -> None:
    listed = """
        SELECT table_name, array_agg(column_name::text ORDER BY column_name)
        FROM information_schema.columns
        WHERE table_schema = '{}' AND column_name <> 'transaction'
        GROUP BY table_name ORDER BY table_name
    """
    past = fetch(house.dsn, listed.format("past"))

    assert past
    assert [row for row in fetch(house.dsn, listed.format("public")) if row in past] == past


def test_past_without_a_snapshot_shows_nothing(house: House) -> None:
    with reading_store(house) as store, pytest.raises(psycopg.errors.UndefinedObject):
        store.execute("SELECT * FROM past.placement")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE evaluation SET body = body || ' '", "ledger says"),
        ("UPDATE evaluation SET verdict = 'FAIL'", "its verdict is FAIL"),
        ("UPDATE evaluation SET engine = '0'", "engine 0"),
        ("UPDATE evaluation SET snapshot = NULL", "before snapshots were kept"),
        ("DELETE FROM ledger_entry", "no entry in the ledger"),
        ("UPDATE reading SET value = 5001", "saw other facts"),
    ],
)
def test_what_keeps_an_evaluation_from_being_made_again_is_told(
    plain_house: House, statement: str, told: str
) -> None:
    judged_once(plain_house)
    tamper(plain_house, statement)

    with pytest.raises(JudgementError, match=told):
        made_again(plain_house, 1)


def test_evaluation_in_force_is_the_newest_of_its_time(plain_house: House) -> None:
    judged_once(plain_house)
    between = datetime.now(UTC)
    with judging(plain_house):
        plain_house.add_readings([16000], begin=START + 10 * MINUTE + MINUTE / 2)
        assert plain_house.settled()

    with reading_store(plain_house) as store:
        assert archive.fetch_in_force(store, "c-1", between).version == 1
        assert archive.fetch_in_force(store, "c-1", datetime.now(UTC)).version == 2
        with pytest.raises(NotFoundError, match="before 2026-11-01"):
            archive.fetch_in_force(store, "c-1", START)


def test_answer_now_is_what_the_judge_would_store(plain_house: House) -> None:
    judged_once(plain_house)

    with reading_store(plain_house) as store:
        assert judge_now(store, "c-1").evaluation.to_bytes() == bodies(plain_house)[0]


@pytest.mark.parametrize(
    ("consignment", "told"), [("c-9", "no consignment c-9"), ("c-2", "no profile")]
)
def test_consignment_that_cannot_be_judged_is_refused(
    plain_house: House, consignment: str, told: str
) -> None:
    plain_house.add_consignment("c-2", profile=None)

    with (
        reading_store(plain_house) as store,
        pytest.raises((NotFoundError, JudgementError), match=told),
    ):
        judge_now(store, consignment)


def ask(house: House, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setenv("COLDGATE_DATABASE_DSN", house.dsn)
    return commands.run_command(["evaluate", "--consignment", "c-1", *arguments])


def test_command_writes_the_stored_bytes(
    plain_house: House, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    judged_once(plain_house)

    assert ask(plain_house, monkeypatch, "--version", "1", "--json") == 0
    assert capfdbinary.readouterr().out == bodies(plain_house)[0]


def test_command_tells_a_person_that_all_agree(
    plain_house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judged_once(plain_house)

    assert ask(plain_house, monkeypatch, "--as-of", "2100-01-01T00:00Z", "--cross-check") == 0
    shown = capsys.readouterr().out
    assert "PASS" in shown
    assert "reproduced byte for byte" in shown
    assert "the reference judge agrees" in shown


def test_command_refuses_in_one_line(
    plain_house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(plain_house, monkeypatch, "--version", "7") == commands.REFUSED
    assert capsys.readouterr() == ("", "no evaluation 7 of consignment c-1\n")


def test_no_answer_while_the_reference_judge_disagrees(
    plain_house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def blind(profile: Profile, case: Case) -> Reference:
        return reference.reference(profile, replace(case, channels=()))

    judged_once(plain_house)
    monkeypatch.setattr(commands, "reference", blind)

    assert ask(plain_house, monkeypatch, "--cross-check") == commands.NO_ANSWER
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "no answer" in shown.err
    assert "channels: 0 expected, 1 found" in shown.err


@pytest.mark.parametrize(
    ("stored", "now", "told"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "$.a[1].b is 2 as stored, 3 now"),
        ({"a": [1]}, {"a": []}, "$.a is [1] as stored, [] now"),
        ({"a": 1}, {"b": 1}, '$ is {"a": 1} as stored, {"b": 1} now'),
    ],
)
def test_first_difference_is_named_by_its_place(stored: Any, now: Any, told: str) -> None:
    assert first_difference(stored, now) == told
