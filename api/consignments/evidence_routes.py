"""Routes of readings, evaluations and excursions."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.consignments import evidence_service
from api.consignments.evidence_schemas import (
    EvaluationView,
    ExcursionList,
    ReadingsPage,
    ReadingsQuery,
)
from api.deps import Read, needs
from api.identity.rights import Right
from api.schemas import AfterId, Identifier, Limit, Page, Version

router = APIRouter(
    prefix="/v1/consignments/{consignment}", tags=["evidence"], dependencies=[needs(Right.READ)]
)


@router.get("/readings", response_model=ReadingsPage)
def list_readings(
    consignment: Identifier, query: Annotated[ReadingsQuery, Query()], request: Read
) -> Response:
    """List raw points of one channel, in thousandths of its unit, oldest first."""
    page = request.read(evidence_service.list_readings, consignment, query)
    return Response(page.model_dump_json(), media_type="application/json")


@router.get("/evaluations")
def list_evaluations(
    consignment: Identifier, request: Read, after: AfterId = 0, limit: Limit = 100
) -> Page[EvaluationView]:
    """List the judgements of a consignment."""
    return request.read(evidence_service.list_evaluations, consignment, after=after, limit=limit)


@router.get("/evaluations/{version}")
def get_evaluation(consignment: Identifier, version: Version, request: Read) -> Response:
    """Show one judgement in full: the bytes that were stored, and that its digest is of."""
    body = request.read(evidence_service.get_evaluation, consignment, version)
    return Response(body, media_type="application/json")


@router.get("/excursions")
def list_excursions(
    consignment: Identifier, request: Read, version: Version | None = None
) -> ExcursionList:
    """List the excursions of an evaluation, of the newest unless `version` says which."""
    return request.read(evidence_service.list_excursions, consignment, version=version)
