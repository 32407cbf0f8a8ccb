"""Rows of the database as the rules take them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from api.approvals.flow import Meaning
from api.approvals.flow_format import parse_form
from api.approvals.rules import Case, Given, Loan, Person
from api.identity.rights import Role
from coldgate.storage import approvals, delegations, flows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from coldgate.storage.approvals import ApprovalRow, PersonRow, SignatureRow
    from coldgate.storage.connection import Connection
    from coldgate.storage.flows import FlowRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """One request with everything that belongs to it."""

    approval: ApprovalRow
    flow: FlowRow
    signatures: tuple[SignatureRow, ...]
    case: Case


def dossiers(connection: Connection, rows: Sequence[ApprovalRow]) -> list[Dossier]:
    """The requests with flow and signatures, in the same order."""
    return [read() for read in unread(connection, rows)]


def unread(connection: Connection, rows: Sequence[ApprovalRow]) -> list[Callable[[], Dossier]]:
    """What reads each of the requests, in the same order; all is fetched that it takes."""
    versions = flows.by_id(connection, [row.flow_id for row in rows])
    given: dict[int, list[SignatureRow]] = defaultdict(list)
    for signature in approvals.signatures(connection, [row.id for row in rows]):
        given[signature.approval_id].append(signature)
    return [partial(_dossier, row, versions[row.flow_id], given[row.id]) for row in rows]


def dossier(connection: Connection, row: ApprovalRow) -> Dossier:
    """One request with flow and signatures."""
    return dossiers(connection, [row])[0]


def person(row: PersonRow) -> Person:
    """A user as the rules see it."""
    roles = frozenset(Role(role) for role in row.roles)
    return Person(user=row.user_id, party=row.party_id, roles=roles, name=row.printed_name)


def loans(connection: Connection, user: int, now: datetime) -> list[Loan]:
    """What is lent to the user at ``now``, by people with the roles that they have now."""
    rows = delegations.in_force(connection, user, now=now)
    givers = approvals.people(connection, [row.from_user_id for row in rows])
    return [
        Loan(
            delegation=row.id,
            giver=person(givers[row.from_user_id]),
            to_user=row.to_user_id,
            role=Role(row.role),
            valid_from=row.valid_from,
            valid_until=row.valid_until,
        )
        for row in rows
    ]


def _dossier(row: ApprovalRow, flow: FlowRow, signatures: Iterable[SignatureRow]) -> Dossier:
    listed = tuple(signatures)
    case = Case(
        flow=parse_form(flow.body),
        party=row.party_id,
        manufacturer=row.manufacturer_id,
        author=row.author_user_id,
        excluded=frozenset(row.barred_user_ids),
        opened_at=row.opened_at,
        due_at=row.due_at,
        given=tuple(_given(signature) for signature in listed),
    )
    return Dossier(approval=row, flow=flow, signatures=listed, case=case)


def _given(row: SignatureRow) -> Given:
    return Given(
        step=row.step,
        user=row.user_id,
        for_user=row.for_user_id,
        meaning=Meaning(row.meaning),
        signed_at=row.signed_at,
    )
