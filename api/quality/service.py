"""Deviations on record: reading them, and what people write into them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from api.approvals import manifests
from api.approvals.views import signed_view
from api.quality import deviation_closing
from api.quality.deviation_rules import missing
from api.quality.keeping import (
    acknowledge,
    require_current,
    require_document,
    require_keeper,
    require_users,
    write_note,
)
from api.quality.schemas import (
    DeviationDetail,
    DeviationView,
    RevisionView,
)
from api.schemas import Page, page_of
from coldgate.errors import ConflictError
from coldgate.storage import capas, consignments, deviations, quality_notes
from coldgate.storage.quality_notes import Subject
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.approvals.schemas import SignedView
    from api.caller import Caller
    from api.quality.schemas import ClosureIn, DeviationRevisionIn, NoteIn
    from coldgate.storage.connection import Connection
    from coldgate.storage.deviations import DeviationRow

# Members of a request that are named otherwise in the database.
COLUMNS: Final = {
    "owner": "owner_user_id",
    "capa": "capa_id",
    "manufacturer_document": "manufacturer_document_id",
}
WRITTEN: Final = (
    "classification",
    "rationale",
    "containment",
    "impact_assessment",
    "packaging_state",
    "manufacturer_answer",
    "manufacturer_document_id",
    "root_cause",
    "root_cause_method",
    "root_cause_category",
    "notifications",
    "owner_user_id",
    "due_on",
    "capa_id",
    "no_capa_reason",
)


def list_deviations(
    connection: Connection, caller: Caller, *, consignment: str | None, after: int, limit: int
) -> Page[DeviationView]:
    """Deviations of one consignment, or of all that the caller takes part in."""
    if consignment is not None:
        consignments.visible(connection, consignment, scope=caller.scope)
    rows = deviations.deviations(
        connection, scope=caller.scope, consignment=consignment, after=after, limit=limit
    )
    return page_of(DeviationView, rows, limit=limit)


def show_deviation(connection: Connection, caller: Caller, deviation: int) -> DeviationDetail:
    """One deviation with all of its record that the caller may see."""
    return _detail(
        connection, caller, deviations.visible(connection, deviation, scope=caller.scope)
    )


def list_revisions(
    connection: Connection, caller: Caller, deviation: int, *, after: int, limit: int
) -> Page[RevisionView]:
    """Everything that the record ever said; for who keeps it."""
    row = deviations.visible(connection, deviation, scope=caller.scope)
    require_keeper(caller, row.party_id)
    subject = Subject(kind=deviation_closing.DEVIATION, id=row.id)
    rows = quality_notes.revisions(connection, subject, after=after, limit=limit)
    return page_of(RevisionView, rows, limit=limit, cursor="number")


def revise_deviation(
    connection: Connection, caller: Caller, deviation: int, new: DeviationRevisionIn
) -> DeviationDetail:
    """Write over what the record says; what it said before stays readable."""
    row = _locked(connection, caller, deviation, based_on=new.based_on)
    sent = {
        COLUMNS.get(name, name): value
        for name, value in new.model_dump(mode="json").items()
        if name in new.model_fields_set and name != "based_on"
    }
    stated = asdict(row)
    content = {name: sent.get(name, stated[name]) for name in WRITTEN}
    content["due_on"] = content["due_on"] or row.due_on
    content["notifications"] = content["notifications"] or []
    _require_known(connection, row, content)
    deviations.revise(connection, row.id, content, changed_by=caller.actor)
    if new.capa is not None:
        capas.link(connection, new.capa, row.id, changed_by=caller.actor)
    caller.record(connection, "deviation.revised", f"deviation/{row.id}", **sent)
    return show_deviation(connection, caller, row.id)


def note_deviation(
    connection: Connection, caller: Caller, deviation: int, new: NoteIn
) -> DeviationDetail:
    """Add words or a document; whoever takes part may."""
    row = deviations.visible(connection, deviation, scope=caller.scope)
    write_note(connection, caller, Subject(kind=deviation_closing.DEVIATION, id=row.id), new)
    return _detail(connection, caller, row)


def acknowledge_deviation(
    connection: Connection, caller: Caller, deviation: int
) -> DeviationDetail:
    """Note that the caller has seen it."""
    row = deviations.visible(connection, deviation, scope=caller.scope)
    acknowledge(connection, caller, Subject(kind=deviation_closing.DEVIATION, id=row.id))
    return _detail(connection, caller, row)


def close_deviation(
    connection: Connection, caller: Caller, deviation: int, asked: ClosureIn
) -> DeviationDetail:
    """Ask for the signature that closes it."""
    row = _locked(connection, caller, deviation, based_on=asked.based_on)
    with everything(connection):
        deviation_closing.ask_for_closure(connection, caller, row)
    return show_deviation(connection, caller, row.id)


def _locked(
    connection: Connection, caller: Caller, deviation: int, *, based_on: int
) -> DeviationRow:
    """The open deviation, locked, for who keeps it and has read its newest revision."""
    row = deviations.locked(connection, deviation, scope=caller.scope)
    require_keeper(caller, row.party_id)
    if row.closed_at is not None:
        raise ConflictError("DEVIATION_CLOSED", f"deviation {row.id} is closed")
    require_current(row.revision, based_on)
    return row


def _require_known(
    connection: Connection, row: DeviationRow, content: Mapping[str, object]
) -> None:
    """Return if whatever the record names is there, and the caller may name it."""
    if content["capa_id"] is not None and content["no_capa_reason"] is not None:
        raise ConflictError("CAPA_AND_REASON", "a CAPA or the reason for none, not both")
    if content["owner_user_id"] != row.owner_user_id:
        require_users(connection, row.party_id, [_id(content["owner_user_id"])])
    if content["manufacturer_document_id"] != row.manufacturer_document_id:
        require_document(connection, _id(content["manufacturer_document_id"]))
    capa = _id(content["capa_id"])
    if capa is not None:
        capas.visible(connection, capa, scope=row.party_id)


def _id(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _detail(connection: Connection, caller: Caller, row: DeviationRow) -> DeviationDetail:
    subject = Subject(kind=deviation_closing.DEVIATION, id=row.id)
    return DeviationDetail.model_validate(
        {
            **asdict(row),
            "subjects": deviations.subjects(connection, row.id),
            "evidence": deviations.evidence(connection, row.id),
            "recurrence": deviations.recurrence(connection, row.id),
            "notes": quality_notes.notes(connection, subject),
            "missing": [] if row.closed_at else missing(asdict(row)),
            "approvals": _approvals(connection, caller, row),
        }
    )


def _approvals(connection: Connection, caller: Caller, row: DeviationRow) -> list[SignedView]:
    """Requests for signatures about it, each signature verified; for who keeps the record."""
    if not caller.is_operator and caller.party != row.party_id:
        return []
    subject = deviation_closing.DEVIATION, str(row.id)
    with everything(connection):
        record = deviation_closing.record_now(connection, str(row.id))
        read = manifests.of_subject(connection, *subject, record)
        return [signed_view(one) for one in read]
