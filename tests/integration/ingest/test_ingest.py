"""Ingest as a real process between a real broker and a real database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from factories import (
    MINUTE_MS,
    Gateway,
    fetch,
    make_block,
    make_series,
    now_ms,
    register_gateway,
    register_logger,
)
from ingest_world import Ingest, Sender, make_ingest

from coldgate import wire
from coldgate.launch.process import wait_until
from coldgate.model import ClockPair

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = [pytest.mark.broker, pytest.mark.database]


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh database, without TimescaleDB unless a test is marked `on_both`."""
    server = request.getfixturevalue(f"{getattr(request, 'param', 'plain')}_server")
    with server.fresh() as dsn:
        yield dsn


on_both = pytest.mark.parametrize("database", ["plain", "timescale"], indirect=True)


@pytest.fixture
def ingest(broker: Any, database: str) -> Iterator[Ingest]:
    prepared = make_ingest(broker, database)
    with prepared.running():
        yield prepared


@pytest.fixture
def sender(broker: Any, database: str, ingest: Ingest) -> Iterator[Sender]:  # noqa: ARG001 - must run
    register_logger(database)
    name = f"gw-{uuid4().hex[:8]}"
    connected = Sender(broker, register_gateway(database, name))
    yield connected
    connected.close()


def stored_values(database: str) -> list[int]:
    return fetch(database, "SELECT value FROM reading ORDER BY channel_id, taken_at")


def quarantined(database: str, code: str) -> list[bytes]:
    """Payloads kept under ``code``, waited for up to ten seconds."""
    query = "SELECT payload FROM quarantine WHERE code = %s ORDER BY id"
    assert wait_until(lambda: bool(fetch(database, query, code)), seconds=10)
    return [bytes(payload) for payload in fetch(database, query, code)]


@on_both
def test_signed_message_is_committed_and_acknowledged(sender: Sender, database: str) -> None:
    payload = sender.gateway.signed()

    sender.publish(payload)

    assert sender.acknowledged(1)
    assert stored_values(database) == [5100, 5200, 5300]
    assert [bytes(p) for p in fetch(database, "SELECT payload FROM message")] == [payload]
    assert fetch(database, "SELECT count(*) FROM touched") == [1]


def test_transport_works_on_either_broker(any_broker: Any, plain_database: str) -> None:
    register_logger(plain_database)
    with make_ingest(any_broker, plain_database).running():
        gateway = register_gateway(plain_database, f"gw-{uuid4().hex[:8]}")
        sender = Sender(any_broker, gateway)

        sender.publish(gateway.signed())

        assert sender.acknowledged(1)
        sender.close()
    assert stored_values(plain_database) == [5100, 5200, 5300]


def test_topic_longer_than_an_index_entry_stops_nobody(sender: Sender, database: str) -> None:
    long = "".join(uuid4().hex for _ in range(150))

    sender.publish(b"anything", leaf=f"up/{long}")
    sender.publish(sender.gateway.signed())

    assert sender.acknowledged(1)
    assert quarantined(database, "TOPIC_UNKNOWN") == [b"anything"]
    kept = fetch(database, "SELECT topic FROM quarantine")[0]
    assert sender.gateway.name in kept
    assert len(kept) < 1000


@on_both
def test_message_sent_twice_changes_nothing(sender: Sender, database: str) -> None:
    payload = sender.gateway.signed()

    sender.publish(payload)
    assert sender.acknowledged(1)
    sender.acknowledgements.clear()
    sender.publish(payload)

    assert sender.acknowledged(1)
    assert len(stored_values(database)) == 3
    assert fetch(database, "SELECT count(*) FROM message") == [1]
    assert fetch(database, "SELECT count(*) FROM quarantine") == [0]


