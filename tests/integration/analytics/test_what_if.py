"""The past under another profile: changes are told, nothing is written, a kill loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest
from command_line import coldgate
from factories import certify, fetch, register_logger
from judge_house import MINUTE, START, House, judging
from psycopg import sql

from analytics.job import commands
from analytics.profile import Band, Stability
from analytics.profile_format import load_builtin_profiles
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.profile import Profile

pytestmark = pytest.mark.database

CCT = next(profile for profile in load_builtin_profiles() if profile.id == "USP_CCT_2_8")
# Waits until the test lets it go on, wherever a channel of the consignment has news.
BARRIER = """
CREATE OR REPLACE FUNCTION concerned_consignments(
    touched_channel integer, first_at timestamptz, last_at timestamptz
) RETURNS SETOF text LANGUAGE sql AS $$ SELECT NULL::text FROM pg_advisory_xact_lock(42) $$
"""


def add_trip(house: House, name: str, peak: int, *, begin: Any = START) -> int:
    """An hour of 5 °C with two minutes of ``peak`` in m°C; its channel."""
    logger = register_logger(house.dsn, f"L-{name}")
    certify(house.dsn, logger, number=f"CAL-{name}")
    house.execute("INSERT INTO channel (logger_id, sensor, quantity) VALUES (%s, 0, 1)", logger)
    (channel,) = fetch(house.dsn, "SELECT max(id) FROM channel")
    house.add_consignment(name)
    house.place(logger, name, at=begin)
    house.add_event("packed", begin, consignment=name)
    house.add_readings([5000] * 30 + [peak] * 2 + [5000] * 29, channel=channel, begin=begin)
    house.add_event("received", begin + 60 * MINUTE, consignment=name)
    return int(channel)


def judged_trips(house: House, **peaks: int) -> House:
    for name, peak in peaks.items():
        add_trip(house, name.replace("_", "-"), peak)
    with judging(house):
        assert house.settled()
    return house


def release(house: House, name: str) -> None:
    for state in ("in_transit", "quarantined", "released"):
        statement = "UPDATE consignment_line SET state = %s WHERE consignment_id = %s"
        house.execute(statement, state, name)


def ask(profile: str, folder: Path, *more: str, since: str = "2026-01-01") -> int:
    """Exit status of the dry run."""
    known = ("--profile", profile, "--since", since, "--folder", str(folder), "--jobs", "1")
    return commands.run_command(["what-if", *known, *more])


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """What the file of results says of each consignment."""
    (file,) = (folder / "what-if").iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    assert len({line["consignment"] for line in lines}) == len(lines)
    return {line["consignment"]: line for line in lines}


def outcomes(folder: Path) -> dict[str, str]:
    return {name: line["outcome"] for name, line in results(folder).items()}


def written(profile: Profile, file: Path) -> str:
    """The profile in a file; JSON is YAML."""
    file.write_text(json.dumps(profile.as_json()))
    return str(file)


def row_counts(dsn: str) -> dict[str, int]:
    tables = fetch(
        dsn,
        "SELECT format('%I.%I', table_schema, table_name), table_schema, table_name"
        " FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        " AND table_schema IN ('public', 'past')",
    )
    with psycopg.connect(dsn) as connection:
        counts = {}
        for name, schema, table in tables:
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
            row = connection.execute(query).fetchone()
            counts[name] = row[0] if row else -1
    return counts


@pytest.fixture(autouse=True)
def named_database(plain_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDGATE_DATABASE_DSN", plain_house.dsn)


def test_every_answer_that_changes_is_told_and_nothing_is_written(
    plain_house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = judged_trips(plain_house, cold=5500, warm=12_000, hot=16_000)
    release(house, "cold")
    before = row_counts(house.dsn)

    assert ask("LABEL_BELOW_25", tmp_path) == 0

    same = {"cold": "same", "warm": "block_released", "hot": "block_released"}
    assert outcomes(tmp_path) == same
    told = capsys.readouterr().out
    assert "2  blocked, would have been released" in told
    assert "no longer:" in told
    assert "183 readings" in told
    assert row_counts(house.dsn) == before


def test_releases_that_would_have_been_blocked_come_first(
    plain_house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = judged_trips(plain_house, cold=5500, free=5500, hot=16_000)
    release(house, "cold")

    assert ask("FROZEN_M25_M15@1", tmp_path) == 0

    assert outcomes(tmp_path) == {
        "cold": "release_blocked",
        "free": "clearance_blocked",
        "hot": "block_altered",
    }
    told = capsys.readouterr().out
    assert told.index("1  released, would have been blocked") < told.index("1  free to be")
    assert results(tmp_path)["cold"]["was"] == {"verdict": "PASS", "with_excursions": False}


def test_its_own_profile_changes_nothing(plain_house: House, tmp_path: Path) -> None:
    judged_trips(plain_house, cold=5500, warm=12_000, hot=16_000)

    assert ask(written(CCT, tmp_path / "cct.yaml"), tmp_path) == 0
    assert set(outcomes(tmp_path).values()) == {"same"}


def test_only_journeys_that_ended_in_the_time_are_judged(
    plain_house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for day, name in enumerate(("early", "right", "late")):
        add_trip(plain_house, name, 5500, begin=START + timedelta(days=day))
    with judging(plain_house):
        assert plain_house.settled()
    add_trip(plain_house, "not-judged", 5500, begin=START + timedelta(days=1))

    assert ask("LABEL_BELOW_25", tmp_path, "--until", "2026-11-03", since="2026-11-02") == 0
    assert outcomes(tmp_path) == {"right": "same"}
    assert "1 more have no final evaluation" in capsys.readouterr().out


def test_facts_that_came_after_the_evaluation_do_not_blur_the_comparison(
    plain_house: House, tmp_path: Path
) -> None:
    channel = add_trip(plain_house, "cold", 5500)
    with judging(plain_house):
        assert plain_house.settled()
    late = START + 40 * MINUTE + MINUTE / 2
    plain_house.add_readings([30_000], channel=channel, begin=late)

    assert ask("LABEL_BELOW_25", tmp_path) == 0
    assert outcomes(tmp_path) == {"cold": "same"}
    assert results(tmp_path)["cold"]["readings"] == 61


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("snapshot = NULL", "before snapshots were kept"),
        ("snapshot = '1:1:'", "saw other facts"),  # as after a restore from a dump
    ],
)
def test_evaluation_whose_facts_cannot_be_told_from_later_ones_is_not_compared(
    plain_house: House, tmp_path: Path, changed: str, told: str
) -> None:
    house = judged_trips(plain_house, cold=5500)
    house.execute(
        f"SET session_replication_role = replica; UPDATE evaluation SET {changed};"  # noqa: S608 - from above
        " INSERT INTO touched (consignment_id) VALUES ('cold')"
    )

    assert ask("LABEL_BELOW_25", tmp_path) == 0
    assert outcomes(tmp_path) == {"cold": "unjudgeable"}
    assert told in results(tmp_path)["cold"]["why"]


def test_budget_that_no_journey_was_judged_by_is_not_taken_as_unspent(
    plain_house: House, tmp_path: Path
) -> None:
    add_trip(plain_house, "first", 5500)
    add_trip(plain_house, "second", 5500, begin=START + timedelta(days=1))
    with judging(plain_house):
        assert plain_house.settled()
    bands = (Band(above_milli=8000, budget_ms=3_600_000),)
    profile = replace(CCT, id="CCT_WITH_BUDGET", stability=Stability(bands=bands))

    assert ask(written(profile, tmp_path / "budget.yaml"), tmp_path) == 0
    assert outcomes(tmp_path) == {"first": "same", "second": "clearance_blocked"}
    assert "budget" in results(tmp_path)["second"]["why"]


def test_run_that_was_killed_goes_on_to_the_same_report(
    plain_house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = judged_trips(plain_house, trip_1=5500, trip_2=12_000, trip_3=16_000, trip_4=5500)
    assert ask("LABEL_BELOW_25", tmp_path / "whole") == 0
    whole = capsys.readouterr().out
    house.execute(BARRIER)
    house.execute("INSERT INTO touched (channel_id, first_at, last_at) VALUES (4, now(), now())")
    with psycopg.connect(house.dsn) as holder:
        holder.execute("SELECT pg_advisory_lock(42)")
        workers = kill_in_the_middle(tmp_path / "killed", lines=2)
    assert wait_until(lambda: not any(map(works, workers)), seconds=10)

    assert ask("LABEL_BELOW_25", tmp_path / "killed") == 0

    told = capsys.readouterr().out
    assert "2 are in" in told
    assert table_of(told) == table_of(whole)
    assert results(tmp_path / "killed") == results(tmp_path / "whole")


def kill_in_the_middle(folder: Path, *, lines: int) -> list[psutil.Process]:
    """Kill a run -9 that has this many results, with the next under way; its workers."""
    known = ("--profile", "LABEL_BELOW_25", "--since", "2026-01-01", "--jobs", "1")
    command = [sys.executable, "-m", "analytics", "what-if", *known, "--folder", str(folder)]
    with subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL) as run:
        assert wait_until(lambda: line_count(folder) == 1 + lines, seconds=30)
        workers = psutil.Process(run.pid).children()
        run.send_signal(signal.SIGKILL)
    (file,) = (folder / "what-if").iterdir()
    with file.open("ab") as torn:
        torn.write(b'{"consignment":"trip-3","eval')  # as a kill may leave it
    return workers


def works(process: psutil.Process) -> bool:
    """Whether it runs; what ended and nobody asked for does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def line_count(folder: Path) -> int:
    return sum(len(file.read_bytes().splitlines()) for file in (folder / "what-if").glob("*"))


