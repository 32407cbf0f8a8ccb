from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coldgate import crypto, wire
from coldgate.errors import OutboxFullError, SettingsError
from coldgate.model import Acknowledgement, Block, Message, Quantity, Rejection, Series
from gateway.blocks import Arrival
from gateway.capacity import HOUR_MS, Capacity
from gateway.outbox import Outbox, Packing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW_MS = 1_700_000_000_000
KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def make_outbox(tmp_path: Path) -> Any:
    """Opens outboxes on one file, and closes them at the end."""
    opened: list[Outbox] = []

    def make(**changes: Any) -> Outbox:
        for outbox in opened:
            outbox.close()
        chosen = {"gateway": "gw-0001", **changes}
        opened.append(Outbox(tmp_path / "outbox.sqlite3", **chosen))
        return opened[-1]

    yield make
    for outbox in opened:
        outbox.close()


def seal(message: Message) -> bytes:
    return crypto.sign(wire.encode_message(message), key=KEY, key_id=message.gateway)


def reading(
    *, serial: str = "A1", first: int = 1, count: int = 1, numbered: bool = True, **changes: Any
) -> Arrival:
    fields: dict[str, Any] = {
        "serial": serial,
        "first_sequence": first,
        "base_ms": NOW_MS + first * 1_000,
        "offsets_ms": (np.arange(count) * 1_000).astype(np.uint32),
        "series": (temperatures(np.arange(first, first + count)),),
    }
    return Arrival(block=Block(**(fields | changes)), numbered=numbered)


def temperatures(values: Any) -> Series:
    return Series(
        quantity=Quantity.TEMPERATURE, sensor=0, exponent=-2, values=np.array(values, np.int16)
    )


def fill(outbox: Outbox, *, count: int, step_ms: int = 0) -> OutboxFullError:
    """Store ``count`` readings every ``step_ms`` until there is no room; the refusal."""
    for step in range(10_000):
        try:
            outbox.store(
                [reading(first=1 + step * count, count=count)], now_ms=NOW_MS + step * step_ms
            )
        except OutboxFullError as refusal:
            return refusal
    raise AssertionError("the outbox never refused")


def pack(outbox: Outbox, *, now_ms: int = NOW_MS, flush: bool = True, **packing: int) -> int:
    return outbox.pack(seal, now_ms=now_ms, packing=Packing(**packing), flush=flush)


def contents(outbox: Outbox, number: int) -> Message:
    found = outbox.next_message(number - 1)
    assert found is not None
    return wire.decode_message(crypto.open_envelope(found[1]).payload)


def acknowledge(outbox: Outbox, upto: int, *rejected: Rejection) -> int:
    body = Acknowledgement(stream=outbox.stream, upto=upto, rejected=rejected)
    return outbox.acknowledge(body, now_ms=NOW_MS)


def test_stored_readings_are_there_after_reopening(make_outbox: Callable[[], Outbox]) -> None:
    make_outbox().store([reading(count=7)], now_ms=NOW_MS)

    assert make_outbox().readings == 7


def test_stream_stays_and_a_new_file_is_a_new_stream(make_outbox: Any, tmp_path: Path) -> None:
    first = make_outbox().stream
    other = Outbox(tmp_path / "other.sqlite3", gateway="gw-0001")

    assert make_outbox().stream == first != other.stream
    other.close()


def test_outbox_of_another_gateway_is_refused(make_outbox: Any) -> None:
    make_outbox(gateway="gw-0001")

    with pytest.raises(SettingsError, match="the outbox of gw-0001, not of gw-0002"):
        make_outbox(gateway="gw-0002")


def test_outbox_in_use_is_refused(make_outbox: Any, tmp_path: Path) -> None:
    make_outbox()

    with pytest.raises(SettingsError, match="in use"):
        Outbox(tmp_path / "outbox.sqlite3", gateway="gw-0001")


def test_redelivered_readings_are_stored_once(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(first=1, count=10)], now_ms=NOW_MS)

    stored = outbox.store([reading(first=6, count=10)], now_ms=NOW_MS)

    assert (stored[0].upto_sequence, stored[0].new_readings, outbox.readings) == (15, 5, 15)


def test_redelivery_is_recognised_after_the_server_has_the_readings(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(count=10)], now_ms=NOW_MS)
    pack(outbox)
    acknowledge(outbox, 1)

    outbox.store([reading(count=10)], now_ms=NOW_MS)

    assert outbox.readings == 0


def test_another_value_for_a_stored_reading_is_kept(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(series=(temperatures([500]),))], now_ms=NOW_MS)

    outbox.store([reading(series=(temperatures([501]),))], now_ms=NOW_MS)

    assert outbox.readings == 2


def test_sequence_numbers_that_begin_anew_are_not_taken_for_redelivery(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(count=10)], now_ms=NOW_MS)

    outbox.store([reading(count=10, base_ms=NOW_MS + 10**8)], now_ms=NOW_MS)

    assert outbox.readings == 20


