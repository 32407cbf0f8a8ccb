"""Jobs by the clock: one leader, each reminder once, downtime caught up, failures repeated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest

from api.alone import Cases
from api.metrics import Metrics
from api.quality.reminding import remind
from api.scheduler import Job, Scheduler
from coldgate.launch.process import wait_until
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coldgate.storage.connection import Connection

pytestmark = pytest.mark.database

HOUR = timedelta(hours=1)
LEADER = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
)
AGE = "UPDATE schedule_run SET ran_at = ran_at - %s::interval RETURNING job"


def execute(dsn: str, query: str, *parameters: object) -> list[tuple[object, ...]]:
    with connect(dsn) as connection:
        return connection.execute(query, parameters).fetchall()


class Count:
    """A job that counts, and fails as often as it is told to."""

    def __init__(self, failures: int = 0, problem: Exception | None = None) -> None:
        self.runs = 0
        self.failures = failures
        self.problem = problem or ValueError("told to fail")

    def __call__(self, connection: Connection, _now: datetime) -> int:
        key = {"key": f"{id(self)}/{self.runs}"}
        connection.execute("INSERT INTO reminder VALUES (%(key)s, 'maker')", key)
        if self.failures:
            self.failures -= 1
            raise self.problem
        self.runs += 1
        return 0


@pytest.fixture
def dsn(plain_database: str) -> str:
    execute(
        plain_database,
        "INSERT INTO party VALUES ('maker', 'm', 'manufacturer') RETURNING id",
    )
    return plain_database


@pytest.fixture
def pair(dsn: str) -> Iterator[tuple[Scheduler, Scheduler]]:
    """Two processes' schedulers with the reminders; the test ticks them."""
    job = Job(name="remind", every=HOUR, action=remind)
    both = (Scheduler(dsn, [job], Metrics()), Scheduler(dsn, [job], Metrics()))
    yield both
    for scheduler in both:
        scheduler._resign()


def overdue(dsn: str, days: int) -> None:
    execute(
        dsn,
        "INSERT INTO capa (party_id, title, problem, due_on, changed_by)"
        " VALUES ('maker', 't', 'p', %s, 'test') RETURNING id",
        datetime.now(UTC).date() - timedelta(days=days),
    )


def levels(dsn: str) -> list[object]:
    query = "SELECT (body ->> 'level')::int FROM outbox WHERE kind LIKE 'task.%%' ORDER BY id"
    return [row[0] for row in execute(dsn, query)]


def test_of_two_schedulers_one_reminds_and_once(
    dsn: str, pair: tuple[Scheduler, Scheduler]
) -> None:
    overdue(dsn, 1)

    for _ in range(3):
        for scheduler in pair:
            scheduler.tick()
        execute(dsn, AGE, HOUR)

    assert [scheduler.leads for scheduler in pair] == [True, False]
    assert levels(dsn) == [1]


def test_each_level_is_told_once_as_days_go_by(dsn: str, pair: tuple[Scheduler, Scheduler]) -> None:
    for late in (-3, 0, 1, 6, 7, 13, 14, 400):
        execute(dsn, "DELETE FROM schedule_run RETURNING job")
        with connect(dsn, "coldgate_api") as connection:
            connection.execute("SELECT set_config('coldgate.party', '*', true)")
            if late == -3:
                connection.execute(
                    "INSERT INTO capa (party_id, title, problem, due_on, changed_by)"
                    " VALUES ('maker', 't', 'p', '2030-06-15', 'test')"
                )
            day = datetime(2030, 6, 15, tzinfo=UTC) + timedelta(days=late)
            remind(connection, day)

    assert levels(dsn) == [0, 1, 2, 3]
    assert not pair[0].leads


def test_downtime_is_caught_up_once_and_tells_the_highest_level_alone(
    dsn: str, pair: tuple[Scheduler, Scheduler]
) -> None:
    pair[0].tick()
    overdue(dsn, 20)
    execute(dsn, AGE, timedelta(days=20))

    for _ in range(3):
        pair[0].tick()

    assert levels(dsn) == [3]
    assert execute(dsn, "SELECT runs FROM schedule_run") == [(2,)]


