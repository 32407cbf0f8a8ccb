"""CAPA rules: the way through, and what each step takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.quality.capa_rules import (
    MANDATORY,
    STEPS,
    ActionFacts,
    CapaFacts,
    CapaState,
    may_follow,
    missing,
    refusals,
)

FULL = CapaFacts(
    state=CapaState.OPEN,
    filled=frozenset(name for names in MANDATORY.values() for name in names),
    actions=(ActionFacts(owner_user_id=1, done=True),),
    plan_signed=True,
    close_signed=True,
    close_signers=frozenset({2}),
)


def test_every_state_has_its_steps_and_its_fields() -> None:
    assert set(STEPS) == set(MANDATORY) == set(CapaState)


def test_nothing_leaves_a_closed_capa_and_nothing_comes_back_to_open() -> None:
    assert not STEPS[CapaState.CLOSED]
    assert not any(may_follow(state, CapaState.OPEN) for state in CapaState)


@pytest.mark.parametrize(("state", "steps"), STEPS.items())
def test_step_with_all_that_it_takes_is_free_and_without_one_field_is_not(
    state: CapaState, steps: frozenset[CapaState]
) -> None:
    for step in steps:
        assert refusals(replace(FULL, state=state), step) == ()
        for name in MANDATORY[step]:
            lacking = replace(FULL, state=state, filled=FULL.filled - {name})
            assert refusals(lacking, step) == (name,)


def test_signature_of_an_action_owner_does_not_close() -> None:
    capa = replace(FULL, state=CapaState.EFFECTIVENESS_DUE, close_signers=frozenset({1, 2}))

    assert len(refusals(capa, CapaState.CLOSED)) == 1


def test_plan_without_actions_and_work_that_is_not_done_are_refused() -> None:
    undone = replace(FULL, actions=(ActionFacts(owner_user_id=1, done=False),))

    assert missing(replace(FULL, actions=()), CapaState.PLANNED) == ("actions",)
    assert missing(undone, CapaState.IMPLEMENTED) == ("actions that are done",)
