"""What the tests of the judge's job start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from judge_house import House, build_house

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import DatabaseServer


@pytest.fixture
def house(database_server: DatabaseServer) -> Iterator[House]:
    with database_server.fresh(build_house) as dsn:
        yield House(dsn)


@pytest.fixture
def plain_house(plain_server: DatabaseServer) -> Iterator[House]:
    """For what does not depend on the kind of database."""
    with plain_server.fresh(build_house) as dsn:
        yield House(dsn)
