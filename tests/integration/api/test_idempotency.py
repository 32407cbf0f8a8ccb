"""A request sent twice has one effect and one answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest
from api_world import PUBLIC_KEY

from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    import httpx
    from api_world import World

pytestmark = pytest.mark.database


def post(
    world: World, path: str, body: dict[str, object], key: str, *, party: str = "maker"
) -> httpx.Response:
    return world.of(party).post(path, json=body, headers={"Idempotency-Key": key})


def test_same_key_and_body_gets_the_first_answer_again(world: World) -> None:
    key, body = world.name("key"), {"id": world.name("product"), "name": "P"}

    first, second = (post(world, "/products", body, key) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


def test_same_key_with_another_body_is_refused(world: World) -> None:
    key = world.name("key")
    post(world, "/products", {"id": world.name("product"), "name": "P"}, key)

    other = post(world, "/products", {"id": world.name("product"), "name": "P"}, key)

    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_same_key_for_another_path_is_refused(world: World) -> None:
    key, serial = world.name("key"), world.name("LOG")
    post(world, "/loggers", {"serial": serial}, key)

    other = post(world, "/products", {"serial": serial}, key)

    assert other.status_code in {409, 422}


def test_keys_of_two_parties_do_not_meet(world: World) -> None:
    key, body = world.name("key"), {"serial": world.name("LOG")}

    answers = [post(world, "/loggers", body, key, party=party) for party in ("maker", "truck")]

    assert [answer.json()["party"] for answer in answers] == ["maker", "truck"]


def test_requests_at_once_with_one_key_have_one_effect(world: World) -> None:
    consignment, key = world.consign(lots=("OLD",)), world.name("key")
    path, body = "/gate/decisions", {"consignment": consignment, "purpose": "dispatch"}

    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(post, world, path, body, key) for _ in range(8)]  # type: ignore[arg-type]  # values are object
        answers = {answer.result().content for answer in asked}

    assert len(answers) == 1
    assert len(world.get(f"/consignments/{consignment}/decisions")["items"]) == 1


def test_failed_request_leaves_its_key_free(world: World) -> None:
    key, product = world.name("key"), world.name("product")
    path, body = f"/products/{product}/lots", {"number": "A1", "expires_on": "2030-01-01"}
    assert post(world, path, body, key).status_code == 404
    world.post("/products", {"id": product, "name": "P"}, party="maker")

    assert post(world, path, body, key).status_code == 201


def test_secret_is_shown_once_and_withheld_from_the_repeated_answer(world: World) -> None:
    key, body = world.name("key"), {"id": world.name("gw"), "public_key": PUBLIC_KEY}

    first, second = (
        post(world, "/gateways", body, key, party="truck").json()
        for _ in range(2)  # type: ignore[arg-type]  # values are object
    )

    assert second == first | {"password": None}
    kept = world.fetch("SELECT convert_from(response, 'UTF8') FROM idempotency WHERE key = %s", key)
    assert first["password"] not in kept[0]


WAITS = """
    SELECT EXISTS (SELECT FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock')"""
TURN = "SELECT pg_advisory_xact_lock(hashtextextended('operator ' || %s, 0))"


def test_request_that_loses_a_deadlock_is_made_once_more(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    consignment, key = world.consign(), world.name("key")
    body = {"consignment": consignment, "purpose": "dispatch"}

    def ask() -> httpx.Response:
        return post(world, "/gate/decisions", body, key, party="operator")

    with ThreadPoolExecutor() as pool, psycopg.connect(world.dsn) as other:
        other.execute("SET LOCAL deadlock_timeout = '20s'")  # so that it is not the one to lose
        other.execute("SELECT FROM consignment WHERE id = %s FOR UPDATE", (consignment,))
        asked = pool.submit(ask)
        assert wait_until(lambda: world.fetch(WAITS) == [True], seconds=10)
        other.execute(TURN, (key,))  # which the request has, and it waits for us
        other.commit()

        answer = asked.result()
    assert (answer.status_code, answer.json()["answer"]) == (200, "permit")
    assert [record.message for record in caplog.records if record.name == "api.again"] == [
        "made once more"
    ]
