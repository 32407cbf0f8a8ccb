"""The API as a process, and the answers that every route shares."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest
from api_world import OPERATOR_KEY, SIGNING_KEY, open_world
from local_http import is_well
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import Identifier

from api.errors import describe
from coldgate.launch.folder import free_port
from coldgate.launch.process import wait_until
from coldgate.storage.connection import conninfo

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database


def test_process_serves_until_it_is_asked_to_stop(plain_database: str) -> None:
    port = free_port()
    told = {
        "COLDGATE_DATABASE_DSN": plain_database,
        "COLDGATE_API_PORT": str(port),
        "COLDGATE_API_OPERATOR_KEY": OPERATOR_KEY,
        "COLDGATE_API_SIGNING_KEY": SIGNING_KEY,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "api"], env=os.environ | told, stderr=subprocess.PIPE
    ) as process:
        healthy = wait_until(lambda: is_well(f"http://127.0.0.1:{port}/healthz"), seconds=30)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)

    assert healthy, log.decode()
    assert process.returncode == 0, log.decode()


def test_process_that_is_configured_wrongly_says_what_is_missing() -> None:
    told = {key: value for key, value in os.environ.items() if "COLDGATE" not in key}

    ended = subprocess.run(
        [sys.executable, "-m", "api"], env=told, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert "COLDGATE_DATABASE_DSN" in ended.stderr


def test_health_names_what_works(world: World) -> None:
    answer = httpx.get(f"{world.url}/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"database": True, "reactor": True, "broker_authority": None}


def test_metrics_count_requests_by_route_and_reactions(world: World) -> None:
    world.judge(world.received())
    world.wait_for_reactions()

    text = httpx.get(f"{world.url}/metrics").text

    assert 'route="/v1/gate/decisions",status="200"' in text
    assert "coldgate_reactions_total" in text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "NOT_FOUND"),
        ("DELETE", "/v1/consignments", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/consignments?limit=0", 422, "VALIDATION_FAILED"),
        ("GET", "/v1/consignments/con-none", 404, "NOT_FOUND"),
    ],
)
def test_every_refusal_is_a_problem(
    world: World, method: str, path: str, status: int, code: str
) -> None:
    answer = world.of("operator").request(method, world.url + path)

    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert {"type", "title", "detail"} <= problem.keys()


def test_unreadable_body_is_a_problem(world: World) -> None:
    answer = world.of("maker").post(
        "/products", content="{", headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")


def test_body_that_is_too_long_is_refused_unread(world: World) -> None:
    answer = world.of("maker").post(
        "/products", content=b" " * 2_000_000, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 413


def test_api_resumes_by_itself_after_the_database_was_away(plain_database: str) -> None:
    name = conninfo_to_dict(plain_database)["dbname"]
    with (
        open_world(plain_database) as world,
        psycopg.connect(plain_database, dbname="postgres", autocommit=True) as admin,
    ):
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(Identifier(name)))
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        away = world.of("maker").get("/consignments")
        health = httpx.get(f"{world.url}/healthz")
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(Identifier(name)))

        assert (away.status_code, away.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
        assert (health.status_code, health.json()["database"]) == (503, False)
        assert wait_until(lambda: is_well(f"{world.url}/healthz"), seconds=30)
        consignment = world.received()
        world.judge(consignment, "FAIL")
        world.wait_for_reactions()
        assert world.causes(consignment) == ["CONDITION_FAIL"]


def test_illegal_transition_is_told_with_its_line(world: World) -> None:
    consignment = world.consign()

    with (
        pytest.raises(psycopg.Error) as refused,
        psycopg.connect(
            conninfo(world.dsn, "coldgate_api", more=" -c coldgate.party=*")
        ) as connection,
    ):
        connection.execute(
            "UPDATE consignment_line SET state = 'released' WHERE consignment_id = %s",
            (consignment,),
        )

    problem = describe(refused.value)
    assert (int(problem.status), problem.code) == (409, "ILLEGAL_TRANSITION")
    assert problem.detail == "line 1 cannot go from planned to released"


def test_operator_key_given_again_is_no_second_key(world: World) -> None:
    query = "SELECT count(*) FROM api_key WHERE party_id = 'operator'"

    assert world.fetch(query) == [1]


@pytest.mark.parametrize(
    "table", ["gate_decision", "evaluation", "custody_event", "line_transition", "ledger"]
)
def test_truth_cannot_be_deleted_by_the_api_nor_by_the_owner(world: World, table: str) -> None:
    world.released()

    for options in ("-c role=coldgate_api", ""):
        with (
            pytest.raises(psycopg.Error),
            psycopg.connect(world.dsn, options=options) as connection,
        ):
            connection.execute(sql.SQL("DELETE FROM {}").format(Identifier(table)))
