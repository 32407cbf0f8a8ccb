"""CAPAs: opening, reading, writing, and the steps that they take."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from api.approvals import manifests
from api.approvals.views import signed_view
from api.quality import capa_signing
from api.quality.capa_rules import (
    FLOWS,
    STEPS,
    ActionFacts,
    CapaFacts,
    CapaState,
    may_follow,
    missing,
)
from api.quality.capa_schemas import CapaDetail, CapaView
from api.quality.keeping import require_current, require_keeper, require_users, write_note
from api.quality.schemas import RevisionView
from api.restrictions.effects import impose
from api.schemas import Page, page_of
from coldgate.errors import ConflictError
from coldgate.storage import capas, deviations, goods, quality, quality_notes
from coldgate.storage.capas import NewAction, NewCapa
from coldgate.storage.quality_notes import Subject
from coldgate.storage.restrictions import NewRestriction
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.approvals.schemas import SignedView
    from api.caller import Caller
    from api.quality.capa_schemas import (
        ActionIn,
        ActionResultIn,
        CapaIn,
        CapaRevisionIn,
        TransitionIn,
    )
    from api.quality.schemas import NoteIn
    from coldgate.storage.capas import CapaRow
    from coldgate.storage.connection import Connection

CAPA: Final = capa_signing.CAPA
WRITTEN: Final = (
    "title",
    "problem",
    "owner_user_id",
    "due_on",
    "containment",
    "investigation",
    "root_cause",
    "root_cause_category",
    "need_for_action",
    "effectiveness_criterion",
    "documents_updated",
    "verification",
    "effectiveness_due_on",
    "effectiveness_result",
    "reopened_because",
)
KEPT: Final = ("title", "problem", "due_on")  # a CAPA always has these: null leaves them


def open_capa(connection: Connection, caller: Caller, new: CapaIn) -> CapaDetail:
    """Open a CAPA by hand; a blocking one restricts its lot in the same transaction."""
    party = caller.acting_for(new.party)
    require_users(connection, party, [new.owner])
    for deviation in new.deviations:
        require_keeper(caller, deviations.visible(connection, deviation, scope=party).party_id)
    capa = capas.insert(
        connection,
        NewCapa(
            party=party,
            title=new.title,
            problem=new.problem,
            trend_code=new.trend_code,
            origin=new.origin,
            destination=new.destination,
            blocking=new.blocking,
            product=new.product,
            lot=new.lot,
            owner_user_id=new.owner,
            due_on=new.due_on,
            changed_by=caller.actor,
        ),
    )
    _block(connection, caller, capas.visible(connection, capa, scope=caller.scope))
    for deviation in new.deviations:
        deviations.locked(connection, deviation, scope=party)
        capas.link(connection, capa, deviation, changed_by=caller.actor)
    _tell(connection, caller, capa, party, "capa.opened", blocking=new.blocking)
    return show_capa(connection, caller, capa)


def list_capas(
    connection: Connection, caller: Caller, *, state: CapaState | None, after: int, limit: int
) -> Page[CapaView]:
    """CAPAs of the caller's party, oldest first."""
    rows = capas.capas(
        connection,
        scope=caller.scope,
        state=state.value if state else None,
        after=after,
        limit=limit,
    )
    return page_of(CapaView, rows, limit=limit)


def show_capa(connection: Connection, caller: Caller, capa: int) -> CapaDetail:
    """One CAPA with all of its record and every signature verified."""
    row = capas.visible(connection, capa, scope=caller.scope)
    actions = capas.actions(connection, capa)
    facts = _facts(connection, row)
    return CapaDetail.model_validate(
        {
            **asdict(row),
            "actions": actions,
            "transitions": capas.transitions(connection, capa),
            "notes": quality_notes.notes(connection, Subject(kind=CAPA, id=capa)),
            "missing": {
                step.value: list(missing(facts, step))
                for step in sorted(STEPS[facts.state], key=lambda state: state.value)
            },
            "approvals": _approvals(connection, capa),
        }
    )


def list_revisions(
    connection: Connection, caller: Caller, capa: int, *, after: int, limit: int
) -> Page[RevisionView]:
    """Everything that the record of a CAPA ever said."""
    capas.visible(connection, capa, scope=caller.scope)
    subject = Subject(kind=CAPA, id=capa)
    rows = quality_notes.revisions(connection, subject, after=after, limit=limit)
    return page_of(RevisionView, rows, limit=limit, cursor="number")


def revise_capa(
    connection: Connection, caller: Caller, capa: int, new: CapaRevisionIn
) -> CapaDetail:
    """Write over what the record says; the database refuses it where that was signed."""
    row = _locked(connection, caller, capa, based_on=new.based_on)
    written = new.model_dump(mode="json", exclude_unset=True, exclude={"based_on"})
    sent = {{"owner": "owner_user_id"}.get(name, name): value for name, value in written.items()}
    stated = asdict(row)
    content = {name: sent.get(name, stated[name]) for name in WRITTEN}
    content |= {name: content[name] or stated[name] for name in KEPT}
    require_users(connection, row.party_id, [new.owner])
    capas.revise(connection, capa, content, changed_by=caller.actor)
    caller.record(connection, "capa.revised", f"{CAPA}/{capa}", **sent)
    return show_capa(connection, caller, capa)


