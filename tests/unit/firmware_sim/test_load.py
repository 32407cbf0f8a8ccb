"""Messages for load: contiguous, signed, the same for the same seed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coldgate.crypto import open_envelope, verify
from coldgate.wire import decode_message
from firmware_sim.load import LoadPlan, signed_messages

if TYPE_CHECKING:
    from coldgate.model import Message

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def a_plan(**fields: int) -> LoadPlan:
    return LoadPlan(gateway="gw-0001", loggers=3, messages=8, block_readings=10, **fields)


def opened(plan: LoadPlan) -> list[Message]:
    """Messages of ``plan`` after their signature was checked."""
    envelopes = [open_envelope(signed) for signed in signed_messages(plan, key=KEY)]
    for envelope in envelopes:
        verify(envelope, KEY.public_key())
    assert {envelope.key_id for envelope in envelopes} == {"gw-0001"}
    return [decode_message(envelope.payload) for envelope in envelopes]


def test_messages_are_signed_and_numbered_without_holes() -> None:
    messages = opened(a_plan())

    assert [message.number for message in messages] == list(range(1, 9))
    assert {message.gateway for message in messages} == {"gw-0001"}


def test_each_logger_counts_without_holes_and_its_time_goes_on() -> None:
    plan = a_plan(message_blocks=2)
    sequences: dict[str, list[int]] = defaultdict(list)
    stamps: dict[str, list[int]] = defaultdict(list)

    for message in opened(plan):
        for block in message.blocks:
            sequences[block.serial] += range(block.first_sequence, block.first_sequence + 10)
            stamps[block.serial] += (block.base_ms + block.offsets_ms.astype(int)).tolist()
    assert set(sequences) == set(plan.serials)
    assert sum(len(numbers) for numbers in sequences.values()) == plan.readings
    for serial, numbers in sequences.items():
        assert numbers == list(range(1, len(numbers) + 1))
        assert stamps[serial] == [plan.begin_ms + 1_000 * (n - 1) for n in numbers]


def test_readings_stay_within_the_clean_range() -> None:
    for message in opened(a_plan()):
        for block in message.blocks:
            values = block.series[0].values
            assert 35 <= values.min() <= values.max() <= 65


def test_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    one, again, other = (list(signed_messages(a_plan(seed=seed), key=KEY)) for seed in (1, 1, 2))

    assert one == again != other
