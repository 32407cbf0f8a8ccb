"""Goods in less time than requests take: copies of a consignment that requests made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg import sql
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

COPY: Final = """
    INSERT INTO {table} OVERRIDING SYSTEM VALUE
    SELECT made.* FROM {table} AS kept, jsonb_populate_record(kept, {new}) AS made
    WHERE kept.{column} = %(old)s RETURNING to_jsonb({table}.*)"""
NUMBERED: Final = frozenset(
    {"logger", "certificate", "admission", "placement", "consignment_line", "custody_event"}
)


def copy_consignment(
    connection: psycopg.Connection[Any],
    template: str,
    new: str,
    lines: Sequence[dict[str, Any]],
    **fields: Any,
) -> None:
    """A planned consignment like the template, with a logger of its own and these lines."""
    _copy(connection, "consignment", "id", template, {"id": new} | fields)
    _copy(connection, "leg", "consignment_id", template, {"consignment_id": new})
    [(placement, logger)] = connection.execute(
        "SELECT id, logger_id FROM placement WHERE consignment_id = %s", (template,)
    ).fetchall()
    own = _copy(connection, "logger", "id", logger, {"serial": f"copy-{new}"})["id"]
    for table in ("certificate", "admission"):
        _copy(connection, table, "logger_id", logger, {"logger_id": own})
    changes = {"consignment_id": new, "logger_id": own}
    _copy(connection, "placement", "id", placement, changes)
    for position, line in enumerate(lines, start=1):
        changes = {"consignment_id": new, "position": position} | line
        _copy(connection, "consignment_line", "consignment_id", template, changes)


def receive(connection: psycopg.Connection[Any], template: str, new: str) -> None:
    """The copy came as the template did, whatever the gate would have said."""
    for state in ("in_transit", "quarantined"):
        connection.execute(
            "UPDATE consignment_line SET state = %s WHERE consignment_id = %s", (state, new)
        )
    _copy(connection, "custody_event", "consignment_id", template, {"consignment_id": new})


def _copy(
    connection: psycopg.Connection[Any], table: str, column: str, old: object, new: dict[str, Any]
) -> dict[str, Any]:
    number = "%(new)s"
    if table in NUMBERED:
        number += " || jsonb_build_object('id', nextval(pg_get_serial_sequence(%(table)s, 'id')))"
    query = sql.SQL(COPY).format(  # type: ignore[arg-type]  # written above
        table=sql.Identifier(table), column=sql.Identifier(column), new=sql.SQL(number)
    )
    values = {"old": old, "new": Jsonb(new), "table": table}
    copied: dict[str, Any] = connection.execute(query, values).fetchall()[0][0]
    return copied
