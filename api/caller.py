"""Who asks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import ForbiddenError
from coldgate.storage import records

if TYPE_CHECKING:
    from api.identity.rights import Right, Role
    from coldgate.storage.connection import Connection

OPERATOR: Final = "operator"


def key_digest(key: str) -> bytes:
    """The form in which a key or token is stored; it is random: one round of SHA-256 is enough."""
    return hashlib.sha256(key.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerUser:
    """The person who asks."""

    id: int
    login: str
    printed_name: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The party whose key, or whose user's session, the request carries."""

    party: str
    kind: str
    rights: frozenset[Right]
    key_id: int | None = None
    session_id: int | None = None
    user: CallerUser | None = None

    @property
    def is_operator(self) -> bool:
        """Whether this is who runs the installation and sees everything."""
        return self.kind == OPERATOR

    @property
    def scope(self) -> str | None:
        """The party that rows must belong to; None for the operator."""
        return None if self.is_operator else self.party

    @property
    def actor(self) -> str:
        """How ledger and decisions name the caller."""
        return (
            f"{self.party}/user-{self.user.id}" if self.user else f"{self.party}/key-{self.key_id}"
        )

    def require(self, right: Right) -> None:
        """Return for a caller with that right."""
        if right not in self.rights:
            raise ForbiddenError("RIGHT_MISSING", f"this needs the right {right.value}")

    def require_operator(self) -> None:
        """Return for the operator only."""
        if not self.is_operator:
            raise ForbiddenError("OPERATOR_ONLY", "only the operator may do this")

    def record(self, connection: Connection, kind: str, subject: str, /, **facts: object) -> None:
        """Append what the caller did to the ledger; do it last in a transaction."""
        records.append_ledger(connection, actor=self.actor, kind=kind, subject=subject, body=facts)

    def acting_for(self, party: str | None) -> str:
        """The party to act for: itself, or for the operator the one that is named."""
        if party is not None and party != self.party:
            self.require_operator()
        return party or self.party
