"""The ledger, and the answers kept for requests that may come twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from psycopg.rows import class_row

from coldgate.crypto import canonical_json
from coldgate.storage.queries import load_queries
from coldgate.storage.visibility import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def find_answer(
    connection: Connection, *, scope: str | None, party: str, key: str
) -> StoredAnswer | None:
    """The answer already given under this key; from now on only what ``scope`` may see is shown.

    Waits for a transaction that is answering it at this moment, and makes others wait for ours.
    """
    parameters = {"scope": name_of(scope), "party": party, "key": key}
    with connection.pipeline():  # with the BEGIN before it
        found = connection.cursor(row_factory=class_row(StoredAnswer)).execute(
            _SQL["answer"], parameters
        )
    return found.fetchone()


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
