"""The rules of signing, pure: a flow and the signatures so far in, who may sign now out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from api.approvals.flow import Meaning, Signatory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from api.approvals.flow import Flow, Step
    from api.identity.rights import Role


class Outcome(Enum):
    """Where a request for signatures stands; the words are those of the approval's state."""

    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"
    EXPIRED = "expired"


class Refusal(Enum):
    """Why somebody may not sign."""

    ALREADY_SIGNED = "ALREADY_SIGNED"
    CLOSED = "CLOSED"
    AUTHOR = "AUTHOR"
    EXCLUDED = "EXCLUDED"
    REPRESENTED = "REPRESENTED"  # a colleague signed with the role that this person lent
    NOT_ENTITLED = "NOT_ENTITLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One signature; ``for_user`` lent the role it was given in, None in one's own right.

    ``step`` counts the flow's steps from 1.
    """

    step: int
    user: int
    for_user: int | None
    meaning: Meaning
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user with the roles it has at this moment."""

    user: int
    party: str
    roles: frozenset[Role]
    name: str = ""  # as printed; no rule asks for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """A role that ``giver`` lends to the user ``to_user``, as far as the giver has it itself."""

    delegation: int
    giver: Person
    to_user: int
    role: Role
    valid_from: datetime
    valid_until: datetime  # not included


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request for signatures, with the signatures given so far in their order."""

    flow: Flow
    party: str  # answers for the record
    manufacturer: str | None
    author: int | None
    excluded: frozenset[int]
    opened_at: datetime
    due_at: datetime | None
    given: tuple[Given, ...]

    @property
    def latest(self) -> datetime:
        """The last moment that is on record."""
        return max([self.opened_at, *(one.signed_at for one in self.given)])

    @property
    def spent(self) -> frozenset[int]:
        """Everybody whose authority is used up: who signed, and who was signed for."""
        lenders = {one.for_user for one in self.given if one.for_user is not None}
        return frozenset({one.user for one in self.given} | lenders)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStep:
    """A step that waits for signatures; ``overdue_at`` is None where it has no limit."""

    number: int
    step: Step
    missing: int
    overdue_at: datetime | None
    overdue: bool

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that may sign it now."""
        if self.overdue and self.step.escalate_to is not None:
            return (*self.step.roles, self.step.escalate_to)
        return self.step.roles


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a request stands; ``open_steps`` is empty unless the outcome is open."""

    outcome: Outcome
    open_steps: tuple[OpenStep, ...] = ()

    @property
    def missing(self) -> int:
        """Signatures that the open steps still take."""
        return sum(step.missing for step in self.open_steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """In what somebody signs: for which step, as what, and by whose leave (None: by right)."""

    step: int
    role: Role
    loan: Loan | None


def progress(case: Case, now: datetime) -> Progress:
    """Where the request stands at ``now``."""
    if any(one.meaning is Meaning.REJECTED for one in case.given):
        return Progress(outcome=Outcome.REFUSED)
    unfinished = [
        (number, step)
        for number, step in enumerate(case.flow.steps, start=1)
        if _count(case, number) < step.count
    ]
    if not unfinished:
        return Progress(outcome=Outcome.GRANTED)
    if case.due_at is not None and now >= case.due_at:
        return Progress(outcome=Outcome.EXPIRED)
    order = unfinished[0][1].order
    since = _since(case, order)
    steps = [
        _open_step(case, number, since, now) for number, step in unfinished if step.order == order
    ]
    return Progress(outcome=Outcome.OPEN, open_steps=tuple(steps))


def capacity(
    case: Case,
    person: Person,
    loans: Sequence[Loan],
    now: datetime,
    *,
    step: int | None = None,
) -> Capacity | Refusal:
    """In what ``person`` may sign at ``now``, or why not; ``step`` None takes the first it may.

    One's own right goes before a borrowed one, the earlier loan before the later.
    """
    refusal = _personal_refusal(case, person)
    if refusal is not None:
        return refusal
    standing = progress(case, now)
    if standing.outcome is not Outcome.OPEN:
        return Refusal.CLOSED
    for open_step in standing.open_steps:
        if step in {None, open_step.number}:
            found = next(_capacities(case, open_step, person, loans, now), None)
            if found is not None:
                return found
    return Refusal.NOT_ENTITLED


def _personal_refusal(case: Case, person: Person) -> Refusal | None:
    if any(one.user == person.user for one in case.given):
        return Refusal.ALREADY_SIGNED
    if person.user == case.author:
        return Refusal.AUTHOR
    if person.user in case.excluded:
        return Refusal.EXCLUDED
    if person.user in case.spent:
        return Refusal.REPRESENTED
    return None


def _capacities(
    case: Case, open_step: OpenStep, person: Person, loans: Sequence[Loan], now: datetime
) -> Iterator[Capacity]:
    """Every capacity in which the person may sign the step, best first."""
    if person.party != _signing_party(case, open_step.step):
        return
    for role in open_step.roles:
        if role in person.roles:
            yield Capacity(step=open_step.number, role=role, loan=None)
    for loan in sorted(loans, key=lambda loan: loan.delegation):
        if loan.role in open_step.roles and _lends(case, loan, person, now):
            yield Capacity(step=open_step.number, role=loan.role, loan=loan)


def _lends(case: Case, loan: Loan, person: Person, now: datetime) -> bool:
    """Whether the giver could sign itself, and has lent its role to the person at ``now``."""
    giver = loan.giver
    return (
        loan.to_user == person.user
        and giver.party == person.party
        and loan.role in giver.roles
        and loan.valid_from <= now < loan.valid_until
        and giver.user != case.author
        and giver.user not in case.excluded
        and giver.user not in case.spent
    )


def _signing_party(case: Case, step: Step) -> str | None:
    return case.manufacturer if step.signatory is Signatory.MANUFACTURER else case.party


def _count(case: Case, number: int) -> int:
    return sum(1 for one in case.given if one.step == number)


def _since(case: Case, order: int) -> datetime:
    """When the steps of this order began to wait: with the last signature of those before."""
    before = [one.signed_at for one in case.given if case.flow.steps[one.step - 1].order < order]
    return max([case.opened_at, *before])


def _open_step(case: Case, number: int, since: datetime, now: datetime) -> OpenStep:
    step = case.flow.steps[number - 1]
    overdue_at = None if step.limit is None else since + step.limit
    return OpenStep(
        number=number,
        step=step,
        missing=step.count - _count(case, number),
        overdue_at=overdue_at,
        overdue=overdue_at is not None and now >= overdue_at,
    )
