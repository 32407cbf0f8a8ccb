"""What people and programs get: bytes that repeat, words that say what happened."""

from __future__ import annotations

import json
from typing import Any

import pytest
from judging import (
    CCT,
    HOUR,
    MINUTE,
    START,
    judged,
    make_case,
    make_certificate,
    make_channel,
    make_profile,
    readings,
    steady,
)

from analytics.case import Lot, Role
from analytics.evaluation import plain
from analytics.judge import judge
from analytics.reasons import duration_words, instant_words

ROWS = [*steady(5.0, 1440), *steady(9.0, 60, start=1450), *steady(5.0, 60, start=1520)]


def test_the_bytes_are_canonical_json_without_anything_of_the_delivery() -> None:
    evaluation = judged(ROWS)

    written = json.loads(evaluation.to_bytes())

    assert written == evaluation.as_json()
    assert json.dumps(
        written, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode() == (evaluation.to_bytes())
    assert "duplicates" not in written["channels"][0]["statistics"]
    assert written["profile"] == {"id": CCT.id, "version": CCT.version, "digest": CCT.digest}
    assert written["constants"]["activation_kj_per_mol"] == 83.144


def test_only_means_and_spread_are_floats() -> None:
    written = judged(ROWS).as_json()

    floats = {path for path, value in leaves(written) if isinstance(value, float)}

    assert floats == {"mean", "deviation", "mkt", "gas_constant_kj_per_mol_k", "kelvin_offset"} | {
        "activation_kj_per_mol"
    }


def leaves(value: object, name: str = "") -> list[tuple[str, object]]:
    """Every leaf of plain JSON with the key it stands under."""
    if isinstance(value, dict):
        return [leaf for key, part in value.items() for leaf in leaves(part, key)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves(part, name)]
    return [(name, value)]


@pytest.mark.parametrize(
    "changes",
    [
        {"freeze_sensitive": True},
        {"planned_loggers": ("tl-1",)},
        {"planned_zones": ("box",)},
        {"minutes": 1590},
        {"shock_sensitive": True},
        {"earlier_on_lane": 1},
        {"lots": (Lot(key="P/LOT", zone="box"),)},
    ],
)
def test_every_input_enters_the_digest(changes: dict[str, object]) -> None:
    plain_case, other = judged(ROWS), judged(ROWS, **changes)

    assert plain_case.input_digest != other.input_digest


def test_another_profile_or_another_reading_is_another_input() -> None:
    one = judged(ROWS)
    digests = {
        one.input_digest,
        judged(ROWS, make_profile()).input_digest,
        judged([*ROWS[:-1], (1580, 5.001)]).input_digest,
        judge(CCT, make_case(make_channel(ROWS, zone="box"))).input_digest,
    }

    assert len(digests) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"role": Role.REFERENCE},
        {"zone": "box"},
        {"interval_ms": 5 * MINUTE},
        {"clock_pairs": ()},
        {"certificates": (make_certificate(expanded_milli=200),)},
        {"certificates": (make_certificate(number="C-2"),)},
    ],
)
def test_what_is_known_of_a_logger_enters_the_digest(changes: dict[str, Any]) -> None:
    known = {"certificates": (make_certificate(),)}

    one, other = (
        judge(CCT, make_case(make_channel(ROWS, **fields))) for fields in (known, known | changes)
    )

    assert one.input_digest != other.input_digest


def test_a_value_that_lost_its_conflict_is_still_part_of_the_evidence() -> None:
    same, again = (
        judge(CCT, make_case(make_channel(ROWS, conflicts=readings([(60, 3.0), (60, loser)]))))
        for loser in (4.5, 5.5)
    )

    assert same.channels[0].statistics == again.channels[0].statistics
    assert same.channels[0].readings_digest != again.channels[0].readings_digest


def test_a_reason_says_what_where_and_when() -> None:
    reason = judged(ROWS).reasons[0]

    assert reason.text == (
        "tl-1/0/temperature: above 8.0 °C for 1 h 5 min"
        " (2026-01-02 00:07:30Z to 2026-01-02 01:12:30Z)"
    )
    assert (reason.rule, reason.channel) == ("HI_LABEL", "tl-1/0/temperature")
    assert reason.start_ms == START + 24 * HOUR + 450_000


@pytest.mark.parametrize(
    ("duration_ms", "words"),
    [
        (0, "0 min"),
        (1, "1 ms"),
        (61_001, "1 min 1 s"),
        (3_600_000, "1 h"),
        (3_600_000 + 999, "1 h"),
        (90_180_000, "1 d 1 h"),
    ],
)
def test_durations_are_said_in_their_two_largest_units(duration_ms: int, words: str) -> None:
    assert duration_words(duration_ms) == words


def test_an_instant_outside_the_calendar_is_still_named() -> None:
    assert instant_words(0) == "1970-01-01 00:00:00Z"
    assert instant_words(2**62) == f"{2**62} ms"


def test_a_value_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        plain({1, 2})