def test_acknowledgement_stops_at_the_first_missing_number(sender: Sender) -> None:
    block = make_block()

    sender.publish(sender.gateway.signed(number=1, blocks=(block,)))
    sender.publish(sender.gateway.signed(number=3, blocks=(block,)))
    assert sender.acknowledged(1)
    assert sender.upto == 1
    sender.publish(sender.gateway.signed(number=2, blocks=(block,)))

    assert sender.acknowledged(3)


def test_reused_number_with_other_bytes_is_quarantined(sender: Sender, database: str) -> None:
    sender.publish(sender.gateway.signed())
    assert sender.acknowledged(1)
    other = sender.gateway.signed(blocks=(make_block([90]),))

    sender.publish(other)

    assert quarantined(database, "NUMBER_REUSED") == [other]
    assert sender.rejection("NUMBER_REUSED")
    assert stored_values(database) == [5100, 5200, 5300]


@on_both
def test_other_value_for_a_stored_reading_is_kept_as_conflict(
    sender: Sender, database: str
) -> None:
    base = now_ms() - 10 * MINUTE_MS
    first = make_block([51, 52], base_ms=base)
    second = make_block([51, 99, 53], base_ms=base)

    sender.publish(sender.gateway.signed(number=1, blocks=(first,)))
    sender.publish(sender.gateway.signed(number=2, blocks=(second,)))

    assert sender.acknowledged(2)
    assert stored_values(database) == [5100, 5200, 5300]
    assert fetch(database, "SELECT value FROM conflict") == [9900]


def test_unreadable_message_does_not_stop_the_stream(sender: Sender, database: str) -> None:
    sender.publish(b"\x00nonsense")
    sender.publish(sender.gateway.signed())

    assert sender.acknowledged(1)
    assert quarantined(database, "UNREADABLE") == [b"\x00nonsense"]
    assert sender.rejection("UNREADABLE")


def test_oversized_message_is_quarantined_with_its_bytes(sender: Sender, database: str) -> None:
    huge = bytes(wire.MAX_MESSAGE_BYTES + 1)

    sender.publish(huge)

    assert quarantined(database, "OVERSIZED") == [huge]


def test_beyond_the_share_of_a_day_only_the_beginning_of_a_refusal_is_kept(
    broker: Any, database: str
) -> None:
    garbage = [bytes([number]) * 3000 for number in range(4)]
    prepared = make_ingest(broker, database, COLDGATE_INGEST_QUARANTINE_BYTES="7000")
    with prepared.running():
        register_logger(database)
        sender = Sender(broker, register_gateway(database, f"gw-{uuid4().hex[:8]}"))
        for payload in [*garbage, garbage[0]]:
            sender.publish(payload)
        sender.publish(sender.gateway.signed())
        assert sender.acknowledged(1)
        sender.close()

    cut = [payload[:1024] for payload in garbage[2:]]
    assert quarantined(database, "UNREADABLE") == garbage[:2] + cut
    assert fetch(database, "SELECT cut_from FROM quarantine") == [None, None, 3000, 3000]
    share = fetch(database, "SELECT kept_bytes, cut FROM quarantine_share")
    assert share == [(8048, 2)]


def test_badly_signed_message_is_quarantined_and_its_number_stays_open(
    sender: Sender, database: str
) -> None:
    good = sender.gateway.signed()
    bad = good[:-1] + bytes([good[-1] ^ 1])

    sender.publish(bad)
    assert quarantined(database, "SIGNATURE_INVALID") == [bad]
    assert sender.upto == 0
    sender.publish(good)

    assert sender.acknowledged(1)


def test_message_signed_for_another_gateway_is_refused(sender: Sender, database: str) -> None:
    victim = register_gateway(database, f"gw-{uuid4().hex[:8]}")

    sender.publish(victim.signed())

    assert len(quarantined(database, "SENDER_MISMATCH")) == 1
    assert fetch(database, "SELECT count(*) FROM message") == [0]


def test_gateway_that_claims_to_be_another_in_its_payload_is_refused(
    sender: Sender, database: str
) -> None:
    sender.publish(sender.gateway.signed(gateway="gw-other"))

    assert len(quarantined(database, "SENDER_MISMATCH")) == 1


