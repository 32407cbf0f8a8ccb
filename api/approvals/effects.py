"""What follows when a request for signatures is closed, for every kind of subject there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.gate.disposition_effect import DISPOSITION_EFFECT
from api.gate.dispositions import DISPOSITION
from api.quality.capa_signing import CAPA_EFFECTS
from api.quality.deviation_closing import DEVIATION, DEVIATION_EFFECT
from api.restrictions.effects import HOLD_LIFT, LIFT_EFFECT
from coldgate.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.approvals.requests import Effect
    from coldgate.storage.approvals import ApprovalRow
    from coldgate.storage.connection import Connection

# By the kind of subject; the features know nothing of this module.
EFFECTS: Final[Mapping[str, Effect]] = {
    DISPOSITION: DISPOSITION_EFFECT,
    HOLD_LIFT: LIFT_EFFECT,
    DEVIATION: DEVIATION_EFFECT,
    **CAPA_EFFECTS,
}


def record_now(connection: Connection, subject_kind: str, subject_id: str) -> Mapping[str, object]:
    """The record of a subject as its feature tells it now."""
    return _effect(subject_kind).record_now(connection, subject_id)


def apply(connection: Connection, closed: ApprovalRow, actor: str) -> None:
    """Do what follows from the state in which the request was closed."""
    effect = _effect(closed.subject_kind)
    act = effect.granted if closed.state == "granted" else effect.refused
    act(connection, closed, actor)


def _effect(subject_kind: str) -> Effect:
    if subject_kind not in EFFECTS:
        raise NotFoundError("kind of subject", subject_kind)
    return EFFECTS[subject_kind]
