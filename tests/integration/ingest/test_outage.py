"""The database goes away while messages keep coming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from outage import Outage, suffer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.broker, pytest.mark.database]


def test_messages_of_a_database_outage_are_committed_once(broker: Any, state_folder: Path) -> None:
    outage = Outage(seconds=5, messages=4_000)

    after = suffer(outage, broker, state_folder)

    assert after.stored == outage.expected
    assert after.peak_rss_mib < 200


def test_messages_wait_for_a_database_that_hangs(broker: Any, state_folder: Path) -> None:
    outage = Outage(seconds=3, messages=1_000, frozen=True)

    after = suffer(outage, broker, state_folder)

    assert after.stored == outage.expected