def test_sender_that_is_not_registered_is_quarantined(
    broker: Any, database: str, sender: Sender
) -> None:
    stranger = Gateway(f"gw-{uuid4().hex[:8]}", sender.gateway.key)
    connected = Sender(broker, stranger)

    connected.publish(stranger.signed())

    assert len(quarantined(database, "GATEWAY_UNKNOWN")) == 1
    connected.close()


def test_revocation_counts_for_the_next_message(sender: Sender, database: str) -> None:
    sender.publish(sender.gateway.signed())
    assert sender.acknowledged(1)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE gateway SET revoked_at = now()")

    sender.publish(sender.gateway.signed(number=2))

    assert len(quarantined(database, "GATEWAY_REVOKED")) == 1


def test_unexpected_topic_is_quarantined(sender: Sender, database: str) -> None:
    sender.publish(b"{}", leaf="up/d/unheard-of")

    assert quarantined(database, "TOPIC_UNKNOWN") == [b"{}"]


def test_unknown_logger_is_refused_while_its_neighbour_is_stored(
    sender: Sender, database: str
) -> None:
    blocks = (make_block(serial="STRANGER"), make_block())

    sender.publish(sender.gateway.signed(blocks=blocks))

    assert sender.acknowledged(1)
    assert len(stored_values(database)) == 3
    assert fetch(database, "SELECT code, serial FROM quarantine") == [
        ("LOGGER_UNKNOWN", "STRANGER")
    ]
    assert sender.rejection("LOGGER_UNKNOWN")


def test_number_far_ahead_is_refused_for_it_would_leave_a_hole(
    sender: Sender, database: str
) -> None:
    sender.publish(sender.gateway.signed(number=100_001))
    sender.publish(sender.gateway.signed(number=1))

    assert sender.acknowledged(1)
    assert sender.rejection("NUMBER_AHEAD")
    assert fetch(database, "SELECT received::text FROM stream") == ["{[1,2)}"]


def test_more_refusals_than_an_answer_holds_are_told_in_parts(sender: Sender) -> None:
    strangers = tuple(make_block((51,), serial=f"STRANGER-{i}") for i in range(600))

    sender.publish(sender.gateway.signed(blocks=strangers))

    assert sender.acknowledged(1)
    told = [(one.stream, len(one.rejected)) for one in sender.acknowledgements]
    assert told == [("", 500), ("stream-1", 100)]


def test_readings_from_the_future_are_refused_the_others_kept(
    sender: Sender, database: str
) -> None:
    offsets = np.array([0, 7 * MINUTE_MS], np.uint32)
    block = make_block([51, 52], base_ms=now_ms(), offsets_ms=offsets)

    sender.publish(sender.gateway.signed(blocks=(block,)))

    assert sender.acknowledged(1)
    assert stored_values(database) == [5100]
    assert fetch(database, "SELECT code FROM quarantine") == ["TIME_AHEAD"]


def test_clock_of_a_gateway_that_is_ahead_moves_no_reading(sender: Sender, database: str) -> None:
    ahead = ClockPair(logger_ms=now_ms(), gateway_ms=now_ms() + 7 * MINUTE_MS)

    sender.publish(sender.gateway.signed(blocks=(make_block(clock=ahead),)))

    assert sender.acknowledged(1)
    assert len(stored_values(database)) == 3
    assert fetch(database, "SELECT count(*) FROM clock_pair") == [0]
    assert quarantined(database, "TIME_AHEAD")


def test_instant_without_value_keeps_its_sequence_number(sender: Sender, database: str) -> None:
    block = make_block([51, -32768])

    sender.publish(sender.gateway.signed(blocks=(block,)))

    assert sender.acknowledged(1)
    rows = fetch(database, "SELECT sequence, value, flags FROM reading ORDER BY sequence")
    assert rows == [(1, 5100, 0), (2, -(2**31), 2)]


