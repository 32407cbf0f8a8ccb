"""Delays that grow and scatter, so that a thousand gateways do not come back in one second."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

_DOUBLINGS: Final = 16  # beyond them every cap is reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """``floor_seconds`` plus full jitter over a span that doubles from ``first`` up to ``most``."""

    first_seconds: float
    most_seconds: float
    floor_seconds: float = 0.0

    def delay_seconds(self, attempt: int) -> float:
        """Seconds to wait before retry number ``attempt``, counted from 0."""
        span = min(self.most_seconds, self.first_seconds * 2 ** min(attempt, _DOUBLINGS))
        return self.floor_seconds + random.uniform(0, span)  # noqa: S311 - jitter, not a secret
