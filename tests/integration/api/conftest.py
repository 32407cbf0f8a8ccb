"""One running API for the tests of this folder; each test makes consignments of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from api_world import World, open_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import DatabaseServer


@pytest.fixture(scope="session")
def world(plain_server: DatabaseServer) -> Iterator[World]:
    """The API on a database without TimescaleDB."""
    with plain_server.fresh() as dsn, open_world(dsn) as made:
        yield made
