"""Real CSV exports in the shared data folder, by mapping; skipped where that folder is absent."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import device_files as files
import numpy as np
import pytest
from device_files import read

from coldgate.errors import FileFormatError
from gateway.blocks import Arrival
from gateway.outbox import Outbox
from gateway.readers.decimals import SENTINEL
from gateway.sources.folder import store_file

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.readers.logger_file import LoggerFile

pytestmark = files.present


def canopy(download: int) -> LoggerFile:
    return read(files.CANOPY_01[download], files.CANOPY_MAPPING)


def instants(file: LoggerFile) -> list[int]:
    return [int(t) for block in file.blocks for t in block.taken_ms]


def values(file: LoggerFile, series: int = 0) -> list[int]:
    return [int(v) for block in file.blocks for v in block.series[series].values]


def test_hobo_site_12_has_all_its_one_minute_readings() -> None:
    file = read(files.SITE_12, files.SITE_12_MAPPING)

    assert file.readings + file.rows_without_values == 88_257
    assert np.median(np.diff(instants(file))) == 60_000


def test_later_download_of_the_same_logger_adds_only_what_is_new(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3", gateway="gw-0001")
    first, later = canopy(0), canopy(1)

    added = [
        store_file(outbox, file, digest=str(i), name="x")
        for i, file in enumerate((first, later, first))
    ]

    assert added == [first.readings, later.readings - first.readings, 0]
    outbox.close()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_downloads_in_any_order_add_each_reading_once(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3", gateway="gw-0001")

    added = [store_file(outbox, canopy(i), digest=str(i), name="x") for i in order]

    assert sum(added) == canopy(2).readings
    outbox.close()


def test_values_are_the_decimals_of_the_file() -> None:
    file = canopy(0)

    assert values(file)[:3] == [2142, 2120, 2106]
    assert file.blocks[0].series[0].exponent == -2


def test_office_in_fahrenheit_becomes_celsius() -> None:
    file = read(files.OFFICE, files.OFFICE_MAPPING)

    milli = [v for v in values(file) if v != SENTINEL]
    assert file.readings == 7_267
    assert 10_000 < min(milli) < max(milli) < 35_000


def test_wrong_date_order_is_refused_with_the_line() -> None:
    time = {**files.CANOPY_MAPPING["time"], "format": "%d-%m-%Y %H:%M:%S"}

    with pytest.raises(FileFormatError, match=r":2: time '03-21-2022 .*both date orders"):
        read(files.CANOPY_01[0], files.CANOPY_MAPPING, time=time)


def test_blocks_of_a_real_file_are_within_the_limits_of_the_wire(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3", gateway="gw-0001")
    arrivals = [Arrival(block=block, numbered=False) for block in canopy(1).blocks]

    stored = outbox.store(arrivals, now_ms=0)

    assert stored[-1].upto_sequence == canopy(1).readings
    outbox.close()
