"""What the gate looks at, and what it decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from psycopg.types.json import Jsonb
from pydantic_core import to_json

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_one
from coldgate.storage.tokens import PermitRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The part of an evaluation that decides; words are text as they were stored.

    ``reason_codes`` and ``zones`` are None of an evaluation that was stored before they were kept.
    """

    id: int
    version: int
    verdict: str
    provisional: bool
    with_excursions: bool
    profile_id: str
    profile_version: int
    reason_codes: list[str] | None = None
    zones: dict[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPermit:
    """A permit to give; ``lines`` are position, product, lot and quantity.

    It expires by the database's clock.
    """

    audience: str
    lines: Sequence[Mapping[str, object]]
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """A decision to record; ``checks`` and ``lines`` are what the answer lists, as plain JSON."""

    consignment: str
    purpose: str
    verdict: str
    permitted: bool
    evaluation_id: int | None
    checks: Sequence[Mapping[str, object]]
    actor: str
    lines: Sequence[Mapping[str, object]]
    partial: bool
    dispositions: Sequence[int]
    request_digest: str
    permit: NewPermit | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """A recorded decision."""

    id: int
    consignment_id: str
    purpose: str
    verdict: str
    permitted: bool
    evaluation_id: int | None
    checks: list[dict[str, object]]
    actor: str
    lines: list[dict[str, object]]
    partial: bool
    dispositions: list[int]
    request_digest: str
    decided_at: datetime


def lock_facts(connection: Connection, consignment: str, *, purpose: str, scope: str | None) -> str:
    """Hold the consignment to the end of the transaction, if the party ``scope`` takes part.

    The facts of a decision, as JSON, are read afterwards and in one snapshot: what the holder
    before committed, and rows that the party does not see.
    """
    parameters = {"id": consignment, "purpose": purpose, "scope": scope}
    row = connection.execute(_SQL["facts"], parameters).fetchone()
    if row is None or row[0] is None:
        raise NotFoundError("consignment", consignment)
    return str(row[0])


def judgement(connection: Connection, consignment: str) -> Judgement | None:
    """The newest evaluation; None before the first."""
    return fetch_one(connection, Judgement, _SQL["judgement"], {"id": consignment})


def unjudged(connection: Connection, consignment: str) -> int:
    """How many committed changes the judge has yet to look at; ask seeing everything."""
    row = connection.execute(_SQL["unjudged"], {"id": consignment}).fetchone()
    return int(row[0]) if row else 0


def waits_elsewhere(connection: Connection, consignment: str) -> bool:
    """Whether facts of its lots in other consignments have to be judged first.

    Of lots with a stability budget, of which units may have been there before; ask seeing
    everything.
    """
    row = connection.execute(_SQL["waits_elsewhere"], {"id": consignment}).fetchone()
    return row is None or bool(row[0])


def seen(connection: Connection, consignments: Sequence[str]) -> list[str]:
    """Those of the consignments that the transaction may see."""
    rows = connection.execute(_SQL["seen"], {"ids": list(consignments)}).fetchall()
    return [row[0] for row in rows]


def unverified(connection: Connection, consignment: str) -> bool:
    """Whether nobody has verified yet what the newest final evaluation was made from."""
    row = connection.execute(_SQL["unverified"], {"id": consignment}).fetchone()
    return row is None or bool(row[0])


def audited(connection: Connection, consignment: str) -> bool:
    """Whether somebody looked at the evidence behind the newest final evaluation."""
    row = connection.execute(_SQL["audited"], {"id": consignment}).fetchone()
    return bool(row and row[0])


def insert_decision(
    connection: Connection, new: NewDecision
) -> tuple[DecisionRow, PermitRow | None]:
    """Record a decision for ever, and the permit that is given with it."""
    row = connection.execute(_SQL["insert_decision"], _parameters(new)).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives its row
    decision_id, decided_at, permit_id, expires_at = row
    decision = DecisionRow(
        id=decision_id,
        consignment_id=new.consignment,
        purpose=new.purpose,
        verdict=new.verdict,
        permitted=new.permitted,
        evaluation_id=new.evaluation_id,
        checks=[dict(check) for check in new.checks],
        actor=new.actor,
        lines=[dict(line) for line in new.lines],
        partial=new.partial,
        dispositions=list(new.dispositions),
        request_digest=new.request_digest,
        decided_at=decided_at,
    )
    if new.permit is None:
        return decision, None
    permit = PermitRow(
        id=permit_id,
        decision_id=decision_id,
        consignment_id=new.consignment,
        purpose=new.purpose,
        audience=new.permit.audience,
        lines=[dict(line) for line in new.permit.lines],
        issued_at=decided_at,
        expires_at=expires_at,
    )
    return decision, permit


def _parameters(new: NewDecision) -> dict[str, object]:
    permit = new.permit
    return {
        "consignment": new.consignment,
        "purpose": new.purpose,
        "verdict": new.verdict,
        "permitted": new.permitted,
        "evaluation_id": new.evaluation_id,
        "checks": Jsonb(new.checks, dumps=to_json),
        "actor": new.actor,
        "lines": Jsonb(new.lines, dumps=to_json),
        "partial": new.partial,
        "dispositions": list(new.dispositions),
        "request_digest": new.request_digest,
        "audience": permit.audience if permit else None,
        "permit_lines": Jsonb(permit.lines, dumps=to_json) if permit else None,
        "lifetime": permit.lifetime if permit else None,
    }


def decisions(
    connection: Connection, consignment: str, *, after: int, limit: int
) -> list[DecisionRow]:
    """Decisions about a consignment, oldest first."""
    parameters = {"consignment": consignment, "id": None, "after": after, "limit": limit}
    return fetch_all(connection, DecisionRow, _SQL["decisions"], parameters)


def decision(connection: Connection, decision_id: int) -> DecisionRow:
    """One decision that the transaction may see."""
    parameters = {"consignment": None, "id": decision_id, "after": 0, "limit": 1}
    row = fetch_one(connection, DecisionRow, _SQL["decisions"], parameters)
    if row is None:
        raise NotFoundError("decision", str(decision_id))
    return row


def awaiting_release(connection: Connection, consignment: str | None = None) -> list[str]:
    """Consignments that the gate is to let go by itself, or of one whether it is."""
    rows = connection.execute(_SQL["awaiting_release"], {"id": consignment}).fetchall()
    return [row[0] for row in rows]
