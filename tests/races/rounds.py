"""How many rounds a race has: few in the suite, as many as wanted in `make races`."""

from __future__ import annotations

import os
from typing import Final

WANTED: Final = os.environ.get("COLDGATE_RACE_ROUNDS")


def rounds(usual: int) -> int:
    """The number that was asked for, else the usual one."""
    return int(WANTED) if WANTED else usual
