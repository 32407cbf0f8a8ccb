"""Consignments: making one, placing loggers, recording events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.case import Role
from api import quotas
from api.consignments.journey_rules import (
    CLOCK_TOLERANCE,
    answers_for_goods,
    require_may_loosen,
    require_placed_in_time,
    require_tellable,
    tells_in_hindsight,
)
from api.consignments.profile_service import resolve
from api.consignments.schemas import (
    ConsignmentBrief,
    ConsignmentView,
    EventList,
    EventView,
    LegView,
    LineView,
    PlacementList,
    PlacementView,
    SealList,
    SealView,
)
from api.schemas import Page, page_of
from coldgate.errors import ConflictError, NotFoundError
from coldgate.model import EventKind, LineState, ReleasePolicy
from coldgate.storage import clock, consignments, gate, placements, seals, stability, visibility
from coldgate.storage.consignments import NewEvent, NewLeg, NewLine, Plan
from coldgate.storage.placements import NewPlacement
from coldgate.storage.quotas import Part, require_room

if TYPE_CHECKING:
    from api.caller import Caller
    from api.consignments.schemas import (
        ConsignmentIn,
        EventIn,
        PlacementIn,
        PlanIn,
        ProfileRef,
        RemovalIn,
        SealIn,
    )
    from coldgate.storage.connection import Connection
    from coldgate.storage.consignments import ConsignmentRow
    from coldgate.storage.stability import ToldEnds


def add_consignment(connection: Connection, caller: Caller, new: ConsignmentIn) -> ConsignmentView:
    """Plan a transport; its lines start as planned."""
    require_may_loosen(caller, new.release_policy)
    profile = None if new.profile is None else resolve(connection, new.profile)
    consignments.insert(
        connection,
        new.id,
        consignor=caller.acting_for(new.consignor),
        consignee=new.consignee,
        profile=profile,
        plan=_plan(new),
    )
    consignments.insert_lines(connection, new.id, _new_lines(new))
    consignments.insert_legs(connection, new.id, _new_legs(new))
    with visibility.everything(connection):
        stability.touch_reached(connection, new.id)
    caller.record(connection, "consignment.added", new.id, **new.model_dump(mode="json"))
    view = get_consignment(connection, caller, new.id)
    quotas.spend(connection, caller, quotas.CONSIGNMENTS, size=len(new.model_dump_json()))
    return view


def get_consignment(connection: Connection, caller: Caller, consignment: str) -> ConsignmentView:
    """One consignment with its lines and legs."""
    found = consignments.visible(connection, consignment, scope=caller.scope)
    brief = ConsignmentBrief.model_validate(found)
    return ConsignmentView.model_construct(
        **dict(brief),
        unjudged=_unjudged(connection, found.id),
        unverified=gate.unverified(connection, found.id),
        lines=[LineView.model_validate(row) for row in consignments.lines(connection, found.id)],
        legs=[LegView.model_validate(row) for row in consignments.legs(connection, found.id)],
    )


def _unjudged(connection: Connection, consignment: str) -> int:
    """How much the judge has yet to look at, whoever touched it."""
    with visibility.everything(connection):
        return gate.unjudged(connection, consignment)


def list_consignments(
    connection: Connection, caller: Caller, *, after: str, limit: int
) -> Page[ConsignmentBrief]:
    """Consignments that the caller takes part in."""
    rows = consignments.all_visible(connection, scope=caller.scope, after=after, limit=limit)
    return page_of(ConsignmentBrief, rows, limit=limit)


def choose_profile(
    connection: Connection, caller: Caller, consignment: str, chosen: ProfileRef
) -> ConsignmentView:
    """Judge by another profile; possible until the first line leaves, or is said to have left.

    A journey that was told without the gate may still get its first one, and the operator, who
    keeps records of others, may have it judged by another.
    """
    found = consignments.locked(connection, consignment, scope=caller.scope)
    if not caller.is_operator and caller.party != found.consignor_id:
        raise NotFoundError("consignment", consignment)
    states = {line.state for line in consignments.lines(connection, consignment)}
    may_be_said = caller.is_operator or found.profile_id is None
    has_left = not may_be_said and _is_said_to_have_left(connection, consignment)
    if states != {LineState.PLANNED.value} or has_left:
        raise ConflictError("PROFILE_FROZEN", "the profile is frozen since goods were dispatched")
    profile = resolve(connection, chosen)
    consignments.set_profile(connection, consignment, profile)
    consignments.touch(connection, consignment)
    caller.record(
        connection, "profile.chosen", consignment, profile=profile.id, version=profile.version
    )
    return get_consignment(connection, caller, consignment)


def change_plan(
    connection: Connection, caller: Caller, consignment: str, plan: PlanIn
) -> ConsignmentView:
    """Plan the journey and the release anew; possible until the first line leaves."""
    found = consignments.locked(connection, consignment, scope=caller.scope)
    if not answers_for_goods(caller, found):
        raise NotFoundError("consignment", consignment)
    states = {line.state for line in consignments.lines(connection, consignment)}
    if states != {LineState.PLANNED.value}:
        raise ConflictError("PLAN_FROZEN", "the plan is frozen since goods were dispatched")
    require_may_loosen(caller, plan.release_policy, ReleasePolicy(found.release_policy))
    consignments.set_plan(connection, consignment, _plan(plan))
    caller.record(connection, "plan.changed", consignment, **plan.model_dump(mode="json"))
    return get_consignment(connection, caller, consignment)


def _plan(new: PlanIn) -> Plan:
    return Plan(
        planned_departure_at=new.planned_departure_at,
        planned_arrival_at=new.planned_arrival_at,
        release_policy=new.release_policy.value,
    )


def place_logger(
    connection: Connection, caller: Caller, consignment: str, new: PlacementIn
) -> PlacementView:
    """Put a logger into a zone; it can be in one consignment at a time."""
    found = consignments.locked(connection, consignment, scope=caller.scope)
    if new.role is not Role.GOODS:
        _require_not_departed(connection, consignment)
    if not tells_in_hindsight(caller, found) and _has_begun(connection, consignment):
        require_placed_in_time(new.placed_at, clock.now(connection))
    placement = NewPlacement(
        consignment=consignment,
        logger=_logger_of(connection, caller, found, new),
        zone=new.zone,
        role=new.role.value,
        placed_at=new.placed_at,
        removed_at=new.removed_at,
    )
    require_room(connection, consignment, Part.PLACEMENTS, party=caller.party)
    placements.lock_logger(connection, placement.logger)
    _require_free(connection, new.serial, placement)
    row = placements.insert(connection, placement)
    consignments.touch(connection, consignment)
    caller.record(connection, "logger.placed", consignment, **new.model_dump(mode="json"))
    return PlacementView.model_validate(row)


def remove_logger(
    connection: Connection, caller: Caller, consignment: str, placement: int, removal: RemovalIn
) -> PlacementView:
    """Say when a logger left; readings from then on belong to no or to another consignment."""
    found = consignments.locked(connection, consignment, scope=caller.scope)
    row = _placement(connection, consignment, placement)
    if row.removed_at is not None:
        raise ConflictError("ALREADY_REMOVED", f"logger {row.serial} was removed already")
    if removal.removed_at <= row.placed_at:
        raise ConflictError("REMOVED_BEFORE_PLACED", "removed_at must be later than placed_at")
    may_trim = tells_in_hindsight(caller, found)
    present = may_trim or row.party_id == caller.party or answers_for_goods(caller, found)
    if _trims(connection, consignment, removal, present=present):
        _require_reason(removal, may_trim=may_trim)
    placements.remove(
        connection,
        consignment,
        placement=placement,
        removed_at=removal.removed_at,
        reason=removal.reason,
    )
    consignments.touch(connection, consignment)
    facts = removal.model_dump(mode="json")
    caller.record(connection, "logger.removed", consignment, placement=placement, **facts)
    return PlacementView.model_validate(_placement(connection, consignment, placement))


def list_placements(connection: Connection, caller: Caller, consignment: str) -> PlacementList:
    """Loggers of a consignment, past ones included."""
    consignments.visible(connection, consignment, scope=caller.scope)
    rows = placements.placements(connection, consignment)
    return PlacementList(items=[PlacementView.model_validate(row) for row in rows])


def seal_log(connection: Connection, caller: Caller, consignment: str, new: SealIn) -> SealView:
    """Declare the last number of a logger's log; whoever takes part may have read it off (S29)."""
    consignments.locked(connection, consignment, scope=caller.scope)
    require_room(connection, consignment, Part.SEALS, party=caller.party)
    row = seals.insert(
        connection,
        consignment,
        logger=_placed_logger(connection, consignment, new),
        last_sequence=new.last_sequence,
        party=caller.party,
    )
    consignments.touch(connection, consignment)
    caller.record(connection, "log.sealed", consignment, **new.model_dump(mode="json"))
    return SealView.model_validate(row)


