from __future__ import annotations

from dataclasses import replace

import pytest

from analytics.profile_format import load_builtin_profiles
from api.devices.admission_rules import CONSECUTIVE, examine, longest_interval_ms
from coldgate.storage.admissions import Conduct

PROFILE = next(one for one in load_builtin_profiles() if one.id == "USP_CCT_2_8")
RECORDED = next(one for one in load_builtin_profiles() if one.recording is not None)
GOOD = Conduct(clock_off_ms=1_000, readings=CONSECUTIVE, longest_ms=60_000, holes=0, certified=True)


def failing(conduct: Conduct, interval_ms: int | None = 60_000, *, seen: bool = True) -> list[str]:
    checks = examine(conduct, interval_ms=interval_ms, profile=PROFILE, excursion_seen=seen)
    assert all(bool(check.missing) != check.passed for check in checks)
    return [check.name for check in checks if not check.passed]


def test_a_logger_that_shows_everything_is_admitted() -> None:
    assert failing(GOOD) == []


@pytest.mark.parametrize(
    ("off_ms", "passes"), [(120_000, True), (-120_000, True), (120_001, False)]
)
def test_a_clock_is_off_by_two_minutes_at_most(off_ms: int, *, passes: bool) -> None:
    assert (failing(replace(GOOD, clock_off_ms=off_ms)) == []) == passes


def test_a_clock_that_was_never_compared_proves_nothing() -> None:
    assert failing(replace(GOOD, clock_off_ms=None)) == ["clock"]


def test_an_interval_longer_than_the_profile_takes_is_refused() -> None:
    longest = longest_interval_ms(PROFILE)
    slow = replace(GOOD, longest_ms=longest)

    assert failing(slow, longest) == []
    assert failing(slow, longest + 1) == ["interval"]
    assert failing(GOOD, None) == ["interval", "readings"]


def test_what_a_profile_says_of_recording_counts_before_its_gaps() -> None:
    assert RECORDED.recording is not None
    shortest = min(step.interval_ms for step in RECORDED.recording.steps)

    assert longest_interval_ms(RECORDED) == shortest


@pytest.mark.parametrize(
    "conduct",
    [
        replace(GOOD, readings=CONSECUTIVE - 1),
        replace(GOOD, holes=1),
        replace(GOOD, longest_ms=120_001),
        replace(GOOD, readings=0, longest_ms=None, holes=None),
    ],
)
def test_twenty_readings_follow_one_another_without_a_gap(conduct: Conduct) -> None:
    assert failing(conduct) == ["readings"]


def test_the_rest_is_the_certificate_and_the_word_about_an_excursion() -> None:
    assert failing(replace(GOOD, certified=False), seen=False) == ["certificate", "excursion"]
