"""Pieces of a larger work, of which none keeps the others from being done."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import psycopg

from coldgate.errors import ColdgateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)


def alone(connection: Connection, action: Callable[[], int], **facts: object) -> int:
    """What ``action`` returns, or 0 where it fails and leaves nothing: the next run tries again.

    So does one that waits too long for a lock, or loses a deadlock. Only a lost connection is
    everybody's trouble, and is raised.
    """
    try:
        with connection.transaction():
            return action()
    except (ColdgateError, psycopg.Error):
        if connection.closed:
            raise
        logger.exception("left for the next run", extra=facts)
        return 0
