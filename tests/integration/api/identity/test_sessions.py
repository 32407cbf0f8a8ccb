"""Who gets a session, what it may do, and when it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import argon2
import httpx
import psycopg
import pytest
from api_world import LITTLE_WORK, PASSWORD, set_password
from local_http import NO_TLS

if TYPE_CHECKING:
    from api_world import Person, World

pytestmark = pytest.mark.database

OTHER_PASSWORD = "eleven grey boats at dawn"


def log_in(world: World, login: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
    body = {"login": login, "password": password} | fields
    return httpx.post(f"{world.url}/v1/session", json=body, timeout=30, verify=NO_TLS)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def age(world: World, person: Person, column: str, interval: str) -> None:
    """Make the session older, as if that much time had passed."""
    query = psycopg.sql.SQL("UPDATE session SET {} = {} - %s::interval WHERE id = %s").format(
        psycopg.sql.Identifier(column), psycopg.sql.Identifier(column)
    )
    with psycopg.connect(world.dsn) as connection:
        connection.execute(query, (interval, person.session))


def lock_by_guessing(world: World, login: str) -> None:
    for _ in range(5):
        assert told(log_in(world, login, "wrong")) == (401, "LOGIN_REFUSED")


def test_user_with_the_right_password_is_who_it_is(world: World) -> None:
    ada = world.user("maker", "qa")

    me = ada.get("/session").json()

    assert (me["party"], me["user"], me["login"]) == ("maker", ada.id, ada.login)
    assert me["roles"] == ["qa"]
    assert "sign" in me["rights"]
    assert "admin" not in me["rights"]


def test_wrong_password_unknown_login_and_disabled_user_get_one_answer(world: World) -> None:
    wrong, disabled = world.user("maker"), world.user("maker")
    world.post(f"/users/{disabled.id}/disable", {})

    answers = [
        log_in(world, wrong.login, "not the password"),
        log_in(world, "nobody-of-that-name"),
        log_in(world, disabled.login),
    ]

    assert len({answer.content for answer in answers}) == 1
    assert told(answers[0]) == (401, "LOGIN_REFUSED")


def test_every_refusal_costs_one_hash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    known, locked = world.user("maker"), world.user("maker")
    lock_by_guessing(world, locked.login)
    hashes: list[str] = []
    real = argon2.PasswordHasher.verify
    monkeypatch.setattr(
        argon2.PasswordHasher,
        "verify",
        lambda hasher, stored, password: hashes.append(stored) or real(hasher, stored, password),
    )

    costs = []
    for login in (known.login, "nobody-of-that-name", locked.login, "no login at all '--"):
        log_in(world, login, "not the password")
        costs.append(len(hashes))

    assert costs == [1, 2, 3, 4]
    assert len({stored.split("$")[3] for stored in hashes}) == 1


def test_five_wrong_passwords_lock_and_tell_the_party(world: World) -> None:
    ada = world.user("maker")

    lock_by_guessing(world, ada.login)

    assert told(log_in(world, ada.login)) == (401, "LOGIN_REFUSED")
    query = "SELECT party_id FROM outbox WHERE kind = 'account.locked' AND body->>'login' = %s"
    assert world.fetch(query, ada.login) == ["maker"]
    assert world.fetch(
        "SELECT 1 FROM ledger_entry WHERE subject = %s AND kind = %s", ada.login, "account.locked"
    )


def test_stranger_who_guesses_locks_nobody_out_who_was_here_before(world: World) -> None:
    ada = world.user("maker", "qa")
    device = log_in(world, ada.login).json()["device"]

    for _ in range(12):  # more than are looked at
        log_in(world, ada.login, "wrong")

    assert told(log_in(world, ada.login))[0] in {401, 429}
    assert told(log_in(world, ada.login, device=world.name("cd_forged")))[0] in {401, 429}
    answer = log_in(world, ada.login, device=device)
    assert (answer.status_code, answer.json()["device"]) == (201, None)


def test_stranger_who_guesses_keeps_nobody_from_signing_in_a_session(world: World) -> None:
    ada = world.user("maker", "qa")
    lock_by_guessing(world, ada.login)

    assert ada.post("/totp", json={"password": "wrong"}).status_code == 403
    assert ada.post("/totp", json={"password": PASSWORD}).status_code == 201


def test_what_becomes_of_a_credential_is_on_record_without_its_secrets(world: World) -> None:
    ada = world.user("maker", "qa")
    world.post(f"/users/{ada.id}/invitation", {})

    query = "SELECT convert_from(body, 'UTF8') FROM ledger_entry WHERE subject = %s ORDER BY id"
    entries = [json.loads(body) for body in world.fetch(query, f"credential/{ada.id}")]
    told = {"user_id", "password_set_at", "invitation_until", "totp_confirmed_at"}
    assert {frozenset(entry) for entry in entries} == {frozenset(told)}
    assert [entry["password_set_at"] is None for entry in entries] == [True, False, False]
    assert entries[1]["invitation_until"] is None
    assert entries[2]["invitation_until"] is not None


def test_guesses_from_a_known_device_lock_everybody_out(world: World) -> None:
    ada = world.user("maker")
    device = log_in(world, ada.login).json()["device"]

    for _ in range(5):
        assert log_in(world, ada.login, "wrong", device=device).status_code == 401

    assert told(log_in(world, ada.login, device=device)) == (401, "LOGIN_REFUSED")
    assert told(log_in(world, ada.login)) == (401, "LOGIN_REFUSED")
    query = "SELECT body ->> 'by' FROM outbox WHERE kind = 'account.locked' AND body->>'login' = %s"
    assert world.fetch(query, ada.login) == ["known"]


def test_right_password_of_a_stranger_begins_every_count_anew(world: World) -> None:
    ada = world.user("maker")
    device = log_in(world, ada.login).json()["device"]

    for _ in range(2):
        for known in ({}, {"device": device}):
            for _ in range(4):
                log_in(world, ada.login, "wrong", **known)
        assert log_in(world, ada.login).status_code == 201


def test_device_is_known_for_its_own_user_and_password_only(world: World) -> None:
    ada, eve = world.user("maker"), world.user("maker")
    device = log_in(world, eve.login).json()["device"]
    lock_by_guessing(world, ada.login)

    assert told(log_in(world, ada.login, device=device)) == (401, "LOGIN_REFUSED")
    new = set_password(world.url, login=eve.login, old_password=PASSWORD, password=OTHER_PASSWORD)
    lock_by_guessing(world, eve.login)
    assert told(log_in(world, eve.login, OTHER_PASSWORD, device=device)) == (401, "LOGIN_REFUSED")
    device = new.json()["device"]
    assert log_in(world, eve.login, OTHER_PASSWORD, device=device).status_code == 201


def test_invitation_makes_its_device_known_while_strangers_guess(world: World) -> None:
    ada = world.user("maker")
    invitation = world.post(f"/users/{ada.id}/invitation", {})["invitation"]
    made = set_password(world.url, invitation=invitation, password=OTHER_PASSWORD).json()
    lock_by_guessing(world, ada.login)

    answer = log_in(world, ada.login, OTHER_PASSWORD, device=made["device"])

    assert answer.status_code == 201


def test_devices_that_were_used_last_are_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldgate.storage.credentials._MOST_DEVICES", 2)
    ada = world.user("maker")
    devices = [log_in(world, ada.login).json()["device"] for _ in range(3)]

    query = "SELECT count(*) FROM known_device WHERE user_id = %s"
    assert world.fetch(query, ada.id) == [2]
    assert log_in(world, ada.login, device=devices[-1]).json()["device"] is None
    assert log_in(world, ada.login, device=devices[0]).json()["device"]


def test_lock_ends_after_its_time_by_the_clock_of_the_database(world: World) -> None:
    ada = world.user("maker")
    lock_by_guessing(world, ada.login)
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "UPDATE guess SET locked_until = now() - interval '1 s' WHERE user_id = %s",
            (ada.id,),
        )

    assert log_in(world, ada.login, "wrong").status_code == 401
    assert log_in(world, ada.login).status_code == 201


def test_right_password_begins_the_count_anew(world: World) -> None:
    ada = world.user("maker")

    for _ in range(2):
        for _ in range(4):
            log_in(world, ada.login, "wrong")
        assert log_in(world, ada.login).status_code == 201


def test_too_many_failures_are_refused_unseen_for_known_and_unknown(world: World) -> None:
    logins = (world.user("maker").login, world.name("nobody"))

    for login in logins:
        for _ in range(10):
            log_in(world, login, "wrong")

        answer = log_in(world, login)
        assert told(answer) == (429, "TOO_MANY_ATTEMPTS")
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("column", "interval"),
    [
        ("last_used_at", "31 min"),
        ("created_at", "12 h 1 min"),
        ("created_at", "-10 min"),  # begun by a clock that was set back since
    ],
)
def test_session_ends_with_its_time(world: World, column: str, interval: str) -> None:
    ada = world.user("maker", "qa")

    age(world, ada, column, interval)

    assert told(ada.get("/session")) == (401, "UNAUTHENTICATED")


def test_session_that_is_used_lives_on(world: World) -> None:
    ada = world.user("maker", "qa")

    for _ in range(3):
        age(world, ada, "last_used_at", "20 min")
        assert ada.get("/session").is_success


def test_logout_of_one_browser_leaves_the_other(world: World) -> None:
    one = world.user("maker", "qa")
    other = world.log_in(one.login)

    assert [s["current"] for s in one.get("/sessions").json()["items"]] == [True, False]
    assert one.delete("/session").is_success

    assert one.get("/session").status_code == 401
    assert other.get("/session").is_success


def test_session_of_a_colleague_cannot_be_ended(world: World) -> None:
    one, colleague = world.user("maker", "qa"), world.user("maker", "qa")

    answer = one.post(f"/sessions/{colleague.session}/revoke")

    assert told(answer) == (404, "NOT_FOUND")
    assert colleague.get("/session").is_success


def test_role_removed_takes_effect_with_the_next_request(world: World) -> None:
    ada = world.user("maker", "qa")
    body = {"id": world.name("product"), "name": "P"}
    assert ada.post("/products", json=body).is_success

    world.post(f"/users/{ada.id}/roles", {"role": "qa", "granted": False})

    assert ada.get("/session").status_code == 401
    again = world.log_in(ada.login)
    assert told(again.get("/products")) == (403, "RIGHT_MISSING")


def test_disabled_user_is_out_until_enabled(world: World) -> None:
    ada = world.user("maker", "qa")

    world.post(f"/users/{ada.id}/disable", {})
    assert ada.get("/session").status_code == 401

    world.post(f"/users/{ada.id}/enable", {})
    assert ada.get("/session").status_code == 401
    assert world.log_in(ada.login).get("/session").is_success


def test_new_password_ends_every_session(world: World) -> None:
    ada, new = world.user("maker", "qa"), "eleven grey boats at dawn"

    set_password(world.url, login=ada.login, old_password=PASSWORD, password=new)

    assert ada.get("/session").status_code == 401
    assert log_in(world, ada.login).status_code == 401
    assert log_in(world, ada.login, new).status_code == 201


def test_password_is_changed_by_who_knows_the_old_one(world: World) -> None:
    ada = world.user("maker")
    body = {"login": ada.login, "old_password": "a guess", "password": "eleven grey boats at dawn"}

    answer = httpx.post(f"{world.url}/v1/password", json=body, timeout=30, verify=NO_TLS)

    assert told(answer) == (401, "LOGIN_REFUSED")
    assert log_in(world, ada.login).status_code == 201


def test_weak_password_is_refused_and_the_invitation_stays_good(world: World) -> None:
    login = world.name("user")
    made = world.post("/users", {"party": "maker", "login": login, "printed_name": "Ada Lovelace"})
    body = {"invitation": made["invitation"], "password": f"{login}-lovelace"}

    answer = httpx.post(f"{world.url}/v1/password", json=body, timeout=30, verify=NO_TLS)

    assert told(answer) == (409, "PASSWORD_REFUSED")
    assert set_password(world.url, invitation=made["invitation"], password=PASSWORD)


def test_invitation_serves_once_and_not_when_it_is_old(world: World) -> None:
    ada = world.user("maker")
    first = world.post(f"/users/{ada.id}/invitation", {})["invitation"]
    second = world.post(f"/users/{ada.id}/invitation", {})["invitation"]
    set_password(world.url, invitation=second, password="eleven grey boats at dawn")

    for used in (first, second):
        body = {"invitation": used, "password": PASSWORD}
        answer = httpx.post(f"{world.url}/v1/password", json=body, timeout=30, verify=NO_TLS)
        assert told(answer) == (401, "LOGIN_REFUSED")


def test_invitation_past_its_time_is_refused(world: World) -> None:
    ada = world.user("maker")
    invitation = world.post(f"/users/{ada.id}/invitation", {})["invitation"]
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "UPDATE credential SET invitation_until = now() - interval '1 s' WHERE user_id = %s",
            (ada.id,),
        )

    body = {"invitation": invitation, "password": PASSWORD}
    answer = httpx.post(f"{world.url}/v1/password", json=body, timeout=30, verify=NO_TLS)

    assert told(answer) == (401, "LOGIN_REFUSED")


def test_invitation_frees_a_locked_account(world: World) -> None:
    ada = world.user("maker")
    lock_by_guessing(world, ada.login)
    invitation = world.post(f"/users/{ada.id}/invitation", {})["invitation"]

    set_password(world.url, invitation=invitation, password=PASSWORD)

    assert log_in(world, ada.login).status_code == 201


def test_secrets_of_people_are_nowhere_in_the_database(world: World) -> None:
    key = world.name("key")
    body = {"party": "maker", "login": world.name("user"), "printed_name": "Ada"}
    made = world.of("operator").post("/users", json=body, headers={"Idempotency-Key": key}).json()
    set_password(world.url, invitation=made["invitation"], password=PASSWORD)
    token = log_in(world, made["login"]).json()["token"]

    dump = world.fetch(
        "SELECT string_agg(t::text, ' ') FROM"
        " (SELECT c::text AS t FROM credential c UNION ALL SELECT s::text FROM session s"
        " UNION ALL SELECT convert_from(response, 'UTF8') FROM idempotency"
        " UNION ALL SELECT convert_from(body, 'UTF8') FROM ledger_entry) AS everything"
    )[0]
    for secret in (made["invitation"], token, PASSWORD):
        assert secret not in dump


def test_names_with_markup_and_sql_come_back_as_text(world: World) -> None:
    name = "'); DROP TABLE app_user; -- <script>alert(1)</script> {{7*7}} \U0001f9ca"
    body = {"party": "maker", "login": world.name("user"), "printed_name": name}

    made = world.post("/users", body)

    assert world.get(f"/users/{made['id']}")["printed_name"] == name


def test_hash_of_lesser_parameters_grows_with_the_next_login(world: World) -> None:
    ada = world.user("maker")
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "UPDATE credential SET password_hash = %s WHERE user_id = %s", (weak, ada.id)
        )

    assert log_in(world, ada.login).status_code == 201

    stored = world.fetch("SELECT password_hash FROM credential WHERE user_id = %s", ada.id)[0]
    assert f"m={LITTLE_WORK.memory_cost},t={LITTLE_WORK.time_cost},p=1" in stored
    assert log_in(world, ada.login).status_code == 201
