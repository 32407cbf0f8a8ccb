"""Whatever arrives, decoding ends with a message, a status or a coded refusal."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Final

import cbor2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from factories import Gateway, make_block, make_message

from coldgate import crypto, wire
from coldgate.storage.telemetry import GatewayEntry
from ingest.decoder import Accepted, Refused, Status, decode
from ingest.delivery import Delivery

GATEWAY: Final = Gateway("gw-0001", Ed25519PrivateKey.generate())
REGISTRY: Final = {
    GATEWAY.name: GatewayEntry(
        id=1,
        name=GATEWAY.name,
        party_id="carrier-1",
        partition=GATEWAY.partition,
        public_key=crypto.public_key_text(GATEWAY.key),
        revoked=False,
    )
}
MESSAGE: Final = make_message(blocks=(make_block(), make_block(flags=np.zeros(3, np.uint8))))
NATIVE: Final = wire.encode_message(MESSAGE)
REPORT: Final = b'{"a": 1, "b": [1.5, null], "c": {"d": "x"}}'
NASTY: Final = (
    cbor2.dumps(cbor2.CBORTag(5, [10**9, 1])),  # 2 ** 1,000,000,000
    cbor2.dumps(cbor2.CBORTag(35, "(a+)+$")),
    cbor2.dumps(cbor2.CBORTag(258, [[1]])),
    b"\xd8\x1c\xd8\x1d\x00",  # a shared reference to itself
    b"\x9b\x7f" + b"\xff" * 7,  # a list of 2 ** 63 entries
    b"\x5b\x7f" + b"\xff" * 7,
    b"[" * 300,
    b"9" * 5000,
    b"NaN",
    b"1e999",
    b'"\\ud800"',
    b"\xed\xa0\x80",
)


def mutated(payload: bytes, chance: random.Random) -> bytes:
    """The payload with one to four bytes flipped, cut out or replaced by something nasty."""
    made = bytearray(payload)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(made) + 1)
        made[at : at + chance.randint(0, 9)] = chance.choice((b"", chance.randbytes(1), *NASTY))
    return bytes(made)


def decoded(payload: bytes, leaf: str) -> Accepted | Refused | Status:
    delivery = Delivery(
        topic=str(wire.Topic(GATEWAY.partition, GATEWAY.name, leaf)),
        payload=payload,
        received_at=datetime.now(UTC),
        packet_id=1,
        qos=1,
        generation=1,
    )
    return decode(delivery, REGISTRY)


def signed(payload: bytes) -> bytes:
    return crypto.sign(payload, key=GATEWAY.key, key_id=GATEWAY.name)


@pytest.mark.parametrize("seed", range(4))
def test_no_bytes_make_the_decoder_fail(seed: int) -> None:
    chance = random.Random(seed)
    json = wire.encode_json(MESSAGE)

    for _ in range(500):
        decoded(mutated(signed(NATIVE), chance), wire.UP_READINGS)
        decoded(signed(mutated(NATIVE, chance)), wire.UP_READINGS)
        decoded(mutated(json, chance), wire.UP_JSON)
        decoded(mutated(REPORT, chance), wire.UP_STATUS)


def test_what_was_not_touched_is_accepted() -> None:
    assert isinstance(decoded(signed(NATIVE), wire.UP_READINGS), Accepted)
    assert isinstance(decoded(wire.encode_json(MESSAGE), wire.UP_JSON), Accepted)
    assert isinstance(decoded(REPORT, wire.UP_STATUS), Status)
