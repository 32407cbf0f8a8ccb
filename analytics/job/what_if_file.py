"""Results of a dry run in a file of JSON lines; the first line says what was asked.

A result is in the file as soon as it is known. A run that was killed is taken up where it ended;
a line that was cut off by then is dropped, and its consignment judged again.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from analytics.what_if.comparison import result_of
from coldgate.crypto import canonical_json
from coldgate.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from analytics.profile import Json
    from analytics.what_if.comparison import Result


class ResultFile:
    """An open file of results that nobody else writes to."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self.path = path
        self._stream = stream

    def add(self, result: Result) -> None:
        """Keep one result."""
        self._stream.write(canonical_json(result.as_json()) + b"\n")
        self._stream.flush()

    def results(self) -> Iterator[Result]:
        """Every result by now, in the order in which they came."""
        with self.path.open("rb") as lines:
            next(lines)  # what was asked
            for line in lines:
                yield result_of(json.loads(line))


@contextmanager
def open_results(path: Path, asked: Mapping[str, Json]) -> Iterator[ResultFile]:
    """The file at ``path``, made if it is not there.

    Raises:
        SettingsError: it answers another question, is no such file, or is being written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a+b")
    except OSError as error:
        raise SettingsError(f"results cannot be written to {path}: {error.strerror}") from error
    with stream:
        _lock(path, stream)
        _require_same_question(path, stream, asked)
        _drop_cut_off_line(stream)
        yield ResultFile(path, stream)


def _lock(path: Path, stream: IO[bytes]) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SettingsError(f"another run is writing to {path}") from error


def _drop_cut_off_line(stream: IO[bytes]) -> None:
    """End the file with its last whole line."""
    whole = 0
    stream.seek(0)
    for line in stream:
        whole += len(line) if line.endswith(b"\n") else 0
    stream.truncate(whole)


def _require_same_question(path: Path, stream: IO[bytes], asked: Mapping[str, Json]) -> None:
    """Write the question into an empty file; in another one it must stand already."""
    question = canonical_json(dict(asked)) + b"\n"
    stream.seek(0)
    first = stream.readline()
    if first == question:
        return
    if not question.startswith(first):
        raise SettingsError(f"{path} answers another question; name another --output")
    stream.truncate(0)  # a run was killed before it had asked
    stream.write(question)
    stream.flush()
