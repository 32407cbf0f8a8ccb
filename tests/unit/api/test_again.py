"""What lost a deadlock is made once more, and nothing else is."""

from __future__ import annotations

import psycopg
import pytest

from api.again import once_more


@pytest.mark.parametrize(
    ("problems", "attempts"),
    [
        ([], 1),
        ([psycopg.errors.DeadlockDetected()], 2),
        ([psycopg.errors.SerializationFailure()], 2),
    ],
)
def test_what_lost_is_made_once_more(problems: list[Exception], attempts: int) -> None:
    made: list[str] = []

    @once_more
    def act(what: str) -> int:
        made.append(what)
        if len(made) <= len(problems):
            raise problems[len(made) - 1]
        return len(made)

    assert act("this") == attempts
    assert made == ["this"] * attempts


@pytest.mark.parametrize(
    ("problem", "attempts"),
    [(psycopg.errors.DeadlockDetected(), 2), (psycopg.errors.LockNotAvailable(), 1)],
)
def test_a_second_loss_and_every_other_problem_are_told(problem: Exception, attempts: int) -> None:
    made: list[int] = []

    @once_more
    def act() -> None:
        made.append(1)
        raise problem

    with pytest.raises(type(problem)):
        act()
    assert len(made) == attempts
