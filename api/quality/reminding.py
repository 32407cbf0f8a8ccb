"""Reminding people of what is due, each time once."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from api.alone import Cases
from api.quality.reminders import SOON, Task, due_reminders
from coldgate.storage import quality, schedule

if TYPE_CHECKING:
    from datetime import datetime

    from api.quality.reminders import Reminder
    from coldgate.storage.connection import Connection


def remind(connection: Connection, now: datetime) -> int:
    """Announce every reminder that is due by ``now`` and was not sent; how many of them failed."""
    today = now.date()
    tasks = [Task(**asdict(row)) for row in schedule.tasks(connection, until=today + SOON)]
    cases = Cases(connection)
    for one in due_reminders(tasks, today):
        cases.act(partial(_send, connection, one), reminder=one.key)
    return cases.failed


def _send(connection: Connection, reminder: Reminder) -> None:
    task = reminder.task
    if not schedule.remember(connection, reminder.key, party=task.party_id):
        return
    body = {
        "task": task.kind,
        "id": task.id,
        "title": task.title,
        "due_on": task.due_on.isoformat(),
        "owner": task.owner_user_id,
        "level": reminder.level,
        "role": reminder.role,
    }
    quality.announce(connection, kind=reminder.kind, party=task.party_id, body=body)
