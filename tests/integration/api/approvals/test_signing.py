"""Signatures: by whom, under what, and that nothing else ever becomes one."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from approval_world import (
    code,
    propose,
    quarantined,
    sign,
    signatures,
    signed,
    waiting,
)

if TYPE_CHECKING:
    from api_world import World
    from approval_world import People

pytestmark = pytest.mark.database


def as_owner(world: World, table: str, change: str, *parameters: Any) -> None:
    """What the database's owner can do with psql, behind every trigger."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        connection.execute(change, parameters)
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def verification(world: World, approval: dict[str, Any]) -> dict[str, bool]:
    (only,) = world.get(f"/approvals/{approval['id']}")["signatures"]
    found: dict[str, bool] = only["verification"]
    return found


def test_digest_is_of_exactly_the_text_that_is_shown(world: World) -> None:
    approval = waiting(world)

    text = approval["canonical_record"]
    assert hashlib.sha256(text.encode()).hexdigest() == approval["record_sha256"]
    assert json.loads(text) == approval["record"]


def test_manifest_names_signer_meaning_reason_time_and_record(world: World, people: People) -> None:
    approval = waiting(world)

    (signature,) = signed(people.qa, approval, reason="12 min above")["signatures"]
    manifest = signature["manifest"]
    assert manifest["signer"] == {
        "user": people.qa.id,
        "login": people.qa.login,
        "printed_name": people.qa.printed_name,
        "party": "maker",
        "role": "qa",
    }
    assert (manifest["meaning"], manifest["reason"]) == ("approved release", "12 min above")
    assert manifest["record_sha256"] == approval["record_sha256"]
    assert manifest["signed_at"].endswith("+00:00")
    assert manifest["method"] == "password"
    assert signature["verification"]["valid"]


def test_wrong_password_changes_nothing(world: World, people: People) -> None:
    approval = waiting(world)

    answer = sign(people.qa, approval, proof={"password": "not the password at all"})
    assert code(answer) == "SIGNATURE_REFUSED"
    assert signatures(world, approval) == 0
    assert signed(people.qa, approval)["state"] == "granted"


def test_replayed_signature_is_refused(world: World, people: People) -> None:
    approval = waiting(world)
    signed(people.qa, approval)

    assert code(sign(people.qa, approval)) == "ALREADY_SIGNED"
    assert signatures(world, approval) == 1


def test_signature_for_another_digest_is_refused(world: World, people: People) -> None:
    mine, other = waiting(world), waiting(world)

    answer = sign(people.qa, mine, digest=other["record_sha256"])
    assert code(answer) == "RECORD_CHANGED"
    assert signatures(world, mine) == 0


def test_nobody_signs_what_they_proposed(world: World, people: People) -> None:
    consignment = quarantined(world)
    body = {"decision": "release", "evaluation": 1, "rationale": "fine"}
    answer = people.qa.post(f"/consignments/{consignment}/dispositions", json=body)
    approval = world.get(f"/approvals/{answer.json()['approval']['id']}")

    assert code(sign(people.qa, approval)) == "SIGNER_IS_AUTHOR"
    assert signed(people.other_qa, approval)["state"] == "granted"


def test_key_signs_nothing(world: World) -> None:
    approval = waiting(world)
    body = {
        "meaning": "approved release",
        "reason": "by machine",
        "digest": approval["record_sha256"],
        "proof": {"password": "whatever it may be"},
    }

    answer = world.of("maker").post(f"/approvals/{approval['id']}/signatures", json=body)
    assert code(answer) == "RIGHT_MISSING"


def test_people_of_another_party_do_not_sign(world: World) -> None:
    approval = waiting(world)

    assert code(sign(world.user("hospital", "qa"), approval)) == "SIGNER_NOT_ENTITLED"
    assert code(sign(world.user("stranger", "qa"), approval)) == "NOT_FOUND"


def test_role_that_was_removed_signs_no_more(world: World) -> None:
    approval = waiting(world)
    leaver = world.user("maker", "qa", "qa_approver")
    world.fetch(
        "INSERT INTO role_change (user_id, role, granted, changed_by)"
        " VALUES (%s, 'qa', false, 'test') RETURNING id",
        leaver.id,
    )

    assert code(sign(leaver, approval)) == "SIGNER_NOT_ENTITLED"


def test_meaning_is_one_of_the_step(world: World, people: People) -> None:
    approval = waiting(world)

    assert code(sign(people.qa, approval, meaning="responsibility")) == "MEANING_REFUSED"
    assert code(sign(people.qa, approval, meaning="seen")) == "VALIDATION_FAILED"


