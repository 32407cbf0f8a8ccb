"""One log stream from many processes: each line readable, with the name of who wrote it."""

from __future__ import annotations

import json
from typing import Final

_HEAD: Final = ("timestamp", "level", "event")
_KNOWN: Final = {*_HEAD, "process", "logger", "exception", "color_message"}


def render_line(name: str, raw: bytes, *, width: int = 0) -> str:
    """The line as a person reads it, ``name`` padded to ``width`` in front.

    A JSON record becomes time, level, text and its facts; any other line stays as it is.
    """
    text = raw.decode("utf-8", errors="replace").rstrip()
    return f"{name:<{width}} | {_readable(text)}"


def _readable(text: str) -> str:
    if not text.startswith("{"):
        return text
    try:
        record = json.loads(text)
    except ValueError:
        return text
    head = [str(record[key]) for key in _HEAD if key in record]
    facts = [f"{key}={value}" for key, value in record.items() if key not in _KNOWN]
    trace = [f"\n{record['exception']}"] if "exception" in record else []
    return " ".join([*head, *facts, *trace])
