"""A logger file as JSON for people and for keeping: what was read, what the device concluded."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from coldgate.wire import block_to_json

if TYPE_CHECKING:
    from gateway.readers.logger_file import LoggerFile


def describe(file: LoggerFile) -> dict[str, object]:
    """Everything about the file except its readings; decimals are text, so that none is rounded."""
    return {
        "serial": file.serial,
        "model": file.model,
        "firmware": file.firmware,
        "zone": file.zone,
        "interval_seconds": None if file.interval is None else file.interval.total_seconds(),
        "readings": file.readings,
        "rows_without_values": file.rows_without_values,
        "differences": list(file.differences),
        "report": None if file.report is None else dataclasses.asdict(file.report),
    }


def encode_description(file: LoggerFile) -> str:
    """`describe` as one line of JSON."""
    return json.dumps(describe(file), default=_plain, ensure_ascii=False)


def encode_file(file: LoggerFile) -> str:
    """`describe` with the readings as blocks of columnar JSON."""
    body = describe(file) | {"blocks": [block_to_json(block) for block in file.blocks]}
    return json.dumps(body, default=_plain, ensure_ascii=False)


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return str(value)
        case timedelta():
            return value.total_seconds()
        case date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
