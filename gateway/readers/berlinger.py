"""Berlinger loggers: Q-tag CLm doc LR and Fridge-tag 2 L, the exports that hold readings.

A plain Fridge-tag 2 writes daily minimum and maximum only. Those are no readings: they have no
instants to judge by, so such a file is refused with that sentence. Times in all these files are
local to whatever the user set, and the file does not say which zone that was.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from coldgate.model import Quantity, Series
from coldgate.wire import SERIAL
from gateway.blocks import columns_to_blocks
from gateway.readers.berlinger_fields import degrees, local_time, whole
from gateway.readers.berlinger_report import ReportReader
from gateway.readers.indented import parse_document
from gateway.readers.local_time import to_instants
from gateway.readers.logger_file import DeviceReport, LoggerFile

if TYPE_CHECKING:
    from datetime import tzinfo

    from numpy.typing import NDArray

    from gateway.readers.indented import Document, Node

_DEVICE: Final = re.compile(r"(?:Q-tag|Fridge-tag) .+")
_COLUMNS: Final = ["yyyy-MM-dd hh:mm", "T", "Out of limits"]
_EXPONENT: Final = -1  # the devices write tenths of a degree
_NO_READINGS: Final = (
    "a {model} exports daily minimum and maximum only, no readings, so that nothing can be "
    "judged from it; a Fridge-tag 2 L or a Q-tag logs every reading"
)


def read_berlinger(path: str, content: bytes, *, zone: tzinfo) -> LoggerFile:
    """The readings and the report in one export; `FileFormatError` if anything is out of place."""
    document = parse_document(path, content)
    model = _model(document)
    settings = document.child(document.root, "Conf")
    serial = document.child(settings, "Serial")
    if not SERIAL.fullmatch(serial.value):
        raise document.refuse(serial.line, f"{serial.value!r} is not a serial number")
    report = ReportReader(document, zone).read()
    _check_complete(document)
    table = document.find(document.root, "Data")
    if table is None:
        raise document.refuse(0, _NO_READINGS.format(model=model))
    interval = document.child(settings, "Logging Interval")
    rows = _rows(document, table)
    tenths = np.array([_tenths(document, line, cells) for line, cells in rows], np.int16)
    times = [local_time(document, line, cells[0]) for line, cells in rows]
    instants, flags = to_instants(times, zone)
    series = _temperatures(tenths, report.unit)
    return LoggerFile(
        serial=serial.value,
        model=model,
        firmware=document.text(document.root, "Fw Vers"),
        zone=str(zone),
        interval=timedelta(minutes=whole(document, interval.line, interval.value)),
        blocks=columns_to_blocks(serial.value, instants, (series,), flags),
        report=report,
        differences=_differences(report, tenths.tolist()),
    )


def _model(document: Document) -> str:
    first = document.root.children[0]
    if first.key != "Device" or not _DEVICE.fullmatch(first.value):
        raise document.refuse(first.line, "not a Berlinger export: no `Device: Q-tag …` on top")
    return first.value


def _check_complete(document: Document) -> None:
    last = document.root.children[-1]
    if last.key != "Sig" or not last.value:
        raise document.refuse(
            _last_line(last), "the file ends before the device's signature: it is truncated"
        )


def _last_line(node: Node) -> int:
    if node.rows:
        return node.rows[-1][0]
    return _last_line(node.children[-1]) if node.children else node.line


def _rows(document: Document, table: Node) -> list[tuple[int, list[str]]]:
    (line, header), *rows = table.rows or [(table.line, [])]
    if header != _COLUMNS:
        raise document.refuse(line, f"the table of readings does not begin with {_COLUMNS}")
    if not rows:
        raise document.refuse(line, "the table of readings is empty")
    return rows


def _tenths(document: Document, line: int, cells: list[str]) -> int:
    if len(cells) not in (2, 3) or cells[2:] not in ([], ["x"]):
        raise document.refuse(line, "a row is not `time, temperature` with an optional mark `x`")
    return int(degrees(document, line, cells[1]).scaleb(1))


def _temperatures(tenths: NDArray[np.int16], unit: str) -> Series:
    """Tenths of a degree Celsius as they stand; Fahrenheit in thousandths, rounded half-even."""
    if unit == "°C":
        return Series(quantity=Quantity.TEMPERATURE, sensor=0, exponent=_EXPONENT, values=tenths)
    milli = [round(Fraction((t - 320) * 500, 9)) for t in tenths.tolist()]
    return Series(
        quantity=Quantity.TEMPERATURE, sensor=0, exponent=-3, values=np.array(milli, np.int32)
    )


def _differences(report: DeviceReport, tenths: list[int]) -> tuple[str, ...]:
    """Where the device's minimum and maximum are not those of its own readings."""
    pairs = (
        ("minimum", report.minimum, Decimal(min(tenths)).scaleb(_EXPONENT)),
        ("maximum", report.maximum, Decimal(max(tenths)).scaleb(_EXPONENT)),
    )
    return tuple(
        f"{name}: the device says {theirs.value}, its readings say {ours}"
        for name, theirs, ours in pairs
        if theirs is not None and theirs.value != ours
    )
