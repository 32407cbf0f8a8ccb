"""What a deviation must say before it may be closed, and when it is due; pure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from coldgate.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

# Our own rule (R): the graver, the sooner.
DUE_AFTER: Final = {
    Verdict.FAIL: timedelta(days=14),
    Verdict.HOLD: timedelta(days=30),
    Verdict.PASS: timedelta(days=30),
}
# 3-semantics, section 6.3; the database asks for the same (`guard_deviation`).
MANDATORY: Final = (
    "classification",
    "rationale",
    "containment",
    "impact_assessment",
    "root_cause",
    "root_cause_category",
    "owner_user_id",
)


def due_on(verdict: Verdict, opened_on: date) -> date:
    """The day by which a deviation of this verdict is to be closed."""
    return opened_on + DUE_AFTER[verdict]


def missing(deviation: Mapping[str, object]) -> tuple[str, ...]:
    """Fields without which it cannot be closed; ``capa`` stands for a link or a reason for none."""
    lacking = tuple(name for name in MANDATORY if deviation.get(name) is None)
    linked = (deviation.get("capa_id") is None) != (deviation.get("no_capa_reason") is None)
    return lacking if linked else (*lacking, "capa")
