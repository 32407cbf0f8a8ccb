"""Calibration certificates and sensor ranges: who may vouch for a logger, and for what it counts.

Decision 0080: the operator vouches for any logger, a manufacturer for its own and for those that
travel with what it sends. A carrier vouches for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.devices.calibration_schemas import (
    MILLI,
    CertificateList,
    CertificateView,
    CorrectionView,
    RangeList,
    RangeView,
)
from api.schemas import QuantityName
from coldgate.errors import ConflictError, ForbiddenError, NotFoundError
from coldgate.model import Quantity
from coldgate.storage import calibration, devices
from coldgate.storage.calibration import NewCertificate, NewRange

if TYPE_CHECKING:
    from decimal import Decimal

    from api.caller import Caller
    from api.devices.calibration_schemas import CertificateIn, RangeIn
    from coldgate.storage.calibration import CertificateRow, RangeRow
    from coldgate.storage.connection import Connection

MANUFACTURER: Final = "manufacturer"


def add_certificate(
    connection: Connection, caller: Caller, logger: int, new: CertificateIn
) -> CertificateView:
    """Enter a calibration; what it concerns is judged again, a release that it shakes revoked."""
    _require_right(connection, caller, logger)
    if new.supersedes is not None:
        _require_replaceable(connection, caller, logger, new.supersedes)
    row = calibration.insert_certificate(
        connection,
        NewCertificate(
            logger_id=logger,
            sensor=new.sensor,
            quantity=int(new.quantity.number),
            number=new.number,
            valid_from=new.begins_at,
            valid_to=new.ends_at,
            expanded_milli=_milli(new.expanded_uncertainty),
            resolution_milli=_milli(new.resolution),
            drift_milli=_milli(new.drift),
            corrections=[(_milli(one.reading), _milli(one.add)) for one in new.corrections],
            document_sha256=_digest(new),
            supersedes=new.supersedes,
            entered_by=caller.party,
        ),
    )
    facts = new.model_dump(mode="json")
    caller.record(connection, "certificate.added", str(logger), certificate=row.id, **facts)
    return _certificate_view(row)


def list_certificates(connection: Connection, caller: Caller, logger: int) -> CertificateList:
    """Calibrations of a logger, as far as the caller may know of them."""
    devices.logger(connection, scope=caller.scope, logger_id=logger)
    rows = calibration.certificates(connection, logger=logger, scope=caller.scope)
    return CertificateList(items=[_certificate_view(row) for row in rows])


def add_range(connection: Connection, caller: Caller, logger: int, new: RangeIn) -> RangeView:
    """Say what the sensors can measure; every consignment of the logger is judged again."""
    _require_right(connection, caller, logger)
    row = calibration.insert_range(
        connection,
        NewRange(
            logger_id=logger,
            quantity=int(new.quantity.number),
            low_milli=_milli(new.low),
            high_milli=_milli(new.high),
            entered_by=caller.party,
        ),
    )
    facts = new.model_dump(mode="json")
    caller.record(connection, "range.added", str(logger), range=row.id, **facts)
    return _range_view(row)


def list_ranges(connection: Connection, caller: Caller, logger: int) -> RangeList:
    """Ranges of a logger, as far as the caller may know of them."""
    devices.logger(connection, scope=caller.scope, logger_id=logger)
    rows = calibration.ranges(connection, logger=logger, scope=caller.scope)
    return RangeList(items=[_range_view(row) for row in rows])


def _require_right(connection: Connection, caller: Caller, logger: int) -> None:
    """Return for who answers for goods that the logger speaks of."""
    devices.logger(connection, scope=caller.scope, logger_id=logger)
    if not caller.is_operator and caller.kind != MANUFACTURER:
        raise ForbiddenError(
            "CANNOT_VOUCH", "the operator or the manufacturer of the goods vouches for a logger"
        )


def _require_replaceable(
    connection: Connection, caller: Caller, logger: int, certificate: int
) -> None:
    """Return if the certificate is there to be corrected, by who entered it or the operator."""
    found = calibration.certificates(
        connection, logger=logger, scope=caller.scope, certificate=certificate
    )
    if not found:
        raise NotFoundError("certificate", str(certificate))
    if not caller.is_operator and found[0].entered_by != caller.party:
        raise ForbiddenError("CANNOT_VOUCH", "who entered a certificate corrects it")
    if found[0].superseded_by is not None:
        raise ConflictError(
            "ALREADY_SUPERSEDED", f"certificate {found[0].superseded_by} is the one to correct"
        )


def _certificate_view(row: CertificateRow) -> CertificateView:
    return CertificateView(
        id=row.id,
        logger=row.logger_id,
        number=row.number,
        quantity=_quantity(row.quantity),
        sensor=row.sensor,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        expanded_uncertainty=row.expanded_milli / MILLI,
        resolution=row.resolution_milli / MILLI,
        drift=row.drift_milli / MILLI,
        corrections=[
            CorrectionView(reading=reading / MILLI, add=add / MILLI)
            for reading, add in row.corrections
        ],
        document_sha256=row.document_sha256,
        supersedes=row.supersedes,
        superseded_by=row.superseded_by,
        entered_by=row.entered_by,
        recorded_at=row.recorded_at,
    )


def _range_view(row: RangeRow) -> RangeView:
    return RangeView(
        id=row.id,
        logger=row.logger_id,
        quantity=_quantity(row.quantity),
        low=row.low_milli / MILLI,
        high=row.high_milli / MILLI,
        entered_by=row.entered_by,
        recorded_at=row.recorded_at,
    )


def _quantity(number: int) -> QuantityName:
    return QuantityName[Quantity(number).name]


def _digest(new: CertificateIn) -> bytes | None:
    return None if new.document_sha256 is None else bytes.fromhex(new.document_sha256)


def _milli(amount: Decimal) -> int:
    """The amount in thousandths; it has no more than three decimals."""
    return int(amount * MILLI)
