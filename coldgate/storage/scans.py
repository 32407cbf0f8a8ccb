"""Scans of labels, and how they stand beside the lines of their consignment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from psycopg.types.json import Jsonb

from coldgate.errors import NotFoundError
from coldgate.model import Purpose
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new
from coldgate.udi.matching import ShippedLine
from coldgate.udi.scan import Form, Scan
from coldgate.udi.standing import ScanStanding, TakenScan, stand

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("scans")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewScan:
    """A code to store: what it says, or the ``problem`` that makes it unreadable."""

    consignment: str
    purpose: Purpose
    raw: str
    scan: Scan | None
    problem: Mapping[str, object] | None
    scanned_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRow:
    """A stored code and, where it is dismissed, why."""

    id: int
    purpose: str
    raw: str
    parsed: dict[str, Any] | None  # JSON of a `Scan`
    problem: dict[str, object] | None
    scanned_by: str
    scanned_at: datetime
    reason: str | None
    dismissed_by: str | None
    dismissed_at: datetime | None

    @property
    def scan(self) -> Scan | None:
        """What the code says; None where it is unreadable."""
        return None if self.parsed is None else _scan(self.raw, self.parsed)


def insert(connection: Connection, new: NewScan) -> ScanRow:
    """Store a code for ever; the caller holds the consignment's lock."""
    parameters = {
        "consignment": new.consignment,
        "purpose": new.purpose.value,
        "raw": new.raw,
        "parsed": None if new.scan is None else Jsonb(new.scan.as_json()),
        "problem": None if new.problem is None else Jsonb(dict(new.problem)),
        "scanned_by": new.scanned_by,
    }
    return fetch_new(connection, ScanRow, _SQL["insert"], parameters)


def scans(connection: Connection, consignment: str, *, after: int, limit: int) -> list[ScanRow]:
    """Scans of a consignment in the order in which they came, dismissed ones included."""
    parameters = {"consignment": consignment, "id": None, "after": after, "limit": limit}
    return fetch_all(connection, ScanRow, _SQL["scans"], parameters)


def scan(connection: Connection, consignment: str, scan_id: int) -> ScanRow:
    """One scan; `NotFoundError` where the consignment has none with that id."""
    parameters = {"consignment": consignment, "id": scan_id, "after": 0, "limit": 1}
    rows = fetch_all(connection, ScanRow, _SQL["scans"], parameters)
    if not rows:
        raise NotFoundError("scan", str(scan_id))
    return rows[0]


def dismiss(connection: Connection, scan_id: int, *, reason: str, dismissed_by: str) -> None:
    """Let a scan count no longer; the caller holds the consignment's lock."""
    parameters = {"id": scan_id, "reason": reason, "dismissed_by": dismissed_by}
    connection.execute(_SQL["dismiss"], parameters)


def shipped_lines(connection: Connection, consignment: str) -> tuple[ShippedLine, ...]:
    """The lines as scans are compared with them: as articles and lots are registered now.

    The caller sees every row: a hidden article would look like one without a GTIN.
    """
    row = connection.execute(_SQL["lines"], {"consignment": consignment}).fetchone()
    return () if row is None else _lines(row[0])


def for_gate(connection: Connection, consignment: str) -> ScanStanding:
    """How the scans stand now; the caller sees every row and holds the consignment's lock."""
    row = connection.execute(_SQL["for_gate"], {"consignment": consignment}).fetchone()
    return standing_of(None if row is None else row[0])


def standing_of(facts: Mapping[str, Any] | None) -> ScanStanding:
    """The standing in what the SQL function ``scan_facts`` answers.

    For whoever asks it in a query of its own; None where there is nothing to look at.
    """
    if facts is None:
        return ScanStanding()
    taken = [_taken(written) for written in facts["scans"]]
    return stand(taken, _lines(facts["lines"]), tuple(Purpose))


def _taken(written: Mapping[str, Any]) -> TakenScan:
    problem, parsed = written["problem"], written["parsed"]
    return TakenScan(
        id=written["id"],
        purpose=Purpose(written["purpose"]),
        scan=None if parsed is None else _scan("", parsed),
        unreadable=None if problem is None else problem["detail"],
    )


def _scan(raw: str, parsed: Mapping[str, Any]) -> Scan:
    values = {
        **parsed,
        "form": Form(parsed["form"]),
        "expires_on": _day(parsed["expires_on"]),
        "manufactured_on": _day(parsed["manufactured_on"]),
        "others": tuple((identifier, value) for identifier, value in parsed["others"]),
    }
    return Scan(raw=raw, **values)


def _lines(written: list[dict[str, Any]]) -> tuple[ShippedLine, ...]:
    return tuple(_line(line) for line in written)


def _line(written: Mapping[str, Any]) -> ShippedLine:
    serials = written["serials"]
    values = {
        **written,
        "serials": None if serials is None else tuple(serials),
        "expires_on": _day(written["expires_on"]),
    }
    return ShippedLine(**values)


def _day(written: str | None) -> date | None:
    return None if written is None else date.fromisoformat(written)
