"""Everything that is done by the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from api.approvals.escalation import escalate_due
from api.ledger.schema_watch import compare_schema
from api.quality.reminding import remind
from api.scheduler import Job
from coldgate.storage import credentials, quotas, sessions

if TYPE_CHECKING:
    from datetime import datetime

    from api.settings import ApiSettings
    from coldgate.storage.connection import Connection

KEEP_SESSIONS: Final = timedelta(days=30)  # after their end, so that a question finds an answer
KEEP_ATTEMPTS: Final = timedelta(days=1)
KEEP_USES: Final = timedelta(days=30)
KEEP_DEVICES: Final = timedelta(days=180)  # after their last use


def jobs(settings: ApiSettings) -> tuple[Job, ...]:
    """The jobs of one installation; the ledger's checkpoints are its keeper's."""

    def purge(connection: Connection, now: datetime) -> int:
        before = now - settings.session_ages.lifetime - KEEP_SESSIONS
        sessions.purge(connection, before=before)
        credentials.purge(connection, before=now - KEEP_ATTEMPTS)
        quotas.purge(connection, before=(now - KEEP_USES).date())
        credentials.purge_devices(connection, before=now - KEEP_DEVICES)
        return 0

    return (
        Job(name="approvals.escalate", every=timedelta(minutes=1), action=escalate_due),
        Job(name="quality.remind", every=timedelta(minutes=15), action=remind),
        Job(name="schema.compare", every=timedelta(minutes=1), action=compare_schema),
        Job(name="sessions.purge", every=timedelta(hours=1), action=purge),
    )