def test_unnumbered_readings_get_contiguous_numbers_across_restarts(make_outbox: Any) -> None:
    arrivals = [reading(first=i, count=3, numbered=False) for i in (1, 4, 7)]

    stored = [make_outbox().store([arrival], now_ms=NOW_MS)[0] for arrival in arrivals]

    assert [(s.first_sequence, s.upto_sequence) for s in stored] == [(1, 3), (4, 6), (7, 9)]


def test_either_all_blocks_of_a_group_are_stored_or_none(make_outbox: Any) -> None:
    outbox = make_outbox()
    broken = reading(offsets_ms=np.array([], np.uint32), series=())

    with pytest.raises(ValueError, match="min"):
        outbox.store([reading(), broken], now_ms=NOW_MS)

    assert make_outbox().readings == outbox.readings == 0


def test_few_young_readings_wait_and_old_or_many_are_packed(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(count=5)], now_ms=NOW_MS)

    assert pack(outbox, now_ms=NOW_MS + 999, flush=False, enough=6) == 0
    assert pack(outbox, now_ms=NOW_MS + 1_000, flush=False, enough=6) == 1
    outbox.store([reading(first=6, count=6)], now_ms=NOW_MS + 1_000)
    assert pack(outbox, now_ms=NOW_MS + 1_000, flush=False, enough=6) == 1


def test_message_numbers_are_contiguous_from_1_across_restarts(make_outbox: Any) -> None:
    for first in (1, 2, 3):
        outbox = make_outbox()
        outbox.store([reading(first=first)], now_ms=NOW_MS)
        pack(outbox)

    assert [contents(outbox, n).number for n in (1, 2, 3)] == [1, 2, 3]
    assert outbox.next_message(3) is None


def test_resend_after_a_restart_is_byte_for_byte_the_same(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(count=10)], now_ms=NOW_MS)
    pack(outbox)
    before = outbox.next_message(0)

    assert make_outbox().next_message(0) == before


def test_neighbouring_blocks_of_one_logger_become_one(make_outbox: Any) -> None:
    outbox = make_outbox()
    for first in range(1, 101, 10):
        outbox.store([reading(serial=s, first=first, count=10) for s in ("A1", "B2")], now_ms=1)
    pack(outbox)

    assert [(b.serial, b.count) for b in contents(outbox, 1).blocks] == [("A1", 100), ("B2", 100)]


def test_message_never_exceeds_the_limits_of_the_wire(make_outbox: Any) -> None:
    outbox = make_outbox()
    arrivals = [reading(serial=f"S{i}", count=2) for i in range(1_500)]
    outbox.store(arrivals, now_ms=NOW_MS)
    pack(outbox, most=10_000, messages=99)

    messages = [contents(outbox, n) for n in range(1, outbox.messages + 1)]
    assert sum(len(message.blocks) for message in messages) == 1_500
    assert all(len(message.blocks) <= wire.MAX_BLOCKS for message in messages)
    assert all(len(seal(message)) <= wire.MAX_MESSAGE_BYTES for message in messages)


def test_block_that_the_server_will_refuse_travels_alone(make_outbox: Any) -> None:
    outbox = make_outbox()
    lost_clock = reading(serial="B2", base_ms=0)
    outbox.store([reading(serial="A1"), lost_clock, reading(serial="C3")], now_ms=NOW_MS)
    pack(outbox)

    serials = [[b.serial for b in contents(outbox, n).blocks] for n in (1, 2, 3)]
    assert serials == [["A1"], ["B2"], ["C3"]]


def test_acknowledgement_deletes_up_to_its_number_and_no_further(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(first=i) for i in range(1, 6)], now_ms=NOW_MS)
    pack(outbox, most=1, enough=1)

    assert acknowledge(outbox, 3) == 3
    assert (outbox.readings, contents(outbox, 1).number) == (2, 4)


def test_acknowledgement_of_another_stream_deletes_nothing(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading()], now_ms=NOW_MS)
    pack(outbox)

    outbox.acknowledge(Acknowledgement(stream="ffff0000", upto=1), now_ms=NOW_MS)

    assert outbox.readings == 1


def test_old_copy_of_an_outbox_begins_a_new_stream_with_what_it_holds(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(count=600)], now_ms=NOW_MS)
    pack(outbox)
    spent = outbox.stream

    acknowledge(outbox, 7)  # the server knows more of this stream than its own file does
    pack(outbox)

    assert outbox.stream != spent
    assert [b.count for b in contents(outbox, 1).blocks] == [600]


def test_database_that_forgot_what_it_acknowledged_gets_a_new_stream(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(count=600), reading(first=601, count=600)], now_ms=NOW_MS)
    pack(outbox, most=600)
    acknowledge(outbox, 1)
    forgotten = outbox.stream

    acknowledge(outbox, 0)  # as a restored backup does, for ever: message 1 is gone here
    pack(outbox)

    assert outbox.stream != forgotten
    assert [b.first_sequence for b in contents(outbox, 1).blocks] == [601]


