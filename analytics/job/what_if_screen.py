"""What a person sees of a dry run while it goes on: a bar, or a line at each tenth."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType
    from rich.progress import TaskID

PLAIN_STEPS: Final = 10


class Screen:
    """Lines and tables on a console; a terminal has a moving bar."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """One line, as it is."""
        self._console.print(text, markup=False, soft_wrap=True)

    def show(self, shown: RenderableType) -> None:
        """A table as wide as the screen."""
        self._console.print(shown)

    @contextmanager
    def course(self, *, total: int, done: int) -> Iterator[Course]:
        """Where to tell how far it has come while the block runs; ``done`` were done before."""
        if not self._console.is_terminal:
            yield Course(screen=self, total=total, done=done, begun_with=done)
            return
        bar = Progress(
            TextColumn("  consignments"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[readings]:,} readings", style="dim"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
        )
        task = bar.add_task("", total=total, completed=done, readings=0)
        with bar:
            yield Course(screen=self, total=total, done=done, begun_with=done, bar=bar, task=task)


@dataclass(slots=True, kw_only=True)
class Course:
    """How far a dry run has come."""

    screen: Screen
    total: int
    done: int
    begun_with: int
    bar: Progress | None = None
    task: TaskID | None = None
    readings: int = 0
    started: float = field(default_factory=time.monotonic)

    def advance(self, readings: int) -> None:
        """One consignment more, with so many readings."""
        self.done += 1
        self.readings += readings
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=self.done, readings=self.readings)
        elif self.done * PLAIN_STEPS // self.total > (self.done - 1) * PLAIN_STEPS // self.total:
            self.screen.say(
                f"  {self.done:,} of {self.total:,} consignments, {self.readings:,} readings, "
                f"{self._left()} left"
            )

    def _left(self) -> timedelta:
        """The time for the rest at the pace until now, to the second."""
        pace = (time.monotonic() - self.started) / (self.done - self.begun_with)
        return timedelta(seconds=round(pace * (self.total - self.done)))
