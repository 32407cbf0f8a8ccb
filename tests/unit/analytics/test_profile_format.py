"""Profiles: the built-in ones are what the design says, and a wrong one names its wrong key."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import BUILTIN, CCT, HOUR, make_profile, make_rule

from analytics.kernel import Limit, Side
from analytics.profile import Action, Mode, Trigger, decimal_text, duration_text
from analytics.profile_format import parse_profile
from coldgate.errors import ProfileError
from coldgate.model import Quantity


def test_the_built_in_profiles_are_those_of_the_design() -> None:
    assert set(BUILTIN) == {"USP_CCT_2_8", "WHO_30DTR", "WHO_ESI_TYPE1", "WHO_ESI_TYPE2"}
    assert all(profile.source and profile.confidence in "AB" for profile in BUILTIN.values())


def test_controlled_cold_temperature_has_the_rules_of_the_design() -> None:
    written = [(rule.id, rule.when, rule.mode, rule.budget_ms, rule.action) for rule in CCT.rules]

    assert written == [
        ("HI_LABEL", "T > 8.0", Mode.SINGLE, None, Action.EXCURSION),
        ("HI_24H", "T > 8.0", Mode.SINGLE, 24 * HOUR, Action.FAIL),
        ("HI_HARD", "T > 15.0", Mode.INSTANT, None, Action.FAIL_UNLESS_MFR),
        ("LO_LABEL", "T < 2.0", Mode.INSTANT, None, Action.HOLD),
        ("FREEZE", "T <= 0.0", Mode.INSTANT, None, Action.FAIL_IF_FREEZE_SENSITIVE),
    ]
    assert CCT.rules[1].trigger is Trigger.OVER
    assert CCT.kinetic is not None
    assert CCT.kinetic.limit is not None
    assert (CCT.kinetic.limit.limit_milli, CCT.kinetic.limit.window_ms) == (8000, 24 * HOUR)


@pytest.mark.parametrize("profile", BUILTIN.values(), ids=lambda profile: profile.id)
def test_a_profile_survives_its_own_json(profile: Any) -> None:
    again = parse_profile(profile.as_json())

    assert again == profile
    assert again.digest == profile.digest


def test_another_limit_is_another_digest() -> None:
    one, other = (make_profile(rules=[make_rule(when=f"T > {limit}")]) for limit in (8.0, 8.1))

    assert one.digest != other.digest


def test_a_condition_is_read_exactly() -> None:
    rule = make_profile(rules=[make_rule(when="RH <= 65.123")]).rules[0]

    assert rule.quantity is Quantity.HUMIDITY
    assert rule.limit == Limit(65_123, Side.LOW, inclusive=True)
    assert rule.when == "RH <= 65.123"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"colour": "blue"}, "colour"),
        ({"id": "lower"}, "id"),
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"description": " "}, "description"),
        ({"label": [8.0, 2.0]}, "label"),
        ({"label": [None, None]}, "label"),
        ({"label": [2.0]}, "label"),
        ({"label": [2.0, 8.0001]}, "label[1]"),
        ({"label": [2.0, "8"]}, "label[1]"),
        ({"label": [2.0, float("nan")]}, "label[1]"),
        ({"measure": "area"}, "measure"),
        ({"decision": "guard"}, "decision"),
        ({"gaps": "15min"}, "gaps"),
        ({"gaps": {"cap": "15m"}}, "gaps.cap"),
        ({"gaps": {"cap": "15min", "floor": "1s"}}, "gaps.floor"),
        ({"minimum_coverage": 0}, "minimum_coverage"),
        ({"minimum_coverage": 99.99}, "minimum_coverage"),
        ({"conditioning": 5}, "conditioning"),
        ({"mkt": {"dH": -1}}, "mkt.dH"),
        ({"mkt": {"dH": 83.144, "window": "24h"}}, "mkt.limit"),
        ({"mkt": {"dH": 83.144, "limit": 8.0, "window": "24h"}}, "mkt.applies"),
        ({"mkt": {"dH": 83.144, "applies": "high", "limit": 8.0, "window": "0h"}}, "mkt.window"),
        ({"rules": []}, "rules"),
        ({"rules": "none"}, "rules"),
        ({"rules": [make_rule(), make_rule()]}, "rules[1].id"),
        ({"rules": [make_rule(when="T > 8,0")]}, "rules[0].when"),
        ({"rules": [make_rule(when="P > 8.0")]}, "rules[0].when"),
        ({"rules": [make_rule(when="T > 8.0001")]}, "rules[0].when"),
        ({"rules": [make_rule(mode="mean")]}, "rules[0].mode"),
        ({"rules": [make_rule(mode="instant")]}, "rules[0].budget"),
        ({"rules": [make_rule(mode="cumulative", budget=...)]}, "rules[0].budget"),
        ({"rules": [make_rule(budget="0s")]}, "rules[0].budget"),
        ({"rules": [make_rule(trigger="after")]}, "rules[0].trigger"),
        ({"rules": [make_rule(action="WARN")]}, "rules[0].action"),
        ({"rules": [make_rule(limit=8)]}, "rules[0].limit"),
    ],
)
def test_a_wrong_profile_names_the_key(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(ProfileError) as caught:
        make_profile(**changes)

    assert caught.value.path == path


@pytest.mark.parametrize("written", [None, [], "USP_CCT_2_8"])
def test_what_is_no_mapping_is_no_profile(written: object) -> None:
    with pytest.raises(ProfileError, match="must be a mapping"):
        parse_profile(written)


@settings(max_examples=100, deadline=None)
@given(st.integers(-999_999, 999_999), st.integers(1, 10**9))
def test_numbers_survive_being_written(milli: int, duration_ms: int) -> None:
    budget = duration_text(duration_ms)
    rule = make_rule(when=f"T > {decimal_text(milli)}", budget=budget)

    parsed = make_profile(rules=[rule]).rules[0]

    assert (parsed.limit.milli, parsed.budget_ms) == (milli, duration_ms)
