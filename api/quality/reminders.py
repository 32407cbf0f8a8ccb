"""What somebody must be reminded of, and how far up; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

SOON: Final = timedelta(days=3)
# (days past the due day, level, the role that hears of it); our own rule (R).
ESCALATION: Final = (
    (timedelta(days=14), 3, "operator"),
    (timedelta(days=7), 2, "qa_approver"),
    (timedelta(days=1), 1, "qa"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something that has an owner and a day; ``kind`` and ``id`` name it."""

    kind: str
    id: int
    party_id: str
    owner_user_id: int | None
    due_on: date
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One reminder; level 0 is that a task is due soon, 1 to 3 that it is overdue."""

    task: Task
    level: int
    role: str

    @property
    def key(self) -> str:
        """What makes it this reminder and no other; another due day makes another."""
        task = self.task
        return f"{task.kind}/{task.id}/{task.due_on.isoformat()}/{self.level}"

    @property
    def kind(self) -> str:
        """What the announcement is called."""
        return "task.overdue" if self.level else "task.due_soon"


def due_reminders(tasks: Iterable[Task], today: date) -> tuple[Reminder, ...]:
    """The reminder that each task has come to by ``today``, whatever was sent before.

    After downtime that is the highest level alone: who hears that a task is two weeks late need not
    be told that it is one day late.
    """
    levels = ((task, _level(task, today)) for task in tasks)
    return tuple(
        Reminder(task=task, level=found[0], role=found[1])
        for task, found in levels
        if found is not None
    )


def _level(task: Task, today: date) -> tuple[int, str] | None:
    late = today - task.due_on
    for least, level, role in ESCALATION:
        if late >= least:
            return level, role
    return (0, "qa") if late >= -SOON else None
