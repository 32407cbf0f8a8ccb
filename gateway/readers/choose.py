"""One entrance for all logger files: the right reader for a path."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from coldgate.errors import FileFormatError
from gateway.readers.berlinger import read_berlinger
from gateway.readers.generic_csv import read_csv
from gateway.readers.mapping import read_mapping

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

    from gateway.readers.logger_file import LoggerFile

MAX_FILE_BYTES: Final = 64 * 1024**2
MAPPING_SUFFIX: Final = ".mapping.yaml"
_FOLDER_MAPPING: Final = "folder" + MAPPING_SUFFIX


def load_bytes(path: Path) -> bytes:
    """Content of a logger file; `FileFormatError` if it is too large to be one, or unreadable."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe or a device would be read for ever
            raise FileFormatError(path.name, 0, "not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            problem = f"{status.st_size} bytes are too many for a logger file"
            raise FileFormatError(path.name, 0, problem)
        return path.read_bytes()
    except OSError as error:
        raise FileFormatError(path.name, 0, error.strerror or str(error)) from error


def read_logger_file(
    path: Path, content: bytes, *, zone: tzinfo | None, mapping: Path | None
) -> LoggerFile:
    """What the file ``path`` with this ``content`` says; CSV needs a mapping, Berlinger a zone."""
    if mapping is not None:
        return read_csv(path.name, content, mapping=read_mapping(mapping), zone=zone)
    if path.suffix.lower() == ".csv":
        raise FileFormatError(path.name, 0, f"a CSV file needs a mapping file *{MAPPING_SUFFIX}")
    if zone is None:
        raise FileFormatError(path.name, 0, "times in the file have no zone, and none is given")
    return read_berlinger(path.name, content, zone=zone)


def find_mapping(path: Path) -> Path | None:
    """The mapping beside a file: its own, else, for a CSV file, that of the folder, else None."""
    own = path.with_name(path.stem + MAPPING_SUFFIX)
    if own.is_file():
        return own
    folder = path.with_name(_FOLDER_MAPPING)
    return folder if path.suffix.lower() == ".csv" and folder.is_file() else None
