"""Routes of what products demand."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.documents import requirement_service as service
from api.documents.schemas import RequirementIn, RequirementList, RequirementView
from api.identity.rights import Right
from api.schemas import Identifier, RowId

router = APIRouter(
    prefix="/v1/products/{product}/requirements",
    tags=["documents"],
    dependencies=[needs(Right.CONFIGURE)],
)


@router.post("", status_code=201, response_model=RequirementView)
def add_requirement(product: Identifier, new: RequirementIn, request: Write) -> Response:
    """Demand a document of every consignment of the product from now on."""
    return request.write(service.add_requirement, product, new)


@router.get("")
def list_requirements(product: Identifier, request: Read) -> RequirementList:
    """List what the product demands and demanded."""
    return request.read(service.list_requirements, product)


@router.post("/{requirement}/remove", response_model=RequirementView)
def remove_requirement(product: Identifier, requirement: RowId, request: Write) -> Response:
    """Demand it no longer."""
    return request.write(service.remove_requirement, product, requirement)
