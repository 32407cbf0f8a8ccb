"""The dry run of a profile: the past judged again on all cores, and nothing stored but a file.

Each consignment is judged by the facts that its newest final evaluation saw. One with no facts
waiting for the judge has exactly those in the store; for another one the store is looked at as it
was. What lots spent and lanes had before is what is on record, by the profiles of then.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.evaluation import ENGINE_VERSION
from analytics.job.what_if_crew import Crew
from analytics.job.what_if_file import open_results
from analytics.job.what_if_profile import choose_profile
from analytics.job.what_if_worker import Task
from analytics.what_if.report import report, tally
from coldgate.crypto import canonical_json, sha256_hex
from coldgate.storage import what_if
from coldgate.storage.connection import connect_reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from analytics.job.what_if_file import ResultFile
    from analytics.job.what_if_screen import Screen
    from analytics.job.what_if_worker import Judged
    from analytics.profile import Json, Profile
    from analytics.what_if.comparison import Result
    from analytics.what_if.report import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which profile (a file, or ``ID[@VERSION]``), for the journeys that ended in that time."""

    profile: str
    since: datetime
    until: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Effort:
    """What one run took; the seconds of its ``jobs`` workers are added up."""

    jobs: int
    consignments: int = 0
    readings: int = 0
    seconds: float = 0.0
    store_seconds: float = 0.0
    judge_seconds: float = 0.0

    def add(self, judged: Judged) -> None:
        """Count one consignment."""
        self.consignments += 1
        self.readings += judged.result.readings
        self.store_seconds += judged.store_seconds
        self.judge_seconds += judged.judge_seconds

    @property
    def store_percent(self) -> float:
        """The share of the workers' time that went into reading the store."""
        worked = self.store_seconds + self.judge_seconds
        return 100 * self.store_seconds / worked if worked else 0.0

    def __str__(self) -> str:
        if not self.consignments:
            return "every result was in the file already"
        pace = round(self.readings / self.seconds)
        return (
            f"{self.consignments:,} consignments with {self.readings:,} readings in "
            f"{self.seconds:,.1f} s on {self.jobs} processes: {pace:,} readings/s; "
            f"{self.store_percent:.0f} % of their time reading the store, "
            f"{100 - self.store_percent:.0f} % judging"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The whole of an answered question, and what this run of it took."""

    told: Tally
    effort: Effort
    output: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """The profile, what was asked in full, whom it concerns, and how many are left out."""

    profile: Profile
    asked: dict[str, Json]
    tasks: tuple[Task, ...]
    unjudged: int

    @property
    def file_name(self) -> str:
        """The same for the same question, so that it goes on where it ended."""
        question = sha256_hex(canonical_json(self.asked))
        return f"{self.profile.id}-{self.profile.version}-{question[:12]}.jsonl"


def answer(
    question: Question,
    dsn: str,
    screen: Screen,
    *,
    output: Path | None,
    folder: Path,
    jobs: int,
) -> Done:
    """Judge what is not in the file of results yet, then show what all of them say.

    The file is ``output``, else one in ``folder`` that is named after the question.

    Raises:
        ProfileError, NotFoundError: there is no such profile.
        SettingsError: the file cannot be used.
        JudgementError: a worker died, or lost the database; the same call goes on from there.
    """
    scope = _scope(question, dsn)
    effort = Effort(jobs=jobs)
    with open_results(output or folder / scope.file_name, scope.asked) as file:
        left = _left(scope.tasks, file.results())
        _introduce(screen, scope, done=len(scope.tasks) - len(left), path=file.path)
        if left:
            _judge(scope, left, file, effort, screen=screen, dsn=dsn)
        told = tally(_wanted(scope.tasks, file.results()))
    if told.counts:
        screen.show(report(told))
        screen.say(f"\n {effort}\n all results: {file.path}")
    return Done(told=told, effort=effort, output=file.path)


def _scope(question: Question, dsn: str) -> _Scope:
    with connect_reader(dsn, "coldgate_analytics") as store, store.transaction():
        profile = choose_profile(store, question.profile)
        finished = what_if.finished(store, since=question.since, until=question.until)
        asked: dict[str, Json] = {
            "profile": {"id": profile.id, "version": profile.version, "digest": profile.digest},
            "since": question.since.isoformat(),
            "until": None if question.until is None else question.until.isoformat(),
            "engine": ENGINE_VERSION,
            "store": what_if.identity(store),
        }
    tasks = tuple(
        Task(consignment=one.consignment_id, version=one.version, lines=tuple(one.states))
        for one in finished
        if one.version is not None
    )
    return _Scope(profile=profile, asked=asked, tasks=tasks, unjudged=len(finished) - len(tasks))


def _introduce(screen: Screen, scope: _Scope, *, done: int, path: Path) -> None:
    screen.say(
        f"{len(scope.tasks):,} consignments under {scope.profile.id} version "
        f"{scope.profile.version}; nothing of them is changed"
    )
    if scope.unjudged:
        screen.say(f"  {scope.unjudged:,} more have no final evaluation and are left out")
    if done:
        screen.say(f"  {done:,} are in {path} already")


def _judge(
    scope: _Scope,
    left: Sequence[Task],
    file: ResultFile,
    effort: Effort,
    *,
    screen: Screen,
    dsn: str,
) -> None:
    """Have all that is left judged, each result kept as it comes."""
    started = time.perf_counter()
    done = len(scope.tasks) - len(left)
    with (
        Crew(dsn, scope.profile, size=min(effort.jobs, len(left))) as crew,
        screen.course(total=len(scope.tasks), done=done) as course,
    ):
        for judged in crew.judged(left):
            file.add(judged.result)
            effort.add(judged)
            course.advance(judged.result.readings)
    effort.seconds = time.perf_counter() - started


def _left(tasks: Iterable[Task], results: Iterable[Result]) -> list[Task]:
    """Those without a result; one from before a later evaluation or release does not count."""
    done = {_task_of(result) for result in results}
    return [task for task in tasks if task not in done]


def _wanted(tasks: Iterable[Task], results: Iterable[Result]) -> Iterator[Result]:
    """The results of these tasks, each once."""
    left = set(tasks)
    for result in results:
        task = _task_of(result)
        if task in left:
            left.remove(task)
            yield result


def _task_of(result: Result) -> Task:
    past = result.past
    return Task(consignment=past.consignment, version=past.evaluation, lines=past.lines)
