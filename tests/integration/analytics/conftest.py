"""What the tests of the judge's job start from."""

from __future__ import annotations

import pytest
from judge_house import House, build_house


@pytest.fixture
def house(database: str) -> House:
    return build_house(database)


@pytest.fixture
def plain_house(plain_database: str) -> House:
    """For what does not depend on the kind of database."""
    return build_house(plain_database)
