"""One party that asks much, or that waits for a lock, keeps no other from being answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from api_world import World, serving

from coldgate.launch.process import wait_until
from coldgate.storage.connection import open_pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = pytest.mark.database

WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename IS NOT NULL"


@pytest.fixture(scope="module")
def narrow(world: World) -> Iterator[World]:
    """Another process of the same installation, with five connections and little patience."""
    with (
        ExitStack() as stack,
        serving(world.dsn, pool_size=5, lock_wait=timedelta(seconds=0.5)) as url,
    ):
        yield replace(world, url=url, stack=stack, clients={})


def codes(answers: list[httpx.Response]) -> set[tuple[int, str]]:
    return {(answer.status_code, answer.json()["code"]) for answer in answers}


def test_party_that_waits_for_one_lock_keeps_no_other_waiting(narrow: World) -> None:
    consignment = narrow.consign()
    ask = {"consignment": consignment, "purpose": "dispatch"}
    askers = [narrow.of("maker"), narrow.user("maker", "qa")] * 30
    others = [narrow.of(party) for party in ("truck", "hospital")]
    with psycopg.connect(narrow.dsn) as connection, ThreadPoolExecutor(60) as threads:
        connection.execute("SELECT FROM consignment WHERE id = %s FOR UPDATE", (consignment,))
        sent = [threads.submit(one.post, "/gate/decisions", json=ask) for one in askers]
        assert wait_until(lambda: len(narrow.fetch(WAITING)) >= 3, seconds=10)

        assert len(narrow.fetch(WAITING)) == 3  # of five connections
        assert all(other.get("/consignments").is_success for other in others)
        refused = [one.result() for one in sent]

    assert codes(refused) == {(409, "IN_USE"), (429, "PARTY_BUSY")}
    assert {answer.headers["Retry-After"] for answer in refused} == {"2"}
    assert not narrow.fetch("SELECT 1 FROM gate_decision WHERE consignment_id = %s", consignment)


def test_callers_of_one_party_wait_for_their_places(narrow: World) -> None:
    maker = narrow.of("maker")
    with ThreadPoolExecutor(60) as threads:
        answers = list(threads.map(lambda _: maker.get("/consignments"), range(120)))

    assert all(answer.is_success for answer in answers)


def test_statement_that_takes_too_long_is_ended(world: World) -> None:
    limit = timedelta(milliseconds=50)
    with open_pool(world.dsn, "coldgate_api", size=1, statement_limit=limit) as pool:
        with pytest.raises(psycopg.errors.QueryCanceled), pool.connection() as connection:
            connection.execute("SELECT pg_sleep(60)")

        with pool.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