def table_of(told: str) -> list[str]:
    """Counts and changes as they were printed."""
    rows = [line.rstrip() for line in told.splitlines()]
    return rows[next(i for i, row in enumerate(rows) if "would have" in row) : -3]


def test_release_since_the_last_run_is_judged_again(plain_house: House, tmp_path: Path) -> None:
    house = judged_trips(plain_house, cold=5500)
    assert ask("FROZEN_M25_M15", tmp_path) == 0
    release(house, "cold")

    assert ask("FROZEN_M25_M15", tmp_path) == 0

    (file,) = (tmp_path / "what-if").iterdir()
    told = [json.loads(line)["outcome"] for line in file.read_text().splitlines()[1:]]
    assert told == ["clearance_blocked", "release_blocked"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("typo.yaml", "id: TYPO_2_8\nversoin: 1\n", "profile TYPO_2_8, versoin: "),
        ("twice.yaml", "id: A_1\nid: A_2\n", "twice.yaml, line 2: "),
        ("gone.yaml", None, "gone.yaml, file: cannot be read: No such file"),
        ("USP_CCT_2_8@99", None, "no profile USP_CCT_2_8@99"),
        ("USP_CCT_2_8@new", None, "a version is a number"),
    ],
)
def test_profile_that_cannot_be_had_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str | None, told: str
) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_text(text)

    assert ask(str(file) if name.endswith("yaml") else name, tmp_path / "results") == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_file_that_is_not_this_questions_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine, without a line end")

    assert ask("LABEL_BELOW_25", tmp_path, "--output", str(file)) == 2
    assert "answers another question" in capsys.readouterr().err
    assert file.read_text() == "mine, without a line end"


def test_command_line_says_the_same(
    plain_house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged_trips(plain_house, cold=5500, warm=12_000)
    assert ask("LABEL_BELOW_25", tmp_path) == 0
    told = capsys.readouterr().out

    known = ("--profile", "LABEL_BELOW_25", "--since", "2026-01-01", "--until", "2027-01-01")
    file = tmp_path / "results.jsonl"
    answer = coldgate("what-if", *known, "--jobs", "2", "--output", str(file))

    assert (answer.returncode, answer.stderr) == (0, "")
    assert table_of(answer.stdout)[:2] == table_of(told)[:2]  # counts; it has a wider screen
    assert f"all results: {file}" in answer.stdout
    assert file.exists()


@pytest.mark.parametrize("wrong", [("--since", "soon"), ("--since", "2026-01-01T00:00")])
def test_time_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        ask("LABEL_BELOW_25", tmp_path, *wrong)

    assert ended.value.code == 2
    assert wrong[1] in capsys.readouterr().err
