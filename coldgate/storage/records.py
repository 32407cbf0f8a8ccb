"""The ledger, and the answers kept for requests that may come twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from psycopg.rows import class_row

from coldgate.crypto import canonical_json
from coldgate.storage.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import Cursor

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("records")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """What was answered to the request with this digest."""

    request_digest: str
    status: int
    response: bytes


def append_ledger(
    connection: Connection, *, actor: str, kind: str, subject: str, body: Mapping[str, object]
) -> None:
    """Append one entry, with everything else that this transaction writes."""
    parameters = {"actor": actor, "kind": kind, "subject": subject, "body": canonical_json(body)}
    connection.execute(_SQL["append_ledger"], parameters)


def find_answer(connection: Connection, *, party: str, key: str) -> Cursor[StoredAnswer]:
    """A cursor on the answer already given under this key, if there is one.

    Waits for a transaction that is answering it at this moment, and makes others wait for ours.
    """
    parameters = {"party": party, "key": key}
    connection.execute(_SQL["lock_key"], parameters)
    cursor = connection.cursor(row_factory=class_row(StoredAnswer))
    return cursor.execute(_SQL["answer"], parameters)


def store_answer(connection: Connection, *, party: str, key: str, answer: StoredAnswer) -> None:
    """Keep the answer, in the transaction of the effect it tells of."""
    parameters = {
        "party": party,
        "key": key,
        "request_digest": answer.request_digest,
        "status": answer.status,
        "response": answer.response,
    }
    connection.execute(_SQL["store_answer"], parameters)


def check_alive(connection: Connection) -> None:
    """Return if the database answers."""
    connection.execute(_SQL["alive"])
