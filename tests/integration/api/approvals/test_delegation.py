"""Roles that are lent: within their window, by who has them, and once for each person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from approval_world import code, house, sign, signatures, signed, waiting

if TYPE_CHECKING:
    import httpx
    from api_world import Person, World
    from approval_world import People

pytestmark = pytest.mark.database


def lend(lender: Person, to: Person, role: str = "qa", **fields: Any) -> httpx.Response:
    now = datetime.now(UTC)
    body = {
        "to_user": to.id,
        "role": role,
        "valid_from": (now - timedelta(hours=1)).isoformat(),
        "valid_until": (now + timedelta(hours=1)).isoformat(),
        "reason": "annual leave",
        "proof": lender.proof(),
    }
    return lender.post("/delegations", json=body | fields)


def lent(lender: Person, to: Person, role: str = "qa", **fields: Any) -> int:
    answer = lend(lender, to, role, **fields)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_delegate_signs_by_its_own_name_for_the_lender(world: World, people: People) -> None:
    approval = waiting(world)
    delegate = world.user("maker", "qa_approver")
    number = lent(people.qa, delegate)

    (signature,) = signed(delegate, approval)["signatures"]
    manifest = signature["manifest"]
    assert manifest["signer"]["user"] == delegate.id
    assert manifest["signer"]["role"] == "qa"
    assert manifest["on_behalf_of"] == {
        "delegation": number,
        "user": people.qa.id,
        "printed_name": people.qa.printed_name,
    }
    assert signature["verification"]["valid"]


def test_neither_delegate_nor_lender_counts_twice(world: World) -> None:
    home = house(world)
    first = {"order": 1, "roles": ["qa"], "meanings": ["approved release"]}
    second = {"order": 2, "roles": ["qa", "qa_approver"], "meanings": ["approved"]}
    assert home.flow("disposition_hold", first, second).status_code == 201
    lender, delegate = world.user(home.party, "qa"), world.user(home.party, "qa_approver")
    approval = home.waiting()
    lent(lender, delegate)
    assert signed(delegate, approval)["state"] == "open"

    assert code(sign(delegate, approval, meaning="approved")) == "ALREADY_SIGNED"
    assert code(sign(lender, approval, meaning="approved")) == "SIGNER_REPRESENTED"
    assert signatures(world, approval) == 1


@pytest.mark.parametrize(
    ("begins", "ends"), [(timedelta(hours=1), timedelta(hours=2)), (None, None)]
)
def test_loan_outside_its_window_counts_for_nothing(
    world: World, people: People, begins: timedelta | None, ends: timedelta | None
) -> None:
    approval = waiting(world)
    delegate = world.user("maker", "qa_approver")
    now = datetime.now(UTC)
    if begins is None or ends is None:
        number = lent(people.qa, delegate)
        assert people.qa.post(f"/delegations/{number}/end").is_success
    else:
        window = {
            "valid_from": (now + begins).isoformat(),
            "valid_until": (now + ends).isoformat(),
        }
        lent(people.qa, delegate, **window)

    assert code(sign(delegate, approval)) == "SIGNER_NOT_ENTITLED"


def test_loan_ends_with_the_lenders_role(world: World) -> None:
    approval = waiting(world)
    lender, delegate = world.user("maker", "qa"), world.user("maker", "qa_approver")
    lent(lender, delegate)
    world.fetch(
        "INSERT INTO role_change (user_id, role, granted, changed_by)"
        " VALUES (%s, 'qa', false, 'test') RETURNING id",
        lender.id,
    )

    assert code(sign(delegate, approval)) == "SIGNER_NOT_ENTITLED"


def test_one_lends_only_what_one_has_to_a_colleague_who_signs(world: World, people: People) -> None:
    stranger, carrier = world.user("stranger", "qa"), world.user("maker", "carrier")
    past = {"valid_until": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()}

    assert code(lend(people.qa, people.approver, "qa_approver")) == "ROLE_NOT_YOURS"
    assert code(lend(people.qa, stranger)) == "NOT_FOUND"
    assert code(lend(people.qa, carrier)) == "DELEGATE_UNFIT"
    assert code(lend(people.qa, people.qa)) == "DELEGATE_UNFIT"
    assert code(lend(people.qa, people.approver, **past)) == "DELEGATION_WINDOW"
    wrong: dict[str, Any] = {"proof": {"password": "not the password at all"}}
    assert code(lend(people.qa, people.approver, **wrong)) == "SIGNATURE_REFUSED"


def test_end_is_told_once_and_by_the_two_only(people: People) -> None:
    number = lent(people.qa, people.approver)
    path = f"/delegations/{number}/end"

    assert people.other_qa.post(path).status_code == 404
    assert people.approver.post(path).json()["ended_by"].endswith(f"user-{people.approver.id}")
    assert code(people.qa.post(path)) == "DELEGATION_OVER"
