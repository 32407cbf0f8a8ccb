"""How much there is of what somebody may make more and more of, and how much is enough."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from coldgate.errors import ConflictError
from coldgate.storage.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("quotas")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """So often a day, and so many bytes in all."""

    kind: str
    uses: int
    size: int


class Part(Enum):
    """What a consignment has many of, from each party."""

    PLACEMENTS = "placements"
    EVENTS = "events"
    SEALS = "seals"
    DOCUMENTS = "documents"
    SCANS = "scans"
    PERMITS = "permits"


# A thousand lines are more than one lorry carries: a logger, a few words and a few scans for each.
# Judge and gate look at all of them whenever they are asked: a thousand scans take the gate 40 ms.
MOST: Final[Mapping[Part, int]] = MappingProxyType(
    {
        Part.PLACEMENTS: 1_000,
        Part.EVENTS: 1_000,
        Part.SEALS: 1_000,
        Part.DOCUMENTS: 500,
        Part.SCANS: 5_000,
        Part.PERMITS: 1_000,
    }
)


def spend(connection: Connection, party: str, quota: Quota, *, size: int) -> bool:
    """Note one more use by ``party``; False, and nothing noted, where the day's quota is spent.

    Whoever notes the next use of the same kind waits until the transaction ends: note it last.
    """
    parameters = {
        "party": party,
        "kind": quota.kind,
        "size": size,
        "most_uses": quota.uses,
        "most_bytes": quota.size,
    }
    return connection.execute(_SQL["spend"], parameters).rowcount == 1


def require_room(connection: Connection, consignment: str, part: Part, *, party: str) -> None:
    """Return if ``party`` may add one more to the consignment, `ConflictError` if it has enough.

    Each party has room of its own: a carrier that fills its own keeps no consignee from receiving.
    """
    parameters = {"id": consignment, "party": party}
    row = connection.execute(_SQL[part.value], parameters).fetchone()
    if row is None or row[0] >= MOST[part]:
        words = f"{consignment} has {MOST[part]} {part.value} of {party}, and takes no more"
        raise ConflictError(f"{part.name}_LIMIT", words)


def purge(connection: Connection, *, before: date) -> int:
    """Forget the uses of before that day; how many rows there were."""
    return connection.execute(_SQL["purge"], {"before": before}).rowcount
