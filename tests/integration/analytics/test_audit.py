"""The evidence behind an evaluation: messages as they were sent, readings as they say."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest
from factories import (
    fetch,
    make_block,
    make_message,
    make_series,
    now_ms,
    register_gateway,
    register_logger,
)

from analytics.job import patrol
from analytics.job.audit import Auditor
from analytics.job.patrol import Patrol
from coldgate import wire
from coldgate.model import ClockPair
from coldgate.storage import evidence
from coldgate.storage.connection import connect
from coldgate.storage.timescale import TimeTables, detect
from ingest.delivery import Delivery
from ingest.prepare import prepare
from ingest.writer import write_batch

if TYPE_CHECKING:
    from factories import Gateway

pytestmark = pytest.mark.database

NEVER_AUDITED = """
    UPDATE audit_progress SET through_message = 500;
    INSERT INTO message (id, stream_id, number, received_at, signed, payload)
    VALUES (99, 1, 99, now(), true, '');
    INSERT INTO reading VALUES (1, now() - interval '1 minute', 1, 0, 9, 99)"""
JSON_TOPIC = str(wire.Topic("p00", "gw-0001", wire.UP_JSON))


@dataclass
class Scene:
    """A consignment with one logger behind one gateway, and what was found about its evidence."""

    dsn: str
    gateway: Gateway
    logger: int
    numbers: list[int] = field(default_factory=list)

    def take(self, *payloads: bytes, topic: str | None = None) -> None:
        """Have ingest store what the gateway sent."""
        moment = {"received_at": datetime.now(UTC), "packet_id": 1, "qos": 1, "generation": 1}
        topic = topic or self.gateway.topic
        deliveries = [Delivery(topic=topic, payload=one, **moment) for one in payloads]
        with connect(self.dsn, "coldgate_ingest", autocommit=True) as connection:
            prepared = prepare(connection, deliveries)
            with connection.transaction():
                write_batch(connection, prepared, TimeTables(detect(connection)))

    def send(self, *values: int, **fields: Any) -> None:
        self.numbers.append(len(self.numbers) + 1)
        block = make_block(values, **fields) if values else make_block(**fields)
        self.take(self.gateway.signed(number=self.numbers[-1], blocks=(block,)))

    def execute(self, statement: str, *parameters: object) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement, parameters or None)  # type: ignore[arg-type]  # written here

    def tamper(self, statement: str) -> None:
        """What the database's owner can do: no trigger sees it."""
        self.execute(f"SET session_replication_role = replica; {statement}")

    def judged(self, *, entered: bool = True) -> None:
        """A final evaluation of everything that is there."""
        body = b'{"evaluation":1}'
        version = "(SELECT coalesce(max(version), 0) + 1 FROM evaluation)"
        self.execute(
            "INSERT INTO evaluation (consignment_id, version, verdict, provisional,"
            " with_excursions, profile_id, profile_version, engine, input_digest, body,"
            f" snapshot) SELECT 'con-1', {version}, 'PASS', false, false, 'P', 1, '1', '-', %s,"
            " pg_current_snapshot()",
            body,
        )
        if entered:
            self.execute(
                "SELECT append_ledger('analytics', 'evaluation', 'consignment/con-1/evaluation/'"
                " || max(version), %s) FROM evaluation",
                body,
            )

    def audit(self) -> tuple[int, int, int, list[str]]:
        """Messages, broken, unsigned and problems behind the newest evaluation."""
        with connect(self.dsn, "coldgate_analytics", autocommit=True) as connection:
            Auditor(self.dsn, threading.Event()).audit(connection, evidence.due(connection))
            found = evidence.fetch_audit(connection, "con-1")
        assert found is not None
        return found.messages, found.broken, found.unsigned, found.problems

    def look_again(self) -> list[str]:
        """What is found a day later, in as many steps as it takes."""
        self.execute("UPDATE evidence_watch SET due_at = now()")
        again = Patrol()
        with connect(self.dsn, "coldgate_analytics", autocommit=True) as connection:
            while again.step(connection):
                pass
        return fetch(self.dsn, "SELECT problem FROM evidence_relapse ORDER BY id")


