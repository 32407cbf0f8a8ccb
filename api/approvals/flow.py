"""What a flow says: which people sign a record, in which order, by when, and with what meaning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from api.identity.rights import Role


class Meaning(Enum):
    """What a signature says about the record (21 CFR 11.50(a)(3)); a closed set."""

    REVIEWED = "reviewed"
    APPROVED = "approved"
    APPROVED_RELEASE = "approved release"
    RESPONSIBILITY = "responsibility"
    REJECTED = "rejected"  # possible at every step, and the end of the whole request


class Signatory(Enum):
    """The party whose people sign a step."""

    CONSIGNOR = "consignor"  # more exactly: the party that answers for the record
    MANUFACTURER = "manufacturer"  # the owner of the products in the consignment


class Excluded(Enum):
    """People who do not sign, beside the author of the record, who never does."""

    OWNER = "owner"  # of the action that the record tells of


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One level: ``count`` people with one of ``roles``; steps of one ``order`` are open together.

    After ``limit`` the step is overdue, and ``escalate_to`` may sign it as well.
    """

    order: int
    roles: tuple[Role, ...]
    count: int
    meanings: tuple[Meaning, ...]
    limit: timedelta | None
    escalate_to: Role | None
    signatory: Signatory


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One version of a flow; nobody can sign any more when ``expires`` has passed."""

    name: str
    version: int
    description: str
    expires: timedelta | None
    excluded: tuple[Excluded, ...]
    steps: tuple[Step, ...]

    @property
    def people(self) -> int:
        """How many signatures it takes, each of another person."""
        return sum(step.count for step in self.steps)

    @property
    def wants_manufacturer(self) -> bool:
        """Whether the manufacturer signs any of its steps."""
        return any(step.signatory is Signatory.MANUFACTURER for step in self.steps)
