"""Evaluations as they were kept, with all that is needed to make them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.errors import NotFoundError
from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_one

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection
    from coldgate.storage.judging import Snapshot

_SQL: Final = load_queries("archive")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvaluation:
    """One stored evaluation; ``body`` is the evaluation, the columns beside it repeat parts of it.

    ``snapshot`` is None where it was stored before snapshots were kept, ``entered_sha256`` (hex,
    of the body) where the ledger has no entry for it.
    """

    version: int
    verdict: str
    provisional: bool
    with_excursions: bool
    profile_id: str
    profile_version: int
    engine: str
    input_digest: str
    body: bytes
    snapshot: Snapshot | None
    evaluated_at: datetime
    entered_sha256: str | None


def fetch_frozen_profile(
    connection: Connection, consignment_id: str
) -> tuple[str | None, int | None]:
    """The profile (id, version) that a consignment is judged by, None before it is chosen.

    Raises:
        NotFoundError: there is no such consignment.
    """
    found: tuple[str | None, int | None] | None = connection.execute(
        _SQL["frozen_profile"], {"consignment": consignment_id}
    ).fetchone()
    if found is None:
        raise NotFoundError("consignment", consignment_id)
    return found


def fetch_version(connection: Connection, consignment_id: str, version: int) -> KeptEvaluation:
    """The evaluation with this version.

    Raises:
        NotFoundError: there is none.
    """
    found = _fetch(connection, consignment_id, version=version)
    if found is None:
        raise NotFoundError("evaluation", f"{version} of consignment {consignment_id}")
    return found


def fetch_in_force(connection: Connection, consignment_id: str, as_of: datetime) -> KeptEvaluation:
    """The evaluation that was the newest at that time.

    Raises:
        NotFoundError: there was none yet.
    """
    found = _fetch(connection, consignment_id, as_of=as_of)
    if found is None:
        what = f"of consignment {consignment_id} before {as_of.isoformat()}"
        raise NotFoundError("evaluation", what)
    return found


def _fetch(
    connection: Connection,
    consignment_id: str,
    *,
    version: int | None = None,
    as_of: datetime | None = None,
) -> KeptEvaluation | None:
    parameters = {"consignment": consignment_id, "version": version, "as_of": as_of}
    return fetch_one(connection, KeptEvaluation, _SQL["evaluation"], parameters)