@pytest.fixture
def scene(database: str) -> Scene:
    gateway = register_gateway(database)
    logger = register_logger(database)
    made = Scene(database, gateway, logger)
    made.execute(
        "INSERT INTO profile (id, version, digest, body) VALUES ('P', 1, '', '{}');"
        "INSERT INTO consignment (id, consignor_id, consignee_id)"
        " VALUES ('con-1', 'carrier-1', 'carrier-1');"
        "INSERT INTO placement (consignment_id, logger_id, placed_at)"
        " VALUES ('con-1', 1, now() - interval '1 hour')"
    )
    return made


def test_messages_that_are_as_they_were_sent_are_counted(scene: Scene) -> None:
    scene.send(51, 52, 53)
    scene.send(54, first_sequence=4, base_ms=now_ms() - 30_000)
    scene.judged()

    assert scene.audit() == (2, 0, 0, [])


def test_message_is_looked_at_once(scene: Scene) -> None:
    scene.send(51)
    scene.judged()
    scene.audit()
    before = fetch(scene.dsn, "SELECT message_id, audited_at FROM audited_message")
    scene.send(52, first_sequence=2, base_ms=now_ms() - 30_000)
    scene.judged()

    assert scene.audit() == (2, 0, 0, [])
    after = fetch(scene.dsn, "SELECT message_id, audited_at FROM audited_message ORDER BY 1")
    assert after[0] == before[0]
    assert fetch(scene.dsn, "SELECT count(*) FROM evidence_audit") == [2]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE reading SET value = 5001 WHERE sequence = 2", "does not say"),
        ("UPDATE reading SET flags = 2 WHERE sequence = 2", "does not say"),
        ("UPDATE reading SET sequence = 9 WHERE sequence = 2", "does not say"),
        ("DELETE FROM reading WHERE sequence = 2", "are not stored"),
        ("DELETE FROM reading", "are not stored"),
        ("UPDATE reading SET message_id = 99, value = 1", "with other values"),
        (
            "UPDATE message SET payload = set_byte(payload, 99, get_byte(payload, 99) # 1)",
            "SIGNATURE_INVALID",
        ),
        ("UPDATE message SET payload = ''", "UNREADABLE"),
        ("UPDATE message SET signed = false", "UNREADABLE"),
        ("UPDATE message SET number = 7", "NUMBER_MISMATCH"),
        ("UPDATE message SET stream_id = 7", "GATEWAY_UNKNOWN"),
        ("DELETE FROM message", "readings of message 1, which never came"),
        (
            "INSERT INTO reading VALUES (1, now() - interval '1 minute', 1, 0, 9, 99)",
            "readings of message 99, which never came",
        ),
        ("UPDATE gateway SET public_key = repeat('A', 43)", "SIGNATURE_INVALID"),
        ("UPDATE clock_pair SET logger_ms = logger_ms - 7200000", "that it does not say"),
        ("UPDATE clock_pair SET message_id = 99", "clocks of message 99, which never came"),
        ("DELETE FROM clock_pair", "comparisons of clocks are not stored"),
        ("UPDATE evaluation SET body = '{}'", "entered in the ledger"),
    ],
)
def test_whatever_the_owner_of_the_database_changes_is_found(
    scene: Scene, statement: str, told: str
) -> None:
    clock = ClockPair(logger_ms=now_ms() - 5_000, gateway_ms=now_ms())
    scene.send(51, 52, 53, base_ms=now_ms() - 600_000, clock=clock)
    scene.judged()
    scene.tamper(statement)

    _, broken, _, problems = scene.audit()

    assert broken >= 1
    assert any(told in problem for problem in problems)


