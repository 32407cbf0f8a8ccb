"""Routes of calibration certificates and sensor ranges."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.devices import calibration_service as service
from api.devices.calibration_schemas import (
    CertificateIn,
    CertificateList,
    CertificateView,
    RangeIn,
    RangeList,
    RangeView,
)
from api.identity.rights import Right
from api.schemas import RowId

router = APIRouter(
    prefix="/v1/loggers/{logger_id}", tags=["devices"], dependencies=[needs(Right.CONFIGURE)]
)


@router.post("/certificates", status_code=201, response_model=CertificateView)
def add_certificate(logger_id: RowId, new: CertificateIn, request: Write) -> Response:
    """Enter a calibration certificate; consignments that it concerns are judged again."""
    return request.write(service.add_certificate, logger_id, new)


@router.get("/certificates")
def list_certificates(logger_id: RowId, request: Read) -> CertificateList:
    """List the calibration certificates of a logger, superseded ones included."""
    return request.read(service.list_certificates, logger_id)


@router.post("/ranges", status_code=201, response_model=RangeView)
def add_range(logger_id: RowId, new: RangeIn, request: Write) -> Response:
    """Say what a logger's sensors can measure; values beyond are no readings."""
    return request.write(service.add_range, logger_id, new)


@router.get("/ranges")
def list_ranges(logger_id: RowId, request: Read) -> RangeList:
    """List what was said about the ranges of a logger's sensors."""
    return request.read(service.list_ranges, logger_id)
