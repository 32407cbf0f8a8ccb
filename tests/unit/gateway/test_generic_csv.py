from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coldgate.errors import FileFormatError
from gateway.readers.choose import find_mapping
from gateway.readers.decimals import SENTINEL
from gateway.readers.generic_csv import read_csv
from gateway.readers.local_time import find_zone
from gateway.readers.mapping import Mapping, read_mapping

if TYPE_CHECKING:
    from gateway.readers.logger_file import LoggerFile

MIDNIGHT_MS = round(datetime(2024, 3, 4, tzinfo=UTC).timestamp() * 1_000)


def mapping(**changes: Any) -> Mapping:
    fields: dict[str, Any] = {
        "serial": "A1",
        "zone": "UTC",
        "time": {"columns": ["when"], "format": "%d/%m/%Y %H:%M"},
        "values": [{"column": "t", "quantity": "temperature", "unit": "°C"}],
    }
    return Mapping.model_validate(fields | changes)


def read(text: str, *, encoding: str = "utf-8", **changes: Any) -> LoggerFile:
    return read_csv("a.csv", text.encode(encoding), mapping=mapping(**changes), zone=None)


def values(file: LoggerFile, series: int = 0) -> list[int]:
    return [int(v) for block in file.blocks for v in block.series[series].values]


def problem(text: str, **changes: Any) -> str:
    with pytest.raises(FileFormatError) as refusal:
        read(text, **changes)
    return str(refusal.value)


def test_times_and_values_are_exact() -> None:
    file = read("when,t\n04/03/2024 00:00,5.2\n04/03/2024 00:10,-0.05\n")

    assert file.blocks[0].taken_ms.tolist() == [MIDNIGHT_MS, MIDNIGHT_MS + 600_000]
    assert (values(file), file.blocks[0].series[0].exponent) == ([520, -5], -2)


def test_decimal_comma_semicolon_and_lines_before_the_header() -> None:
    text = "Export\n\nwhen;t\n04/03/2024 00:00;5,2\n"

    file = read(text, delimiter=";", decimal_comma=True, skip_lines=2)

    assert values(file) == [52]


def test_columns_of_a_file_without_a_header_go_by_position() -> None:
    time = {"columns": ["2"], "format": "%Y.%m.%d %H:%M"}
    columns = [{"column": "3", "quantity": "temperature", "unit": "°C"}]

    file = read(
        "0;2024.03.04 00:00;9.8125;x\n1;2024.03.04 00:15;-200;x\n",
        header=False,
        delimiter=";",
        time=time,
        values=columns,
    )

    assert file.blocks[0].taken_ms.tolist() == [MIDNIGHT_MS, MIDNIGHT_MS + 900_000]
    assert values(file) == [98_125, SENTINEL]


