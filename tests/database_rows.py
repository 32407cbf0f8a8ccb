"""Two linked rows in every table of a database, whatever tables there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

# What stands in the columns of each type: in the rows of party x, and in those of party z.
VALUES: Final = {
    "text": ("x", "z"),
    "smallint": ("1", "2"),
    "integer": ("1", "2"),
    "bigint": ("1", "2"),
    "boolean": ("true", "false"),
    "date": ("2026-01-01", "2026-01-02"),
    "timestamp with time zone": ("now", "now"),  # where partitions are
    "interval": ("1 day", "2 days"),
    "jsonb": ("{}", "[]"),
    "bytea": ("x", "z"),
    "text[]": ("{x}", "{z}"),
    "integer[]": ("{1}", "{2}"),
    "bigint[]": ("{1}", "{2}"),
    "int8multirange": ("{}", "{}"),
    "xid8": ("1", "2"),
    "pg_snapshot": ("1:1:", "2:2:"),
    "inet": ("127.0.0.1", "127.0.0.2"),
    "uuid": ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"),
}
TABLES: Final = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    ORDER BY relname"""
CHECKS: Final = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
    WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conislocal
      AND NOT relispartition"""
COLUMNS: Final = """
    SELECT attname, format_type(atttypid, NULL), attnotnull FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ORDER BY attnum"""


def tables(connection: psycopg.Connection[Any]) -> list[str]:
    """Every table, the parts of partitioned ones left out."""
    return [row[0] for row in connection.execute(TABLES)]


def fill(connection: psycopg.Connection[Any]) -> None:
    """Give every table a full row of party x, and one of party z that leaves out what it may.

    All keys of the one are ``x`` or 1, all of the other ``z`` or 2, so that rows belong together
    without anybody saying how. What a value must look like is switched off before.
    """
    connection.execute("SET session_replication_role = replica")
    for (statement,) in connection.execute(CHECKS).fetchall():
        connection.execute(statement)
    for table in tables(connection):
        if table == "schema_migration":
            continue
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        columns = connection.execute(COLUMNS, (table,)).fetchall()
        for row in (0, 1):
            values = dict(_values(table, columns, row))
            connection.execute(
                sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
                    sql.Identifier(table),
                    sql.SQL(", ").join(map(sql.Identifier, values)),
                    sql.SQL(", ").join(map(sql.Literal, values.values())),
                )
            )
    connection.execute("SET session_replication_role = origin")


def _values(
    table: str, columns: list[tuple[str, str, bool]], row: int
) -> Iterator[tuple[str, Any]]:
    for name, kind, required in columns:
        assert kind in VALUES, f"{table}.{name}: say in VALUES what a {kind} looks like"
        yield name, VALUES[kind][row] if required or row == 0 else None
