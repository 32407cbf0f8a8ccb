"""Many at once: one signature completes a step, and whoever comes second is told so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest
from approval_world import (
    approval_of,
    code,
    house,
    propose,
    quarantined,
    sign,
    sign_straight,
    signatures,
    waiting,
)
from races.rounds import at_once, rounds

if TYPE_CHECKING:
    import httpx
    from api_world import World
    from approval_world import People

pytestmark = pytest.mark.database

ROUNDS = rounds(2)  # with passwords; without them:
MANY = rounds(10)


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_two_approvers_at_once_one_completes(world: World, people: People, _round: int) -> None:
    approval = waiting(world)

    answers = at_once(lambda: sign(people.qa, approval), lambda: sign(people.other_qa, approval))
    assert statuses(answers) == [201, 409]
    (loser,) = (answer for answer in answers if answer.is_error)
    assert code(loser) == "APPROVAL_CLOSED"
    assert signatures(world, approval) == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_same_person_twice_at_once_signs_once(world: World, people: People, _round: int) -> None:
    approval = waiting(world)

    answers = at_once(lambda: sign(people.qa, approval), lambda: sign(people.qa, approval))
    assert statuses(answers) == [201, 409]
    assert signatures(world, approval) == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_approval_and_rejection_at_once_end_in_one_of_them(
    world: World, people: People, _round: int
) -> None:
    approval = waiting(world)

    answers = at_once(
        lambda: sign(people.qa, approval),
        lambda: sign(people.other_qa, approval, meaning="rejected"),
    )
    assert statuses(answers) == [201, 409]
    assert world.get(f"/approvals/{approval['id']}")["state"] in {"granted", "refused"}


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_signature_and_new_evaluation_at_once_leave_no_release_on_old_evidence(
    world: World, people: People, _round: int
) -> None:
    consignment = quarantined(world)
    approval = approval_of(world, propose(world, consignment))

    at_once(lambda: sign(people.qa, approval), lambda: world.judge(consignment, "FAIL"))
    world.wait_for_reactions()
    assert world.states(consignment)[0] in {"quarantined", "revoked"}


@pytest.mark.parametrize("seats", [1, 2])
def test_of_three_people_at_once_as_many_sign_as_there_are_seats(world: World, seats: int) -> None:
    home = house(world)
    step = {"order": 1, "roles": ["qa"], "meanings": ["approved"], "count": seats}
    assert home.flow("hold_lift", step).status_code == 201
    colleagues = [world.user(home.party, "qa") for _ in range(3)]

    for _ in range(MANY):
        approval = home.hold_lift()
        done = at_once(*(partial(sign_straight, world, one, approval) for one in colleagues))
        assert sorted(done) == ["APPROVAL_CLOSED"] * (3 - seats) + ["signed"] * seats
        assert signatures(world, approval) == seats
        lifts = world.fetch("SELECT 1 FROM restriction_lift WHERE approval_id = %s", approval["id"])
        assert len(lifts) == 1


def test_role_taken_while_somebody_signs_is_taken_before_or_after(world: World) -> None:
    approval = waiting(world)
    leaver = world.user("maker", "qa", "qa_approver")
    taken = (
        "INSERT INTO role_change (user_id, role, granted, changed_by)"
        " VALUES (%s, 'qa', false, 'test')"
    )
    with psycopg.connect(world.dsn) as connection:
        connection.execute("SELECT FROM app_user WHERE id = %s FOR KEY SHARE", (leaver.id,))
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(sign, leaver, approval)
            connection.execute(taken, (leaver.id,))  # the signature waits for this transaction
            connection.commit()
            answer = pending.result(timeout=30)

    assert code(answer) == "SIGNER_NOT_ENTITLED"
    assert signatures(world, approval) == 0
