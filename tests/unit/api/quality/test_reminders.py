"""Reminders: when they are due, how far up they go, and that each is itself alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from api.quality.reminders import Task, due_reminders

DUE = date(2026, 6, 15)
TASK = Task(kind="capa", id=7, party_id="maker", owner_user_id=1, due_on=DUE, title="Doors")


@pytest.mark.parametrize(
    ("late", "level"),
    [(-4, None), (-3, 0), (0, 0), (1, 1), (6, 1), (7, 2), (13, 2), (14, 3), (400, 3)],
)
def test_level_grows_with_the_days(late: int, level: int | None) -> None:
    found = due_reminders([TASK], DUE + timedelta(days=late))

    assert [one.level for one in found] == ([] if level is None else [level])


def test_who_hears_of_it_grows_with_the_level() -> None:
    days = (0, 1, 7, 14)
    found = [due_reminders([TASK], DUE + timedelta(days=late))[0] for late in days]

    assert [one.role for one in found] == ["qa", "qa", "qa_approver", "operator"]
    assert [one.kind for one in found] == ["task.due_soon", *["task.overdue"] * 3]


def test_reminders_of_other_tasks_days_and_levels_have_other_keys() -> None:
    tasks = [TASK, replace(TASK, id=8), replace(TASK, kind="deviation")]
    moved = replace(TASK, due_on=DUE + timedelta(days=1))
    found = [*due_reminders(tasks, DUE), *due_reminders([moved], DUE)]
    found += due_reminders([TASK], DUE + timedelta(days=7))

    assert len({one.key for one in found}) == 5
