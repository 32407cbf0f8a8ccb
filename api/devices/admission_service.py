"""Admission of loggers: who may conclude a test, and what of it the server sees itself.

Decision 0093: whoever may vouch for a logger's calibration (0080) may vouch for its conduct.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.profile_format import parse_profile
from api.devices.admission_rules import CONSECUTIVE, examine
from api.devices.admission_schemas import (
    AdmissionKind,
    AdmissionList,
    AdmissionView,
    CheckView,
)
from coldgate.errors import ConflictError, ForbiddenError
from coldgate.storage import admissions, devices, profiles
from coldgate.storage.admissions import NewAdmission

if TYPE_CHECKING:
    from analytics.profile import Profile
    from api.caller import Caller
    from api.devices.admission_rules import Check
    from api.devices.admission_schemas import AdmissionIn
    from coldgate.storage.connection import Connection
    from coldgate.storage.devices import LoggerRow

MANUFACTURER: Final = "manufacturer"
KINDS: Final = {
    AdmissionKind.TESTED: "logger.tested",
    AdmissionKind.DECLARED: "logger.declared",
    AdmissionKind.REVOKED: "logger.refused",
}


def admit(connection: Connection, caller: Caller, logger: int, new: AdmissionIn) -> AdmissionView:
    """Record an outcome; a test that misses a point is recorded as failed, and counts as such."""
    found = devices.logger(connection, scope=caller.scope, logger_id=logger)
    _require_voucher(caller, new.kind)
    checks = [check.as_json() for check in _checks(connection, caller, found, new)]
    row = admissions.insert(
        connection,
        NewAdmission(
            logger=logger,
            kind=new.kind.value,
            passed=new.kind is not AdmissionKind.REVOKED and all(one["passed"] for one in checks),
            checks=checks,
            reason=new.reason,
            party=caller.party,
            recorded_by=caller.actor,
        ),
    )
    view = AdmissionView.model_validate(row)
    facts = view.model_dump(mode="json", exclude={"recorded_at"})
    caller.record(connection, KINDS[new.kind], str(logger), **facts)
    return view


def list_admissions(
    connection: Connection, caller: Caller, logger: int, *, profile: str
) -> AdmissionList:
    """What a test for goods of ``profile`` would find now, and the outcomes on record."""
    found = devices.logger(connection, scope=caller.scope, logger_id=logger)
    checks = _examine(connection, caller, found, profile, excursion_seen=False)
    rows = admissions.admissions(connection, logger)
    return AdmissionList(
        checklist=[CheckView.model_validate(check) for check in checks],
        items=[AdmissionView.model_validate(row) for row in rows],
    )


def _require_voucher(caller: Caller, kind: AdmissionKind) -> None:
    """Return for who may vouch for a logger; a word alone is the operator's to give."""
    if caller.is_operator:
        return
    if caller.kind != MANUFACTURER or kind is AdmissionKind.DECLARED:
        raise ForbiddenError(
            "CANNOT_VOUCH", "the operator, or the manufacturer after a test, admits a logger"
        )


def _checks(
    connection: Connection, caller: Caller, logger: LoggerRow, new: AdmissionIn
) -> tuple[Check, ...]:
    """The points of a test; a word alone has none."""
    if new.profile is None:
        return ()
    return _examine(connection, caller, logger, new.profile, excursion_seen=new.excursion_seen)


def _examine(
    connection: Connection, caller: Caller, logger: LoggerRow, profile: str, *, excursion_seen: bool
) -> tuple[Check, ...]:
    return examine(
        admissions.conduct(connection, logger.id, voucher=caller.party, readings=CONSECUTIVE),
        interval_ms=logger.interval_ms,
        profile=_profile(connection, profile),
        excursion_seen=excursion_seen,
    )


def _profile(connection: Connection, profile_id: str) -> Profile:
    """The newest version of the profile."""
    known = profiles.profiles(connection, profile_id=profile_id)
    if not known:
        raise ConflictError("PROFILE_UNKNOWN", f"there is no profile {profile_id}")
    return parse_profile(known[0].body)
