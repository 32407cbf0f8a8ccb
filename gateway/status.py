"""What a gateway says about itself every minute on ``up/status``."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from gateway.capacity import HOUR_MS

if TYPE_CHECKING:
    from gateway.outbox import Depth

STATUS_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who reports, and since when this process has been running."""

    gateway: str
    partition: str
    started_ms: int


def encode_status(identity: Identity, depth: Depth, *, now_ms: int) -> bytes:
    """Body of one status message: clock, buffer, refusals and versions, in JSON."""
    oldest_ms = depth.oldest_stored_ms
    hours_buffered = 0.0 if oldest_ms is None else max(0, now_ms - oldest_ms) / HOUR_MS
    body = {
        "version": STATUS_VERSION,
        "gateway": identity.gateway,
        "stream": depth.stream,
        "clock_ms": now_ms,
        "started_ms": identity.started_ms,
        "acknowledged": depth.acknowledged,
        "buffered": {
            "readings": depth.readings,
            "messages": depth.messages,
            "bytes": depth.bytes_used,
            "oldest_stored_ms": oldest_ms,
            "hours": round(hours_buffered, 2),
            "hours_left": round(depth.hours_left, 2),
            "capacity_readings": depth.capacity_readings,
        },
        "refused_to_loggers": depth.refused,
        "rejected": depth.rejected,
        "rejected_pruned": depth.rejected_pruned,
        "unsettled": depth.unsettled,
        "software": {"coldgate": version("coldgate"), "python": platform.python_version()},
    }
    return json.dumps(body, separators=(",", ":")).encode()
