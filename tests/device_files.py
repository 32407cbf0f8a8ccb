"""Real exports in the shared data folder, read by the product's own readers and mappings."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from judging import make_case, make_channel

from analytics.case import Window
from analytics.judge import judge
from analytics.readings import Readings
from coldgate import wire
from coldgate.model import Quantity, ReadingFlag
from gateway.readers.berlinger import read_berlinger
from gateway.readers.berlinger_report import ReportReader
from gateway.readers.generic_csv import read_csv
from gateway.readers.indented import parse_document
from gateway.readers.local_time import find_zone
from gateway.readers.mapping import Mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analytics.case import Case, Channel
    from analytics.evaluation import Evaluation
    from analytics.profile import Profile
    from coldgate.model import Block
    from gateway.readers.logger_file import DeviceReport, LoggerFile

DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
present = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is absent")

_CANOPY: Final = DATA / "hobo-hoboR"
CANOPY_01: Final = tuple(
    _CANOPY / f"21251297_canopy01_{moment}.csv"
    for moment in (
        "2022-03-22_10_12_47_PDT",
        "2022-03-26_09_25_24_PDT_(Data_PDT)",
        "2022-03-28_08_35_46_PDT_(Data_PDT)",
        "2022-04-04_13_04_58_PDT_(Data_PDT)",
    )
)  # each holds the ones before it
CANOPY_LATER: Final = _CANOPY / "21251297_canopy01_2022-04-27_21_02_34_PDT_(Data_PDT).csv"
SITE_12: Final = _CANOPY / "Site_12_(18209)_25.csv"
HOBO_TEXT: Final = DATA / "hobo-myclim" / "examples__data__HOBO__20024354.txt"
HOBO_COMMA: Final = DATA / "hobo-myclim" / "examples__data__HOBO__20024354_comma.csv"
FREEZER: Final = DATA / "freezer-celsi" / "4peeks-short.csv"
Q_TAG: Final = DATA / "berlinger-msupply" / "QTag_CLm_doc_LR__RCPJ00010_03_202304201359.txt"
FRIDGE_TAG_2L: Final = DATA / "berlinger-msupply" / "FridgeTag_2L__test.txt"
FRIDGE_TAG_2: Final = (  # daily extremes, no readings
    DATA / "berlinger-msupply" / "FridgeTag_2__130400191542_202302140605.txt",
    DATA / "berlinger-msupply" / "FridgeTag_2__130400191544_202304201514.txt",
    DATA / "berlinger-mortenoh" / "data__input__160400343949_202503171012.txt",
)
OFFICE: Final = DATA / "nab" / "ambient_temperature_system_failure.csv"
_SITE_12_LABEL: Final = "LGR S/N: 21076832, SEN S/N: 21079881, LBL: Site 11 (18224)"


def column(
    name: str, quantity: str = "temperature", unit: str = "°C", sensor: int = 0
) -> dict[str, Any]:
    """A column of values, as a mapping file names it."""
    return {"column": name, "quantity": quantity, "unit": unit, "sensor": sensor}


CANOPY_MAPPING: Final = {
    "serial_from_name": r"^(\d+)_",
    "zone": "America/Los_Angeles",
    "interval_seconds": 300,
    "time": {"columns": ["Date-Time (Pacific Standard Time)"], "format": "%m-%d-%Y %H:%M:%S"},
    "values": [
        column("Ch: 1 - Temperature   (°C)"),
        column("Ch: 2 - RH   (%)", "humidity", "%RH"),
    ],
}
SITE_12_MAPPING: Final = {
    "serial": "21076832",
    "zone": "Etc/GMT+7",
    "interval_seconds": 60,
    "skip_lines": 1,
    "time": {"columns": ["Date Time, GMT-07:00"], "format": "%y-%m-%d %H:%M:%S"},
    "values": [
        column(f"Temp, °C ({_SITE_12_LABEL} temp)"),
        column(f"RH, % ({_SITE_12_LABEL} rh)", "humidity", "%RH"),
    ],
}
HOBO_TEXT_MAPPING: Final = {
    "serial": "20024354",
    "zone": "UTC",
    "interval_seconds": 900,
    "delimiter": ";",
    "time": {"columns": ["Date Time"], "format": "%d.%m.%Y %H:%M:%S"},
    "values": [
        column("Temp (°C) LGR S/N: 20024354,  #20024354"),
        column("RH (%) LGR S/N: 20024354,  #20024354", "humidity", "%RH"),
    ],
}
HOBO_COMMA_MAPPING: Final = {
    "serial": "20024354",
    "zone": "Etc/GMT-2",
    "interval_seconds": 900,
    "skip_lines": 1,
    "time": {"columns": ["Date Time, GMT+02:00"], "format": "%y.%m.%d %H:%M:%S"},
    "values": [
        column("Temp, °C (LGR S/N: 20024354, SEN S/N: 20024354)"),
        column("RH, % (LGR S/N: 20024354, SEN S/N: 20024354)", "humidity", "%RH"),
    ],
}
TOMST_MAPPING: Final = {  # UTC; the third column says how far local time is, in quarters of an hour
    "serial_from_name": r"data_(\d+)_",
    "zone": "UTC",
    "interval_seconds": 900,
    "header": False,
    "delimiter": ";",
    "time": {"columns": ["2"], "format": "%Y.%m.%d %H:%M"},
    "values": [column(str(4 + sensor), sensor=sensor) for sensor in range(3)],
}
FREEZER_MAPPING: Final = {
    "serial": "4peeks",
    "interval_seconds": 600,
    "time": {"columns": ["LinuxTime"], "format": "epoch_s"},
    "values": [column("Temperature"), column("Humidity", "humidity", "%RH")],
}
OFFICE_MAPPING: Final = {
    "serial": "NAB",
    "zone": "UTC",
    "time": {"columns": ["timestamp"], "format": "%Y-%m-%d %H:%M:%S"},
    "values": [column("value", unit="°F")],
}


def tomst(serial: int) -> Path:
    """Export of one TOMST field logger."""
    return DATA / "tomst-myclim" / f"examples__data__TOMST__data_{serial}_0.csv"


def read(path: Path, mapping: dict[str, Any], **changes: Any) -> LoggerFile:
    """One CSV export by its mapping."""
    how = Mapping.model_validate(mapping | changes)
    return read_csv(path.name, path.read_bytes(), mapping=how, zone=None)


def read_tag(path: Path) -> LoggerFile:
    """One Berlinger export, its clock taken as UTC."""
    return read_berlinger(path.name, path.read_bytes(), zone=find_zone("UTC"))


def daily_report(path: Path) -> DeviceReport:
    """The report of a Fridge-tag, also of one that exports no readings; its clock taken as UTC."""
    return ReportReader(parse_document(path.name, path.read_bytes()), find_zone("UTC")).read()


def printed(path: Path) -> list[str]:
    """The texts that a Berlinger PDF prints, in the order of its pages."""
    pages = re.findall(rb"stream\r?\n(.*?)endstream", path.read_bytes(), re.DOTALL)
    texts = [text for page in pages for text in re.findall(rb"\((.*?)\) Tj", page)]
    return [text.decode("latin-1").replace("\\", "") for text in texts]


def as_readings(file: LoggerFile, series: int = 0) -> Readings:
    """One column of a file as the judge gets it; what is no value is a fault of the sensor (S5)."""
    parts = [(block, *wire.to_milli(block.series[series])) for block in file.blocks]
    return Readings(
        taken_at_ms=np.concatenate([block.taken_ms for block, _, _ in parts]),
        value_milli=np.concatenate([milli for _, milli, _ in parts]).astype(np.int32),
        flags=np.concatenate([_flags(block, has_value) for block, _, has_value in parts]),
    )


def _flags(block: Block, has_value: NDArray[np.bool_]) -> NDArray[np.uint8]:
    known = np.zeros(block.count, np.uint8) if block.flags is None else block.flags
    return np.where(has_value, known, known | np.uint8(ReadingFlag.FAULT)).astype(np.uint8)


def as_channel(file: LoggerFile, series: int = 0, **changes: Any) -> Channel:
    """One column of a file as a channel whose clock nobody compared with another."""
    kind = file.blocks[0].series[series]
    interval = file.interval
    fields: dict[str, Any] = {
        "serial": file.serial,
        "sensor": kind.sensor,
        "quantity": Quantity(kind.quantity),
        "interval_ms": None if interval is None else round(interval.total_seconds() * 1000),
        "clock_pairs": (),
    }
    return make_channel(as_readings(file, series), **(fields | changes))


def whole_log(*channels: Channel) -> Case:
    """The loggers' own log from the first to the last reading: no event bounds it."""
    return make_case(*channels, window=Window(begin_ms=None, end_ms=None, stopped=True))


def judged(profile: Profile, *channels: Channel) -> Evaluation:
    """The evaluation of a whole log."""
    return judge(profile, whole_log(*channels))


def cells(path: Path, index: int, *, delimiter: str = ",", skip: int = 1) -> Iterator[str]:
    """One column of a file as it is written, without the reader that is to be checked by it."""
    lines = path.read_text("utf-8-sig").splitlines()[skip:]
    rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    return (row[index].strip() for row in rows if row and row[index].strip())
