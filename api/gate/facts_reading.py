"""The facts of a decision, from the database: one statement, two where documents are signed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter
from pydantic_core import from_json

from api.gate.facts import Facts, Judgement
from coldgate.storage import documents, gate, scans

if TYPE_CHECKING:
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
    if not facts.demands:
        return facts
    return replace(facts, demands=tuple(documents.with_signatures(connection, facts.demands)))


def judgement_of(row: JudgedRow) -> Judgement:
    """The evaluation as the gate's rules read it."""
    return _JUDGEMENT.validate_python(
        {part.name: getattr(row, part.name) for part in fields(Judgement)}
    )
