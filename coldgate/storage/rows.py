"""Rows of a query as frozen values of a named class."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg.rows import class_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldgate.storage.connection import Connection

Row = TypeVar("Row")


def fetch_all(
    connection: Connection, row: type[Row], query: bytes, parameters: Mapping[str, object]
) -> list[Row]:
    """Every row of the answer; the query's column names are the fields of ``row``."""
    with connection.cursor(row_factory=class_row(row)) as cursor:
        return cursor.execute(query, parameters).fetchall()


def fetch_one(
    connection: Connection, row: type[Row], query: bytes, parameters: Mapping[str, object]
) -> Row | None:
    """The first row of the answer, None where there is none."""
    with connection.cursor(row_factory=class_row(row)) as cursor:
        return cursor.execute(query, parameters).fetchone()


def fetch_new(
    connection: Connection, row: type[Row], query: bytes, parameters: Mapping[str, object]
) -> Row:
    """The row that an ``INSERT … RETURNING`` without conflict clause always answers with."""
    found = fetch_one(connection, row, query, parameters)
    if found is None:
        raise psycopg.DataError("INSERT returned no row")
    return found
