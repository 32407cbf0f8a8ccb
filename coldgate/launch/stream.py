"""Processes whose output is read: each line readable, with the name of who wrote it."""

from __future__ import annotations

import asyncio
import json
import re
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coldgate.launch.process import Command

LINE_LIMIT_BYTES: Final = 1024 * 1024
TOO_LONG: Final = b"(a line too long to show)\n"
_HEAD: Final = ("timestamp", "level", "event")
_KNOWN: Final = {*_HEAD, "process", "logger", "exception", "color_message"}

_WHEN: Final = r"(?P<date>\d{4}[-/]\d\d[-/]\d\d)[ T](?P<time>\d\d:\d\d:\d\d)"
_STAMP: Final = re.compile(rf"{_WHEN}(\.\d+)?Z")
_NATS: Final = re.compile(rf"\[\d+\] {_WHEN}\.\d+ \[(?P<level>\w+)\] ?(?P<text>.*)")
_POSTGRES: Final = re.compile(rf"{_WHEN}\.\d+ UTC( \[\d+\])? (?P<level>\w+):  (?P<text>.*)")
_MOSQUITTO: Final = re.compile(rf"{_WHEN}Z: ((?P<level>Warning|Error): )?(?P<text>.*)")
_LEVELS: Final = {"INF": "info", "WRN": "warning", "ERR": "error", "FTL": "fatal", "LOG": "info"}
_WORD: Final = re.compile(r"[^\W_]{3}")


async def begin(command: Command, *, stderr: int = STDOUT) -> Process:
    """The running command in a session of its own; `lines_of` reads what it writes."""
    return await asyncio.create_subprocess_exec(
        *command.tethered(),
        env=command.environment(),
        cwd=command.cwd,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=stderr,
        start_new_session=True,  # Ctrl-C reaches the owner only; it stops them in order
        limit=LINE_LIMIT_BYTES,
    )


async def lines_of(process: Process) -> AsyncIterator[bytes]:
    """Each line that the process writes, until it closes its output."""
    while process.stdout is not None:
        try:
            line = await process.stdout.readline()
        except ValueError:  # longer than the limit: asyncio has dropped it
            line = TOO_LONG
        if not line:
            return
        yield line


def render_line(name: str, raw: bytes, *, width: int = 0) -> str:
    """The line as a person reads it, ``name`` padded to ``width`` in front.

    A JSON record becomes time, level, text and its facts, and so do the lines of our servers; any
    other line stays as it is.
    """
    text = raw.decode("utf-8", errors="replace").rstrip()
    return f"{name:<{width}} | {_readable(text)}"


def is_banner(raw: bytes) -> bool:
    """Whether a line of NATS is part of a picture: it has no word."""
    found = _NATS.fullmatch(raw.decode("utf-8", errors="replace").rstrip())
    return found is not None and _WORD.search(found["text"]) is None


def _readable(text: str) -> str:
    if not text.startswith("{"):
        return _readable_server(text)
    try:
        record = json.loads(text)
    except ValueError:
        return text
    head = [_short(str(record[key])) for key in _HEAD if key in record]
    facts = [f"{key}={value}" for key, value in record.items() if key not in _KNOWN]
    trace = [f"\n{record['exception']}"] if "exception" in record else []
    return " ".join([*head, *facts, *trace])


def _readable_server(text: str) -> str:
    for form in (_NATS, _POSTGRES, _MOSQUITTO):
        found = form.fullmatch(text)
        if found is not None:
            parts = found.groupdict()
            date = parts["date"].replace("/", "-")
            level = parts["level"] or ""
            words = (_LEVELS.get(level, level.lower()), parts["text"])
            return " ".join(filter(None, [f"{date} {parts['time']}Z", *words]))
    return text


def _short(text: str) -> str:
    """A stamp in whole seconds, as all lines have it; any other text as it is."""
    found = _STAMP.fullmatch(text)
    return f"{found['date']} {found['time']}Z" if found else text


async def ends_within(process: Process, seconds: float) -> bool:
    """Whether the process ends in time, also while the task that asks is being cancelled.

    ``asyncio.timeout`` does not serve there: before Python 3.11.3 it mistakes its own timeout for
    the cancellation, and the clean-up behind it is skipped.
    """
    waiting = asyncio.ensure_future(process.wait())
    ended, _ = await asyncio.wait({waiting}, timeout=seconds)
    if not ended:
        waiting.cancel()
    return bool(ended)
