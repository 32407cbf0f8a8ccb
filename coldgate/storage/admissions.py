"""Conformance of loggers: what was tested before their word counts for goods."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from psycopg.types.json import Jsonb

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all, fetch_new

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("admissions")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAdmission:
    """The outcome of a test, or a word instead of one; ``kind`` tested, declared or revoked."""

    logger: int
    kind: str
    passed: bool
    checks: Sequence[dict[str, object]]
    reason: str
    party: str
    recorded_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRow:
    """An outcome as recorded; the newest of those who vouch for the goods counts."""

    id: int
    logger_id: int
    kind: str
    passed: bool
    checks: list[dict[str, object]]
    reason: str
    party_id: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What is stored about a logger that a test can be judged by.

    ``clock_off_ms`` is logger minus gateway when they were compared last, None where they never
    were. ``readings`` is the least that any of its temperature channels has, up to the number
    asked for; ``longest_ms`` the longest step between these and ``holes`` the numbers missing
    from their sequence, both None before there are two.
    """

    clock_off_ms: int | None
    readings: int
    longest_ms: int | None
    holes: int | None
    certified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A placed logger and its newest admission; ``admission_id`` None where there is none."""

    placement_id: int
    logger_id: int
    serial: str
    zone: str
    role: str
    admission_id: int | None
    passed: bool
    kind: str | None
    party_id: str | None
    recorded_at: datetime | None


def insert(connection: Connection, new: NewAdmission) -> AdmissionRow:
    """Record an outcome; it counts from now on."""
    values = {**asdict(new), "checks": Jsonb(list(new.checks))}
    return fetch_new(connection, AdmissionRow, _SQL["insert"], values)


def admissions(connection: Connection, logger: int) -> list[AdmissionRow]:
    """Outcomes about a logger that the transaction may see, oldest first."""
    return fetch_all(connection, AdmissionRow, _SQL["admissions"], {"logger": logger})


def conduct(connection: Connection, logger: int, *, voucher: str, readings: int) -> Conduct:
    """What is stored about the logger, with the newest ``readings`` of each channel.

    A certificate counts as for goods that ``voucher`` sends.
    """
    parameters = {"logger": logger, "voucher": voucher, "readings": readings}
    return fetch_new(connection, Conduct, _SQL["conduct"], parameters)


def of(connection: Connection, consignment: str) -> list[Admitted]:
    """Each logger that may speak of the journey, with the admission that counts.

    Ask seeing everything.

    In SQL: ``SELECT * FROM logger_admissions(consignment)``.
    """
    return fetch_all(connection, Admitted, _SQL["admitted"], {"consignment": consignment})
