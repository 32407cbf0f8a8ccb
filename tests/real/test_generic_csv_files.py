"""Real CSV exports in the shared data folder, by mapping; skipped where that folder is absent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from coldgate.errors import FileFormatError
from gateway.blocks import Arrival
from gateway.outbox import Outbox
from gateway.readers.decimals import SENTINEL
from gateway.readers.generic_csv import read_csv
from gateway.readers.mapping import Mapping
from gateway.sources.folder import store_file

if TYPE_CHECKING:
    from gateway.readers.logger_file import LoggerFile

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
CANOPY = ("2022-03-22_10_12_47_PDT", "2022-03-26_09_25_24_PDT_(Data_PDT)")
SITE_12 = "LGR S/N: 21076832, SEN S/N: 21079881, LBL: Site 11 (18224)"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is absent")


def read(name: str, **fields: Any) -> LoggerFile:
    path = DATA / name
    return read_csv(path.name, path.read_bytes(), mapping=Mapping.model_validate(fields), zone=None)


def column(name: str, quantity: str = "temperature", unit: str = "°C") -> dict[str, str]:
    return {"column": name, "quantity": quantity, "unit": unit}


def canopy(part: str) -> LoggerFile:
    return read(
        f"hobo-hoboR/21251297_canopy01_{part}.csv",
        serial_from_name=r"^(\d+)_",
        zone="America/Los_Angeles",
        time={"columns": ["Date-Time (Pacific Standard Time)"], "format": "%m-%d-%Y %H:%M:%S"},
        values=[column("Ch: 1 - Temperature   (°C)")],
    )


def instants(file: LoggerFile) -> list[int]:
    return [int(t) for block in file.blocks for t in block.taken_ms]


def values(file: LoggerFile, series: int = 0) -> list[int]:
    return [int(v) for block in file.blocks for v in block.series[series].values]


def test_hobo_site_12_has_all_its_one_minute_readings() -> None:
    file = read(
        "hobo-hoboR/Site_12_(18209)_25.csv",
        serial="21076832",
        zone="Etc/GMT+7",
        skip_lines=1,
        time={"columns": ["Date Time, GMT-07:00"], "format": "%y-%m-%d %H:%M:%S"},
        values=[column(f"Temp, °C ({SITE_12} temp)")],
    )

    assert file.readings + file.rows_without_values == 88_257
    assert np.median(np.diff(instants(file))) == 60_000


def test_later_download_of_the_same_logger_adds_only_what_is_new(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3", gateway="gw-0001")
    first, later = (canopy(part) for part in CANOPY)

    added = [
        store_file(outbox, file, digest=str(i), name="x")
        for i, file in enumerate((first, later, first))
    ]

    assert added == [first.readings, later.readings - first.readings, 0]
    outbox.close()


def test_values_are_the_decimals_of_the_file() -> None:
    file = canopy(CANOPY[0])

    assert values(file)[:3] == [2142, 2120, 2106]
    assert file.blocks[0].series[0].exponent == -2


def test_office_in_fahrenheit_becomes_celsius() -> None:
    file = read(
        "nab/ambient_temperature_system_failure.csv",
        serial="NAB",
        zone="UTC",
        time={"columns": ["timestamp"], "format": "%Y-%m-%d %H:%M:%S"},
        values=[column("value", unit="°F")],
    )

    milli = [v for v in values(file) if v != SENTINEL]
    assert file.readings == 7_267
    assert 10_000 < min(milli) < max(milli) < 35_000


def test_wrong_date_order_is_refused_with_the_line() -> None:
    with pytest.raises(FileFormatError, match=r":2: time '03-21-2022 .*both date orders"):
        read(
            f"hobo-hoboR/21251297_canopy01_{CANOPY[0]}.csv",
            serial="A1",
            zone="UTC",
            time={"columns": ["Date-Time (Pacific Standard Time)"], "format": "%d-%m-%Y %H:%M:%S"},
            values=[column("Ch: 1 - Temperature   (°C)")],
        )


def test_blocks_of_a_real_file_are_within_the_limits_of_the_wire(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3", gateway="gw-0001")
    arrivals = [Arrival(block=block, numbered=False) for block in canopy(CANOPY[1]).blocks]

    stored = outbox.store(arrivals, now_ms=0)

    assert stored[-1].upto_sequence == canopy(CANOPY[1]).readings
    outbox.close()
