"""CSV exports of any brand, read by a mapping file and in no other way."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from coldgate.errors import FileFormatError
from coldgate.instant import EPOCH, MILLISECOND
from coldgate.model import Quantity, Series
from gateway.blocks import columns_to_blocks
from gateway.readers.decimals import NO_VALUE, fahrenheit_to_celsius, parse_decimal, to_integers
from gateway.readers.local_time import find_zone, to_instants
from gateway.readers.logger_file import LoggerFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from decimal import Decimal

    from gateway.readers.mapping import Mapping, QuantityColumn

_EPOCH_UNITS: Final = {"epoch_s": timedelta(seconds=1), "epoch_ms": MILLISECOND}
_FAHRENHEIT: Final = ("°F", "F")
_NO_PROBE: Final = -200  # degrees; what many loggers write when the probe is not connected
_SWAPPED: Final = {"%d": "%m", "%m": "%d"}


@dataclass(frozen=True, slots=True)
class _Row:
    """One line with a time; None stands for "no value"."""

    line: int
    time: datetime
    values: tuple[Decimal | None, ...]


def read_csv(path: str, content: bytes, *, mapping: Mapping, zone: tzinfo | None) -> LoggerFile:
    """All readings of one CSV file; `FileFormatError` with the line if anything does not fit.

    ``zone`` is for times without an offset and yields to the mapping's own. Rows whose value
    columns are all empty are events of the logger, not readings; they are counted only.
    """
    reader = _Reader(path, mapping)
    rows, without_values = reader.rows(content)
    if not rows:
        raise FileFormatError(path, 0, "there is no reading in the file")
    known_zone = find_zone(mapping.zone) if mapping.zone else zone
    if known_zone is None and any(row.time.tzinfo is None for row in rows):
        raise FileFormatError(path, rows[0].line, "times have no zone, and none is given")
    instants, flags = to_instants([row.time for row in rows], known_zone or UTC)
    series = tuple(_series(path, rows, i, column) for i, column in enumerate(mapping.values))
    serial = mapping.serial_of(path)
    seconds = mapping.interval_seconds
    return LoggerFile(
        serial=serial,
        model=mapping.model,
        firmware=None,
        zone=str(known_zone) if known_zone else "in each time",
        interval=timedelta(seconds=seconds) if seconds else None,
        blocks=columns_to_blocks(serial, instants, series, flags),
        rows_without_values=without_values,
    )


def _series(path: str, rows: list[_Row], index: int, column: QuantityColumn) -> Series:
    try:
        values, exponent = to_integers([row.values[index] for row in rows])
    except OverflowError as error:
        line = rows[error.args[0]].line
        raise FileFormatError(path, line, f"{column.column!r} is out of any range") from error
    return Series(quantity=column.kind, sensor=column.sensor, exponent=exponent, values=values)


class _Reader:
    """Walks the lines of one file; every refusal names the line."""

    def __init__(self, path: str, mapping: Mapping) -> None:
        self._path = path
        self._mapping = mapping
        self._no_value = NO_VALUE | {text.lower() for text in mapping.no_value}

    def rows(self, content: bytes) -> tuple[list[_Row], int]:
        """Rows with at least one value or explicit "no value", and how many had neither."""
        lines = self._lines(content)
        where = self._columns(lines)
        times = [where[name] for name in self._mapping.time.columns]
        values = [where[column.column] for column in self._mapping.values]
        rows, without_values = [], 0
        for line, cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) <= max(*times, *values):
                raise self._error(line, f"{len(cells)} columns are too few")
            if not any(cells[i].strip() for i in values):
                without_values += 1
                continue
            time = self._time(line, " ".join(cells[i].strip() for i in times))
            rows.append(_Row(line, time, tuple(self._values(line, [cells[i] for i in values]))))
        return rows, without_values

    def _lines(self, content: bytes) -> Iterator[tuple[int, list[str]]]:
        encoding = "utf-8-sig" if self._mapping.encoding == "utf-8" else self._mapping.encoding
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise self._error(line, f"not {self._mapping.encoding} text") from error
        kept = io.StringIO(text, newline="").readlines()[self._mapping.skip_lines :]
        reader = csv.reader(
            io.StringIO("".join(kept), newline=""), delimiter=self._mapping.delimiter, strict=True
        )
        try:
            for cells in reader:
                yield self._mapping.skip_lines + reader.line_num, cells
        except csv.Error as error:
            line = self._mapping.skip_lines + reader.line_num
            raise self._error(line, str(error)) from error

    def _columns(self, lines: Iterator[tuple[int, list[str]]]) -> dict[str, int]:
        """Index of each column that is read; takes the header, if there is one, off ``lines``."""
        if not self._mapping.header:
            return {position: int(position) - 1 for position in self._mapping.columns}
        line, header = next(lines, (0, []))
        names = [name.strip() for name in header]
        for name in self._mapping.columns:
            if names.count(name) != 1:
                found = "twice" if name in names else "not"
                raise self._error(line, f"column {name!r} is {found} in the header")
        return {name: names.index(name) for name in self._mapping.columns}

    def _time(self, line: int, text: str) -> datetime:
        form = self._mapping.time.format
        try:
            if form in _EPOCH_UNITS:
                return EPOCH + int(text) * _EPOCH_UNITS[form]
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the mapping's
        except (ValueError, OverflowError) as error:
            hint = ": both date orders in one column" if _fits_swapped(text, form) else ""
            raise self._error(line, f"time {text!r} does not fit {form!r}{hint}") from error

    def _values(self, line: int, cells: list[str]) -> Iterator[Decimal | None]:
        for column, cell in zip(self._mapping.values, cells, strict=True):
            if cell.strip().lower() in self._no_value:
                yield None
                continue
            try:
                value = parse_decimal(cell, decimal_comma=self._mapping.decimal_comma)
            except ValueError as error:
                raise self._error(line, f"{column.column!r}: {error}") from error
            yield _in_our_unit(value, column)

    def _error(self, line: int, problem: str) -> FileFormatError:
        return FileFormatError(self._path, line, problem)


def _in_our_unit(value: Decimal, column: QuantityColumn) -> Decimal | None:
    """Degrees Celsius from Fahrenheit, everything else as it is; None for "probe not there"."""
    if column.kind is Quantity.TEMPERATURE and value == _NO_PROBE:
        return None
    return fahrenheit_to_celsius(value) if column.unit in _FAHRENHEIT else value


def _fits_swapped(text: str, form: str) -> bool:
    """Whether the time fits once day and month change places."""
    swapped = "".join(_SWAPPED.get(part, part) for part in _directives(form))
    try:
        datetime.strptime(text, swapped)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return swapped != form


def _directives(form: str) -> list[str]:
    """The format cut before and after each ``%x``."""
    return re.findall(r"%.|[^%]+", form)
