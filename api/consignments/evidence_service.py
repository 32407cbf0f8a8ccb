"""Readings, evaluations and excursions of a consignment: the evidence, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.consignments.evidence_schemas import (
    EvaluationView,
    ExcursionList,
    ExcursionView,
    ReadingsPage,
)
from api.schemas import Page, page_of
from coldgate.errors import ConflictError
from coldgate.storage import consignments, placements, quality

if TYPE_CHECKING:
    from api.caller import Caller
    from api.consignments.evidence_schemas import ReadingsQuery
    from coldgate.storage.connection import Connection


def list_readings(
    connection: Connection, caller: Caller, consignment: str, query: ReadingsQuery
) -> ReadingsPage:
    """Raw points that a logger took while it was in the consignment; none is averaged away."""
    consignments.visible(connection, consignment, scope=caller.scope)
    channel = _channel(connection, consignment, query)
    points = []
    if channel is not None:
        points = placements.readings(connection, consignment, channel, query.span)
    return ReadingsPage.model_construct(
        serial=query.serial,
        quantity=query.quantity.value,
        sensor=query.sensor,
        unit=query.channel_quantity.unit,
        points=points,
        next=points[-1][0] if len(points) == query.limit else None,
    )


def list_evaluations(
    connection: Connection, caller: Caller, consignment: str, *, after: int, limit: int
) -> Page[EvaluationView]:
    """Every judgement of the consignment, in order of the versions."""
    consignments.visible(connection, consignment, scope=caller.scope)
    rows = quality.evaluations(connection, consignment, after=after, limit=limit)
    return page_of(EvaluationView, rows, limit=limit, cursor="version")


def get_evaluation(connection: Connection, caller: Caller, consignment: str, version: int) -> bytes:
    """One judgement, byte for byte as it was stored."""
    consignments.visible(connection, consignment, scope=caller.scope)
    return quality.evaluation_body(connection, consignment, version)


def list_excursions(
    connection: Connection, caller: Caller, consignment: str, *, version: int | None
) -> ExcursionList:
    """Excursions of one evaluation, of the newest where ``version`` is None."""
    consignments.visible(connection, consignment, scope=caller.scope)
    rows = quality.excursions(connection, consignment, version=version)
    return ExcursionList(items=[ExcursionView.model_validate(row) for row in rows])


def _channel(connection: Connection, consignment: str, query: ReadingsQuery) -> int | None:
    """The channel meant; None where it never sent a reading."""
    found = placements.channels(
        connection,
        consignment,
        serial=query.serial,
        party=query.party,
        quantity=query.channel_quantity,
        sensor=query.sensor,
    )
    if len(found) > 1:
        raise ConflictError("LOGGER_AMBIGUOUS", f"say whose logger {query.serial} is meant: party")
    return found[0].channel_id if found else None
