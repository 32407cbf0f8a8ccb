from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldgate.errors import SettingsError, WireError
from coldgate.settings import read_settings
from gateway.backoff import Backoff
from gateway.capacity import Capacity
from gateway.outbox import Depth
from gateway.settings import GatewaySettings
from gateway.sources.local import parse_request
from gateway.status import Identity, encode_status

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW_MS = 1_700_000_000_000
REQUEST: Mapping[str, Any] = {
    "serial": "A1",
    "first_sequence": 7,
    "base_ms": NOW_MS,
    "offsets_ms": [0],
    "series": [{"quantity": "temperature", "sensor": 0, "exponent": -2, "values": [500]}],
}


def line(**changes: Any) -> bytes:
    return json.dumps({**REQUEST, **changes}).encode() + b"\n"


def depth(**changes: Any) -> Depth:
    fields: dict[str, Any] = dict.fromkeys(Depth.__dataclass_fields__, 0)
    fields |= {"stream": "s", "rejected": {}, "unsettled": {}, "oldest_stored_ms": None}
    return Depth(**(fields | changes))


@given(
    hours=st.integers(1, 100), arrivals=st.lists(st.integers(0, 10_000), min_size=1, max_size=120)
)
def test_outage_within_the_capacity_never_fills_it(hours: int, arrivals: list[int]) -> None:
    outage = arrivals[: hours + 1]  # readings in each hour; the present one has only begun

    assert sum(outage) <= Capacity(hours=hours).readings(max(outage))


def test_hours_left_are_those_of_the_tighter_limit() -> None:
    capacity = Capacity(hours=72, max_bytes=1_000)

    assert capacity.hours_left(held=0, held_bytes=0, busiest_hour=0) == 72
    assert capacity.hours_left(held=720, held_bytes=10, busiest_hour=60) == 60
    assert capacity.hours_left(held=10, held_bytes=500, busiest_hour=10) == 1


@given(attempt=st.integers(0, 10_000))
def test_delay_lies_between_the_floor_and_the_cap(attempt: int) -> None:
    backoff = Backoff(first_seconds=1, most_seconds=60, floor_seconds=5)

    assert 5 <= backoff.delay_seconds(attempt) <= 5 + min(60, 2 ** min(attempt, 6))


def test_request_without_a_sequence_number_is_unnumbered() -> None:
    assert parse_request(line(), gateway_ms=1).numbered
    assert not parse_request(line(first_sequence=None), gateway_ms=1).numbered


def test_clock_of_the_logger_is_paired_with_that_of_the_gateway() -> None:
    clock = parse_request(line(clock_ms=NOW_MS - 5), gateway_ms=NOW_MS).block.clock

    assert clock is not None
    assert (clock.logger_ms, clock.gateway_ms) == (NOW_MS - 5, NOW_MS)


@pytest.mark.parametrize(
    "request_line",
    [b"\n", b"nonsense\n", b"[]\n", b"[" * 100_000, line(clock_ms="now"), b'{"serial": 1}'],
)
def test_unreadable_request_has_a_code(request_line: bytes) -> None:
    with pytest.raises(WireError) as refusal:
        parse_request(request_line, gateway_ms=1)

    assert refusal.value.code == "UNREADABLE"


def test_status_shows_how_long_the_oldest_reading_waits() -> None:
    identity = Identity(gateway="gw-0001", partition="p00", started_ms=NOW_MS)
    waiting = depth(oldest_stored_ms=NOW_MS - 5_400_000, hours_left=70.5, readings=9)

    body = json.loads(encode_status(identity, waiting, now_ms=NOW_MS))

    assert (body["buffered"]["hours"], body["buffered"]["hours_left"]) == (1.5, 70.5)
    assert (body["clock_ms"], body["buffered"]["readings"]) == (NOW_MS, 9)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given_values = {
        "ID": "gw-0001",
        "KEY_FILE": "key.pem",
        "OUTBOX": "o.db",
        "RESEND_AFTER": "PT9S",
    }
    for name, value in given_values.items():
        monkeypatch.setenv(f"COLDGATE_GATEWAY_{name}", value)

    settings = read_settings(GatewaySettings)

    assert (settings.user, settings.resend_after) == ("gw-0001", timedelta(seconds=9))


def test_password_is_not_shown() -> None:
    settings = GatewaySettings(id="gw-0001", key_file="k", outbox="o", broker_password="secret")

    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ID", "Gateway 1"),
        ("PARTITION", "p16"),
        ("LISTEN_HOST", "0.0.0.0"),  # noqa: S104 - it must be refused
        ("ZONE", "Mars/X"),
        ("RESEND_AFTER", "60"),  # seconds or milliseconds? a duration names its unit
        ("RESEND_AFTER", "60000ms"),
    ],
)
def test_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    for known, good in (("ID", "gw-0001"), ("KEY_FILE", "key.pem"), ("OUTBOX", "o.db")):
        monkeypatch.setenv(f"COLDGATE_GATEWAY_{known}", good)
    monkeypatch.setenv(f"COLDGATE_GATEWAY_{name}", value)

    with pytest.raises(SettingsError, match=f"^COLDGATE_GATEWAY_{name}: "):
        read_settings(GatewaySettings)
