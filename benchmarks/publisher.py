"""A publisher that costs next to nothing: MQTT 3.1.1 frames made beforehand, QoS 1, one window."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from benchmarks.house import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterable

WINDOW = 500  # publishes on their way without PUBACK


class Publisher:
    """One gateway's connection to the broker."""

    def __init__(self, host: str, port: int, gateway: str) -> None:
        self._topic = f"coldgate/v1/p00/{gateway}/up/readings".encode()
        self._socket = socket.create_connection((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._sent = self._confirmed = 0
        name = gateway.encode()
        fields = b"".join(_text(part) for part in (name, name, PASSWORD.encode()))
        self._socket.sendall(_frame(0x10, _text(b"MQTT") + b"\x04\xc2\x00\x00" + fields))
        answer = self._socket.recv(4)
        assert answer[0] == 0x20
        assert answer[3] == 0, f"broker refused: {answer!r}"

    def publish(self, payload: bytes) -> None:
        """Send one message; waits for room in the window."""
        while self._sent - self._confirmed >= WINDOW:
            self._read()
        packet_id = self._sent % 65_535 + 1
        self._sent += 1
        body = _text(self._topic) + struct.pack(">H", packet_id) + payload
        self._socket.sendall(_frame(0x32, body))

    def publish_all(self, payloads: Iterable[bytes]) -> None:
        """Send all of them and wait for every PUBACK."""
        for payload in payloads:
            self.publish(payload)
        while self._confirmed < self._sent:
            self._read()

    def close(self) -> None:
        """Leave without a word, as a gateway does whose link is cut."""
        self._socket.close()

    def _read(self) -> None:
        self._received += self._socket.recv(65_536)
        frames = len(self._received) // 4  # nothing but PUBACKs, four bytes each, come this way
        self._confirmed += frames
        self._received = self._received[4 * frames :]


def _text(content: bytes) -> bytes:
    return struct.pack(">H", len(content)) + content


def _frame(kind: int, body: bytes) -> bytes:
    length, encoded = len(body), b""
    while True:
        length, low = divmod(length, 128)
        encoded += bytes([low | (0x80 if length else 0)])
        if not length:
            return bytes([kind]) + encoded + body