def test_what_no_message_brought_is_remembered_by_every_later_evaluation(scene: Scene) -> None:
    scene.send(51, 52, 53, base_ms=now_ms() - 600_000)
    scene.tamper("INSERT INTO reading VALUES (1, now() - interval '1 minute', 1, 0, 9, 99)")
    stray = "channel 1: readings of message 99, which never came"
    for _ in range(3):
        scene.judged()
        assert scene.audit() == (1, 1, 0, [stray])
    scene.tamper("DELETE FROM reading WHERE message_id = 99")
    scene.judged()

    assert scene.audit() == (1, 1, 0, [stray])
    assert fetch(scene.dsn, "SELECT consignment_id FROM relapse_due") == ["con-1"]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE reading SET value = 5001 WHERE sequence = 2", "does not say"),
        ("DELETE FROM message", "it is gone"),
        (
            "INSERT INTO clock_pair VALUES (1, 7, extract(epoch FROM now()) * 1000, 99)",
            "clocks of message 99, which never came",
        ),
        (
            "INSERT INTO reading VALUES (1, now() - interval '1 minute', 1, 0, 9, 99)",
            "readings of message 99, which never came",
        ),
        (NEVER_AUDITED, "readings of message 99, which never came"),
        ("UPDATE evaluation SET body = '{}'", "entered in the ledger"),
    ],
)
def test_what_the_owner_changes_after_the_audit_is_found_by_the_next_look(
    scene: Scene, statement: str, told: str
) -> None:
    scene.send(51, 52, 53, base_ms=now_ms() - 600_000)
    scene.judged()
    assert scene.audit() == (1, 0, 0, [])
    scene.tamper(statement)

    problems = scene.look_again()

    assert any(told in problem for problem in problems)
    assert scene.look_again() == problems  # told once
    scene.judged()
    assert scene.audit()[1] == 1  # and of every later evaluation
    assert fetch(scene.dsn, "SELECT consignment_id FROM relapse_due") == ["con-1"]


def test_message_that_came_after_the_last_audit_breaks_nothing(scene: Scene) -> None:
    scene.send(51, 52, 53, base_ms=now_ms() - 600_000)
    scene.judged()
    scene.audit()
    scene.send(54, first_sequence=4, base_ms=now_ms() - 30_000)

    assert scene.look_again() == []
    scene.judged()
    assert scene.audit() == (2, 0, 0, [])
    assert scene.look_again() == []


def test_whole_evidence_is_looked_at_again_while_goods_may_be_used(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patrol, "BATCH", 1)
    scene.execute(
        "INSERT INTO product (id, name, party_id) VALUES ('vial', 'Vial', 'carrier-1');"
        "INSERT INTO consignment_line (consignment_id, position, product_id, lot_number, quantity)"
        " VALUES ('con-1', 1, 'vial', 'A1', 1)"
    )
    for minute in range(2):
        scene.send(51, first_sequence=minute, base_ms=now_ms() - 600_000 + 60_000 * minute)
    scene.judged()
    scene.audit()

    assert scene.look_again() == []
    later = "SELECT due_at > now() + interval '23 hours' FROM evidence_watch"
    assert fetch(scene.dsn, later) == [True]
    scene.execute("UPDATE consignment_line SET state = 'in_transit'")
    scene.execute("UPDATE consignment_line SET state = 'quarantined'")
    scene.execute("UPDATE consignment_line SET state = 'rejected'")
    assert scene.look_again() == []
    assert fetch(scene.dsn, "SELECT FROM evidence_watch") == []


def test_goods_that_a_correction_puts_in_date_again_are_looked_at_again(scene: Scene) -> None:
    scene.execute(
        "INSERT INTO product (id, name, party_id) VALUES ('vial', 'Vial', 'carrier-1');"
        "INSERT INTO lot (product_id, number, expires_on) VALUES ('vial', 'A1', '2020-01-31');"
        "INSERT INTO consignment_line (consignment_id, position, product_id, lot_number, quantity)"
        " VALUES ('con-1', 1, 'vial', 'A1', 1)"
    )
    scene.send(51)
    scene.judged()
    scene.audit()
    scene.look_again()
    watched = [fetch(scene.dsn, "SELECT consignment_id FROM evidence_watch")]
    scene.execute(
        "INSERT INTO lot_correction (lot_id, expires_on, reason, corrected_by)"
        " SELECT id, '2199-12-31', '-', 'carrier-1' FROM lot"
    )
    watched.append(fetch(scene.dsn, "SELECT consignment_id FROM evidence_watch"))

    assert watched == [[], ["con-1"]]


def test_late_message_is_judged_though_the_owner_emptied_the_queue(scene: Scene) -> None:
    scene.judged()
    scene.send(99)
    scene.audit()
    scene.tamper("DELETE FROM touched")

    assert scene.look_again() == []
    assert fetch(scene.dsn, "SELECT consignment_id FROM touched") == ["con-1"]


