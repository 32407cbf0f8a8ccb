"""Workers that die or lose the database end a run with a sentence, and are not left behind."""

from __future__ import annotations

import multiprocessing

import pytest
from judging import CCT

from analytics.job.what_if_crew import Crew
from analytics.job.what_if_worker import Task
from coldgate.errors import JudgementError

NOWHERE = "postgresql://127.0.0.1:1/coldgate"  # nobody listens there
TASK = Task(consignment="c-1", version=1, lines=("released",))


def test_database_that_does_not_answer_is_named() -> None:
    with (
        pytest.raises(JudgementError, match="consignment c-1: connection failed"),
        Crew(NOWHERE, CCT, size=1) as crew,
    ):
        list(crew.judged([TASK]))

    assert multiprocessing.active_children() == []


def test_worker_that_was_killed_is_noticed() -> None:
    with Crew(NOWHERE, CCT, size=1) as crew:
        (worker,) = multiprocessing.active_children()
        worker.kill()
        worker.join()

        with pytest.raises(JudgementError, match="was to judge consignment c-1 died"):
            list(crew.judged([TASK]))


def test_workers_without_work_end_with_the_block() -> None:
    with Crew(NOWHERE, CCT, size=2) as crew:
        assert list(crew.judged([])) == []

    assert multiprocessing.active_children() == []
