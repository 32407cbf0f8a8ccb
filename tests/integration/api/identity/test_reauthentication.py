"""Who signs proves to be there at that moment, once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pyotp
import pytest
from api_world import PASSWORD
from pydantic import ValidationError

from api.caller import Caller, CallerUser, key_digest
from api.identity import proving
from api.identity.proving import Given
from api.identity.reauthentication import Proof, Reauthenticated, reauthenticate
from api.identity.rights import Role, rights_of_roles
from coldgate.errors import ForbiddenError
from coldgate.storage import credentials
from coldgate.storage.credentials import Ticket

if TYPE_CHECKING:
    from api_world import Person, World

    from api.context import Context

pytestmark = pytest.mark.database

DIGEST = bytes(range(32))
ROLES = frozenset({Role.QA})


def caller_of(person: Person) -> Caller:
    user = CallerUser(
        id=person.id, login=person.login, printed_name=person.printed_name, roles=ROLES
    )
    return Caller(party="maker", kind="manufacturer", rights=rights_of_roles(ROLES), user=user)


def prove(context: Context, person: Person, **proof: Any) -> Reauthenticated:
    return reauthenticate(context, caller_of(person), Proof(**proof), DIGEST)


def refused(context: Context, person: Person, **proof: Any) -> str:
    with pytest.raises(ForbiddenError) as caught:
        prove(context, person, **proof)
    return caught.value.code


def ticket_of(context: Context, person: Person, digest: bytes = DIGEST) -> str:
    token = f"ct_{person.login}_{digest.hex()[:8]}"
    with context.everything() as connection:
        ticket = Ticket(sha256=key_digest(token), user_id=person.id, record_digest=digest)
        credentials.issue_ticket(connection, ticket)
    return token


def enrol(person: Person) -> pyotp.TOTP:
    """An authenticator in use; the code of the step before this one confirmed it."""
    uri = person.post("/totp", json={"password": PASSWORD}).json()["uri"]
    totp = pyotp.parse_uri(uri)
    assert isinstance(totp, pyotp.TOTP)
    code = totp.generate_otp(step_now() - 1)
    assert person.post("/totp/confirm", json={"code": code}).is_success
    return totp


def step_now() -> int:
    return int(time.time()) // 30


def test_password_proves_who_signs_by_the_clock_of_the_database(
    world: World, context: Context
) -> None:
    ada = world.user("maker", "qa")

    proven = prove(context, ada, password=PASSWORD)

    assert (proven.user.id, proven.method) == (ada.id, "password")
    assert abs((proven.at - world.fetch("SELECT now()")[0]).total_seconds()) < 60


def test_wrong_password_of_a_signer_counts_although_nothing_is_signed(
    world: World, context: Context
) -> None:
    ada = world.user("maker", "qa")

    refusals = [refused(context, ada, password="wrong") for _ in range(5)]

    assert refusals == ["SIGNATURE_REFUSED"] * 5
    assert refused(context, ada, password=PASSWORD) == "ACCOUNT_LOCKED"
    assert refused(context, ada, ticket=ticket_of(context, ada)) == "ACCOUNT_LOCKED"


def test_lock_is_told_of_when_looking_at_the_last_guess_failed(
    world: World, context: Context
) -> None:
    ada = world.user("maker", "qa")
    no_text = Given(password="\ud800", code=None)

    for _ in range(5):
        with pytest.raises(UnicodeEncodeError):
            proving.prove(context, ada.id, no_text, known=False)

    query = "SELECT count(*) FROM outbox WHERE kind = 'account.locked' AND body->>'login' = %s"
    assert world.fetch(query, ada.login) == [1]


def test_guesses_at_once_are_guesses_in_a_row(world: World, context: Context) -> None:
    ada = world.user("maker", "qa")

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(refused, context, ada, password=f"wrong {n}") for n in range(8)]
        codes = sorted(answer.result() for answer in asked)

    assert codes == ["ACCOUNT_LOCKED"] * 3 + ["SIGNATURE_REFUSED"] * 5
    query = "SELECT count(*) FROM outbox WHERE kind = 'account.locked' AND body->>'login' = %s"
    assert world.fetch(query, ada.login) == [1]


def test_key_proves_nothing(context: Context) -> None:
    key = Caller(party="maker", kind="manufacturer", rights=rights_of_roles(ROLES), key_id=1)

    with pytest.raises(ForbiddenError, match="only a person"):
        reauthenticate(context, key, Proof(password=PASSWORD), DIGEST)


def test_session_without_the_right_to_sign_proves_nothing(world: World, context: Context) -> None:
    bob = world.user("truck", "carrier")
    caller = Caller(party="truck", kind="carrier", rights=frozenset(), user=caller_of(bob).user)

    with pytest.raises(ForbiddenError) as caught:
        reauthenticate(context, caller, Proof(password=PASSWORD), DIGEST)
    assert caught.value.code == "RIGHT_MISSING"


@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"totp": "123456"},
        {"password": "p", "ticket": "t"},
        {"ticket": "t", "totp": "123456"},
        {"password": "p", "totp": "12345x"},
        {"password": "p", "totp": "١٢٣٤٥٦"},
    ],
)
def test_proof_is_a_password_or_a_ticket(proof: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Proof(**proof)


def test_proof_does_not_show_its_secrets() -> None:
    assert "hidden" not in repr([Proof(password="hidden"), Proof(ticket="hidden")])


def test_ticket_serves_once(world: World, context: Context) -> None:
    ada = world.user("maker", "qa")
    ticket = ticket_of(context, ada)

    assert prove(context, ada, ticket=ticket).method == "oidc"
    assert refused(context, ada, ticket=ticket) == "SIGNATURE_REFUSED"


def test_ticket_for_another_record_or_person_is_refused(world: World, context: Context) -> None:
    ada, eve = world.user("maker", "qa"), world.user("maker", "qa")
    ticket = ticket_of(context, ada)

    assert refused(context, ada, ticket=ticket_of(context, ada, bytes(32))) == "SIGNATURE_REFUSED"
    assert refused(context, eve, ticket=ticket) == "SIGNATURE_REFUSED"
    assert prove(context, ada, ticket=ticket).user.id == ada.id


@pytest.mark.parametrize("shift", ["-301 s", "1 h"])
def test_ticket_past_its_time_or_from_a_clock_set_back_is_refused(
    world: World, context: Context, shift: str
) -> None:
    ada = world.user("maker", "qa")
    ticket = ticket_of(context, ada)
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "UPDATE signing_ticket SET issued_at = now() + %s::interval WHERE user_id = %s",
            (shift, ada.id),
        )

    assert refused(context, ada, ticket=ticket) == "SIGNATURE_REFUSED"


def test_code_is_demanded_once_confirmed_and_accepted_once(world: World, context: Context) -> None:
    ada = world.user("maker", "qa")
    totp = enrol(ada)
    code = totp.generate_otp(step_now())

    assert refused(context, ada, password=PASSWORD) == "SIGNATURE_REFUSED"
    assert prove(context, ada, password=PASSWORD, totp=code).method == "password+totp"
    assert refused(context, ada, password=PASSWORD, totp=code) == "SIGNATURE_REFUSED"


def test_code_that_served_at_signing_does_not_serve_at_login(
    world: World, context: Context
) -> None:
    ada = world.user("maker", "qa")
    code = enrol(ada).generate_otp(step_now())
    prove(context, ada, password=PASSWORD, totp=code)

    body = {"login": ada.login, "password": PASSWORD}
    assert ada.post("/session", json=body | {"totp": code}).status_code == 401
    assert ada.post("/session", json=body).status_code == 401


def test_one_code_sent_by_two_at_once_serves_one(world: World, context: Context) -> None:
    ada = world.user("maker", "qa")
    code = enrol(ada).generate_otp(step_now())

    def signs() -> bool:
        try:
            prove(context, ada, password=PASSWORD, totp=code)
        except ForbiddenError:
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sum(answer.result() for answer in [pool.submit(signs) for _ in range(3)]) == 1


def test_authenticator_in_use_is_removed_with_its_code_only(world: World) -> None:
    ada = world.user("maker", "qa")
    totp = enrol(ada)

    assert ada.post("/totp", json={"password": PASSWORD}).status_code == 403
    assert ada.post("/totp/remove", json={"password": PASSWORD}).status_code == 403
    body = {"password": PASSWORD, "totp": totp.generate_otp(step_now())}
    assert ada.post("/totp/remove", json=body).is_success
    assert world.log_in(ada.login)


def test_secret_of_an_authenticator_is_sealed_for_its_owner(world: World) -> None:
    ada = world.user("maker", "qa")
    totp = enrol(ada)

    sealed = world.fetch("SELECT totp_sealed FROM credential WHERE user_id = %s", ada.id)[0]
    assert totp.secret.encode() not in bytes(sealed)


def test_secret_moved_to_another_user_opens_nothing(world: World, context: Context) -> None:
    ada, eve = world.user("maker", "qa"), world.user("maker", "qa")
    totp = enrol(ada)
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "UPDATE credential AS c SET totp_sealed = a.totp_sealed, totp_confirmed_at = now()"
            " FROM credential a WHERE a.user_id = %s AND c.user_id = %s",
            (ada.id, eve.id),
        )

    code = totp.generate_otp(step_now())
    assert refused(context, eve, password=PASSWORD, totp=code) == "SIGNATURE_REFUSED"


def test_repeated_request_is_answered_without_its_proof_being_used_again(world: World) -> None:
    ada = world.user("maker", "qa")
    code = enrol(ada).generate_otp(step_now())
    body, headers = {"password": PASSWORD, "totp": code}, {"Idempotency-Key": world.name("key")}

    first, second = (ada.post("/totp/remove", json=body, headers=headers) for _ in range(2))

    assert first.is_success
    assert (second.content, second.headers["Idempotency-Replayed"]) == (first.content, "true")
