"""Scans are stored whatever they say; what follows from them, the gate decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api import quotas
from api.scans.schemas import (
    DifferenceView,
    DismissalIn,
    DismissalView,
    ProblemView,
    SaidView,
    ScanIn,
    ScanView,
)
from api.schemas import Page
from coldgate.errors import ForbiddenError, ScanError
from coldgate.model import Purpose
from coldgate.storage import consignments, scans
from coldgate.storage.quotas import Part, require_room
from coldgate.storage.scans import NewScan
from coldgate.storage.visibility import everything
from coldgate.udi.matching import Comparison, compare
from coldgate.udi.reading import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.caller import Caller
    from coldgate.storage.connection import Connection
    from coldgate.storage.scans import ScanRow
    from coldgate.udi.matching import ShippedLine


def take_scan(connection: Connection, caller: Caller, consignment: str, new: ScanIn) -> ScanView:
    """Store what was scanned, and tell which line it is or where it differs."""
    consignments.locked(connection, consignment, scope=caller.scope)
    require_room(connection, consignment, Part.SCANS, party=caller.party)
    row = scans.insert(connection, _new_scan(caller, consignment, new))
    view = _view(row, _lines(connection, consignment))
    caller.record(
        connection,
        "scan.taken",
        consignment,
        scan=row.id,
        purpose=row.purpose,
        raw=row.raw,
        parsed=row.parsed,
        problem=row.problem,
    )
    quotas.spend(connection, caller, quotas.SCANS, size=len(row.raw))
    return view


def list_scans(
    connection: Connection, caller: Caller, consignment: str, *, after: int, limit: int
) -> Page[ScanView]:
    """Scans in the order in which they came, each compared anew."""
    consignments.visible(connection, consignment, scope=caller.scope)
    rows = scans.scans(connection, consignment, after=after, limit=limit)
    lines = _lines(connection, consignment) if rows else ()
    return Page(
        items=[_view(row, lines) for row in rows],
        next=rows[-1].id if len(rows) == limit else None,
    )


def get_scan(connection: Connection, caller: Caller, consignment: str, scan: int) -> ScanView:
    """One scan, compared anew."""
    consignments.visible(connection, consignment, scope=caller.scope)
    row = scans.scan(connection, consignment, scan)
    return _view(row, _lines(connection, consignment))


def dismiss_scan(
    connection: Connection, caller: Caller, consignment: str, scan: int, new: DismissalIn
) -> ScanView:
    """Let a scan count no longer.

    Whoever answers for the goods says so, never the carrier that may have mixed them up.
    """
    found = consignments.locked(connection, consignment, scope=caller.scope)
    scans.scan(connection, consignment, scan)
    if not caller.is_operator and caller.party not in {found.consignor_id, found.consignee_id}:
        raise ForbiddenError("CARRIER_CANNOT_DISMISS", "consignor or consignee dismiss a scan")
    scans.dismiss(connection, scan, reason=new.reason, dismissed_by=caller.actor)
    caller.record(connection, "scan.dismissed", consignment, scan=scan, reason=new.reason)
    return get_scan(connection, caller, consignment, scan)


def _new_scan(caller: Caller, consignment: str, new: ScanIn) -> NewScan:
    scan, problem = None, None
    try:
        scan = read(new.raw, today=datetime.now(UTC).date())
    except ScanError as error:
        problem = {"code": error.code, "place": error.place, "detail": error.problem}
    return NewScan(
        consignment=consignment,
        purpose=new.purpose,
        raw=new.raw,
        scan=scan,
        problem=problem,
        scanned_by=caller.actor,
    )


def _lines(connection: Connection, consignment: str) -> tuple[ShippedLine, ...]:
    """The lines to compare with; a carrier compares with articles that only their owner lists."""
    with everything(connection):
        return scans.shipped_lines(connection, consignment)


def _view(row: ScanRow, lines: Sequence[ShippedLine]) -> ScanView:
    scan = row.scan
    found = _NOTHING if scan is None else compare(scan, lines)
    return ScanView(
        id=row.id,
        purpose=Purpose(row.purpose),
        raw=row.raw,
        said=None if scan is None else SaidView.model_validate(scan),
        problem=None if row.problem is None else ProblemView.model_validate(row.problem),
        fits=scan is not None and found.matches,
        positions=list(found.positions),
        proven=list(found.proven),
        differences=[DifferenceView.model_validate(one) for one in found.differences],
        dismissal=None if row.reason is None else DismissalView.model_validate(row),
        scanned_by=row.scanned_by,
        scanned_at=row.scanned_at,
    )


_NOTHING = Comparison(positions=(), proven=(), differences=())
