"""Public halves of the keys that Coldgate signs with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_all

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("signing_keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyRow:
    """A key that signs, or once did; ``public_key`` is base64url of 32 bytes."""

    id: str
    public_key: str
    added_at: datetime


def ensure(connection: Connection, *, key_id: str, public_key: str) -> None:
    """Publish a key; one that is known stays as it is."""
    connection.execute(_SQL["ensure"], {"id": key_id, "public_key": public_key})


def public_key(connection: Connection, key_id: str) -> str | None:
    """The public key with this id, however old."""
    row = connection.execute(_SQL["public_key"], {"id": key_id}).fetchone()
    return None if row is None else str(row[0])


def keys(connection: Connection) -> list[SigningKeyRow]:
    """Every key that ever signed, oldest first."""
    return fetch_all(connection, SigningKeyRow, _SQL["keys"], {})
