"""What decides in the database, compared with what is on record while the api runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from coldgate.storage import schema

if TYPE_CHECKING:
    from datetime import datetime

    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)


def compare_schema(connection: Connection, _now: datetime) -> int:
    """1 while something is in force that no migration left there; the ledger is told of it."""
    found = schema.compare(connection)
    if found:
        logger.error("the database is not as it was migrated", extra={"objects": found})
    return 1 if found else 0
