"""What a party may use up in a day, so that none fills the disk of all; days are those of UTC.

Ten times what the largest of shippers should ever need. Who meets one asks in a loop.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from api.errors import QuotaError
from coldgate.storage import quotas
from coldgate.storage.quotas import Quota

if TYPE_CHECKING:
    from api.caller import Caller
    from coldgate.storage.connection import Connection

GIBIBYTE: Final = 1024**3

UPLOADS: Final = Quota(kind="upload", uses=10_000, size=2 * GIBIBYTE)
SCANS: Final = Quota(kind="scan", uses=50_000, size=GIBIBYTE)
# Each is kept with all that was found, in its table and in the ledger: 5 KiB and more.
REFUSALS: Final = Quota(kind="refusal", uses=10_000, size=GIBIBYTE)
# With ledger and indexes the database grows by some twenty times what was sent of these.
CONSIGNMENTS: Final = Quota(kind="consignment", uses=20_000, size=GIBIBYTE // 4)
# Whatever a request makes, those above included; documents are the largest of it.
THINGS: Final = Quota(kind="thing", uses=100_000, size=3 * GIBIBYTE)


def spend(connection: Connection, caller: Caller, quota: Quota, *, size: int = 0) -> None:
    """Count one more use by the caller's party; `QuotaError` if it had all of today's.

    The error undoes what the use has written. Do it last: the party's next use waits for this one.
    """
    if not quotas.spend(connection, caller.party, quota, size=size):
        raise QuotaError(quota.kind, _until_tomorrow())


def _until_tomorrow() -> timedelta:
    now = datetime.now(UTC)
    return datetime.combine(now.date() + timedelta(days=1), time(), UTC) - now
