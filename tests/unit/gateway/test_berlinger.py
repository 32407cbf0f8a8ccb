from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from coldgate.errors import FileFormatError
from coldgate.model import Block, ReadingFlag
from gateway.readers.berlinger import read_berlinger
from gateway.readers.local_time import find_zone

if TYPE_CHECKING:
    from gateway.readers.logger_file import LoggerFile

RUN = """\
Device: Q-tag CLm doc LR
Fw Vers: 1.0
Conf:
 Serial: TEST0001
 MKT Energy: 83.1
 Logging Interval: 10
 Alarm:
  1:
   Type: 2, T AL: 8.0, t AL: 30
  2:
   Type: 0
Res:
 TS Start: 2024-01-01 00:00
 TS Stop: 2024-01-01 01:00
 Min T: 4.9, TS Min T: 2024-01-01 00:10
 Max T: 8.1, TS Max T: 2024-01-01 00:20
 MKT: 6.3
 Avrg T: 6.2
 Alarm:
  1:
   TS S: 2024-01-01 00:20, t A: 10, TS A:
Data:
\tyyyy-MM-dd hh:mm\tT\tOut of limits
\t2024-01-01 00:00\t5.5
\t2024-01-01 00:10\t4.9
\t2024-01-01 00:20\t8.1\tx
Cert:
 Lot: 1
Sig Cert: 00
Sig: 00
"""
DAYS = """\
Device: Q-tag Fridge-tag 2 L
Fw Vers: 2.0
Conf:
 Serial: 1300
 Temp unit: C
 Logging Interval: 5
 Alarm:
  0:
   T AL: -0.5, t AL: 60
Hist:
 TS Actv: 2024-01-01 08:00
 TS Report Creation: 2024-01-02 08:00
 1:
  Date: 2024-01-02
  Min T: +3.0, TS Min T: 06:00
  Max T: +5.0, TS Max T: 07:00
  Avrg T: +4.0
  Alarm:
   0:
    t Acc: 0
 2:
  Date: 2024-01-01
  Min T: -1.0, TS Min T: 10:00
  Max T: +5.0, TS Max T: 08:00
  Avrg T: +1.0
  Alarm:
   0:
    t Acc: 75, TS A: 11:00, C A: 0
Data:
\tyyyy-MM-dd hh:mm\tT\tOut of limits
\t2024-01-01 08:00\t+5.0
\t2024-01-01 10:00\t-1.0\tx
Sig: 00
"""


def read(text: str, *, zone: str = "UTC") -> LoggerFile:
    content = text.replace("\n", "\r\n").encode()
    return read_berlinger("run.txt", content, zone=find_zone(zone))


def problem(text: str) -> str:
    with pytest.raises(FileFormatError) as refusal:
        read(text)
    return str(refusal.value)


def test_readings_are_exact_tenths_at_their_utc_times() -> None:
    (block,) = read(RUN).blocks

    assert (block.series[0].exponent, block.series[0].values.tolist()) == (-1, [55, 49, 81])
    assert minutes(block) == [0, 10, 20]


