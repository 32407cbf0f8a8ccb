"""One message as the broker delivered it, before anything in it is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldgate.crypto import sha256_hex
from coldgate.instant import epoch_ms

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Topic, bytes and time of receipt, with what is needed to acknowledge it."""

    topic: str
    payload: bytes
    received_at: datetime
    packet_id: int
    qos: int
    generation: int  # of the connection it came over: acknowledge on that one or not at all

    @property
    def received_ms(self) -> int:
        """Time of receipt in ms since 1970 UTC."""
        return epoch_ms(self.received_at)

    @property
    def sha256(self) -> str:
        """Digest of the payload as sent, in hexadecimal."""
        return sha256_hex(self.payload)