def test_columnar_json_is_taken_from_people(sender: Sender, database: str) -> None:
    payload = wire.encode_json(wire.decode_message(_unsigned(sender)))

    sender.publish(payload, leaf=wire.UP_JSON)

    assert sender.acknowledged(1)
    assert fetch(database, "SELECT signed FROM message") == [False]


def _unsigned(sender: Sender) -> bytes:
    from coldgate.crypto import open_envelope  # noqa: PLC0415 - only this story needs it

    return open_envelope(sender.gateway.signed()).payload


def test_status_of_a_gateway_is_kept(sender: Sender, database: str) -> None:
    sender.publish(b'{"buffered": 0}', leaf=wire.UP_STATUS)

    assert wait_until(
        lambda: fetch(database, "SELECT body FROM gateway_status") == [{"buffered": 0}], seconds=10
    )


def test_status_that_the_database_cannot_hold_is_quarantined(sender: Sender, database: str) -> None:
    sender.publish(b'{"text": "\\u0000"}', leaf=wire.UP_STATUS)
    sender.publish(sender.gateway.signed())

    assert sender.acknowledged(1)
    assert len(quarantined(database, "STORAGE_REFUSED")) == 1


@on_both
def test_readings_of_many_years_find_their_place(sender: Sender, database: str) -> None:
    day = 86_400_000
    offsets = np.arange(48, dtype=np.uint32) * day
    block = make_block([40] * 48, base_ms=now_ms() - 2000 * day, offsets_ms=offsets)

    sender.publish(sender.gateway.signed(blocks=(block,)))

    assert sender.acknowledged(1)
    assert len(stored_values(database)) == 48


def test_what_a_killed_ingest_had_in_hand_comes_again(broker: Any, plain_database: str) -> None:
    register_logger(plain_database)
    gateway = register_gateway(plain_database, f"gw-{uuid4().hex[:8]}")
    sender = Sender(broker, gateway)
    ingest = make_ingest(broker, plain_database)
    messages = [
        gateway.signed(
            number=n, blocks=(make_block([50 + n], base_ms=n * MINUTE_MS + now_ms() - 10**8),)
        )
        for n in range(1, 61)
    ]
    with ingest.running() as process:
        for payload in messages[:30]:
            sender.publish(payload)
        process.kill()
        process.wait(10)
        for payload in messages[30:]:
            sender.publish(payload)

    with ingest.running():
        assert sender.acknowledged(60, seconds=30)

    sender.close()
    assert stored_values(plain_database) == [(50 + n) * 100 for n in range(1, 61)]


def test_wrong_settings_are_named_and_stop_the_process() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COLDGATE_")}

    done = subprocess.run(
        [sys.executable, "-m", "ingest"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "COLDGATE_DATABASE_DSN: Field required" in done.stderr


def test_metrics_port_of_another_program_is_one_line_and_stops_the_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        told = {
            "COLDGATE_DATABASE_DSN": "postgresql://nowhere",
            "COLDGATE_BROKER_PASSWORD": "-",
            "COLDGATE_INGEST_METRICS_PORT": str(other.getsockname()[1]),
        }

        done = subprocess.run(
            [sys.executable, "-m", "ingest"],
            env=os.environ | told,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr.startswith("metrics cannot be served on 127.0.0.1:")


def test_series_of_another_quantity_makes_another_channel(sender: Sender, database: str) -> None:
    from coldgate.model import Quantity  # noqa: PLC0415 - only this story needs it

    humidity = make_series((400, 410, 420), quantity=Quantity.HUMIDITY)
    block = make_block(series=(make_series(), humidity))

    sender.publish(sender.gateway.signed(blocks=(block,)))

    assert sender.acknowledged(1)
    assert fetch(database, "SELECT quantity FROM channel ORDER BY 1") == [1, 2]
    assert len(stored_values(database)) == 6
