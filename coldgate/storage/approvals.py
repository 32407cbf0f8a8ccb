"""Requests for signatures, the signatures under them, and the people who may give them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("approvals")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApproval:
    """A request to open; ``record`` is canonical JSON, exactly what signers are shown.

    ``manufacturer`` is set where the flow wants its signature; ``author_user_id`` is None where a
    key or Coldgate itself asks.
    """

    party: str
    consignment: str | None
    subject_kind: str
    subject_id: str
    flow_id: int
    manufacturer: str | None
    record: bytes
    author: str
    author_user_id: int | None
    barred: Sequence[int]
    expires: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """A request as stored; ``state`` is open, granted, refused, expired or withdrawn."""

    id: int
    party_id: str
    consignment_id: str | None
    subject_kind: str
    subject_id: str
    flow_id: int
    flow: str
    flow_version: int
    manufacturer_id: str | None
    record: bytes
    record_digest: bytes
    author: str
    author_user_id: int | None
    barred_user_ids: list[int]
    opened_at: datetime
    due_at: datetime | None
    state: str
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRow:
    """A signature as given; the ``for_…`` fields tell who lent the role, where somebody did."""

    approval_id: int
    step: int
    user_id: int
    party_id: str
    printed_name: str
    login: str
    role: str
    delegation_id: int | None
    for_user_id: int | None
    for_name: str | None
    meaning: str
    reason: str
    method: str
    signed_at: datetime
    record_digest: bytes
    key_id: str
    seal: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A user as a signature names it; a disabled one has no roles."""

    user_id: int
    party_id: str
    login: str
    printed_name: str
    roles: list[str]


def manufacturers(connection: Connection, consignment: str) -> list[str]:
    """The manufacturers whose products are in the consignment."""
    rows = connection.execute(_SQL["manufacturers"], {"consignment": consignment}).fetchall()
    return [row[0] for row in rows]


def insert(connection: Connection, new: NewApproval) -> ApprovalRow:
    """Open a request; a second open one about the same subject is a unique violation."""
    row = connection.execute(_SQL["insert"], {**asdict(new), "barred": list(new.barred)}).fetchone()
    if row is None:
        raise NotFoundError("flow", str(new.flow_id))
    return by_id(connection, row[0])


def by_id(connection: Connection, approval: int) -> ApprovalRow:
    """One request that the caller may see; else not found."""
    rows = _approvals(connection, id=approval, limit=1)
    if not rows:
        raise NotFoundError("approval", str(approval))
    return rows[0]


def locked(connection: Connection, approval: int) -> ApprovalRow:
    """As `by_id`, locked to the end of the transaction and read after the lock.

    Whoever needs the lock of its consignment has taken that one before.
    """
    connection.execute(_SQL["lock"], {"id": approval})
    return by_id(connection, approval)


def try_lock(connection: Connection, approval: int) -> ApprovalRow | None:
    """As `locked`, without waiting; None if somebody has the lock, or it is closed."""
    if connection.execute(_SQL["try_lock"], {"id": approval}).fetchone() is None:
        return None
    return by_id(connection, approval)


def approvals(
    connection: Connection, *, party: str | None, state: str | None, after: int, limit: int
) -> list[ApprovalRow]:
    """Requests in order of their ids; ``party`` None means those of all that one may see."""
    return _approvals(connection, party=party, state=state, after=after, limit=limit)


def of_subjects(
    connection: Connection, subject_kind: str, subject_ids: Iterable[str]
) -> list[ApprovalRow]:
    """Requests about these subjects, oldest first."""
    return _approvals(connection, subject_kind=subject_kind, subject_ids=sorted(set(subject_ids)))


def close(connection: Connection, approval: int, state: str) -> ApprovalRow:
    """Close an open request; SQLSTATE CG001 if it is closed already."""
    connection.execute(_SQL["close"], {"id": approval, "state": state})
    return by_id(connection, approval)


def insert_signature(connection: Connection, new: SignatureRow) -> None:
    """Keep a signature for ever; a second one of the same person is a unique violation."""
    connection.execute(_SQL["insert_signature"], asdict(new))


def signatures(connection: Connection, approvals: Iterable[int]) -> list[SignatureRow]:
    """Signatures under these requests, oldest first."""
    return fetch_all(
        connection, SignatureRow, _SQL["signatures"], {"approvals": sorted(set(approvals))}
    )


def locked_person(connection: Connection, user: int) -> PersonRow:
    """A user with the roles that it has now.

    Until the transaction ends nobody gives or takes one of its roles, or of those who lend it one.
    """
    connection.execute(_SQL["lock_person"], {"user": user})
    found = people(connection, [user])
    if user not in found:
        raise NotFoundError("user", str(user))
    return found[user]


def people(connection: Connection, users: Iterable[int]) -> dict[int, PersonRow]:
    """Users with the roles that they have now."""
    rows = fetch_all(connection, PersonRow, _SQL["people"], {"users": sorted(set(users))})
    return {row.user_id: row for row in rows}


def escalate(connection: Connection, approval: int, step: int) -> bool:
    """Note that the step is overdue; False if that was noted before."""
    parameters = {"approval": approval, "step": step}
    return connection.execute(_SQL["escalate"], parameters).rowcount == 1


def escalated(connection: Connection, approvals: Iterable[int]) -> frozenset[tuple[int, int]]:
    """Approval and step of every escalation that was noted."""
    parameters = {"approvals": sorted(set(approvals))}
    rows = connection.execute(_SQL["escalated"], parameters).fetchall()
    return frozenset((row[0], row[1]) for row in rows)


def _approvals(connection: Connection, **wanted: object) -> list[ApprovalRow]:
    every = dict.fromkeys(("id", "party", "state", "subject_kind", "subject_ids", "limit"))
    return fetch_all(connection, ApprovalRow, _SQL["approvals"], {**every, "after": 0, **wanted})
