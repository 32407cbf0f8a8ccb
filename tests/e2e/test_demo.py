"""``coldgate demo``: every consignment ends as it must, and nothing is left running."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from command_line import NO_SHARED_DATA, QTAG, coldgate, running

from coldgate.launch.folder import OwnedFolder
from coldgate.launch.process import wait_until
from coldgate.launch.story.stage import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command_line import Running


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A demo that was told to its end."""
    with running(tmp_path_factory.mktemp("told") / "demo", "demo", "--exit") as demo:
        demo.ended()
        yield demo


def row(told: Running, lot: str) -> str:
    """The lot's rows of the table, on one line."""
    table = told.text.partition("───")[2].splitlines()
    first = next(index for index, line in enumerate(table) if line.lstrip().startswith(lot))
    return " ".join(" ".join(table[first : first + 2]).split())


def test_it_ends_with_status_zero(told: Running) -> None:
    assert told.ended() == 0, told.text
    assert "every verdict as expected" in told.text


def test_the_clean_lot_is_released_at_receipt(told: Running) -> None:
    assert row(told, "A101").startswith("A101 PASS no limit was passed")
    assert row(told, "A101").endswith("6483 0 released")


def test_the_warm_lot_is_blocked_while_still_under_way(told: Running) -> None:
    under_way, _, at_receipt = told.text.partition("B202  gate at receipt")

    assert "B202  blocked under way: above 15.0 °C" in under_way
    assert at_receipt.startswith(": FAIL, stays blocked")
    assert "quarantined" in row(told, "B202")


def test_the_late_lot_is_held_until_its_readings_have_come(told: Running) -> None:
    stages = [
        "C303  gateway-north has lost its link",
        "C303  gate at receipt: HOLD, stays blocked",
        "C303  gateway-north was killed and started again",
        "C303  gate asked again: PASS, released",
    ]

    places = [told.text.find(stage) for stage in stages]
    assert -1 not in places
    assert places == sorted(places)
    assert "HOLD → PASS" in row(told, "C303")


@pytest.mark.skipif(QTAG is None, reason=NO_SHARED_DATA)
def test_the_real_logger_file_is_taken_through_the_same_gates(told: Running) -> None:
    assert row(told, "D404").startswith("D404 PASS")
    assert "10.48 °C 0 424 0" in row(told, "D404")


def test_without_a_terminal_it_writes_plain_lines(told: Running) -> None:
    assert all(letter.isprintable() or letter == "\n" for letter in told.text)
    assert "A101 clean         6483/6483 readings committed" in told.text


def test_nothing_is_left_running(told: Running) -> None:
    assert len(told.seen) > 10
    assert told.left == []


def test_ctrl_c_under_way_leaves_nothing_running(tmp_path: Path) -> None:
    with running(tmp_path / "demo", "demo") as demo:
        assert wait_until(lambda: demo.look() and "hours on the road" in demo.text, seconds=60)

        assert demo.stop(signal.SIGINT) == 130
        assert wait_until(lambda: not demo.left, seconds=10)


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARK).touch()
    folder = OwnedFolder(tmp_path)
    folder.acquire()

    refused = coldgate("demo", "--exit", "--folder", str(tmp_path))

    folder.release()
    assert refused.returncode == 2
    assert "is in use by process" in refused.stderr


def test_a_folder_of_somebody_else_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("three years of work")

    refused = coldgate("demo", "--exit", "--folder", str(tmp_path))

    assert refused.returncode == 2
    assert "is not a demo's folder" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
