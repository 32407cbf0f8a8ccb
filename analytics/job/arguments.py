"""How moments are written on the command line."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, date, datetime


def instant(text: str) -> datetime:
    """The instant in ``text``, which must name its time zone, in UTC."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is no instant such as 2026-11-22T10:00Z") from error
    if read.tzinfo is None:
        raise ArgumentTypeError(f"{text} names no time zone; UTC is written with a Z")
    return read.astimezone(UTC)


def day(text: str) -> datetime:
    """The begin of a day in UTC, or an instant."""
    try:
        read = date.fromisoformat(text)
    except ValueError:
        return instant(text)
    return datetime(read.year, read.month, read.day, tzinfo=UTC)
