"""The tests' own servers are what they claim to be."""

from __future__ import annotations

import psycopg
import pytest

pytestmark = pytest.mark.database


def test_each_test_gets_a_migrated_database_of_its_own(database: str) -> None:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT count(*) FROM information_schema.tables").fetchone()
        name = connection.execute("SELECT current_database()").fetchone()

    assert rows is not None
    assert rows[0] > 0
    assert name is not None
    assert name[0].startswith("test_")
