"""People who log in and prove themselves at an OpenID provider: a real one, in its process."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from api_world import Person, serving

from api.caller import Caller, CallerUser
from api.identity.reauthentication import Proof, reauthenticate
from api.identity.rights import Role, rights_of_roles
from coldgate.errors import ForbiddenError
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_world import World

    from api.context import Context

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(find_spec("idpyoidc") is None, reason="the provider's library is missing"),
]

CLIENT: Final = "coldgate-test"
SECRET: Final = "secret-of-the-client"
REDIRECT: Final = "http://127.0.0.1:9/v1/oidc/callback"  # nothing listens: we follow by hand
PROVIDER: Final = Path(__file__).parents[3] / "oidc_provider.py"
DIGEST: Final = "ab" * 32


@dataclass
class Browser:
    """Somebody's browser, with its cookies for Coldgate and for the provider."""

    api: str
    client: httpx.Client

    def go(self, url: str) -> httpx.Response:
        return self.client.get(url)

    def prove(self, page: httpx.Response, name: str) -> str:
        """Fill in the provider's form; where it sends the browser then."""
        field = re.search('value="(.*?)"', page.text)
        assert field is not None, page.text
        form = {"query": html.unescape(field[1]), "name": name, "password": "open"}
        verify = page.url.copy_with(path="/verify", query=None)
        return self.client.post(verify, data=form).headers["location"]

    def come_back(self, url: str) -> httpx.Response:
        """Follow the redirect to the API."""
        return self.client.get(f"{self.api}/v1/oidc/callback", params=httpx.URL(url).params)

    def log_in(self, name: str) -> httpx.Response:
        page = self.go(self.go(f"{self.api}/v1/oidc/login").headers["location"])
        return self.come_back(self.prove(page, name))

    def ask_again(self, person: Person, digest: str = DIGEST) -> str:
        """Where the provider asks the person again."""
        headers = {"Authorization": person.headers["Authorization"]}
        path = f"{self.api}/v1/oidc/reauthenticate"
        answer = self.client.post(path, json={"digest": digest}, headers=headers)
        assert answer.is_success, answer.text
        return str(answer.json()["url"])


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    command = [sys.executable, str(PROVIDER), CLIENT, SECRET, REDIRECT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture(scope="module")
def api(world: World, provider: str) -> Iterator[str]:
    """The world's API once more, with a provider."""
    known = {"oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    where = {"oidc_issuer": provider, "oidc_redirect_uri": REDIRECT}
    with serving(world.dsn, **known, **where) as url:
        yield url


@pytest.fixture
def browser(api: str) -> Iterator[Browser]:
    with httpx.Client(timeout=30) as client:
        yield Browser(api, client)


@pytest.fixture
def other(api: str) -> Iterator[Browser]:
    """The browser of somebody else."""
    with httpx.Client(timeout=30) as client:
        yield Browser(api, client)


def linked(world: World, api: str) -> Person:
    """A quality person whom the provider knows by its login."""
    ada = world.user("maker", "qa")
    operator = {"Authorization": world.of("operator").headers["Authorization"]}
    body = {"subject": f"subject-of-{ada.login}"}
    answer = httpx.post(f"{api}/v1/users/{ada.id}/oidc", json=body, headers=operator)
    assert answer.is_success, answer.text
    return world.log_in(ada.login)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def caller_of(person: Person) -> Caller:
    roles = frozenset({Role.QA})
    user = CallerUser(
        id=person.id, login=person.login, printed_name=person.printed_name, roles=roles
    )
    return Caller(party="maker", kind="manufacturer", rights=rights_of_roles(roles), user=user)


def test_linked_person_gets_a_session(world: World, api: str, browser: Browser) -> None:
    ada = linked(world, api)

    session = browser.log_in(ada.login).json()["session"]

    assert (session["user"], session["party"]) == (ada.id, "maker")
    assert world.client(session["token"]).get("/session").json()["login"] == ada.login


def test_person_whom_nobody_linked_gets_nothing(browser: Browser) -> None:
    assert told(browser.log_in("somebody")) == (401, "OIDC_REFUSED")


def test_disabled_or_unlinked_person_gets_nothing(world: World, api: str, browser: Browser) -> None:
    ada = linked(world, api)
    world.post(f"/users/{ada.id}/disable", {})

    assert told(browser.log_in(ada.login)) == (401, "OIDC_REFUSED")


def test_answer_brought_by_another_browser_is_refused(
    world: World, api: str, browser: Browser, other: Browser
) -> None:
    ada = linked(world, api)
    page = browser.go(browser.go(f"{api}/v1/oidc/login").headers["location"])
    back = browser.prove(page, ada.login)

    other.go(f"{api}/v1/oidc/login")
    assert told(other.come_back(back)) == (401, "OIDC_REFUSED")
    assert browser.come_back(back).is_success


def test_answer_of_the_provider_serves_once(world: World, api: str, browser: Browser) -> None:
    ada = linked(world, api)
    page = browser.go(browser.go(f"{api}/v1/oidc/login").headers["location"])
    cookie = browser.client.cookies["coldgate_visit"]
    back = browser.prove(page, ada.login)
    assert browser.come_back(back).is_success

    browser.client.cookies.set("coldgate_visit", cookie)
    assert told(browser.come_back(back)) == (401, "OIDC_REFUSED")


def test_code_of_another_visit_is_refused(
    world: World, api: str, browser: Browser, other: Browser
) -> None:
    ada = linked(world, api)
    mine = browser.prove(
        browser.go(browser.go(f"{api}/v1/oidc/login").headers["location"]), ada.login
    )
    state = httpx.URL(other.go(f"{api}/v1/oidc/login").headers["location"]).params["state"]

    injected = httpx.URL(mine).copy_merge_params({"state": state})

    assert told(other.come_back(str(injected))) == (401, "OIDC_REFUSED")


def test_proof_asked_for_again_gives_a_ticket_for_one_record(
    world: World, api: str, browser: Browser, context: Context
) -> None:
    ada = linked(world, api)
    browser.log_in(ada.login)

    page = browser.go(browser.ask_again(ada))
    ticket = browser.come_back(browser.prove(page, ada.login)).json()["ticket"]

    assert ticket["digest"] == DIGEST
    proof = Proof(ticket=ticket["ticket"])
    with pytest.raises(ForbiddenError):
        reauthenticate(context, caller_of(ada), proof, bytes(32))
    proven = reauthenticate(context, caller_of(ada), proof, bytes.fromhex(DIGEST))
    assert (proven.user.id, proven.method) == (ada.id, "oidc")


def test_old_login_at_the_provider_does_not_sign(world: World, api: str, browser: Browser) -> None:
    """Whoever holds the browser takes `prompt=login` out of the address."""
    ada = linked(world, api)
    browser.log_in(ada.login)
    begun = int(time.time())
    assert wait_until(lambda: int(time.time()) > begun, seconds=5)  # it tells whole seconds

    url = httpx.URL(browser.ask_again(ada))
    kept = {k: v for k, v in url.params.items() if k not in {"prompt", "max_age"}}
    silent = browser.go(str(url.copy_with(params=kept)))

    assert silent.status_code == 303
    assert told(browser.come_back(silent.headers["location"])) == (401, "OIDC_REFUSED")


def test_somebody_else_does_not_sign_in_ones_place(
    world: World, api: str, browser: Browser
) -> None:
    ada, eve = linked(world, api), linked(world, api)

    page = browser.go(browser.ask_again(ada))

    assert told(browser.come_back(browser.prove(page, eve.login))) == (401, "OIDC_REFUSED")


def test_person_without_the_right_to_sign_is_not_sent(world: World, api: str) -> None:
    bob = world.user("truck", "carrier")
    headers = {"Authorization": bob.headers["Authorization"]}

    path, body = f"{api}/v1/oidc/reauthenticate", {"digest": DIGEST}
    assert told(httpx.post(path, json=body, headers=headers)) == (403, "RIGHT_MISSING")


def test_provider_that_is_away_is_told_as_such(world: World) -> None:
    known = {"oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    where = {"oidc_issuer": "http://127.0.0.1:9", "oidc_redirect_uri": REDIRECT}

    with serving(world.dsn, **known, **where) as url:
        assert told(httpx.get(f"{url}/v1/oidc/login")) == (503, "PROVIDER_UNAVAILABLE")


def test_without_a_provider_people_have_passwords(world: World) -> None:
    answer = httpx.get(f"{world.url}/v1/oidc/login")

    assert told(answer) == (409, "OIDC_MISSING")