def add_action(connection: Connection, caller: Caller, capa: int, new: ActionIn) -> CapaDetail:
    """Add something to be done; the plan must not be signed yet."""
    row = capas.locked(connection, capa, scope=caller.scope)
    require_users(connection, row.party_id, [new.owner])
    action = capas.add_action(
        connection,
        NewAction(
            capa=capa,
            kind=new.kind.value,
            description=new.description,
            owner_user_id=new.owner,
            due_on=new.due_on,
            changed_by=caller.actor,
        ),
    )
    caller.record(connection, "capa.action_added", f"{CAPA}/{capa}", action=action)
    return show_capa(connection, caller, capa)


def finish_action(
    connection: Connection, caller: Caller, capa: int, action: int, new: ActionResultIn
) -> CapaDetail:
    """Say what came of an action."""
    capas.locked(connection, capa, scope=caller.scope)
    capas.finish_action(connection, capa, action, result=new.result, changed_by=caller.actor)
    facts = {"action": action, "result": new.result}
    caller.record(connection, "capa.action_done", f"{CAPA}/{capa}", **facts)
    return show_capa(connection, caller, capa)


def note_capa(connection: Connection, caller: Caller, capa: int, new: NoteIn) -> CapaDetail:
    """Add a comment, or attach a document."""
    capas.visible(connection, capa, scope=caller.scope)
    write_note(connection, caller, Subject(kind=CAPA, id=capa), new)
    return show_capa(connection, caller, capa)


def move_capa(connection: Connection, caller: Caller, capa: int, asked: TransitionIn) -> CapaDetail:
    """Take a step, or ask for the signature that takes it; a step that lacks anything is none."""
    row = _locked(connection, caller, capa, based_on=asked.based_on)
    step = asked.to.state
    facts = _facts(connection, row)
    if not may_follow(facts.state, step):
        words = f"CAPA {capa} cannot go from {row.state} to {step.value}"
        raise ConflictError("ILLEGAL_TRANSITION", words)
    lacking = missing(facts, step)
    if lacking:
        raise ConflictError("CAPA_INCOMPLETE", f"{step.value} also takes: {', '.join(lacking)}")
    if step in FLOWS:
        with everything(connection):
            capa_signing.ask(connection, caller, row, step)
    else:
        capas.move(connection, capa, step.value, approval=None, changed_by=caller.actor)
        _tell(connection, caller, capa, row.party_id, f"capa.{step.value.lower()}")
    return show_capa(connection, caller, capa)


def _locked(connection: Connection, caller: Caller, capa: int, *, based_on: int) -> CapaRow:
    row = capas.locked(connection, capa, scope=caller.scope)
    require_current(row.revision, based_on)
    return row


def _block(connection: Connection, caller: Caller, row: CapaRow) -> None:
    """Restrict the lot of a blocking CAPA; the product must be its party's."""
    if not row.blocking or row.product_id is None or row.lot_number is None:
        return
    goods.product(connection, scope=row.party_id, product_id=row.product_id)
    placed = impose(
        connection,
        NewRestriction(
            kind=CAPA,
            product=row.product_id,
            lot=row.lot_number,
            reason=row.title,
            reference=f"{CAPA}/{row.id}",
            placed_by=row.party_id,
            actor=caller.actor,
        ),
    )
    capas.restrict(connection, row.id, placed.restriction.id, changed_by=caller.actor)


def _facts(connection: Connection, row: CapaRow) -> CapaFacts:
    values = asdict(row)
    with everything(connection):
        plan = capas.signing(connection, row.plan_approval_id)
        closure = capas.signing(connection, row.close_approval_id)
    return CapaFacts(
        state=CapaState(row.state),
        filled=frozenset(name for name, value in values.items() if value is not None),
        actions=tuple(
            ActionFacts(owner_user_id=action.owner_user_id, done=action.result is not None)
            for action in capas.actions(connection, row.id)
        ),
        plan_signed=plan is not None and plan.state == "granted",
        close_signed=closure is not None and closure.state == "granted",
        close_signers=closure.signers if closure else frozenset(),
    )


def _approvals(connection: Connection, capa: int) -> list[SignedView]:
    """Requests for signatures about it, each signature verified."""
    with everything(connection):
        return [
            signed_view(one)
            for kind, subject_id in capa_signing.subjects(connection, capa)
            for one in manifests.of_subject(
                connection,
                kind,
                subject_id,
                capa_signing.record_of(connection, kind, subject_id),
            )
        ]


def _tell(
    connection: Connection, caller: Caller, capa: int, party: str, kind: str, **facts: object
) -> None:
    body: Mapping[str, object] = {"capa": capa, **facts}
    quality.announce(connection, kind=kind, party=party, body=body)
    caller.record(connection, kind, f"{CAPA}/{capa}", **body)
