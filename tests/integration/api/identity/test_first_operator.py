"""The first person of a new installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from api_world import PASSWORD, serving, set_password
from factories import fetch

if TYPE_CHECKING:
    from conftest import DatabaseServer

pytestmark = pytest.mark.database

INVITATION = "invitation-of-the-first-operator"


def test_first_operator_is_invited_once_and_administers(plain_server: DatabaseServer) -> None:
    with plain_server.fresh() as dsn:
        for _ in range(2):
            with serving(dsn, operator_invitation=INVITATION):
                pass
        with serving(dsn, operator_invitation=INVITATION) as url:
            set_password(url, invitation=INVITATION, password=PASSWORD)
            login = {"login": "operator", "password": PASSWORD}
            made = httpx.post(f"{url}/v1/session", json=login, timeout=30).json()
            headers = {"Authorization": f"Bearer {made['token']}"}
            me = httpx.get(f"{url}/v1/session", headers=headers).json()

        assert (me["party"], me["roles"]) == ("operator", ["operator"])
        assert "admin" in me["rights"]
        assert fetch(dsn, "SELECT login FROM app_user") == ["operator"]


def test_used_invitation_of_the_first_operator_opens_nothing(
    plain_server: DatabaseServer,
) -> None:
    body = {"invitation": INVITATION, "password": "eleven grey boats at dawn"}
    with plain_server.fresh() as dsn:
        with serving(dsn, operator_invitation=INVITATION) as url:
            set_password(url, invitation=INVITATION, password=PASSWORD)
        with serving(dsn, operator_invitation=INVITATION) as url:
            answer = httpx.post(f"{url}/v1/password", json=body, timeout=30)

    assert (answer.status_code, answer.json()["code"]) == (401, "LOGIN_REFUSED")
