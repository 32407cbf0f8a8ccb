"""Dispositions: what a person proposes about goods, and the record that is signed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from api.approvals import manifests, requests
from api.approvals.requests import SYSTEM, SignatureRequest
from api.approvals.views import signed_view
from api.gate.disposition_rules import (
    choose,
    flow_for,
    needs_statement,
    require_allowed,
    require_final,
    require_statement,
    require_undecided,
)
from api.gate.disposition_schemas import Choice, DispositionView
from api.gate.facts_reading import judgement_of
from api.gate.rules_condition import verdict_of
from api.schemas import Page
from coldgate.crypto import sha256_hex
from coldgate.errors import NotFoundError
from coldgate.model import Verdict
from coldgate.storage import (
    approvals,
    consignments,
    dispositions,
    documents,
    gate,
    quality,
    records,
)
from coldgate.storage.dispositions import NewDisposition
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.caller import Caller
    from api.gate.disposition_schemas import DispositionIn
    from coldgate.storage.connection import Connection
    from coldgate.storage.consignments import ConsignmentRow, LineRow
    from coldgate.storage.dispositions import DispositionRow, JudgedRow

DISPOSITION: Final = "disposition"  # kind of subject


def propose(
    connection: Connection, caller: Caller, consignment: str, new: DispositionIn
) -> DispositionView:
    """Propose what becomes of lines in quarantine, and ask for the signatures that it takes."""
    found = consignments.locked(connection, consignment, scope=caller.scope)
    _require_answerable(caller, found)
    if new.statement is not None:
        documents.document(connection, new.statement)  # one that the caller may see
    with everything(connection):
        lines = choose(consignments.lines(connection, consignment), new.lines)
        judged = dispositions.judged(connection, consignment, new.evaluation)
        require_final(judged, waiting=waits(connection, consignment, new.decision))
        verdict = verdict_of(judgement_of(judged), lines)
        require_allowed(new.decision, verdict, judged.profile_id)
        _require_statement(connection, found, lines, new, verdict)
        open_ones = dispositions.proposed(connection, consignment)
        require_undecided(open_ones, [line.position for line in lines])
        proposed = NewDisposition(
            consignment=found.id,
            positions=[line.position for line in lines],
            decision=new.decision.value,
            evaluation_id=judged.id,
            verdict=verdict.value,
            rationale=new.rationale,
            statement_document_id=new.statement,
            author=caller.actor,
        )
        row = _insert(connection, caller, found, proposed)
        _tell(connection, row, "disposition.proposed", caller.actor)
        return _view(connection, row)


def list_dispositions(
    connection: Connection, caller: Caller, consignment: str, *, after: int, limit: int
) -> Page[DispositionView]:
    """Dispositions about a consignment, oldest first, with their signatures."""
    consignments.visible(connection, consignment, scope=caller.scope)
    with everything(connection):
        rows = dispositions.of_consignment(connection, consignment, after=after, limit=limit)
        views = [_view(connection, row) for row in rows]
    return Page(items=views, next=rows[-1].id if len(rows) == limit else None)


def show_disposition(
    connection: Connection, caller: Caller, consignment: str, disposition: int
) -> DispositionView:
    """One disposition with its record and signatures."""
    consignments.visible(connection, consignment, scope=caller.scope)
    with everything(connection):
        row = dispositions.by_id(connection, disposition, consignment=consignment)
        return _view(connection, row)


def supersede(connection: Connection, consignment: str) -> int:
    """Close proposals that knew an older evaluation than the newest; how many there were.

    The caller holds the consignment's lock.
    """
    with everything(connection):
        newest = gate.judgement(connection, consignment)
        outdated = [
            row
            for row in dispositions.proposed(connection, consignment)
            if newest is not None and row.evaluation_id != newest.id
        ]
        for row in outdated:
            _supersede(connection, row)
    return len(outdated)


def waits(connection: Connection, consignment: str, decision: Choice) -> bool:
    """Whether the judge has yet to look at facts that count for the decision.

    The gate would refuse a release for those of the lots in other consignments as well.
    """
    if gate.unjudged(connection, consignment):
        return True
    return decision is Choice.RELEASE and gate.waits_elsewhere(connection, consignment)


def record_now(connection: Connection, subject_id: str) -> dict[str, object]:
    """The record of a disposition from the tables as they are; it names nothing that may change."""
    row = dispositions.by_id(connection, int(subject_id))
    found = consignments.visible(connection, row.consignment_id, scope=None)
    lines = consignments.lines(connection, row.consignment_id)
    judged = dispositions.judged(connection, row.consignment_id, row.evaluation_version)
    return {
        "subject": DISPOSITION,
        "disposition": row.id,
        "decision": row.decision,
        "rationale": row.rationale,
        "author": row.author,
        "consignment": found.id,
        "consignor": found.consignor_id,
        "consignee": found.consignee_id,
        "lines": [_line(line) for line in lines if line.position in row.positions],
        "evaluation": _evaluation(judged, Verdict(row.verdict)),
        "profile": {
            "id": judged.profile_id,
            "version": judged.profile_version,
            "digest": judged.profile_digest,
        },
        "statement": _statement(connection, row),
    }


def tell_closed(connection: Connection, row: DispositionRow, actor: str) -> None:
    """Tell ledger and outside how a disposition was closed."""
    _tell(connection, row, f"disposition.{row.state}", actor)


def _require_answerable(caller: Caller, consignment: ConsignmentRow) -> None:
    """Return for who answers for the goods; a carrier sees them and decides nothing."""
    may = {consignment.consignor_id, consignment.consignee_id}
    if not caller.is_operator and caller.party not in may:
        raise NotFoundError("consignment", consignment.id)


def _require_statement(
    connection: Connection,
    found: ConsignmentRow,
    lines: Sequence[LineRow],
    new: DispositionIn,
    verdict: Verdict,
) -> None:
    if needs_statement(new.decision, verdict) or new.statement is not None:
        document = new.statement
        statement = None if document is None else dispositions.statement(connection, document)
        positions = [line.position for line in lines]
        makers = dispositions.makers(connection, found.id, positions)
        require_statement(statement, makers=makers, consignment=found.id, lines=lines)


def _insert(
    connection: Connection, caller: Caller, found: ConsignmentRow, new: NewDisposition
) -> DispositionRow:
    disposition = dispositions.insert(connection, new)
    approval = requests.open_approval(
        connection,
        caller,
        SignatureRequest(
            subject_kind=DISPOSITION,
            subject_id=str(disposition),
            flow=flow_for(Choice(new.decision), Verdict(new.verdict)),
            record=record_now(connection, str(disposition)),
            party=found.consignor_id,
            consignment=found.id,
        ),
    )
    dispositions.attach(connection, disposition, approval.id)
    return dispositions.by_id(connection, disposition)


def _supersede(connection: Connection, row: DispositionRow) -> None:
    if row.approval_id is not None:
        approvals.locked(connection, row.approval_id)
        words = "a newer evaluation is there"
        requests.withdraw(connection, row.approval_id, actor=SYSTEM, reason=words)
    tell_closed(connection, dispositions.close(connection, row.id, "superseded"), SYSTEM)


def _view(connection: Connection, row: DispositionRow) -> DispositionView:
    record = record_now(connection, str(row.id))
    read = manifests.of_subject(connection, DISPOSITION, str(row.id), record)
    return DispositionView(
        id=row.id,
        consignment=row.consignment_id,
        lines=row.positions,
        decision=Choice(row.decision),
        evaluation=row.evaluation_version,
        verdict=Verdict(row.verdict),
        rationale=row.rationale,
        statement=row.statement_document_id,
        author=row.author,
        state=row.state,
        created_at=row.created_at,
        granted_at=row.granted_at,
        record=record,
        approval=signed_view(read[-1]) if read else None,
    )


def _line(line: LineRow) -> dict[str, object]:
    return {
        "position": line.position,
        "product": line.product_id,
        "lot": line.lot_number,
        "quantity": line.quantity,
        "zone": line.zone,
        "sscc": line.sscc,
        "serials": line.serials,
    }


def _evaluation(judged: JudgedRow, verdict: Verdict) -> dict[str, object]:
    """The judge's word with its reasons and their bounds, and the digest of all of it.

    What it says of the lines is told where it differs: records that were signed before lines had a
    verdict of their own stay as they were.
    """
    body = json.loads(judged.body)
    apart = {} if verdict.value == judged.verdict else {"verdict_of_lines": verdict.value}
    return {
        "version": judged.version,
        "verdict": judged.verdict,
        **apart,
        "with_excursions": judged.with_excursions,
        "input_digest": judged.input_digest,
        "engine": judged.engine,
        "reasons": body.get("reasons", []),
        "sha256": sha256_hex(judged.body),
    }


def _statement(connection: Connection, row: DispositionRow) -> dict[str, object] | None:
    if row.statement_document_id is None:
        return None
    found = dispositions.statement(connection, row.statement_document_id)
    return {"document": found.id, "title": found.title, "sha256": found.sha256.hex()}


def _tell(connection: Connection, row: DispositionRow, kind: str, actor: str) -> None:
    facts: dict[str, object] = {
        "disposition": row.id,
        "approval": row.approval_id,
        "decision": row.decision,
        "lines": row.positions,
        "evaluation": row.evaluation_version,
        "verdict": row.verdict,
    }
    consignment = row.consignment_id
    quality.announce(connection, kind=kind, consignment=consignment, body=facts)
    records.append_ledger(connection, actor=actor, kind=kind, subject=consignment, body=facts)
