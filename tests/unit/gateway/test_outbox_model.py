"""Random sequences of operations on an outbox against a model of a few lines."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from coldgate import wire
from coldgate.model import Acknowledgement, Block, Message, Quantity, Series
from gateway.blocks import Arrival, sequences
from gateway.outbox import Outbox, Packing

NOW_MS = 1_700_000_000_000
SERIALS = ("A1", "B2")


def arrival_of(serial: str, first: int, count: int) -> Arrival:
    values = np.arange(first, first + count).astype(np.int16)
    block = Block(
        serial=serial,
        first_sequence=first,
        base_ms=NOW_MS + first,
        offsets_ms=np.arange(count).astype(np.uint32),
        series=(Series(quantity=Quantity.HUMIDITY, sensor=1, exponent=0, values=values),),
    )
    return Arrival(block=block, numbered=True)


def keys(message: Message) -> set[tuple[str, int]]:
    return {(b.serial, int(n)) for b in message.blocks for n in sequences(b)}


class OutboxMachine(RuleBasedStateMachine):
    """The model: which readings were confirmed, and which the server has."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "outbox.sqlite3"
        self.outbox = Outbox(self.path, gateway="gw-0001")
        self.confirmed: set[tuple[str, int]] = set()
        self.delivered: list[tuple[str, int]] = []
        self.bound: dict[int, bytes] = {}
        self.upto = 0

    @rule(serial=st.sampled_from(SERIALS), first=st.integers(1, 60), count=st.integers(1, 20))
    def store(self, serial: str, first: int, count: int) -> None:
        self.outbox.store([arrival_of(serial, first, count)], now_ms=NOW_MS)
        self.confirmed |= {(serial, n) for n in range(first, first + count)}

    @rule(flush=st.booleans(), most=st.integers(1, 40))
    def pack(self, *, flush: bool, most: int) -> None:
        packing = Packing(enough=15, most=most, messages=2)
        self.outbox.pack(wire.encode_message, now_ms=NOW_MS, packing=packing, flush=flush)

    @rule(step=st.integers(0, 3))
    def deliver(self, step: int) -> None:
        for _ in range(step):
            found = self.outbox.next_message(self.upto)
            if found is None:
                break
            self.upto, payload = found
            self.delivered += sorted(keys(wire.decode_message(payload)))
        acknowledgement = Acknowledgement(stream=self.outbox.stream, upto=self.upto)
        self.outbox.acknowledge(acknowledgement, now_ms=NOW_MS)

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.path, gateway="gw-0001")

    @invariant()
    def number_is_bound_to_its_bytes(self) -> None:
        number = 0
        while (found := self.outbox.next_message(number)) is not None:
            number, payload = found
            assert self.bound.setdefault(number, payload) == payload

    @invariant()
    def every_confirmed_reading_is_held_or_delivered_once(self) -> None:
        assert len(self.delivered) == len(set(self.delivered))
        assert self.outbox.readings + len(self.delivered) == len(self.confirmed)

    def teardown(self) -> None:
        self.outbox.pack(
            wire.encode_message, now_ms=NOW_MS, packing=Packing(messages=999), flush=True
        )
        self.deliver(999)
        assert set(self.delivered) == self.confirmed
        self.outbox.close()
        self.folder.cleanup()


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
