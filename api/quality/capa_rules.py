"""The steps that a CAPA may take and what each takes (3-semantics, section 6.1); pure.

The database guards the same (`guard_capa_state`), so that no other way leads past it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class CapaState(Enum):
    """Where a CAPA stands."""

    OPEN = "OPEN"
    CONTAINED = "CONTAINED"
    INVESTIGATED = "INVESTIGATED"
    PLANNED = "PLANNED"
    IMPLEMENTED = "IMPLEMENTED"
    VERIFIED = "VERIFIED"
    EFFECTIVENESS_DUE = "EFFECTIVENESS_DUE"
    CLOSED = "CLOSED"
    REOPENED = "REOPENED"


STEPS: Final = {
    CapaState.OPEN: frozenset({CapaState.CONTAINED}),
    CapaState.CONTAINED: frozenset({CapaState.INVESTIGATED}),
    CapaState.INVESTIGATED: frozenset({CapaState.PLANNED}),
    CapaState.PLANNED: frozenset({CapaState.IMPLEMENTED}),
    CapaState.IMPLEMENTED: frozenset({CapaState.VERIFIED}),
    CapaState.VERIFIED: frozenset({CapaState.EFFECTIVENESS_DUE}),
    CapaState.EFFECTIVENESS_DUE: frozenset({CapaState.CLOSED, CapaState.REOPENED}),
    CapaState.CLOSED: frozenset[CapaState](),
    CapaState.REOPENED: frozenset({CapaState.CONTAINED}),  # a new turn, with all its fields
}
# The fields that must have a value before a CAPA is in that state.
MANDATORY: Final[Mapping[CapaState, tuple[str, ...]]] = {
    CapaState.OPEN: (),
    CapaState.CONTAINED: ("containment", "owner_user_id"),
    CapaState.INVESTIGATED: ("investigation", "root_cause", "root_cause_category"),
    CapaState.PLANNED: ("need_for_action", "effectiveness_criterion"),
    CapaState.IMPLEMENTED: ("documents_updated",),
    CapaState.VERIFIED: ("verification",),
    CapaState.EFFECTIVENESS_DUE: ("effectiveness_due_on",),
    CapaState.CLOSED: ("effectiveness_result",),
    CapaState.REOPENED: ("reopened_because",),
}
# The steps that are a signature of QA, by the flow that it is asked for in.
FLOWS: Final = {CapaState.PLANNED: "capa_plan", CapaState.CLOSED: "capa_close"}
# In these states the plan stands as it was signed.
SIGNED: Final = frozenset(
    {
        CapaState.PLANNED,
        CapaState.IMPLEMENTED,
        CapaState.VERIFIED,
        CapaState.EFFECTIVENESS_DUE,
        CapaState.CLOSED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFacts:
    """Of one action what the steps ask about."""

    owner_user_id: int
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CapaFacts:
    """Everything that a step is decided from; ``filled`` are the fields that have a value.

    ``plan_signed`` and ``close_signed`` say that the request for signatures was granted,
    ``close_signers`` by whom.
    """

    state: CapaState
    filled: frozenset[str]
    actions: tuple[ActionFacts, ...]
    plan_signed: bool
    close_signed: bool
    close_signers: frozenset[int]


def may_follow(state: CapaState, target: CapaState) -> bool:
    """Whether the step exists at all."""
    return target in STEPS[state]


def missing(capa: CapaFacts, target: CapaState) -> tuple[str, ...]:
    """What has to be there before the CAPA may be in ``target``, signatures apart."""
    return tuple(_missing(capa, target))


def refusals(capa: CapaFacts, target: CapaState) -> tuple[str, ...]:
    """Why the step cannot be taken; empty where it can."""
    if not may_follow(capa.state, target):
        return (f"no step from {capa.state.value} to {target.value}",)
    return (*_missing(capa, target), *_unsigned(capa, target))


def _missing(capa: CapaFacts, target: CapaState) -> Iterator[str]:
    yield from (name for name in MANDATORY[target] if name not in capa.filled)
    if target is CapaState.PLANNED and not capa.actions:
        yield "actions"
    if target is CapaState.IMPLEMENTED and not all(action.done for action in capa.actions):
        yield "actions that are done"


def _unsigned(capa: CapaFacts, target: CapaState) -> Iterator[str]:
    if target is CapaState.PLANNED and not capa.plan_signed:
        yield "signature of the plan"
    if target is not CapaState.CLOSED:
        return
    if not capa.close_signed:
        yield "signature of the closure"
    if capa.close_signers & {action.owner_user_id for action in capa.actions}:
        yield "signature by somebody who owns no action"
