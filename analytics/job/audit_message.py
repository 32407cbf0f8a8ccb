"""One stored message beside the readings that are stored as its: signature and content."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from coldgate import crypto, wire
from coldgate.errors import WireError
from coldgate.instant import epoch_ms, from_epoch_ms
from coldgate.model import ReadingFlag

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from numpy.typing import NDArray

    from coldgate.model import Block, Message, Series
    from coldgate.storage.evidence import ChannelKey, ClockKey, StoredMessage

_INT32: Final = np.iinfo(np.int32)
NOTHING_STORED: Final = np.empty((0, 5), np.int64)
_KEY_COLUMNS: Final = 3  # stamp, value, flags: what makes a reading another one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What a message says of one quantity of one sensor; ``table`` as `evidence.stored` has it.

    Without what ingest refuses: readings from the future.
    """

    message_id: int
    key: ChannelKey
    table: NDArray[np.int64]

    @property
    def first_at(self) -> datetime:
        """The first stamp in time."""
        return from_epoch_ms(int(self.table[0, 0]))

    @property
    def last_at(self) -> datetime:
        """The last stamp in time."""
        return from_epoch_ms(int(self.table[-1, 0]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Account:
    """What a message says: readings, and how the clocks of loggers and gateway stood."""

    readings: list[Told]
    clocks: frozenset[ClockKey]


def account_of(message: StoredMessage) -> Account:
    """What a stored message says, believed as ingest believes it.

    Raises:
        WireError: it cannot be believed (any more).
    """
    decoded = _opened(message)
    if (decoded.gateway, decoded.stream) != (message.gateway, message.stream):
        raise WireError("SENDER_MISMATCH", "it is stored as another gateway's or stream's")
    if decoded.number != message.number:
        raise WireError("NUMBER_MISMATCH", f"it is number {decoded.number}, not {message.number}")
    horizon_ms = epoch_ms(message.received_at) + wire.MAX_TIME_AHEAD_MS
    told = [
        _told(message, block, series, horizon_ms=horizon_ms)
        for block in decoded.blocks
        for series in block.series
    ]
    clocks = (
        (message.party_id or "", block.serial, block.clock.logger_ms, block.clock.gateway_ms)
        for block in decoded.blocks
        if block.clock is not None and block.clock.gateway_ms <= horizon_ms
    )
    return Account(readings=[one for one in told if len(one.table)], clocks=frozenset(clocks))


def _opened(message: StoredMessage) -> Message:
    if message.gateway is None or message.public_key is None:
        raise WireError("GATEWAY_UNKNOWN", "no gateway is registered that sent it")
    if not message.signed:
        return wire.decode_json(message.payload)
    envelope = crypto.open_envelope(message.payload)
    if envelope.key_id != message.gateway:
        raise WireError("SENDER_MISMATCH", f"signed by {envelope.key_id}, not {message.gateway}")
    crypto.verify(envelope, _public_key(message.public_key))
    return wire.decode_message(envelope.payload)


@functools.lru_cache(maxsize=10_000)
def _public_key(text: str) -> Ed25519PublicKey:
    return crypto.public_key_from_text(text)


def _told(message: StoredMessage, block: Block, series: Series, *, horizon_ms: int) -> Told:
    milli, present = wire.to_milli(series)
    usable = present & (milli > _INT32.min) & (milli <= _INT32.max)
    flags = np.zeros(block.count, np.int64) if block.flags is None else block.flags
    table = np.column_stack(
        (
            block.taken_ms,
            np.where(usable, milli, _INT32.min),
            np.where(usable, flags, flags | ReadingFlag.FAULT).astype(np.int64),
            block.first_sequence + np.arange(block.count, dtype=np.int64),
            np.full(block.count, message.id, np.int64),
        )
    )
    table = table[table[:, 0] <= horizon_ms]
    key = (message.party_id or "", block.serial, series.sensor, int(series.quantity))
    ordered = table[np.argsort(table[:, 0], kind="stable")]
    return Told(message_id=message.id, key=key, table=ordered)


def clock_difference(
    message: int,
    told: AbstractSet[ClockKey],
    stored: Mapping[ClockKey, int],
    refused: AbstractSet[str],
) -> str | None:
    """What is stored of clocks otherwise than the message says, in words; None where nothing is.

    What came twice is stored as the first message's.
    """
    own = {key for key, brought_by in stored.items() if brought_by == message}
    if own - told:
        return f"{len(own - told)} comparisons of clocks are stored as its that it does not say"
    lost = [key for key in told - stored.keys() if key[1] not in refused]
    return f"{len(lost)} of its comparisons of clocks are not stored" if lost else None


def is_stored(told: Told, stored: NDArray[np.int64]) -> bool:
    """Whether exactly what the message says is stored in its span, and nothing else."""
    return np.array_equal(told.table, stored)


def difference(
    told: Told,
    stored: NDArray[np.int64],
    other: AbstractSet[tuple[int, int, int]],
    *,
    refused: bool,
) -> str | None:
    """What is stored otherwise than the message says, in words; None where nothing is.

    What came twice is stored as the first message's, and another value in ``other`` (S4). What
    ``refused`` says to be in quarantine need not be stored.
    """
    said = set(map(tuple, told.table.tolist()))
    rows = set(map(tuple, stored.tolist()))
    own = {row for row in rows if row[-1] == told.message_id}
    if own - said:
        return f"{len(own - said)} readings are stored as its that it does not say"
    known = {row[:_KEY_COLUMNS] for row in rows} | other
    stamps = {row[0] for row in rows}
    lost = [row for row in said if row[0] not in stamps]
    if lost and not refused:
        return f"{len(lost)} of its readings are not stored"
    changed = [row for row in said if row[0] in stamps and row[:_KEY_COLUMNS] not in known]
    return f"{len(changed)} of its readings are stored with other values" if changed else None
