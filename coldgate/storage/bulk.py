"""Rows as arrays, and their binary COPY form built by numpy in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

POSTGRES_EPOCH_MS: Final = 946_684_800_000  # 2000-01-01 UTC, where binary timestamptz counts from

# COPY ... (FORMAT BINARY): signature, flags, header extension; then rows; then -1.
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_ROW: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("channel_id_bytes", ">i4"),
        ("channel_id", ">i4"),
        ("taken_at_bytes", ">i4"),
        ("taken_at", ">i8"),
        ("value_bytes", ">i4"),
        ("value", ">i4"),
        ("flags_bytes", ">i4"),
        ("flags", ">i2"),
        ("sequence_bytes", ">i4"),
        ("sequence", ">i8"),
        ("message_id_bytes", ">i4"),
        ("message_id", ">i8"),
    ]
)
_POINT: Final = np.dtype([("taken_at", ">i8"), ("value", ">i4"), ("flags", ">i2")])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Raw readings of one channel, one array a column, all of shape (n,), in no given order."""

    taken_ms: NDArray[np.int64]  # ms since 1970 UTC, by the logger's clock
    value: NDArray[np.int32]  # thousandths of the unit
    flags: NDArray[np.uint8]


def unpack_points(packed: bytes | None) -> Points:
    """The points whose binary stamps, values and flags PostgreSQL wrote one after the other."""
    rows = np.frombuffer(packed or b"", _POINT)
    return Points(
        taken_ms=rows["taken_at"].astype(np.int64) // 1000 + POSTGRES_EPOCH_MS,
        value=rows["value"].astype(np.int32),
        flags=rows["flags"].astype(np.uint8),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadingRows:
    """Rows of table ``reading``, one array a column, all of shape (n,)."""

    channel_id: NDArray[np.int32]
    taken_ms: NDArray[np.int64]  # ms since 1970 UTC
    value: NDArray[np.int32]  # thousandths of the unit
    flags: NDArray[np.int16]
    sequence: NDArray[np.int64]
    message_id: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.channel_id)

    def of_messages(self, ids: Mapping[int, int]) -> ReadingRows:
        """The rows whose ``message_id`` is a key of ``ids``, with its value in its place."""
        size = 1 + int(self.message_id.max()) if len(self) else 0
        stored = np.full(size, -1, np.int64)
        kept = [ordinal for ordinal in ids if ordinal < size]
        stored[kept] = [ids[ordinal] for ordinal in kept]
        renamed = stored[self.message_id]
        chosen = renamed >= 0
        return ReadingRows(
            channel_id=self.channel_id[chosen],
            taken_ms=self.taken_ms[chosen],
            value=self.value[chosen],
            flags=self.flags[chosen],
            sequence=self.sequence[chosen],
            message_id=renamed[chosen],
        )

    def as_copy(self) -> bytes:
        """The rows as PostgreSQL's binary COPY reads them."""
        rows = np.empty(len(self), _ROW)
        rows["fields"] = 6
        rows["channel_id_bytes"] = rows["value_bytes"] = 4
        rows["taken_at_bytes"] = rows["sequence_bytes"] = rows["message_id_bytes"] = 8
        rows["flags_bytes"] = 2
        rows["channel_id"] = self.channel_id
        rows["taken_at"] = (self.taken_ms - POSTGRES_EPOCH_MS) * 1000
        rows["value"] = self.value
        rows["flags"] = self.flags
        rows["sequence"] = self.sequence
        rows["message_id"] = self.message_id
        return b"".join((_HEADER, rows.tobytes(), _TRAILER))
