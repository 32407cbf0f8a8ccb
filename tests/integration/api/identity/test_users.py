"""Who makes, changes and sees users, and what keys may do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from api_world import SIGNING_KEY

from api.identity.rights import Role
from api.signing import Signer

if TYPE_CHECKING:
    import httpx
    from api_world import World

pytestmark = pytest.mark.database


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def seen_by(client: httpx.Client) -> set[int]:
    found, after = set(), 0
    while True:
        page = client.get("/users", params={"after": after}).json()
        found |= {user["id"] for user in page["items"]}
        if page["next"] is None:
            return found
        after = page["next"]


def test_operator_sees_all_an_approver_colleagues_and_others_themselves(world: World) -> None:
    approver, colleague = world.user("maker", "qa_approver"), world.user("maker", "qa")
    foreigner = world.user("hospital", "qa_approver")

    assert {approver.id, colleague.id, foreigner.id} <= seen_by(world.of("operator"))
    assert {approver.id, colleague.id} <= seen_by(approver)
    assert foreigner.id not in seen_by(approver)
    assert seen_by(colleague) == {colleague.id}
    assert seen_by(world.of("maker")) == set()


def test_user_one_may_not_see_looks_like_one_that_is_missing(world: World) -> None:
    approver, foreigner = world.user("maker", "qa_approver"), world.user("hospital", "qa")

    answers = [approver.get(f"/users/{user}") for user in (foreigner.id, 999_999)]

    assert [told(answer) for answer in answers] == [(404, "NOT_FOUND")] * 2


def test_only_the_operator_changes_users(world: World) -> None:
    approver, colleague = world.user("maker", "qa_approver"), world.user("maker", "qa")
    asked = {
        "/users": {"party": "maker", "login": "new-one", "printed_name": "N"},
        f"/users/{colleague.id}/roles": {"role": "qa_approver", "granted": True},
        f"/users/{colleague.id}/disable": {},
        f"/users/{colleague.id}/invitation": {},
    }

    for path, body in asked.items():
        for client in (approver, world.of("maker")):
            assert told(client.post(path, json=body)) == (403, "RIGHT_MISSING"), path


def test_operator_who_is_a_person_administers_and_does_not_sign(world: World) -> None:
    boss = world.user("operator", "operator")
    body = {"party": "maker", "login": world.name("user"), "printed_name": "N", "roles": ["qa"]}

    assert boss.post("/users", json=body).status_code == 201
    assert "sign" not in boss.get("/session").json()["rights"]


def test_nobody_operates_from_another_party(world: World) -> None:
    ada = world.user("maker", "qa")
    body = {"role": "operator", "granted": True}

    answer = world.of("operator").post(f"/users/{ada.id}/roles", json=body)

    assert told(answer) == (409, "ROLE_UNFITTING")


def test_history_of_roles_tells_who_changed_what(world: World) -> None:
    ada = world.user("maker", "qa")
    for granted in (True, True, False, True):
        world.post(f"/users/{ada.id}/roles", {"role": "qa_approver", "granted": granted})

    history = world.get(f"/users/{ada.id}/roles")["items"]

    assert [(change["role"], change["granted"]) for change in history] == [
        ("qa", True),
        ("qa_approver", True),
        ("qa_approver", False),
        ("qa_approver", True),
    ]
    assert {change["changed_by"] for change in history} == {history[0]["changed_by"]}
    assert history[0]["changed_by"].startswith("operator/key-")


def test_history_of_roles_cannot_be_changed(world: World) -> None:
    world.user("maker", "qa")

    with (
        psycopg.connect(world.dsn) as connection,
        pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
    ):
        connection.execute("UPDATE role_change SET role = 'operator'")


def test_login_is_of_one_person_for_ever(world: World) -> None:
    ada = world.user("maker")
    world.post(f"/users/{ada.id}/disable", {})
    body = {"party": "hospital", "login": ada.login, "printed_name": "Somebody else"}

    answer = world.of("operator").post("/users", json=body)

    assert told(answer) == (409, "ALREADY_EXISTS")


def test_colleagues_do_not_repeat_one_anothers_requests(world: World) -> None:
    one, other = world.user("maker", "qa"), world.user("maker", "qa")
    headers = {"Idempotency-Key": world.name("key")}
    body = {"id": world.name("product"), "name": "P"}
    assert one.post("/products", json=body, headers=headers).is_success

    assert one.post("/products", json=body, headers=headers).is_success
    answer = other.post("/products", json=body, headers=headers)
    assert told(answer) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_kept_digest_of_a_request_is_keyed(world: World) -> None:
    key, body = world.name("key"), b'{"id": "%s", "name": "P"}' % world.name("product").encode()

    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    world.of("maker").post("/products", content=body, headers=headers)

    kept = world.fetch("SELECT request_digest FROM idempotency WHERE key = %s", key)
    request = b"None POST /v1/products?\n" + body
    assert kept == [Signer(SIGNING_KEY).keyed_digest(request).hex()]


def test_key_does_what_its_scopes_say_and_no_more(world: World) -> None:
    made = world.post("/parties/maker/keys", {"label": "wms", "scopes": ["read", "gate"]})
    key = world.client(made["secret"])

    assert key.get("/products").is_success
    assert told(key.post("/products", json={"id": "p-x", "name": "P"})) == (403, "RIGHT_MISSING")
    assert key.get("/session").json()["rights"] == ["gate", "read"]


def test_key_without_the_right_learns_nothing_of_what_exists(world: World) -> None:
    made = world.post("/parties/maker/keys", {"label": "reader", "scopes": ["read"]})
    key, lot = world.client(made["secret"]), {"number": "L1", "expires_on": "2030-01-01"}

    answers = {
        key.post(f"/products/{product}/lots", json=lot).text for product in ("vaccine", "no-such")
    }

    assert len(answers) == 1


@pytest.mark.parametrize("scopes", [["sign"], [], ["everything"]])
def test_scope_that_no_key_has_is_refused(world: World, scopes: list[str]) -> None:
    body = {"label": "x", "scopes": scopes}

    answer = world.of("operator").post("/parties/maker/keys", json=body)

    assert told(answer) == (422, "VALIDATION_FAILED")


def test_key_of_a_party_does_not_administer_whatever_its_scopes(world: World) -> None:
    made = world.post("/parties/maker/keys", {"label": "x", "scopes": ["admin", "read"]})

    answer = world.client(made["secret"]).post("/parties/maker/keys", json={"label": "y"})

    assert told(answer) == (403, "RIGHT_MISSING")


def test_key_past_its_time_is_refused(world: World) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    made = world.post("/parties/maker/keys", {"label": "x", "expires_at": soon.isoformat()})
    key = world.client(made["secret"])
    assert key.get("/products").is_success

    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "UPDATE api_key SET expires_at = now() - interval '1 s' WHERE id = %s", (made["id"],)
        )

    assert told(key.get("/products")) == (401, "UNAUTHENTICATED")


def test_day_of_a_keys_last_use_is_told(world: World) -> None:
    made = world.post("/parties/maker/keys", {"label": "x"})
    world.client(made["secret"]).get("/products")

    keys = {key["id"]: key for key in world.get("/parties/maker/keys")["items"]}

    assert keys[made["id"]]["last_used_on"] == datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_every_role_can_be_granted(world: World, role: str) -> None:
    body = {"party": "operator", "login": world.name("user"), "printed_name": "N", "roles": [role]}

    made = world.post("/users", body)

    assert world.get(f"/users/{made['id']}")["roles"] == [role]
