"""Processes that judge the past side by side, each with one consignment at a time."""

from __future__ import annotations

import multiprocessing
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final, Self

from analytics.job.what_if_worker import Judged, serve
from coldgate.errors import JudgementError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection as Pipe
    from multiprocessing.process import BaseProcess
    from types import TracebackType

    from analytics.job.what_if_worker import Task
    from analytics.profile import Profile

_SPAWN: Final = multiprocessing.get_context("spawn")  # no locks or sockets of ours come along


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Worker:
    """A process, and the only other end of its pipe: when we are gone, it knows."""

    process: BaseProcess
    pipe: Pipe


class Crew:
    """Workers while the block runs; whatever ends it ends them."""

    def __init__(self, dsn: str, profile: Profile, *, size: int) -> None:
        self._dsn = dsn
        self._profile = profile
        self._size = size
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        self._workers = [self._start() for _ in range(self._size)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.pipe.close()
            if kind is not None:
                worker.process.terminate()  # it only reads: nothing is left half done
        for worker in self._workers:
            worker.process.join()
            worker.process.close()

    def judged(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        """What was found of each task, as it comes; the next is handed out when one is done.

        Raises:
            JudgementError: the database complained, or a worker died.
        """
        waiting = iter(tasks)
        idle = [worker.pipe for worker in self._workers]
        busy: dict[Pipe, str] = {}
        while True:
            for pipe, task in zip(idle, waiting, strict=False):
                with _told_of_death(task.consignment):
                    pipe.send(task)
                busy[pipe] = task.consignment
            if not busy:
                return
            idle = [pipe for pipe in wait(list(busy)) if pipe in busy]
            for pipe in idle:
                yield _received(pipe, busy.pop(pipe))

    def _start(self) -> _Worker:
        ours, theirs = _SPAWN.Pipe()
        arguments = (theirs, self._dsn, self._profile.as_json())
        process = _SPAWN.Process(target=serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return _Worker(process=process, pipe=ours)


def _received(pipe: Pipe, consignment: str) -> Judged:
    with _told_of_death(consignment):
        answer = pipe.recv()
    if not isinstance(answer, Judged):
        raise JudgementError(f"consignment {consignment}: {answer}")
    return answer


@contextmanager
def _told_of_death(consignment: str) -> Iterator[None]:
    """The end of a worker is told by its pipe, and here as an error that people understand."""
    try:
        yield
    except (EOFError, BrokenPipeError, ConnectionResetError) as error:
        problem = f"the process that was to judge consignment {consignment} died"
        raise JudgementError(problem) from error
