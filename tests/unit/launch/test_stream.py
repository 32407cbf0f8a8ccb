"""Lines of many processes in one log."""

from __future__ import annotations

from coldgate.launch.stream import render_line


def test_plain_line_keeps_its_words_and_gets_a_name() -> None:
    assert render_line("broker", b"Server is ready\n", width=9) == "broker    | Server is ready"


def test_json_record_becomes_time_level_text_and_facts() -> None:
    raw = b'{"messages": 12, "event": "batch stored", "level": "info", "timestamp": "13:28:01"}\n'

    assert render_line("ingest", raw) == "ingest | 13:28:01 info batch stored messages=12"


def test_json_record_shows_its_traceback_below() -> None:
    raw = b'{"event": "judge failed", "level": "error", "exception": "Traceback"}'

    assert render_line("analytics", raw) == "analytics | error judge failed \nTraceback"


def test_line_that_only_looks_like_json_stays_as_it_is() -> None:
    assert render_line("api", b"{not json") == "api | {not json"


def test_bytes_that_are_no_text_are_shown_all_the_same() -> None:
    assert render_line("api", b"\xff\n") == "api | \N{REPLACEMENT CHARACTER}"
