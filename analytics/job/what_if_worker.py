"""One consignment of the past judged by another profile, and a process that does so on demand."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Never

import psycopg

from analytics.job.answering import judge_loaded
from analytics.job.loading import load_case
from analytics.job.replay import load_profile
from analytics.judge import judge
from analytics.profile_format import parse_profile
from analytics.what_if.comparison import Answer, Outcome, Past, Result, compare, explain
from coldgate.errors import ColdgateError, JudgementError
from coldgate.model import Verdict
from coldgate.storage import judging, what_if
from coldgate.storage.connection import connect_reader

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as Pipe

    from analytics.case import Case
    from analytics.evaluation import Evaluation
    from analytics.profile import Json, Profile
    from coldgate.storage.connection import Connection
    from coldgate.storage.what_if import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A consignment, the evaluation to compare with, and the states of the lines."""

    consignment: str
    version: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A result, and how long it took to read the store and to judge."""

    result: Result
    store_seconds: float
    judge_seconds: float


@dataclass(slots=True)
class _TimedJudge:
    """The judge, and how long it has worked."""

    seconds: float = 0.0

    def __call__(self, profile: Profile, case: Case) -> Evaluation:
        started = time.perf_counter()
        evaluation = judge(profile, case)
        self.seconds += time.perf_counter() - started
        return evaluation


def serve(pipe: Pipe, dsn: str, written: dict[str, Json]) -> None:
    """Judge by the written profile each `Task` that comes, and send back what `Judged` says.

    The database's complaint is sent as a text, and ends this, as does the end of whoever asks.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks
    profile = parse_profile(written)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            _serve(pipe, dsn, profile)
        except psycopg.Error as error:
            pipe.send(str(error).strip())


def _serve(pipe: Pipe, dsn: str, profile: Profile) -> Never:
    with connect_reader(dsn, "coldgate_analytics") as store:
        while True:
            pipe.send(judge_again(store, pipe.recv(), profile))


def judge_again(store: Connection, task: Task, profile: Profile) -> Judged:
    """What ``profile`` says of the facts that the evaluation saw, in one transaction."""
    started, by = time.perf_counter(), _TimedJudge()
    with store.transaction():
        result = _result(store, task, profile, by)
    elapsed = time.perf_counter() - started
    return Judged(result=result, store_seconds=elapsed - by.seconds, judge_seconds=by.seconds)


def _result(store: Connection, task: Task, profile: Profile, by: _TimedJudge) -> Result:
    said = what_if.said(store, task.consignment, task.version)
    past = _past(task, said)
    try:
        return _compared(store, past, said, profile, by)
    except ColdgateError as error:
        return Result(
            past=past, would_be=None, outcome=Outcome.UNJUDGEABLE, why=str(error), readings=0
        )


def _past(task: Task, said: Said) -> Past:
    return Past(
        consignment=task.consignment,
        evaluation=task.version,
        lines=task.lines,
        judged_by=f"{said.profile_id}@{said.profile_version}",
        answer=Answer(verdict=Verdict(said.verdict), with_excursions=said.with_excursions),
    )


def _compared(
    store: Connection, past: Past, said: Said, profile: Profile, by: _TimedJudge
) -> Result:
    """The result; its own profile is asked as well where the answers differ, or facts may."""
    if said.overtaken:  # else the store has exactly what the evaluation saw, and is read faster
        _look_back(store, past, said)
    loaded = load_case(store, past.consignment)
    readings = sum(len(channel.readings.taken_at_ms) for channel in loaded.case.channels)
    other = judge_loaded(store, loaded, profile, by=by).evaluation
    would_be, outcome, why = Answer.of(other), Outcome.SAME, ""
    if would_be != past.answer or said.overtaken:
        own_profile = load_profile(store, said.profile_id, said.profile_version)
        own = judge_loaded(store, loaded, own_profile, by=by).evaluation
        _require_facts_of_then(past, said, own)
        outcome = compare(past, own=Answer.of(own), would_be=would_be)
        why = "" if outcome is Outcome.SAME else explain(own, other)
    return Result(past=past, would_be=would_be, outcome=outcome, why=why, readings=readings)


def _look_back(store: Connection, past: Past, said: Said) -> None:
    if said.snapshot is None:
        raise JudgementError(
            f"evaluation {past.evaluation} was stored before snapshots were kept: what it saw "
            "cannot be told from what came later"
        )
    judging.look_back(store, said.snapshot)


def _require_facts_of_then(past: Past, said: Said, own: Evaluation) -> None:
    """What was looked back at must be what the evaluation says that it saw."""
    comparable = said.overtaken and said.engine == own.engine_version
    if comparable and said.input_digest != own.input_digest:
        raise JudgementError(
            f"evaluation {past.evaluation} saw other facts than the database shows for its "
            "snapshot, as after a restore from a dump"
        )