def test_removal_is_judged_though_the_owner_emptied_the_queue(scene: Scene) -> None:
    scene.send(51)
    scene.judged()
    scene.execute("UPDATE placement SET removed_at = clock_timestamp()")
    scene.audit()
    scene.tamper("DELETE FROM touched")

    assert scene.look_again() == []
    assert fetch(scene.dsn, "SELECT consignment_id FROM touched") == ["con-1"]


def test_judgement_that_saw_everything_is_not_made_again(scene: Scene) -> None:
    scene.send(51)
    scene.judged()
    scene.audit()
    scene.tamper("DELETE FROM touched")

    assert scene.look_again() == []
    assert fetch(scene.dsn, "SELECT consignment_id FROM touched") == []


def test_evaluation_that_the_ledger_does_not_know_is_broken(scene: Scene) -> None:
    scene.judged(entered=False)

    assert scene.audit()[1] == 1


def test_message_without_signature_is_counted(scene: Scene) -> None:
    scene.take(wire.encode_json(make_message()), topic=JSON_TOPIC)
    scene.judged()

    assert scene.audit() == (1, 0, 1, [])


def test_what_came_twice_or_with_another_value_or_was_refused_is_no_fault(scene: Scene) -> None:
    begin = now_ms() - 600_000
    clock = ClockPair(logger_ms=begin, gateway_ms=begin + 1)
    ahead = ClockPair(logger_ms=begin, gateway_ms=now_ms() + 2 * wire.MAX_TIME_AHEAD_MS)
    odd = {"first_sequence": 3, "base_ms": begin + 120_000, "clock": clock}
    none = np.iinfo(np.int16).min
    scene.send(51, 52, 53, base_ms=begin, clock=clock)
    scene.send(53, 54, **odd)  # one of them came before
    scene.send(99, 54, **odd)  # with another value
    scene.send(60, serial="L-2", base_ms=begin, clock=clock)  # an unknown logger's
    scene.send(70, none, 71, base_ms=now_ms() + 120_000, first_sequence=9, clock=ahead)
    scene.send(80, 81, base_ms=now_ms() + wire.MAX_TIME_AHEAD_MS - 30_000, first_sequence=20)
    scene.send(
        series=(make_series((1, 2, 3)), make_series((4, 5, 6), sensor=1)),
        base_ms=begin + 300_000,
        first_sequence=30,
    )
    scene.judged()

    messages, broken, unsigned, problems = scene.audit()

    assert (broken, unsigned, problems) == (0, 0, [])
    assert messages == 6  # without that of the logger which nobody placed


def test_message_of_a_slow_transaction_is_not_passed_over(scene: Scene) -> None:
    auditor = Auditor(scene.dsn, threading.Event())
    with connect(scene.dsn, "coldgate_ingest") as slow:
        slow.execute("SELECT pg_current_xact_id()")
        number = slow.execute("SELECT nextval('message_id_seq')").fetchone()
        scene.send(51)
        with connect(scene.dsn, "coldgate_analytics", autocommit=True) as connection:
            for _ in range(3):
                auditor.audit(connection, [])
            through = fetch(scene.dsn, "SELECT through_message FROM audit_progress")
            slow.execute(
                "INSERT INTO message (id, stream_id, number, received_at, signed, payload)"
                " VALUES (%s, 1, 99, now(), true, '')",
                number,
            )
            slow.commit()
            auditor.audit(connection, [])

    query = "SELECT message_id FROM audited_message WHERE problem IS NOT NULL"
    assert fetch(scene.dsn, query) == list(number or ())
    assert through == [0]
    assert fetch(scene.dsn, "SELECT through_message FROM audit_progress") == [2]


def test_two_auditors_audit_everything_once(scene: Scene) -> None:
    for number in range(20):
        at = now_ms() - 600_000 + number * 10_000
        scene.send(51, first_sequence=number, base_ms=at)
    scene.judged()
    stop = threading.Event()
    auditors = [threading.Thread(target=Auditor(scene.dsn, stop).run) for _ in range(2)]

    for auditor in auditors:
        auditor.start()
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while not fetch(scene.dsn, "SELECT FROM evidence_audit") and datetime.now(UTC) < deadline:
        stop.wait(0.02)
    stop.set()
    for auditor in auditors:
        auditor.join()

    assert fetch(scene.dsn, "SELECT messages, broken FROM evidence_audit") == [(20, 0)]
