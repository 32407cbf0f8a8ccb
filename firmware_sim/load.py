"""Signed native messages in bulk, for load benchmarks: plausible, seeded, cheap to make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from coldgate.crypto import sign
from coldgate.model import Block, Message, Quantity, Series
from coldgate.wire import encode_message
from firmware_sim import noise
from firmware_sim.simulation import serial_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from numpy.typing import NDArray

_CELSIUS_STEPS = 50  # 5.0 °C in steps of 0.1
_SWING_STEPS = 15  # readings stay within 3.5 and 6.5 °C


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What one gateway sends: blocks of ``block_readings``, one logger after the other.

    A message holds ``message_blocks`` blocks of as many loggers; after the last logger comes the
    first one again with the readings that follow its last ones.
    """

    gateway: str
    loggers: int
    messages: int
    block_readings: int = 100
    message_blocks: int = 1
    stream: str = "load"
    serial_prefix: str = "LOAD"
    begin_ms: int = 1_767_225_600_000  # 2026-01-01T00:00:00Z
    interval_ms: int = 1_000
    seed: int = 7

    @property
    def readings(self) -> int:
        """Temperatures in all messages together."""
        return self.messages * self.message_blocks * self.block_readings

    @property
    def serials(self) -> tuple[str, ...]:
        """Serial numbers of the loggers, as the registry must know them."""
        return serial_numbers(self.serial_prefix, self.loggers)


def signed_messages(plan: LoadPlan, *, key: Ed25519PrivateKey) -> Iterator[bytes]:
    """Each message of ``plan``, numbered from 1, encoded and signed, ready to be published."""
    serials = plan.serials
    offsets = (np.arange(plan.block_readings) * plan.interval_ms).astype(np.uint32)
    for number in range(1, plan.messages + 1):
        turns = range((number - 1) * plan.message_blocks, number * plan.message_blocks)
        values = _temperatures(plan, turns)
        blocks = tuple(
            _block(plan, serials, turn, offsets, row)
            for turn, row in zip(turns, values, strict=True)
        )
        message = Message(
            gateway=plan.gateway,
            stream=plan.stream,
            number=number,
            sent_at_ms=max(block.base_ms for block in blocks) + int(offsets[-1]),
            blocks=blocks,
        )
        yield sign(encode_message(message), key=key, key_id=plan.gateway)


def _temperatures(plan: LoadPlan, turns: range) -> NDArray[np.int16]:
    """Values of these blocks, shape (blocks, block_readings)."""
    turn = np.arange(turns.start, turns.stop)[:, np.newaxis]
    jitter = noise.triangular(plan.seed, turn, np.arange(plan.block_readings))
    return (_CELSIUS_STEPS + np.rint(_SWING_STEPS * jitter)).astype(np.int16)


def _block(
    plan: LoadPlan,
    serials: tuple[str, ...],
    turn: int,
    offsets: NDArray[np.uint32],
    values: NDArray[np.int16],
) -> Block:
    """The ``turn``-th block of all, counted from 0."""
    done = (turn // plan.loggers) * plan.block_readings
    return Block(
        serial=serials[turn % plan.loggers],
        first_sequence=done + 1,
        base_ms=plan.begin_ms + done * plan.interval_ms,
        offsets_ms=offsets,
        series=(Series(quantity=Quantity.TEMPERATURE, sensor=0, exponent=-1, values=values),),
    )
