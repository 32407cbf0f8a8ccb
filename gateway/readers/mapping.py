"""The mapping file of a CSV export: which column is what, in which unit, by which clock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from coldgate.errors import FileFormatError, SettingsError
from coldgate.model import Quantity
from coldgate.wire import MAX_SERIES, SERIAL
from gateway.readers.local_time import find_zone

if TYPE_CHECKING:
    from pathlib import Path

_UNITS = {
    Quantity.TEMPERATURE: ("°C", "C", "°F", "F"),
    Quantity.HUMIDITY: ("%RH", "%"),
    Quantity.LIGHT: ("lx",),
    Quantity.DOOR: ("open",),
    Quantity.SHOCK: ("g",),
}


_POSITION: Final = re.compile(r"[1-9]\d{0,3}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TimeColumns(_Strict):
    """Where the time stands; several columns are joined with one space before ``format``.

    The format is one of ``strptime``, or ``epoch_s``, or ``epoch_ms``.
    """

    columns: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    format: str


class QuantityColumn(_Strict):
    """One column of values."""

    column: str
    quantity: Literal["temperature", "humidity", "light", "door", "shock"]
    unit: str
    sensor: Annotated[int, Field(ge=0, le=255)] = 0

    @property
    def kind(self) -> Quantity:
        """What the column measures."""
        return Quantity[self.quantity.upper()]

    @model_validator(mode="after")
    def _unit_fits(self) -> QuantityColumn:
        if self.unit not in _UNITS[self.kind]:
            raise ValueError(f"unit of {self.quantity} is one of {', '.join(_UNITS[self.kind])}")
        return self


class Mapping(_Strict):
    """How to read one kind of CSV file; either ``serial`` or ``serial_from_name`` is given.

    Columns go by their names in the header, and where the file has none by position from "1".
    """

    serial: str | None = None
    serial_from_name: str | None = None  # pattern on the file's name; group 1 is the serial
    model: str = "generic CSV"
    zone: str | None = None  # of times without an offset; else the zone of the settings
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal_comma: bool = False
    skip_lines: Annotated[int, Field(ge=0)] = 0  # before the column names, or the first row
    header: bool = True
    encoding: Literal["utf-8", "utf-16", "latin-1", "cp1252"] = "utf-8"
    no_value: Annotated[tuple[str, ...], Field(strict=False)] = ()  # beside the usual ones
    interval_seconds: Annotated[int, Field(gt=0)] | None = None
    time: TimeColumns
    values: Annotated[
        tuple[QuantityColumn, ...], Field(min_length=1, max_length=MAX_SERIES, strict=False)
    ]

    @model_validator(mode="after")
    def _hangs_together(self) -> Mapping:
        if (self.serial is None) == (self.serial_from_name is None):
            raise ValueError("give either serial or serial_from_name")
        if self.serial_from_name and re.compile(self.serial_from_name).groups < 1:
            raise ValueError("serial_from_name needs a group: (…)")
        if self.zone is not None:
            find_zone(self.zone)
        if not self.header and not all(_POSITION.fullmatch(name) for name in self.columns):
            raise ValueError('without a header, columns are called by position: "1", "2", …')
        channels = {(one.quantity, one.sensor) for one in self.values}
        if len(channels) != len(self.values):
            raise ValueError("values name one quantity of one sensor twice")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, those of the time first."""
        return (*self.time.columns, *(one.column for one in self.values))

    def serial_of(self, path: str) -> str:
        """Serial number of the logger that wrote the file called ``path``."""
        serial = self.serial
        if self.serial_from_name is not None:
            match = re.search(self.serial_from_name, path)
            serial = match[1] if match else None
        if serial is None or not SERIAL.fullmatch(serial):
            raise FileFormatError(path, 0, f"{serial!r} is not a serial number")
        return serial


def read_mapping(path: Path) -> Mapping:
    """The mapping in the YAML file ``path``; `FileFormatError` names the entry that is wrong."""
    try:
        return Mapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "mapping"
        raise FileFormatError(path.name, 0, f"{where}: {first['msg']}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise FileFormatError(path.name, line, f"not YAML: {error.problem}") from error
    except (OSError, UnicodeDecodeError, re.error, yaml.YAMLError, SettingsError) as error:
        raise FileFormatError(path.name, 0, str(error)) from error
