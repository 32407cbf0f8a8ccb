"""``coldgate import``: a logger file along the whole path, once, and only if it can be read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from command_line import BEGIN, NO_SHARED_DATA, QTAG, coldgate, machine_up, make_csv

from coldgate.launch.process import recorded_pid

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from command_line import Running


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with machine_up(tmp_path_factory.mktemp("import") / "machine") as machine:
        yield machine


def take(
    folder: Path,
    file: Path,
    profile: str = "USP_CCT_2_8",
    *more: str,
    certificate: str = "CAL-1 2026-01-01 2026-12-31 0.2",
) -> subprocess.CompletedProcess[str]:
    options = ["--profile", profile, "--zone", "UTC", "--folder", str(folder), *more]
    if certificate:
        options += ["--certificate", *certificate.split()]
    return coldgate("import", str(file), *options)


def consignment_of(taken: subprocess.CompletedProcess[str]) -> str:
    assert taken.returncode == 0, taken.stderr
    return taken.stdout.splitlines()[-1].removeprefix("consignment ")


def cells(output: str, label: str) -> list[str]:
    """The figures in the line of the table that begins with ``label``."""
    line = next(line for line in output.splitlines() if line.split()[:1] == [label])
    return line.replace("°C", " ").replace("%", " ").split()[1:]


@pytest.mark.skipif(QTAG is None, reason=NO_SHARED_DATA)
def test_real_qtag_gives_the_figures_of_the_device(machine: Running) -> None:
    assert QTAG is not None

    taken = take(machine.folder, QTAG, "WHO_ESI_TYPE1")

    assert taken.returncode == 0, taken.stderr
    assert cells(taken.stdout, "readings")[0] == "424"
    assert cells(taken.stdout, "min") == ["9.7", "9.7"]
    assert cells(taken.stdout, "max") == ["12.7", "12.7"]
    ours, theirs = (float(cell) for cell in cells(taken.stdout, "MKT"))
    assert abs(ours - theirs) <= 0.1
    assert "verdict PASS by WHO_ESI_TYPE1" in taken.stdout


def test_a_running_machine_is_used_and_goes_on_running(machine: Running, tmp_path: Path) -> None:
    taken = take(machine.folder, make_csv(tmp_path, "GEN-1", [5.0] * 20))

    assert taken.returncode == 0, taken.stderr
    assert cells(taken.stdout, "readings") == ["20"]
    assert "20 readings added" in taken.stdout
    assert machine.is_healthy()


def test_the_same_file_twice_adds_nothing_and_says_so(machine: Running, tmp_path: Path) -> None:
    file = make_csv(tmp_path, "GEN-2", [5.0, 6.0, 7.0])
    first = take(machine.folder, file)

    second = take(machine.folder, file)

    assert second.returncode == 0, second.stderr
    assert "nothing added: all 3 readings were there already" in second.stdout
    assert second.stdout.splitlines()[:-2] == first.stdout.splitlines()[:-2]


def test_an_uncalibrated_logger_proves_nothing(machine: Running, tmp_path: Path) -> None:
    file = make_csv(tmp_path, "GEN-20", [5.0] * 20)

    without = take(machine.folder, file, "IVD_2_8", certificate="")
    expired = take(machine.folder, file, "IVD_2_8", certificate="CAL-7 2026-01-01 2026-02-28 0.2")
    mended = take(machine.folder, file, "IVD_2_8", certificate="CAL-7 2026-01-01 2026-12-31 0.2")

    assert "verdict HOLD by IVD_2_8" in without.stdout
    assert "UNCALIBRATED" in without.stdout
    assert "--certificate NUMBER FROM TO U" in without.stdout
    assert "UNCALIBRATED" in expired.stdout
    assert "verdict PASS by IVD_2_8" in mended.stdout
    assert "nothing added" in mended.stdout


@pytest.mark.parametrize(
    ("certificate", "problem"),
    [
        ("CAL-1 2026-01-01 2026-31-12 0.2", "a day is written as 2026-01-31, not '2026-31-12'"),
        ("CAL-1 2026-01-01 2025-12-31 0.2", "it ends before it begins"),
        ("CAL-1 2026-01-01 2026-12-31 good", "U is a number of °C, not 'good'"),
    ],
)
def test_a_certificate_that_makes_no_sense_is_refused_before_anything_starts(
    tmp_path: Path, certificate: str, problem: str
) -> None:
    file = make_csv(tmp_path, "GEN-21", [5.0])

    refused = take(tmp_path / "machine", file, certificate=certificate)

    assert refused.returncode == 2
    assert refused.stderr == f"--certificate NUMBER FROM TO U: {problem}\n"
    assert not (tmp_path / "machine").exists()


def test_a_bad_verdict_is_no_error_of_the_command(machine: Running, tmp_path: Path) -> None:
    taken = take(machine.folder, make_csv(tmp_path, "GEN-3", [5.0, 16.0, 16.0, 5.0]))

    assert taken.returncode == 0, taken.stderr
    assert "verdict FAIL by USP_CCT_2_8" in taken.stdout
    assert "above 15.0 °C" in taken.stdout


def test_another_profile_judges_the_same_readings_again(machine: Running, tmp_path: Path) -> None:
    file = make_csv(tmp_path, "GEN-4", [5.0, 16.0, 16.0, 5.0])
    take(machine.folder, file)

    taken = take(machine.folder, file, "WHO_ESI_TYPE1")

    assert taken.returncode == 0, taken.stderr
    assert "verdict PASS by WHO_ESI_TYPE1" in taken.stdout
    assert "nothing added" in taken.stdout


def test_a_longer_export_adds_what_is_new_and_is_judged_as_a_whole(
    machine: Running, tmp_path: Path
) -> None:
    hot = [5.0, *[16.0] * 3]
    short = take(machine.folder, make_csv(tmp_path / "1", "GEN-10", [5.0] * 6))

    longer = take(machine.folder, make_csv(tmp_path / "2", "GEN-10", [5.0] * 6 + hot))
    whole = take(machine.folder, make_csv(tmp_path / "3", "GEN-10", [5.0] * 6 + hot + [5.0]))

    assert "verdict PASS" in short.stdout
    assert "4 readings added of 10" in longer.stdout
    assert "verdict FAIL" in longer.stdout
    assert "1 readings added of 11" in whole.stdout
    assert cells(whole.stdout, "readings") == ["11"]
    assert consignment_of(short) == consignment_of(longer) == consignment_of(whole)


def test_a_shorter_export_after_the_longer_one_adds_nothing(
    machine: Running, tmp_path: Path
) -> None:
    take(machine.folder, make_csv(tmp_path / "long", "GEN-11", [5.0] * 12))

    taken = take(machine.folder, make_csv(tmp_path / "short", "GEN-11", [5.0] * 5))

    assert taken.returncode == 0, taken.stderr
    assert "nothing added: all 5 readings were there already" in taken.stdout
    assert cells(taken.stdout, "readings") == ["12"]


def test_an_export_that_has_lost_the_oldest_readings_is_joined_to_its_run(
    machine: Running, tmp_path: Path
) -> None:
    later = BEGIN + timedelta(minutes=20)
    first = take(machine.folder, make_csv(tmp_path / "1", "GEN-12", [5.0, 5.1, 5.2, 5.3]))

    rolled = make_csv(tmp_path / "2", "GEN-12", [5.2, 5.3, 5.4], begin=later)
    taken = take(machine.folder, rolled)

    assert taken.returncode == 0, taken.stderr
    assert cells(taken.stdout, "readings") == ["5"]
    assert consignment_of(taken) == consignment_of(first)


def test_an_export_that_begins_before_its_run_is_refused(machine: Running, tmp_path: Path) -> None:
    later = BEGIN + timedelta(minutes=20)
    take(machine.folder, make_csv(tmp_path / "1", "GEN-14", [5.2, 5.3], begin=later))

    refused = take(machine.folder, make_csv(tmp_path / "2", "GEN-14", [5.0, 5.1, 5.2, 5.3]))

    assert refused.returncode == 2
    assert "which begins later than the file; nothing was stored" in refused.stderr


def test_runs_of_one_logger_are_apart_in_whatever_order_they_come(
    machine: Running, tmp_path: Path
) -> None:
    days = [BEGIN + timedelta(days=day) for day in range(3)]
    files = [
        make_csv(tmp_path / str(number), "GEN-13", [5.0 + number] * 6, begin=begin)
        for number, begin in enumerate(days)
    ]

    taken = {number: take(machine.folder, files[number]) for number in (1, 0, 2)}
    longer = make_csv(tmp_path / "longer", "GEN-13", [5.0] * 9, begin=days[0])
    grown = take(machine.folder, longer)

    assert [taken[number].returncode for number in (0, 1, 2)] == [0, 0, 0]
    assert len({consignment_of(one) for one in taken.values()}) == 3
    assert "3 readings added of 9" in grown.stdout
    assert consignment_of(grown) == consignment_of(taken[0])


@pytest.mark.skipif(QTAG is None, reason=NO_SHARED_DATA)
def test_real_qtag_read_out_half_way_and_at_the_end_is_one_run(
    machine: Running, tmp_path: Path
) -> None:
    assert QTAG is not None
    lines = QTAG.read_text(encoding="ascii").replace("RCPJ00010", "RCPJ00099").splitlines()
    data, end = lines.index("Data:") + 2, lines.index("Cert:")
    half, whole = tmp_path / "half.txt", tmp_path / "whole.txt"
    half.write_text("\n".join([*lines[: (data + end) // 2], *lines[end:]]))
    whole.write_text("\n".join(lines))

    first = take(machine.folder, half, "WHO_ESI_TYPE1")
    second = take(machine.folder, whole, "WHO_ESI_TYPE1")

    assert cells(first.stdout, "readings")[0] == "212"
    assert "212 readings added of 424" in second.stdout
    assert cells(second.stdout, "readings")[0] == "424"
    assert consignment_of(first) == consignment_of(second)


def test_a_file_that_contradicts_an_earlier_one_stores_nothing(
    machine: Running, tmp_path: Path
) -> None:
    take(machine.folder, make_csv(tmp_path / "first", "GEN-8", [5.0, 6.0, 7.0]))
    before = machine.ask("/consignments")

    refused = take(machine.folder, make_csv(tmp_path / "second", "GEN-8", [5.0, 6.0, 7.5]))

    assert refused.returncode == 2
    assert "logger GEN-8 was imported for that time already, as gen-8-" in refused.stderr
    assert "with another temperature at 2026-03-01 06:20:00 UTC" in refused.stderr
    assert machine.ask("/consignments") == before


def test_a_file_in_a_wrong_format_is_one_line_and_stores_nothing(
    machine: Running, tmp_path: Path
) -> None:
    file = make_csv(tmp_path, "GEN-5", [5.0, 6.0])
    file.write_text(file.read_text().replace("6.0", "warm"))
    before = [machine.ask(path) for path in ("/loggers", "/consignments", "/gateways")]

    refused = take(machine.folder, file)

    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.startswith("GEN-5.csv:3: ")
    assert refused.stderr.count("\n") == 1
    assert [machine.ask(path) for path in ("/loggers", "/consignments", "/gateways")] == before


def test_a_file_in_a_wrong_format_starts_no_machine(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("buy milk\n")

    refused = take(tmp_path / "machine", file)

    assert refused.returncode == 2
    assert refused.stderr.startswith("notes.txt:1: ")
    assert not (tmp_path / "machine").exists()


def test_an_unknown_profile_is_named_with_those_that_exist(
    machine: Running, tmp_path: Path
) -> None:
    refused = take(machine.folder, make_csv(tmp_path, "GEN-6", [5.0]), "NO_SUCH")

    assert refused.returncode == 2
    assert "no profile NO_SUCH" in refused.stderr
    assert "USP_CCT_2_8" in refused.stderr


def test_without_a_running_machine_one_runs_for_the_moment(tmp_path: Path) -> None:
    taken = take(tmp_path / "machine", make_csv(tmp_path, "GEN-7", [5.0] * 10))

    assert taken.returncode == 0, taken.stderr
    assert "verdict PASS" in taken.stdout
    for server in ("postgres", "broker"):
        assert recorded_pid(tmp_path / "machine" / server / "running") is None
