"""A second attempt where the database ended the first in favour of another transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar, cast

from psycopg import errors as sqlstate

logger = logging.getLogger(__name__)

Action = TypeVar("Action", bound=Callable[..., Any])

LOST: Final = (sqlstate.DeadlockDetected, sqlstate.SerializationFailure)


def once_more(action: Action) -> Action:
    """``action``, made a second time if its one transaction loses against others.

    Nothing of the first attempt is left, and nobody was answered: the database undid it. Who won
    has gone on meanwhile; a second loss in a row is told.
    """

    @wraps(action)
    def attempt(*args: object, **kwargs: object) -> object:
        try:
            return action(*args, **kwargs)
        except LOST as lost:
            logger.warning("made once more", extra={"problem": str(lost)})
        return action(*args, **kwargs)

    return cast("Action", attempt)