def test_message_under_a_spent_number_is_not_taken_for_committed(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(count=600), reading(first=601, count=600)], now_ms=NOW_MS)
    pack(outbox, most=600)
    spent, digest = outbox.stream, crypto.sha256_hex(outbox.next_message(0)[1])

    reused = Rejection(code="NUMBER_REUSED", sha256=digest)
    refusal = Acknowledgement(stream="", upto=0, rejected=(reused,))
    outbox.acknowledge(refusal, now_ms=NOW_MS)
    outbox.acknowledge(Acknowledgement(stream=spent, upto=1), now_ms=NOW_MS)

    assert outbox.stream != spent
    assert outbox.readings == 1200


def test_refused_message_is_kept_with_its_bytes(make_outbox: Any, tmp_path: Path) -> None:
    outbox = make_outbox()
    outbox.store([reading()], now_ms=NOW_MS)
    pack(outbox)
    payload = outbox.next_message(0)[1]
    digest = crypto.sha256_hex(payload)

    acknowledge(outbox, 1, Rejection(code="LOGGER_UNKNOWN", sha256=digest, number=1, serial="A1"))

    assert outbox.depth().rejected == {"LOGGER_UNKNOWN": 1}
    with sqlite3.connect(tmp_path / "outbox.sqlite3") as connection:
        assert connection.execute("SELECT payload FROM rejected").fetchall() == [(payload,)]
    connection.close()


def test_rejected_messages_are_bounded_and_the_pruned_ones_counted(make_outbox: Any) -> None:
    outbox = make_outbox(keep_rejected=2)
    outbox.store([reading(first=i) for i in range(1, 6)], now_ms=NOW_MS)
    pack(outbox, most=1, enough=1)

    acknowledge(outbox, 5, *(Rejection(code="X_Y", sha256="", number=n) for n in range(1, 6)))

    depth = outbox.depth()
    assert (depth.rejected, depth.rejected_pruned) == ({"X_Y": 2}, 3)


def test_refusal_without_a_number_leaves_the_message_in_place(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading()], now_ms=NOW_MS)
    pack(outbox)
    rejection = Rejection(
        code="SIGNATURE_INVALID", sha256=crypto.sha256_hex(outbox.next_message(0)[1])
    )

    outbox.acknowledge(Acknowledgement(stream="", upto=0, rejected=(rejection,)), now_ms=NOW_MS)

    depth = outbox.depth()
    assert (depth.messages, depth.unsettled, depth.rejected) == (1, {"SIGNATURE_INVALID": 1}, {})


def test_outage_longer_than_the_capacity_is_refused_and_nothing_lost(make_outbox: Any) -> None:
    outbox = make_outbox(capacity=Capacity(hours=2))

    refusal = fill(outbox, count=10, step_ms=HOUR_MS)

    assert outbox.readings == refusal.stored == refusal.capacity == 30
    assert outbox.depth().refused == 1


def test_byte_limit_is_kept_and_sending_still_works(make_outbox: Any) -> None:
    outbox = make_outbox(capacity=Capacity(max_bytes=300_000))
    refusal = fill(outbox, count=500)
    assert outbox.readings == refusal.stored

    pack(outbox, messages=99)
    acknowledge(outbox, outbox.messages)

    assert outbox.readings == 0
    assert outbox.store([reading(serial="B2", count=10)], now_ms=NOW_MS)[0].new_readings == 10


def test_memory_of_redelivered_readings_is_bounded(make_outbox: Any, tmp_path: Path) -> None:
    outbox = make_outbox()
    for first in range(1, 30_001, 3_000):
        outbox.store([reading(first=first, count=3_000)], now_ms=NOW_MS)

    outbox.close()
    with sqlite3.connect(tmp_path / "outbox.sqlite3") as connection:
        assert connection.execute("SELECT count(*) FROM known").fetchone()[0] <= 2 * 4_096
    connection.close()


def test_commit_returns_only_when_the_disk_has_it(make_outbox: Any) -> None:
    connection = make_outbox()._connection

    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_disk_without_the_reserve_is_full(make_outbox: Any) -> None:
    outbox = make_outbox(capacity=Capacity(reserve_bytes=2**60))

    with pytest.raises(OutboxFullError, match="the disk has no room"):
        outbox.store([reading()], now_ms=NOW_MS)

    assert make_outbox().readings == 0


def test_write_that_the_disk_refuses_changes_nothing(make_outbox: Any) -> None:
    outbox = make_outbox()
    outbox.store([reading(count=10)], now_ms=NOW_MS)
    outbox._connection.execute("PRAGMA max_page_count = 1")  # SQLite answers as on a full disk

    refusal = fill(outbox, count=500)

    assert outbox.readings == refusal.stored
    assert make_outbox().readings == refusal.stored
