"""Work is begun anew after a loss, with pauses that grow, until somebody asks to stop."""

from __future__ import annotations

import threading

import psycopg
import pytest

from coldgate.storage.perseverance import persevere


class Pauses(threading.Event):
    """An event that never waits, and remembers for how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return self.is_set()


def test_work_is_begun_anew_after_pauses_that_grow_until_the_longest() -> None:
    stop, reported = Pauses(), list[Exception]()

    def work() -> None:
        if len(reported) == 4:
            stop.set()
            return
        raise psycopg.OperationalError("away")

    persevere(work, stop=stop, report=reported.append, retry_seconds=(1.0, 5.0))

    assert stop.seconds == [1.0, 2.0, 4.0, 5.0]
    assert len(reported) == 4


def test_mistake_that_is_no_loss_ends_the_work() -> None:
    def work() -> None:
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        persevere(work, stop=Pauses(), report=lambda _: None)


def test_nothing_is_begun_once_asked_to_stop() -> None:
    stop, begun = Pauses(), list[int]()
    stop.set()

    persevere(lambda: begun.append(1), stop=stop, report=lambda _: None)

    assert begun == []
