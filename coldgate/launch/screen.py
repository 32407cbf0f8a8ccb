"""What a person sees: calm lines, a bar for each consignment, one table."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from coldgate.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from rich.progress import TaskID

DASH: Final = "-"
PLAIN_STEPS: Final = 4  # without a terminal, a line at each quarter
STYLES: Final = {Verdict.PASS: "green", Verdict.HOLD: "yellow", Verdict.FAIL: "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How far one consignment has come: readings committed, and when the last was taken."""

    committed: int
    expected: int
    taken_at: datetime | None

    @property
    def moment(self) -> str:
        """The simulated time that the server knows of."""
        return f"{self.taken_at:%a %d %b %H:%M} UTC" if self.taken_at else "not begun"


class Screen:
    """Lines on stdout; ``terminal`` says whether they may move and have colours."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stdout, highlight=False)

    @property
    def terminal(self) -> bool:
        """Whether somebody watches it live."""
        return self.console.is_terminal

    def say(self, text: str = "") -> None:
        """One line, as it is."""
        self.console.print(escape(text), soft_wrap=not self.terminal)

    def show(self, table: Table) -> None:
        """A table as wide as the screen."""
        self.console.print(table)

    @contextmanager
    def board(self) -> Iterator[Board]:
        """A place where each consignment has its bar while the block runs."""
        bars = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:>5.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[moment]}", style="dim"),
            console=self.console,
            refresh_per_second=8,
        )
        if not self.terminal:
            yield Board(screen=self, bars=None)
            return
        with bars:
            yield Board(screen=self, bars=bars)


@dataclass(slots=True, kw_only=True)
class Board:
    """The bars; without a terminal, a line at each quarter of each."""

    screen: Screen
    bars: Progress | None
    _tasks: dict[str, TaskID] = field(default_factory=dict)
    _steps: dict[str, int] = field(default_factory=dict)

    def show(self, name: str, course: Course) -> None:
        """How far ``name`` has come by now."""
        if self.bars is None:
            self._print(name, course)
            return
        if name not in self._tasks:
            self._tasks[name] = self.bars.add_task(name, total=course.expected, moment="")
        self.bars.update(self._tasks[name], completed=course.committed, moment=course.moment)

    def _print(self, name: str, course: Course) -> None:
        step = course.committed * PLAIN_STEPS // course.expected
        if step > self._steps.get(name, 0):
            self._steps[name] = step
            counts = f"{course.committed:>5}/{course.expected}"
            self.screen.say(f"  {name}  {counts} readings committed, {course.moment}")


def verdict_words(*verdicts: Verdict) -> str:
    """One verdict after the other, each in its colour."""
    return " → ".join(f"[{STYLES[one]}]{one.value}[/]" for one in verdicts)


def celsius(value: float | None) -> str:
    """A temperature for people; a dash where there is none."""
    return DASH if value is None else f"{value:.2f} °C"


def grid(title: str, columns: Sequence[str], numbers: frozenset[str] = frozenset()) -> Table:
    """An empty table with these columns; those in ``numbers`` stand to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name in columns:
        right = name in numbers
        table.add_column(name, justify="right" if right else "left", no_wrap=right)
    return table
