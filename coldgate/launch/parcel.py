"""A logger file as the gateway's own reader understands it; nothing is stored by reading."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
from pydantic import ValidationError

from coldgate import wire
from coldgate.crypto import sha256_hex
from coldgate.errors import FileFormatError, LaunchError
from coldgate.instant import from_epoch_ms
from coldgate.launch.client import Answer
from coldgate.launch.process import python
from coldgate.launch.worker import captured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from numpy.typing import NDArray

    from coldgate.model import Block

EXIT_WRONG_FORMAT: Final = 2  # of ``python -m gateway``
WRONG_FORMAT: Final = re.compile(r"(?P<path>.+?)(:(?P<line>[0-9]+))?: (?P<problem>.+)")
RUN_DIGITS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerFile:
    """Which file to take, and how to read it; ``zone`` is that of stamps that name none."""

    path: Path
    zone: str
    mapping: Path | None = None

    def arguments(self) -> list[str]:
        """The file as arguments of the gateway's command line."""
        chosen = ["--mapping", str(self.mapping)] if self.mapping else []
        return [str(self.path), "--zone", self.zone, *chosen]


class DeviceExtreme(Answer):
    """A lowest or highest value by the device's own account; decimals stay text."""

    value: str


class DeviceReport(Answer):
    """The device's own conclusions."""

    unit: str
    minimum: DeviceExtreme | None
    maximum: DeviceExtreme | None
    average: str | None
    mean_kinetic: str | None


class FileContent(Answer):
    """What ``python -m gateway read`` prints."""

    serial: str
    model: str
    interval_seconds: float | None
    readings: int
    differences: list[str]
    report: DeviceReport | None
    blocks: list[dict[str, Any]]  # each is checked by wire.block_from_json


class ChannelName(NamedTuple):
    """A quantity, as the API calls it, of one sensor."""

    quantity: str
    sensor: int


Values: TypeAlias = dict[int, set[int | None]]  # ms since 1970 UTC -> milli-units


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parcel:
    """One logger's file, read; ``run`` names the run of the logger that begins as the file does.

    ``values`` are thousandths of the unit, None where the logger had no value; more than one where
    the file has the instant more than once.
    """

    file: LoggerFile
    content: FileContent
    run: str
    stamps_ms: NDArray[np.int64]  # sorted, each instant once
    values: Mapping[ChannelName, Values]

    @property
    def serial(self) -> str:
        """Serial number of the logger."""
        return self.content.serial

    @property
    def begin(self) -> datetime:
        """When the first reading was taken."""
        return from_epoch_ms(int(self.stamps_ms[0]))

    @property
    def end(self) -> datetime:
        """When the last reading was taken."""
        return from_epoch_ms(int(self.stamps_ms[-1]))

    def due(self, begin_ms: int, end_ms: int) -> int:
        """How many instants of the file lie in that time, both ends included."""
        return int(((self.stamps_ms >= begin_ms) & (self.stamps_ms <= end_ms)).sum())


async def read_parcel(file: LoggerFile) -> Parcel:
    """The file as the gateway reads it; `FileFormatError` says what is wrong with it and where."""
    status, output, problem = await captured(python("gateway", "read", *file.arguments()))
    if status:
        raise _refusal(status, problem.decode(errors="replace").strip())
    try:
        content = FileContent.model_validate_json(output)
    except ValidationError as error:
        raise LaunchError(f"{file.path.name}: the reader answers in another shape") from error
    blocks = [wire.block_from_json(block) for block in content.blocks]
    if not blocks:
        raise FileFormatError(file.path.name, 0, "no reading in it")
    stamps_ms = np.unique(np.concatenate([block.taken_ms for block in blocks]))
    return Parcel(
        file=file,
        content=content,
        run=sha256_hex(f"{content.serial}\n{stamps_ms[0]}".encode())[:RUN_DIGITS],
        stamps_ms=stamps_ms,
        values=_values(blocks),
    )


def _values(blocks: Sequence[Block]) -> dict[ChannelName, Values]:
    found: dict[ChannelName, Values] = {}
    for block in blocks:
        stamps = block.taken_ms.tolist()
        for series in block.series:
            values = found.setdefault(ChannelName(series.quantity.name.lower(), series.sensor), {})
            milli, present = wire.to_milli(series)
            for at_ms, value, known in zip(stamps, milli.tolist(), present.tolist(), strict=True):
                values.setdefault(at_ms, set()).add(value if known else None)
    return found


def _refusal(status: int, said: str) -> FileFormatError | LaunchError:
    """The error behind the reader's last words: one line that says what and where."""
    found = WRONG_FORMAT.fullmatch(said)
    if status != EXIT_WRONG_FORMAT or found is None:
        return LaunchError(said or f"the reader ended with status {status}")
    return FileFormatError(found["path"], int(found["line"] or 0), found["problem"])
