"""What vouches for a logger's figures: calibration certificates and the ranges of its sensors.

Rows are for ever. A wrong certificate is superseded by another, a wrong range followed by a newer
one. In a consignment counts what the operator entered, or the manufacturer that sends the goods.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from psycopg.types.json import Jsonb

from coldgate.model import Quantity
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("calibration")

Corrections: TypeAlias = "list[tuple[int, int]]"  # (reading, what to add to it), milli-units


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a certificate says; ``sensor`` None means every sensor of the logger.

    It is valid at both ends. ``expanded_milli`` is U with k = 2; all figures in milli-units.
    """

    logger_id: int
    sensor: int | None
    quantity: int
    number: str
    valid_from: datetime
    valid_to: datetime
    expanded_milli: int
    resolution_milli: int
    drift_milli: int
    corrections: Corrections


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCertificate(Calibration):
    """A certificate to enter; from now on it counts instead of the one that it ``supersedes``."""

    document_sha256: bytes | None
    supersedes: int | None
    entered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRow(Calibration):
    """A certificate as it was entered; one that is superseded counts nowhere any more."""

    id: int
    document_sha256: str | None
    supersedes: int | None
    superseded_by: int | None
    entered_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRange:
    """The least and the greatest that the sensors of a quantity can measure (S5)."""

    logger_id: int
    quantity: int
    low_milli: int
    high_milli: int
    entered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeRow(NewRange):
    """A range as it was entered; the newest counts."""

    id: int
    recorded_at: datetime


def insert_certificate(connection: Connection, new: NewCertificate) -> CertificateRow:
    """Enter a certificate and have the consignments judged again that it may concern."""
    values = {**asdict(new), "corrections": Jsonb(new.corrections)}
    row = connection.execute(_SQL["insert_certificate"], values).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives its row
    known = certificates(connection, logger=new.logger_id, scope=None)
    entered = next(one for one in known if one.id == row[0])
    concerned = [entered, *(one for one in known if one.id == new.supersedes)]
    _touch(
        connection,
        logger=new.logger_id,
        voucher=new.entered_by,
        from_at=min(one.valid_from for one in concerned),
        to_at=max(one.valid_to for one in concerned),
    )
    return entered


def certificates(
    connection: Connection, *, logger: int, scope: str | None, certificate: int | None = None
) -> list[CertificateRow]:
    """Certificates of a logger, or the one with this id, in order of their validity.

    The owner of the logger and the operator (``scope`` None) see all of them, others what they
    entered themselves and what the operator did.
    """
    parameters = {"logger": logger, "scope": scope, "id": certificate}
    return fetch_all(connection, CertificateRow, _SQL["certificates"], parameters)


def insert_range(connection: Connection, new: NewRange) -> RangeRow:
    """Enter a range and have every consignment judged again that it may concern."""
    row = fetch_new(connection, RangeRow, _SQL["insert_range"], asdict(new))
    _touch(connection, logger=new.logger_id, voucher=new.entered_by, from_at=None, to_at=None)
    return row


def ranges(connection: Connection, *, logger: int, scope: str | None) -> list[RangeRow]:
    """Ranges of a logger, oldest first; seen by the same as its certificates."""
    parameters = {"logger": logger, "scope": scope}
    return fetch_all(connection, RangeRow, _SQL["ranges"], parameters)


def fetch_counting(connection: Connection, consignment: str) -> list[Calibration]:
    """Certificates that count for the loggers of a consignment, in an order of their contents."""
    parameters = {"consignment": consignment}
    return fetch_all(connection, Calibration, _SQL["counting_certificates"], parameters)


def fetch_ranges(
    connection: Connection, consignment: str
) -> dict[tuple[int, Quantity], tuple[int, int]]:
    """Ranges that count for the loggers of a consignment, by logger id and quantity."""
    rows = connection.execute(_SQL["counting_ranges"], {"consignment": consignment})
    return {(logger, Quantity(quantity)): (low, high) for logger, quantity, low, high in rows}


def _touch(
    connection: Connection,
    *,
    logger: int,
    voucher: str,
    from_at: datetime | None,
    to_at: datetime | None,
) -> None:
    """Ask the judge for the consignments that the logger was in meanwhile and this counts in."""
    parameters = {"logger": logger, "voucher": voucher, "from_at": from_at, "to_at": to_at}
    connection.execute(_SQL["touch"], parameters)
    connection.execute(_SQL["wake_judge"])
