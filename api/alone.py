"""Cases of a larger work, of which none keeps the others from being done."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldgate.storage.connection import Connection

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Cases:
    """The cases of one run; one that fails is logged with its facts, counted and left for the next.

    So is one that waits too long for a lock, loses a deadlock, or meets what nobody thought of.
    Only a lost connection is everybody's trouble, and is raised.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.failed = 0

    def look(self, action: Callable[[], T], **facts: object) -> T | None:
        """What ``action`` returns, which asks nothing of the database; None where it fails."""
        try:
            return action()
        except Exception:  # a fault in one case must not end the run, nor every run after it
            if self._connection.closed:
                raise
            self.failed += 1
            logger.exception("left for the next run", extra=facts)
            return None

    def act(self, action: Callable[[], object], **facts: object) -> None:
        """Do ``action``, of which nothing is left where it fails."""

        def whole() -> None:
            with self._connection.transaction():
                action()

        self.look(whole, **facts)