def minutes(block: Block) -> list[int]:
    """Minutes of each reading after the run began in UTC."""
    start = round(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1_000)
    return [(int(t) - start) // 60_000 for t in block.taken_ms]


def test_identity_and_interval_of_the_logger_are_kept() -> None:
    file = read(RUN)

    assert (file.serial, file.model, file.firmware) == ("TEST0001", "Q-tag CLm doc LR", "1.0")
    assert (file.interval, file.readings) == (timedelta(minutes=10), 3)


def test_device_report_of_a_run_is_kept() -> None:
    report = read(RUN).report

    assert report is not None
    assert report.mean_kinetic == Decimal("6.3")
    assert report.activation_kilojoule_per_mole == Decimal("83.1")
    assert report.maximum is not None
    assert report.maximum.taken_at == datetime(2024, 1, 1, 0, 20, tzinfo=UTC)


def test_alarm_that_never_sounded_has_no_time_and_unused_ones_are_left_out() -> None:
    report = read(RUN).report

    assert report is not None
    assert [(a.number, a.outside_minutes, a.raised_at) for a in report.alarms] == [(1, 10, None)]


def test_days_of_a_fridge_tag_are_kept_and_its_alarm_is_the_earliest() -> None:
    report = read(DAYS).report

    assert report is not None
    assert [day.alarm_minutes for day in report.days] == [((0, 0),), ((0, 75),)]
    assert report.alarms[0].raised_at == datetime(2024, 1, 1, 11, tzinfo=UTC)


def test_statistic_that_the_readings_do_not_bear_out_is_shown() -> None:
    file = read(RUN.replace("Max T: 8.1", "Max T: 7.9"))

    assert file.differences == ("maximum: the device says 7.9, its readings say 8.1",)


def test_zone_that_was_given_is_applied() -> None:
    assert minutes(read(RUN, zone="Etc/GMT-8").blocks[0]) == [-480, -470, -460]


def test_time_in_the_hour_that_exists_twice_is_flagged() -> None:
    (block,) = read(RUN.replace("2024-01-01", "2023-10-29"), zone="Europe/Lisbon").blocks
    (autumn,) = read(RUN.replace("2024-01-01 00", "2023-10-29 02"), zone="Europe/Berlin").blocks

    assert block.flags is None
    assert autumn.flags is not None
    assert set(autumn.flags.tolist()) == {ReadingFlag.TIME_AMBIGUOUS}


def test_fahrenheit_device_is_converted() -> None:
    file = read(DAYS.replace("Temp unit: C", "Temp unit: F").replace("+5.0\n\t", "46.4\n\t"))

    assert file.blocks[0].series[0].values.tolist() == [8_000, -18_333]
    assert file.report is not None
    assert file.report.unit == "°F"


def test_device_without_a_log_is_refused_with_the_reason() -> None:
    head, _, _ = DAYS.partition("Data:")

    assert "exports daily minimum and maximum only, no readings" in problem(head + "Sig: 00\n")


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        (RUN, "", "run.txt: the file is empty"),
        (" Serial", "Serial", "run.txt:4: 'Serial' does not belong at the margin: indent is lost"),
        ("  1:\n", "   1:\n", "run.txt:8: '1' is indented too far"),
        ("TEST0001", "", "run.txt:4: '' is not a serial number"),
        ("Device: Q-tag", "Device: X-tag", "run.txt:1: not a Berlinger export"),
        ("Min T: 4.9", "Min T: abc", "run.txt:15: 'abc' is not a temperature with one decimal"),
        ("\t8.1\tx", "\t8,1\tx", "run.txt:26: '8,1' is not a temperature with one decimal"),
        ("\t8.1\tx", "\t8.1\ty", "run.txt:26: a row is not `time, temperature`"),
        ("\t8.1\tx", "", "run.txt:26: a row is not `time, temperature`"),
        (
            "\t2024-01-01 00:20",
            "\t2024-02-30 00:20",
            "run.txt:26: '2024-02-30 00:20' is",
        ),
        (
            "\t2024-01-01 00:20",
            "\t01.01.2024 00:20",
            "run.txt:26: '01.01.2024 00:20' is",
        ),
        (
            "T\tOut of limits",
            "H\tOut of limits",
            "run.txt:23: the table of readings does not",
        ),
        ("Interval: 10", "Interval: ten", "run.txt:6: 'ten' is not a whole number"),
        ("Cert:\n Lot: 1\nSig Cert: 00\nSig: 00\n", "", "run.txt:26: the file ends before"),
        ("Cert:\n", "Cert\n", "run.txt:27: not `key: value`: 'Cert'"),
        (" MKT: 6.3\n", "", "run.txt:12: there is no 'MKT' below 'Res'"),
        ("Res:\n", "Hist:\n", "run.txt:12: there is no 'TS Actv' below 'Hist'"),
    ],
)
def test_wrong_file_is_one_line_that_says_what_and_where(
    good: str, bad: str, expected: str
) -> None:
    assert good in RUN
    assert problem(RUN.replace(good, bad, 1)).startswith(expected)