def test_another_one_leads_when_the_leader_loses_its_connection(
    dsn: str, pair: tuple[Scheduler, Scheduler]
) -> None:
    first, second = pair
    first.tick()
    overdue(dsn, 1)
    execute(dsn, AGE, HOUR)
    (leader,) = execute(dsn, LEADER)
    execute(dsn, "SELECT pg_terminate_backend(%s)", *leader)
    assert wait_until(lambda: not execute(dsn, LEADER), seconds=10)

    second.tick()
    first.tick()

    assert [scheduler.leads for scheduler in pair] == [False, True]
    assert levels(dsn) == [1]


@pytest.mark.parametrize("problem", [ValueError("any"), psycopg.errors.LockNotAvailable("busy")])
def test_job_that_fails_leaves_nothing_and_the_others_run(
    dsn: str, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    monkeypatch.setattr("api.scheduler.RETRY_SECONDS", 0.0)
    failing, sound = Count(failures=2, problem=problem), Count()
    jobs = [
        Job(name="failing", every=HOUR, action=failing),
        Job(name="sound", every=HOUR, action=sound),
    ]
    scheduler = Scheduler(dsn, jobs, Metrics())

    for _ in range(4):
        scheduler.tick()
    scheduler._resign()

    assert (failing.runs, sound.runs) == (1, 1)
    assert len(execute(dsn, "SELECT key FROM reminder")) == 2


def test_fault_in_one_case_is_counted_and_the_others_are_done(dsn: str) -> None:
    def meet(connection: Connection, case: str) -> None:
        connection.execute("INSERT INTO reminder VALUES (%s, 'maker')", (case,))
        if case == "odd":
            raise KeyError(case)

    def action(connection: Connection, _now: datetime) -> int:
        cases = Cases(connection)
        for case in ("even", "odd", "last"):
            cases.act(partial(meet, connection, case), case=case)
        return cases.failed

    metrics = Metrics()
    scheduler = Scheduler(dsn, [Job(name="job", every=HOUR, action=action)], metrics)
    scheduler.tick()
    scheduler._resign()

    assert execute(dsn, "SELECT key FROM reminder ORDER BY key") == [("even",), ("last",)]
    assert b'coldgate_scheduled_failures_total{job="job"} 1.0' in metrics.text()
    assert b'coldgate_scheduled_runs_total{job="job"} 1.0' in metrics.text()


def test_job_whose_backend_is_killed_counts_once(dsn: str) -> None:
    rounds = []

    def action(connection: Connection, _now: datetime) -> int:
        rounds.append(1)
        connection.execute("INSERT INTO reminder VALUES (%s, 'maker')", (f"round/{len(rounds)}",))
        if len(rounds) == 1:
            execute(dsn, "SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
        cases = Cases(connection)
        cases.act(partial(connection.execute, "SELECT 1"))
        return cases.failed

    scheduler = Scheduler(dsn, [Job(name="job", every=HOUR, action=action)], Metrics())
    scheduler.tick()
    assert wait_until(lambda: bool(scheduler.tick() or scheduler.leads), seconds=10)
    scheduler._resign()

    assert execute(dsn, "SELECT key FROM reminder") == [("round/2",)]


def test_job_runs_although_the_clock_was_set_back(dsn: str) -> None:
    job = Count()
    scheduler = Scheduler(dsn, [Job(name="job", every=HOUR, action=job)], Metrics())
    scheduler.tick()
    execute(dsn, AGE, -timedelta(days=30))

    scheduler.tick()
    scheduler._resign()

    assert job.runs == 2


def test_scheduler_ticks_by_itself_until_it_is_stopped(dsn: str) -> None:
    job = Count()
    scheduler = Scheduler(dsn, [Job(name="job", every=HOUR, action=job)], Metrics())

    scheduler.start()
    try:
        assert wait_until(lambda: job.runs == 1, seconds=10)
    finally:
        scheduler.stop()
    assert not scheduler.leads
    assert wait_until(lambda: not execute(dsn, LEADER), seconds=10)
