"""Corrective and preventive actions: what is done so that a deviation does not happen again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import ConflictError, NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("capas")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCapa:
    """A CAPA to open by hand; ``blocking`` ones name the lot that they block."""

    party: str
    title: str
    problem: str
    trend_code: str
    origin: str
    destination: str
    blocking: bool
    product: str | None
    lot: str | None
    owner_user_id: int | None
    due_on: date
    changed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledCapa:
    """A CAPA that a rule asks for; one is open for a party, lane and trend code at a time."""

    party: str
    title: str
    problem: str
    rule: str
    trend_code: str
    origin: str
    destination: str
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CapaRow:
    """A CAPA as it stands."""

    id: int
    party_id: str
    title: str
    problem: str
    rule: str | None
    trend_code: str
    origin: str
    destination: str
    blocking: bool
    product_id: str | None
    lot_number: str | None
    restriction_id: int | None
    state: str
    owner_user_id: int | None
    due_on: date
    containment: str | None
    investigation: str | None
    root_cause: str | None
    root_cause_category: str | None
    need_for_action: str | None
    effectiveness_criterion: str | None
    documents_updated: str | None
    verification: str | None
    effectiveness_due_on: date | None
    effectiveness_result: str | None
    effectiveness: dict[str, object] | None
    reopened_because: str | None
    plan_approval_id: int | None
    close_approval_id: int | None
    opened_at: datetime
    revision: int
    deviations: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAction:
    """One thing to be done, by whom and by when."""

    capa: int
    kind: str
    description: str
    owner_user_id: int
    due_on: date
    changed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """An action as it stands; done when it has a result."""

    id: int
    kind: str
    description: str
    owner_user_id: int
    due_on: date
    result: str | None
    done_at: datetime | None
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRow:
    """A step that a CAPA took."""

    from_state: str
    to_state: str
    approval_id: int | None
    actor: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Where a request for signatures stands, and who signed."""

    state: str
    flow: str
    signers: frozenset[int]


def insert(connection: Connection, new: NewCapa) -> int:
    """Open a CAPA by hand; its id."""
    row = connection.execute(_SQL["insert"], asdict(new)).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives its row
    return int(row[0])


def open_by_rule(connection: Connection, new: RuledCapa) -> tuple[int, bool]:
    """The open CAPA of this party, lane and trend, and whether it was opened just now.

    Two at once wait for each other here, and the second finds the first one's.
    """
    row = connection.execute(_SQL["insert_by_rule"], asdict(new)).fetchone()
    if row is not None:
        return int(row[0]), True
    found = connection.execute(_SQL["open_by_rule"], asdict(new)).fetchone()
    if found is None:  # closed between the two statements
        raise ConflictError("CAPA_CLOSED", "the CAPA was closed at this moment; try again")
    return int(found[0]), False


def link(connection: Connection, capa: int, deviation: int, *, changed_by: str) -> None:
    """Have the CAPA answer for a deviation, and an open deviation name it."""
    parameters = {"capa": capa, "deviation": deviation, "changed_by": changed_by}
    connection.execute(_SQL["link"], parameters)
    connection.execute(_SQL["name_in_deviation"], parameters)


def capas(
    connection: Connection, *, scope: str | None, state: str | None, after: int, limit: int
) -> list[CapaRow]:
    """CAPAs of the party ``scope`` (None: of all), oldest first."""
    parameters = {"scope": scope, "id": None, "state": state, "after": after, "limit": limit}
    return fetch_all(connection, CapaRow, _SQL["capas"], parameters)


def visible(connection: Connection, capa: int, *, scope: str | None) -> CapaRow:
    """One CAPA, if it is the party's; else not found."""
    parameters = {"scope": scope, "id": capa, "state": None, "after": 0, "limit": 1}
    row = fetch_one(connection, CapaRow, _SQL["capas"], parameters)
    if row is None:
        raise NotFoundError("CAPA", str(capa))
    return row


def locked(connection: Connection, capa: int, *, scope: str | None) -> CapaRow:
    """As `visible`, locked to the end of the transaction and read after the lock."""
    visible(connection, capa, scope=scope)
    connection.execute(_SQL["lock"], {"id": capa})
    return visible(connection, capa, scope=scope)


def revise(
    connection: Connection, capa: int, content: Mapping[str, object], *, changed_by: str
) -> None:
    """Write over what people say of it; what they said before stays in its revisions."""
    connection.execute(_SQL["revise"], {**content, "id": capa, "changed_by": changed_by})


def restrict(connection: Connection, capa: int, restriction: int, *, changed_by: str) -> None:
    """Name the restriction that it holds its lot with."""
    parameters = {"id": capa, "restriction": restriction, "changed_by": changed_by}
    connection.execute(_SQL["restrict"], parameters)


def move(
    connection: Connection, capa: int, state: str, *, approval: int | None, changed_by: str
) -> None:
    """Take a step; the database refuses an illegal one and one that lacks anything (CG001)."""
    parameters = {"id": capa, "state": state, "approval": approval, "changed_by": changed_by}
    connection.execute(_SQL["move"], parameters)


def add_action(connection: Connection, new: NewAction) -> int:
    """Add something to be done; its id."""
    row = connection.execute(_SQL["add_action"], asdict(new)).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives its row
    return int(row[0])


def finish_action(
    connection: Connection, capa: int, action: int, *, result: str, changed_by: str
) -> None:
    """Say what came of an action; once."""
    parameters = {"id": action, "capa": capa, "result": result, "changed_by": changed_by}
    if connection.execute(_SQL["finish_action"], parameters).fetchone() is None:
        raise NotFoundError("open action", str(action))


def actions(connection: Connection, capa: int) -> list[ActionRow]:
    """The actions of a CAPA, oldest first."""
    return fetch_all(connection, ActionRow, _SQL["actions"], {"capa": capa})


def transitions(connection: Connection, capa: int) -> list[TransitionRow]:
    """The steps that it took, oldest first."""
    return fetch_all(connection, TransitionRow, _SQL["transitions"], {"capa": capa})


def signing(connection: Connection, approval: int | None) -> Signing | None:
    """What a request for signatures came to; None where there is none."""
    if approval is None:
        return None
    row = connection.execute(_SQL["signers"], {"approval": approval}).fetchone()
    if row is None:
        return None
    return Signing(state=row[0], flow=row[1], signers=frozenset(row[2]))