def test_mapping_of_the_operations_manual_reads_what_it_describes(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    example = manual.split("## Logger files")[1].split("```yaml\n")[1].split("```")[0]
    (tmp_path / "m.yaml").write_text(example, encoding="utf-8")

    described = read_mapping(tmp_path / "m.yaml")
    text = b"0;2024.03.04 00:00;4;9.8125;-200;-200;65336;204;0\n"
    file = read_csv("data_91184101_0.csv", text, mapping=described, zone=None)

    assert (file.serial, file.blocks[0].taken_ms.tolist()) == ("91184101", [MIDNIGHT_MS])
    assert (values(file), values(file, 1)) == ([98_125], [SENTINEL])


def test_own_mapping_makes_any_text_file_readable_by_columns(tmp_path: Path) -> None:
    (tmp_path / "A1.mapping.yaml").touch()
    (tmp_path / "folder.mapping.yaml").touch()

    assert find_mapping(tmp_path / "A1.txt") == tmp_path / "A1.mapping.yaml"
    assert find_mapping(tmp_path / "A2.csv") == tmp_path / "folder.mapping.yaml"
    assert find_mapping(tmp_path / "A2.txt") is None  # it may be a Berlinger export


def test_date_and_time_in_two_columns() -> None:
    time = {"columns": ["day", "clock"], "format": "%d/%m/%Y %H:%M"}

    file = read("day,clock,t\n04/03/2024,00:10,5\n", time=time)

    assert file.blocks[0].taken_ms.tolist() == [MIDNIGHT_MS + 600_000]


@pytest.mark.parametrize("form", ["epoch_s", "epoch_ms"])
def test_epoch_needs_no_zone(form: str) -> None:
    stamp = MIDNIGHT_MS // 1_000 if form == "epoch_s" else MIDNIGHT_MS

    file = read(f"when,t\n{stamp},5\n", zone=None, time={"columns": ["when"], "format": form})

    assert file.blocks[0].taken_ms.tolist() == [MIDNIGHT_MS]


def test_time_with_an_offset_needs_no_zone() -> None:
    time = {"columns": ["when"], "format": "%Y-%m-%dT%H:%M:%S%z"}

    file = read("when,t\n2024-03-04T08:00:00+08:00,5\n", zone=None, time=time)

    assert file.blocks[0].taken_ms.tolist() == [MIDNIGHT_MS]


def test_local_time_without_any_zone_is_refused() -> None:
    assert problem("when,t\n04/03/2024 00:00,5\n", zone=None) == (
        "a.csv:2: times have no zone, and none is given"
    )


def test_zone_of_the_mapping_wins_over_that_of_the_settings() -> None:
    text = b"when,t\n04/03/2024 01:00,5\n"

    file = read_csv("a.csv", text, mapping=mapping(zone="Europe/Berlin"), zone=find_zone("UTC"))

    assert file.blocks[0].taken_ms.tolist() == [MIDNIGHT_MS]


def test_fahrenheit_becomes_celsius_in_thousandths() -> None:
    columns = [{"column": "t", "quantity": "temperature", "unit": "°F"}]

    file = read("when,t\n04/03/2024 00:00,46.4\n04/03/2024 00:10,40\n", values=columns)

    assert (values(file), file.blocks[0].series[0].exponent) == ([8_000, 4_444], -3)


@pytest.mark.parametrize("cell", ["", "NaN", "--.-", "0x7FFF", "-200", "-200.0", "n/a", "ERR"])
def test_sentinel_is_no_value_and_the_row_stays(cell: str) -> None:
    columns = [
        {"column": "t", "quantity": "temperature", "unit": "°C"},
        {"column": "h", "quantity": "humidity", "unit": "%RH"},
    ]

    file = read(f"when,t,h\n04/03/2024 00:00,{cell},40\n", values=columns, no_value=["ERR"])

    assert (values(file, 0), values(file, 1)) == ([SENTINEL], [40])


def test_rows_without_any_value_are_events_and_only_counted() -> None:
    file = read("when,t\n04/03/2024 00:00,5\n04/03/2024 00:01,\n\n")

    assert (file.readings, file.rows_without_values) == (1, 1)


def test_both_date_orders_in_one_column_are_refused_with_the_line() -> None:
    assert problem("when,t\n04/03/2024 00:00,5\n03/25/2024 00:00,5\n") == (
        "a.csv:3: time '03/25/2024 00:00' does not fit '%d/%m/%Y %H:%M': "
        "both date orders in one column"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a.csv: column 'when' is not in the header"),
        ("when,x\n", "a.csv:1: column 't' is not in the header"),
        ("when,t,t\n", "a.csv:1: column 't' is twice in the header"),
        ("when,t\n04/03/2024 00:00\n", "a.csv:2: 1 columns are too few"),
        ("when,t\n04/03/2024 00:00,5 °C\n", "a.csv:2: 't': '5 °C' is not a decimal number"),
        ("when,t\n04/03/2024 00:00,inf\n", "a.csv:2: 't': 'inf' is not a decimal number"),
        (
            "when,t\n04/03/2024 00:00,-Infinity\n",
            "a.csv:2: 't': '-Infinity' is not a decimal number",
        ),
        ("when,t\n04/03/2024 00:00,1e400\n", "a.csv:2: 't': '1e400' is not a decimal number"),
        ("when,t\n04/03/2024 00:00,9999999999\n", "a.csv:2: 't' is out of any range"),
        ('when,t\n"04/03/2024 00:00,5\n', "a.csv:2: unexpected end of data"),
        ("when,t\n", "a.csv: there is no reading in the file"),
        ("when,t\nyesterday,5\n", "a.csv:2: time 'yesterday' does not fit '%d/%m/%Y %H:%M'"),
    ],
)
def test_wrong_file_is_one_line_that_says_what_and_where(text: str, expected: str) -> None:
    assert problem(text) == expected


def test_bytes_of_another_encoding_are_refused_with_the_line() -> None:
    content = "when,t\n04/03/2024 00:00,5\nµ,5\n".encode("latin-1")

    with pytest.raises(FileFormatError, match=r"a.csv:3: not utf-8 text"):
        read_csv("a.csv", content, mapping=mapping(), zone=None)


def test_serial_may_come_from_the_name_of_the_file() -> None:
    changed = mapping(serial=None, serial_from_name=r"^(\d+)_")

    assert changed.serial_of("21251297_canopy.csv") == "21251297"
    with pytest.raises(FileFormatError, match=r"canopy.csv: None is not a serial number"):
        changed.serial_of("canopy.csv")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("serial: [", "m.yaml:3: not YAML"),
        ("colour: red", "m.yaml: colour: Extra inputs are not permitted"),
        ("zone: Mars/Olympus", "m.yaml: no time zone is called 'Mars/Olympus'"),
        ("values: [{column: t, quantity: temperature, unit: K}]", "m.yaml: values.0: Value error"),
        ("header: false", "m.yaml: mapping: Value error, without a header, columns are called by"),
        ("serial_from_name: '(x)'", "m.yaml: mapping: Value error, give either serial or"),
    ],
)
def test_wrong_mapping_is_one_line_that_names_the_entry(
    tmp_path: Path, line: str, expected: str
) -> None:
    fields = {"serial": "serial: A1", "time": 'time: {columns: [w], format: "%H"}'}
    fields["values"] = 'values: [{column: t, quantity: temperature, unit: "°C"}]'
    fields[line.partition(":")[0]] = line
    (tmp_path / "m.yaml").write_text("\n".join(fields.values()))

    with pytest.raises(FileFormatError) as refusal:
        read_mapping(tmp_path / "m.yaml")

    assert str(refusal.value).startswith(expected)
