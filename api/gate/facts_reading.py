"""The facts of a decision, from the database: one statement, two where documents are signed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter
from pydantic_core import from_json

from api.gate.facts import Facts, Judgement
from coldgate.storage import documents, gate, scans
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from api.gate.facts import Demand
    from coldgate.model import Purpose
    from coldgate.storage.connection import Connection
    from coldgate.storage.dispositions import JudgedRow

_FACTS: Final = TypeAdapter(Facts)
_JUDGEMENT: Final = TypeAdapter(Judgement)


def lock_facts(
    connection: Connection, consignment: str, purpose: Purpose, *, scope: str | None
) -> Facts:
    """Everything about the consignment, all of its lines included, seen whoever asks.

    The transaction holds the consignment's lock from now on.

    Raises:
        NotFoundError: the party ``scope`` (None: whoever asks) takes no part in such a one.
    """
    text = gate.lock_facts(connection, consignment, purpose=purpose.value, scope=scope)
    values = from_json(text)
    facts = _FACTS.validate_python(
        {**values, "purpose": purpose, "scans": scans.standing_of(values["scans"])}
    )
    return replace(facts, demands=_verified(connection, facts))


def judgement_of(row: JudgedRow) -> Judgement:
    """The evaluation as the gate's rules read it."""
    return _JUDGEMENT.validate_python(
        {part.name: getattr(row, part.name) for part in fields(Judgement)}
    )


def _verified(connection: Connection, facts: Facts) -> tuple[Demand, ...]:
    """The demands with their signatures verified over the bytes as they are stored now."""
    if all(demand.signed_by is None for demand in facts.demands):
        return tuple(
            replace(demand, verified=demand.digest_matches is True and not demand.signed)
            for demand in facts.demands
        )
    with everything(connection):
        verdicts = documents.verdicts(connection, facts.consignment)
    proven = {
        (fact.requirement_id, fact.lot_number, fact.carrier_id, fact.document_id): fact.verified
        for fact in verdicts
    }
    return tuple(
        replace(
            demand,
            verified=proven.get(
                (demand.requirement_id, demand.lot_number, demand.carrier_id, demand.document_id),
                False,
            ),
        )
        for demand in facts.demands
    )