def list_seals(connection: Connection, caller: Caller, consignment: str) -> SealList:
    """Declared ends of the consignment's logs, oldest first."""
    consignments.visible(connection, consignment, scope=caller.scope)
    rows = seals.seals(connection, consignment)
    return SealList(items=[SealView.model_validate(row) for row in rows])


def add_event(connection: Connection, caller: Caller, consignment: str, new: EventIn) -> EventView:
    """Record an event; ``received`` quarantines what was in transit, always."""
    found = consignments.locked(connection, consignment, scope=caller.scope)
    known = consignments.events(connection, consignment)
    left = not _is_planned(connection, consignment)
    require_tellable(caller, found, new, known, clock.now(connection), left=left)
    require_room(connection, consignment, Part.EVENTS, party=caller.party)
    told = stability.told_ends(connection, consignment)
    row = consignments.insert_event(
        connection,
        NewEvent(
            consignment=consignment,
            kind=new.kind,
            happened_at=new.happened_at,
            party=caller.party,
            note=new.note,
        ),
    )
    if new.kind is EventKind.RECEIVED:
        consignments.move_lines(
            connection,
            consignment,
            from_states=[LineState.IN_TRANSIT],
            to_state=LineState.QUARANTINED,
        )
    consignments.touch(connection, consignment)
    _tell_lots(connection, consignment, told)
    caller.record(connection, "event.added", consignment, **new.model_dump(mode="json"))
    return EventView.model_validate(row)


