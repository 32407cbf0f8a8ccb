"""Races for people: what is taken from somebody counts before or after, never half."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import pyotp
from api_world import PASSWORD, set_password
from approval_world import House, code, sign

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from api_world import Person
    from races.arena import Arena

MOST_WRONG = 5


def waiting(arena: Arena) -> dict[str, Any]:
    """A request that one of quality signs."""
    return _house(arena).hold_lift()


def _house(arena: Arena) -> House:
    def make() -> House:
        made = House(arena.world, "maker")
        arena.world.add_product(made.product)
        lot = {"number": "A1", "expires_on": "2199-12-31"}
        arena.world.post(f"/products/{made.product}/lots", lot, party="maker")
        return made

    house: House = arena.once("house", make)
    return house


def approve(person: Person, approval: dict[str, Any], **fields: Any) -> httpx.Response:
    return sign(person, approval, meaning="approved", **fields)


def signs_meanwhile(
    arena: Arena, take: Callable[[Person], Callable[[], Any]], give_back: Callable[[Person], Any]
) -> None:
    """Somebody signs while something is taken that it takes to sign."""
    leaver = arena.once("leaver", lambda: arena.world.user("maker", "qa"))
    leaver = arena.world.log_in(leaver.login)
    first, second = waiting(arena), waiting(arena)

    signed, taken = arena.at_once(partial(approve, arena.elsewhere(leaver), first), take(leaver))
    late = approve(arena.elsewhere(leaver), second)

    assert taken.is_success, taken.text
    assert signed.status_code in {201, 401, 403}, signed.text
    assert late.status_code in {401, 403}
    give_back(leaver)


def role_is_taken_from_who_signs(arena: Arena) -> None:
    """A signature of after that does not count; `violations` compares the times."""

    def change(person: Person, *, granted: bool) -> Callable[[], Any]:
        return arena.ask(f"/users/{person.id}/roles", {"role": "qa", "granted": granted})

    signs_meanwhile(
        arena, partial(change, granted=False), lambda person: change(person, granted=True)()
    )


def who_signs_is_disabled(arena: Arena) -> None:
    """The same of a whole account."""
    signs_meanwhile(
        arena,
        lambda person: arena.ask(f"/users/{person.id}/disable", {}),
        lambda person: arena.ask(f"/users/{person.id}/enable", {})(),
    )


def session_of_who_signs_ends(arena: Arena) -> None:
    """The same of a session, ended in another browser."""
    other = arena.once("leaver", lambda: arena.world.user("maker", "qa"))

    def end(person: Person) -> Callable[[], Any]:
        browser = arena.world.log_in(other.login)
        return partial(browser.post, f"/sessions/{person.session}/revoke")

    signs_meanwhile(arena, end, lambda _person: None)


def two_browsers_of_one_person(arena: Arena) -> None:
    """They are one person: it signs once."""
    person = arena.people.qa
    browsers = [
        arena.elsewhere(one)
        for one in (person, arena.once("browser", lambda: arena.world.log_in(person.login)))
    ]
    approval = waiting(arena)

    answers = arena.at_once(*(partial(approve, one, approval) for one in browsers))

    assert sorted(answer.status_code for answer in answers) == [201, 409]


def two_people_at_one_seat(arena: Arena) -> None:
    """One signs, and one is told that it is done; at different processes or at one."""
    approval = waiting(arena)
    people = [arena.elsewhere(one) for one in (arena.people.qa, arena.people.other_qa)]

    answers = arena.at_once(*(partial(approve, one, approval) for one in people))

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert {code(answer) for answer in answers if answer.is_error} == {"APPROVAL_CLOSED"}


def code_comes_twice(arena: Arena) -> None:
    """A code of an authenticator serves one signature."""
    person, totp = arena.once("with_totp", lambda: _enrolled(arena))
    _write(arena, "UPDATE credential SET totp_last_step = NULL WHERE user_id = %s", person.id)
    proof = {"password": PASSWORD, "totp": totp.now()}
    asked = [waiting(arena), waiting(arena)]

    answers = arena.at_once(
        *(partial(approve, arena.elsewhere(person), one, proof=proof) for one in asked)
    )

    assert sorted(answer.status_code for answer in answers) == [201, 403]


def _enrolled(arena: Arena) -> tuple[Person, pyotp.TOTP]:
    person = arena.world.user("maker", "qa")
    uri = person.post("/totp", json={"password": PASSWORD}).json()["uri"]
    totp = pyotp.parse_uri(uri)
    assert isinstance(totp, pyotp.TOTP)
    assert person.post("/totp/confirm", json={"code": totp.now()}).is_success
    return person, totp


def wrong_passwords_at_once(arena: Arena) -> None:
    """The account locks, and its party hears of it once."""
    person = arena.once("guessed", lambda: arena.world.user("maker", "qa"))
    _write(
        arena,
        "DELETE FROM guess WHERE user_id = %s",
        person.id,
    )
    query = "SELECT 1 FROM outbox WHERE kind = 'account.locked' AND (body ->> 'user')::int = %s"
    before = len(arena.world.fetch(query, person.id))
    approval, proof = waiting(arena), {"password": "wrong"}

    answers = arena.at_once(
        *(
            partial(approve, arena.elsewhere(person), approval, proof=proof)
            for _ in range(MOST_WRONG + 2)
        )
    )

    told = sorted(code(answer) for answer in answers)
    assert told == ["ACCOUNT_LOCKED"] * 2 + ["SIGNATURE_REFUSED"] * MOST_WRONG
    assert len(arena.world.fetch(query, person.id)) == before + 1


def invitation_comes_twice(arena: Arena) -> None:
    """One of two sets the password."""
    login = arena.world.name("user")
    body = {"party": "maker", "login": login, "printed_name": "N", "roles": ["qa"]}
    token = arena.world.post("/users", body)["invitation"]
    sides = [arena.side().url for _ in range(2)]

    answers = arena.at_once(*(partial(_accept, url, token) for url in sides))

    assert sorted(answers) == [False, True]


def _accept(url: str, token: str) -> bool:
    try:
        return set_password(url, invitation=token, password=PASSWORD).is_success
    except AssertionError:
        return False


def _write(arena: Arena, query: str, *values: object) -> None:
    with psycopg.connect(arena.world.dsn) as connection:
        connection.execute(query, values)  # type: ignore[arg-type]  # text of the races


PEOPLE_RACES = (
    two_people_at_one_seat,
    two_browsers_of_one_person,
    role_is_taken_from_who_signs,
    who_signs_is_disabled,
    session_of_who_signs_ends,
    code_comes_twice,
    wrong_passwords_at_once,
    invitation_comes_twice,
)
