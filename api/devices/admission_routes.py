"""Routes of the admission of loggers."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import Read, Write, needs
from api.devices import admission_service as service
from api.devices.admission_schemas import AdmissionIn, AdmissionList, AdmissionView
from api.identity.rights import Right
from api.schemas import ProfileId, RowId

router = APIRouter(
    prefix="/v1/loggers/{logger_id}", tags=["devices"], dependencies=[needs(Right.CONFIGURE)]
)

ForProfile = Annotated[ProfileId, Query(description="Whose interval the logger must keep")]


@router.post("/admissions", status_code=201, response_model=AdmissionView)
def admit_logger(logger_id: RowId, new: AdmissionIn, request: Write) -> Response:
    """Conclude a conformance test, declare one, or end an admission; the gate heeds the newest."""
    return request.write(service.admit, logger_id, new)


@router.get("/admissions")
def list_admissions(
    logger_id: RowId, request: Read, profile: ForProfile = "USP_CCT_2_8"
) -> AdmissionList:
    """Show what is missing for an admission, and every outcome so far."""
    return request.read(service.list_admissions, logger_id, profile=profile)