def _tell_lots(connection: Connection, consignment: str, before: ToldEnds) -> None:
    """Have the others of its lots judged again as long as they count words, not figures (S36)."""
    if stability.told_ends(connection, consignment) == before:
        return
    with visibility.everything(connection):
        if not stability.newest_spend(connection, consignment):
            stability.touch_lots(connection, consignment)


def list_events(connection: Connection, caller: Caller, consignment: str) -> EventList:
    """Events in the order in which they happened."""
    consignments.visible(connection, consignment, scope=caller.scope)
    rows = consignments.events(connection, consignment)
    return EventList(items=[EventView.model_validate(row) for row in rows])


def _trims(connection: Connection, consignment: str, removal: RemovalIn, *, present: bool) -> bool:
    """Whether the removal would take readings of the journey away (S7).

    Who is ``present``, its owner or who answers for the goods, takes a logger out as it happens.
    To others it stays to the end of the journey: they could replace its word by that of their own.
    """
    if present and not _has_begun(connection, consignment):
        return False
    latest = clock.now(connection) - CLOCK_TOLERANCE if present else None
    ended = [
        event.happened_at
        for event in consignments.events(connection, consignment)
        if event.kind == EventKind.RECEIVED.value
    ]
    earliest = max(ended, default=latest)
    return earliest is None or removal.removed_at < earliest


