"""The real exports in the shared data folder; skipped where that folder is absent."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import device_files as files
import numpy as np
import pytest
from device_files import read_tag

from coldgate.errors import FileFormatError
from gateway.readers.berlinger import read_berlinger
from gateway.readers.local_time import find_zone

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.readers.logger_file import LoggerFile

pytestmark = files.present


def tenths(file: LoggerFile) -> list[int]:
    return [int(v) for block in file.blocks for v in block.series[0].values]


def minutes(file: LoggerFile) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.concatenate([block.taken_ms for block in file.blocks]) // 60_000


def test_q_tag_run_03_has_its_424_readings() -> None:
    file = read_tag(files.Q_TAG)

    values = tenths(file)
    assert (file.serial, file.readings) == ("RCPJ00010", 424)
    assert (min(values), max(values), file.blocks[0].series[0].exponent) == (97, 127, -1)
    assert set(np.diff(minutes(file)).tolist()) == {10}


def test_q_tag_run_03_bears_out_its_own_report() -> None:
    file = read_tag(files.Q_TAG)

    assert file.differences == ()
    assert file.report is not None
    assert file.report.mean_kinetic == file.report.average == Decimal("10.4")
    assert file.report.activation_kilojoule_per_mole == Decimal("83.0")


def test_q_tag_average_is_that_of_its_readings_cut_to_tenths() -> None:
    file = read_tag(files.Q_TAG)

    assert file.report is not None
    assert sum(tenths(file)) // file.readings == file.report.average * 10


def test_q_tag_alarms_sounded_after_30_and_60_minutes() -> None:
    report = read_tag(files.Q_TAG).report

    assert report is not None
    raised = [alarm.raised_at for alarm in report.alarms]
    day = datetime(2023, 4, 17, tzinfo=UTC)
    assert raised == [day.replace(hour=16, minute=3), day.replace(hour=16, minute=33), None, None]


def test_fridge_tag_2l_keeps_the_holes_between_its_segments() -> None:
    steps = np.diff(minutes(read_tag(files.FRIDGE_TAG_2L))).tolist()

    assert len(steps) + 1 == 53
    assert sorted(step for step in steps if step != 5) == [352, 14_505, 38_505]


def test_fridge_tag_2l_daily_reports_are_kept() -> None:
    report = read_tag(files.FRIDGE_TAG_2L).report

    assert report is not None
    assert len(report.days) == 38
    assert report.days[1].alarm_minutes == ((0, 0), (1, 312))


@pytest.mark.parametrize("path", files.FRIDGE_TAG_2, ids=lambda path: path.stem)
def test_fridge_tag_2_is_refused_because_it_exports_no_readings(path: Path) -> None:
    with pytest.raises(FileFormatError, match="daily minimum and maximum only, no readings"):
        read_tag(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bad_indent", ":4: 'Serial' does not belong at the margin"),
        ("empty", ": the file is empty"),
        ("malformed_temp", ":10: 'abc' is not a temperature"),
        ("truncated", ":8: there is no 'Avrg T' below '1'"),
    ],
)
def test_broken_file_is_refused_with_its_line(name: str, expected: str) -> None:
    with pytest.raises(FileFormatError) as refusal:
        read_tag(files.DATA / f"berlinger-mortenoh/tests__fixtures__invalid__{name}.txt")

    assert expected in str(refusal.value)


def test_q_tag_cut_anywhere_is_refused_or_shorter_by_nothing() -> None:
    content = files.Q_TAG.read_bytes()
    cuts = range(0, len(content) - 130, 97)  # the last line, the signature, has 134 bytes

    for cut in cuts:
        with pytest.raises(FileFormatError):
            read_berlinger("cut.txt", content[:cut], zone=find_zone("UTC"))
