"""Who gets a session, and when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from api_world import PASSWORD, set_password

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database


def log_in(world: World, login: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
    body = {"login": login, "password": password} | fields
    return httpx.post(f"{world.url}/v1/session", json=body, timeout=30)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_user_with_the_right_password_is_who_it_is(world: World) -> None:
    ada = world.user("maker", "qa")

    me = ada.get("/session").json()

    assert (me["party"], me["user"], me["login"], me["roles"]) == (
        "maker",
        ada.id,
        ada.login,
        ["qa"],
    )
    assert "sign" in me["rights"]
    assert "admin" not in me["rights"]