def _require_reason(removal: RemovalIn, *, may_trim: bool) -> None:
    """Return for who may take readings of a journey away, and says why."""
    if not may_trim:
        words = "before the end its owner or the consignor says it as it happens, later only QA"
        raise ConflictError("EVIDENCE_TRIMMED", words)
    if removal.reason is None:
        raise ConflictError("REASON_MISSING", "this takes readings of the journey away: say why")


def _require_not_departed(connection: Connection, consignment: str) -> None:
    """Return while nothing has left: later nobody takes a logger's word back (S30)."""
    if _has_begun(connection, consignment):
        raise ConflictError("ROLE_FROZEN", "what a logger speaks of is said before departure")


def _has_begun(connection: Connection, consignment: str) -> bool:
    """Whether goods left by the gate, or by what was told."""
    planned = _is_planned(connection, consignment)
    return not planned or _is_said_to_have_left(connection, consignment)


def _is_planned(connection: Connection, consignment: str) -> bool:
    lines = consignments.lines(connection, consignment)
    return all(line.state == LineState.PLANNED.value for line in lines)


def _is_said_to_have_left(connection: Connection, consignment: str) -> bool:
    told = {event.kind for event in consignments.events(connection, consignment)}
    return bool(told - {EventKind.PACKED.value})


def _new_lines(new: ConsignmentIn) -> list[NewLine]:
    return [
        NewLine(
            position=position,
            product=line.product,
            lot=line.lot,
            quantity=line.quantity,
            zone=line.zone,
            sscc=line.sscc,
            serials=line.serials,
        )
        for position, line in enumerate(new.lines, start=1)
    ]


def _new_legs(new: ConsignmentIn) -> list[NewLeg]:
    return [
        NewLeg(
            position=position,
            carrier=leg.carrier,
            origin=leg.origin,
            destination=leg.destination,
            vehicle=leg.vehicle,
        )
        for position, leg in enumerate(new.legs, start=1)
    ]


def _logger_of(
    connection: Connection, caller: Caller, consignment: ConsignmentRow, new: PlacementIn
) -> int:
    """The caller's logger with this serial number; the operator may name any participant's.

    Nobody else may place it: whoever takes part in a consignment sees the readings of its loggers.
    """
    owners = frozenset({caller.party})
    if caller.is_operator:
        owners |= consignment.participants
    if new.party is not None:
        owners &= {new.party}
    found = placements.loggers(connection, serial=new.serial, parties=sorted(owners))
    if not found:
        raise NotFoundError("logger", new.serial)
    if len(found) > 1:
        raise ConflictError("LOGGER_AMBIGUOUS", f"say whose logger {new.serial} is meant: party")
    return found[0].id


def _placed_logger(connection: Connection, consignment: str, new: SealIn) -> int:
    """The logger with this serial number that is or was in the consignment."""
    placed = placements.placements(connection, consignment)
    found = {
        row.logger_id
        for row in placed
        if row.serial == new.serial and new.party in (None, row.party_id)
    }
    if not found:
        raise NotFoundError("logger", new.serial)
    if len(found) > 1:
        raise ConflictError("LOGGER_AMBIGUOUS", f"say whose logger {new.serial} is meant: party")
    return found.pop()


def _require_free(connection: Connection, serial: str, placement: NewPlacement) -> None:
    """Return if the logger is nowhere else; its owner may know the name of where it is."""
    with visibility.everything(connection):  # it may be where the caller has no part
        taken_by = placements.overlapping(connection, placement)
    if taken_by is not None:
        raise ConflictError("LOGGER_TAKEN", f"logger {serial} is in {taken_by} at that time")


def _placement(connection: Connection, consignment: str, placement: int) -> placements.PlacementRow:
    found = placements.placements(connection, consignment, placement=placement)
    if not found:
        raise NotFoundError("placement", str(placement))
    return found[0]