def test_rejection_refuses_the_whole_request(world: World, people: People) -> None:
    approval = waiting(world)

    after = signed(people.qa, approval, meaning="rejected", reason="the study is older")
    assert after["state"] == "refused"
    assert code(sign(people.other_qa, approval)) == "APPROVAL_CLOSED"


def test_listed_is_what_waits_for_the_user_who_asks(world: World, people: People) -> None:
    approval = waiting(world)

    def waits_for(client: Any) -> bool:
        after = approval["id"] - 1
        listed = client.get("/approvals", params={"after": after}).json()["items"]
        return approval["id"] in [one["id"] for one in listed]

    assert waits_for(people.qa)
    assert not waits_for(people.approver)
    assert not waits_for(world.of("maker"))
    signed(people.qa, approval)
    assert not waits_for(people.other_qa)


def test_same_key_repeats_the_answer_and_signs_once(world: World, people: People) -> None:
    approval = waiting(world)
    people.qa.headers["Idempotency-Key"] = world.name("key")
    try:
        first, second = sign(people.qa, approval), sign(people.qa, approval)
    finally:
        del people.qa.headers["Idempotency-Key"]

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert signatures(world, approval) == 1


def test_markup_and_sql_in_a_reason_come_back_as_text(world: World, people: People) -> None:
    reason = "<script>alert('x')</script>'; DROP TABLE signature; --"

    (signature,) = signed(people.qa, waiting(world), reason=reason)["signatures"]
    assert signature["manifest"]["reason"] == reason


@pytest.mark.parametrize(
    ("table", "change", "broken"),
    [
        ("signature", "UPDATE signature SET reason = 'another' WHERE approval_id = %s", "seal"),
        ("signature", "UPDATE signature SET printed_name = 'X' WHERE approval_id = %s", "seal"),
        (
            "signature",
            "UPDATE signature SET signed_at = signed_at - interval '1 day' WHERE approval_id = %s",
            "seal",
        ),
        (
            "approval",
            "UPDATE approval SET record = '{}', record_digest = sha256('{}') WHERE id = %s",
            "digest",
        ),
        (
            "disposition",
            "UPDATE disposition SET rationale = 'better words' WHERE approval_id = %s",
            "record",
        ),
    ],
)
def test_change_behind_our_back_shows(
    world: World, people: People, table: str, change: str, broken: str
) -> None:
    approval = waiting(world)
    signed(people.qa, approval)
    assert verification(world, approval)["valid"]

    as_owner(world, table, change, approval["id"])

    found = verification(world, approval)
    assert not found["valid"]
    assert not found[broken]


def test_record_that_changed_before_the_signature_is_not_signed(
    world: World, people: People
) -> None:
    approval = waiting(world)
    as_owner(
        world,
        "disposition",
        "UPDATE disposition SET rationale = 'better words' WHERE approval_id = %s",
        approval["id"],
    )

    assert code(sign(people.qa, approval)) == "RECORD_CHANGED"


def test_clock_that_was_set_back_dates_no_signature(world: World, people: People) -> None:
    approval = waiting(world)
    as_owner(
        world,
        "approval",
        "UPDATE approval SET opened_at = opened_at + interval '1 hour' WHERE id = %s",
        approval["id"],
    )

    assert code(sign(people.qa, approval)) == "CLOCK_SET_BACK"
    assert signatures(world, approval) == 0


def test_nobody_changes_what_was_signed_through_the_api_role(world: World, people: People) -> None:
    approval = waiting(world)
    signed(people.qa, approval)

    for change in (
        "UPDATE signature SET reason = 'x'",
        "DELETE FROM signature",
        "UPDATE approval SET record = '{}'",
        "DELETE FROM approval",
        "UPDATE disposition SET rationale = 'x'",
    ):
        with psycopg.connect(world.dsn) as connection, pytest.raises(psycopg.Error):
            connection.execute(change)


def test_author_takes_its_request_back(world: World, people: People) -> None:
    consignment = quarantined(world)
    approval = propose(world, consignment)["approval"]
    path = f"/approvals/{approval['id']}/withdrawal"

    assert people.qa.post(path, json={"reason": "not mine"}).status_code == 404
    assert world.post(path, {"reason": "wrong lines"})["state"] == "withdrawn"
    (disposition,) = world.get(f"/consignments/{consignment}/dispositions")["items"]
    assert disposition["state"] == "withdrawn"
    assert propose(world, consignment)["state"] == "proposed"
