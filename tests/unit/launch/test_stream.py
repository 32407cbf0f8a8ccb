"""Lines of many processes in one log."""

from __future__ import annotations

import pytest

from coldgate.launch.stream import is_banner, render_line


def test_plain_line_keeps_its_words_and_gets_a_name() -> None:
    assert render_line("broker", b"Server is ready\n", width=9) == "broker    | Server is ready"


def test_json_record_becomes_time_level_text_and_facts() -> None:
    raw = b'{"messages": 12, "event": "batch stored", "level": "info", "timestamp": "13:28:01"}\n'

    assert render_line("ingest", raw) == "ingest | 13:28:01 info batch stored messages=12"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"[7] 2026/11/22 15:12:13.774824 [WRN] Slow consumer", "warning Slow consumer"),
        (b"2026-11-22 15:12:13.830 UTC LOG:  shutting down", "info shutting down"),
        (b"2026-11-22 15:12:13.830 UTC [41] ERROR:  no such table", "error no such table"),
        (b"2026-11-22T15:12:13Z: Warning: no disk", "warning no disk"),
        (
            b"2026-11-22T15:12:13Z: mosquitto version 2.0.11 running",
            "mosquitto version 2.0.11 running",
        ),
        (b'{"timestamp": "2026-11-22T15:12:13.05Z", "level": "info", "event": "up"}', "info up"),
    ],
)
def test_lines_of_all_processes_begin_alike(raw: bytes, shown: str) -> None:
    assert render_line("x", raw) == f"x | 2026-11-22 15:12:13Z {shown}"


def test_picture_of_the_broker_is_known_from_its_words() -> None:
    assert is_banner(b"[7] 2026/11/22 15:12:13.776061 [INF]  _ | | __|_   _/ __|_   _| _ \\\n")
    assert not is_banner(b"[7] 2026/11/22 15:12:13.776061 [INF] Server is ready\n")
    assert not is_banner(b"    ^^^^^\n")


def test_json_record_shows_its_traceback_below() -> None:
    raw = b'{"event": "judge failed", "level": "error", "exception": "Traceback"}'

    assert render_line("analytics", raw) == "analytics | error judge failed \nTraceback"


def test_line_that_only_looks_like_json_stays_as_it_is() -> None:
    assert render_line("api", b"{not json") == "api | {not json"


def test_bytes_that_are_no_text_are_shown_all_the_same() -> None:
    assert render_line("api", b"\xff\n") == "api | \N{REPLACEMENT CHARACTER}"
