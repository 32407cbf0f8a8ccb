"""Profiles: the built-in ones are what the design says, and a wrong one names its wrong key."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import BUILTIN, HOUR, MINUTE, make_profile, make_rule

from analytics.limits import Limit, Side
from analytics.profile import (
    Action,
    Arrhenius,
    Band,
    Calibration,
    Corrections,
    Decision,
    Measure,
    Mode,
    RecordingStep,
    Repeats,
    Stability,
    Suspicion,
    Trigger,
    Uncertainty,
    decimal_text,
    duration_text,
)
from analytics.profile_format import load_builtin_profiles, parse_form, parse_profile
from coldgate.errors import ProfileError
from coldgate.model import Quantity

EVERY_SECTION: dict[str, Any] = {
    "valid": {"from": "2026-01-01", "until": "2026-12-31"},
    "decision": "guard",
    "uncertainty": {
        "mpe": {"temperature": 0.3, "humidity": 3.0},
        "spatial": 0.2,
        "calibration": "optional",
        "corrections": "forbidden",
    },
    "gaps": {"cap": "35min", "allowed": "2h"},
    "mkt": {"dH": 90.5, "applies": "high", "limit": 8.0, "window": "30d"},
    "stability": {"bands": [{"above": 8.0, "budget": "1d"}, {"above": 25.0, "budget": "2h"}]},
    "recording": {
        "standard": "HOUSE",
        "steps": [{"up_to": "24h", "interval": "300s"}, {"up_to": None, "interval": "15min"}],
        "out_of_range": "2min",
    },
    "repeats": {"consignment": None, "lane": 3},
    "suspicion": {"spike_per_minute": None, "change_per_minute": 1.0, "stuck": "12h"},
}


def test_the_built_in_profiles_are_those_of_the_design() -> None:
    assert sorted((profile.id, profile.version) for profile in load_builtin_profiles()) == [
        ("CN_GSP_COOL_LE20", 1),
        ("CN_GSP_REFRIG_2_10", 1),
        ("CN_GSP_RT_10_30", 1),
        ("CRYO_LE_M150", 1),
        ("DRY_PLACE", 1),
        ("FROZEN_M25_M15", 1),
        ("IVD_2_8", 1),
        ("IVD_M20", 1),
        ("LABEL_15_25_EU", 1),
        ("LABEL_BELOW_25", 1),
        ("LABEL_BELOW_30", 1),
        ("ULT_M90_M60", 1),
        ("USP_CCT_2_8", 2),
        ("USP_CRT_20_25", 1),
        ("WHO_30DTR", 2),
        ("WHO_ESI_TYPE1", 2),
        ("WHO_ESI_TYPE2", 2),
    ]


@pytest.mark.parametrize("profile", BUILTIN.values(), ids=lambda profile: profile.id)
def test_a_profile_on_weak_numbers_says_so(profile: Any) -> None:
    assert "compliant with" not in profile.description.lower()
    if profile.confidence == "C":
        assert "not a claim of compliance" in profile.description.lower()


@pytest.mark.parametrize("profile", BUILTIN.values(), ids=lambda profile: profile.id)
def test_goods_that_freezing_harms_fail_wherever_they_may_freeze(profile: Any) -> None:
    thaws = profile.label.high_milli is None or profile.label.high_milli <= 0
    if thaws or profile.id in ("WHO_ESI_TYPE2", "WHO_30DTR", "USP_CRT_20_25"):
        return

    freeze = [rule for rule in profile.rules if rule.action is Action.FAIL_IF_FREEZE_SENSITIVE]

    assert freeze
    if not profile.id.startswith("WHO"):
        assert (freeze[0].decision, freeze[0].limit) == (
            Decision.GUARD,
            Limit(0, Side.LOW, inclusive=True),
        )


def test_mkt_means_nothing_for_frozen_goods() -> None:
    frozen = {name for name, profile in BUILTIN.items() if profile.kinetic is None}

    assert frozen == {"FROZEN_M25_M15", "ULT_M90_M60", "CRYO_LE_M150", "IVD_M20", "DRY_PLACE"}


def test_controlled_cold_temperature_has_the_rules_of_the_design() -> None:
    profile = BUILTIN["USP_CCT_2_8"]
    written = [
        (rule.id, rule.when, rule.mode, rule.budget_ms, rule.action) for rule in profile.rules
    ]

    assert written == [
        ("HI_LABEL", "T > 8.0", Mode.SINGLE, None, Action.EXCURSION),
        ("HI_24H", "T > 8.0", Mode.SINGLE, 24 * HOUR, Action.FAIL),
        ("HI_HARD", "T > 15.0", Mode.INSTANT, None, Action.FAIL_UNLESS_MFR),
        ("LO_LABEL", "T < 2.0", Mode.INSTANT, None, Action.HOLD),
        ("FREEZE", "T <= 0.0", Mode.INSTANT, None, Action.FAIL_IF_FREEZE_SENSITIVE),
    ]
    assert profile.rules[1].trigger is Trigger.OVER
    assert profile.kinetic is not None
    assert profile.kinetic.limit is not None
    assert (profile.kinetic.limit.limit_milli, profile.kinetic.limit.window_ms) == (8000, 24 * HOUR)


def test_controlled_room_temperature_has_the_allowance_of_the_design() -> None:
    profile = BUILTIN["USP_CRT_20_25"]
    written = [(rule.when, rule.budget_ms, rule.action) for rule in profile.rules]

    assert written == [
        ("T > 25.0", None, Action.EXCURSION),
        ("T < 20.0", None, Action.EXCURSION),
        ("T > 30.0", 24 * HOUR, Action.FAIL),
        ("T > 40.0", None, Action.FAIL_UNLESS_MFR),
        ("T < 15.0", None, Action.HOLD),
    ]
    assert profile.kinetic is not None
    assert profile.kinetic.limit is not None
    assert profile.kinetic.limit.window_ms == 30 * 24 * HOUR


def test_an_alarm_device_decides_by_its_own_reading() -> None:
    for name in ("WHO_ESI_TYPE1", "WHO_ESI_TYPE2", "WHO_30DTR"):
        profile = BUILTIN[name]

        assert profile.decision is Decision.SIMPLE
        assert profile.uncertainty.calibration is Calibration.OPTIONAL
        assert all(rule.trigger is Trigger.AT for rule in profile.rules)


@pytest.mark.parametrize("profile", BUILTIN.values(), ids=lambda profile: profile.id)
def test_a_profile_survives_its_own_json(profile: Any) -> None:
    again = parse_profile(profile.as_json())

    assert again == profile
    assert again.digest == profile.digest


def test_every_section_is_read() -> None:
    profile = make_profile(**EVERY_SECTION)

    assert (profile.valid_from, profile.valid_until) == (date(2026, 1, 1), date(2026, 12, 31))
    assert profile.uncertainty == Uncertainty(
        temperature_mpe_milli=300,
        humidity_mpe_milli=3_000,
        spatial_milli=200,
        calibration=Calibration.OPTIONAL,
        corrections=Corrections.FORBIDDEN,
    )
    assert (profile.gap_cap_ms, profile.allowed_gap_ms) == (35 * MINUTE, 2 * HOUR)
    assert profile.stability == Stability(
        bands=(
            Band(above_milli=8_000, budget_ms=24 * HOUR),
            Band(above_milli=25_000, budget_ms=2 * HOUR),
        )
    )
    assert profile.recording is not None
    assert profile.recording.steps[1] == RecordingStep(up_to_ms=None, interval_ms=15 * MINUTE)
    assert profile.recording.out_of_range_ms == 2 * MINUTE
    assert profile.repeats == Repeats(consignment=None, lane=3)
    assert profile.suspicion == Suspicion(
        spike_milli_per_minute=None, change_milli_per_minute=1_000, stuck_ms=12 * HOUR
    )
    assert parse_form(profile.as_json()) == profile


def test_a_rate_of_ageing_is_read() -> None:
    rate = {"dH": 83.144, "reference": 5.0, "budget": "30d"}

    profile = make_profile(stability={"arrhenius": rate})

    assert profile.stability == Stability(
        arrhenius=Arrhenius(
            activation_kj_per_mol=83.144, reference_milli=5_000, budget_ms=720 * HOUR
        )
    )
    assert parse_form(profile.as_json()) == profile


def test_what_is_left_out_is_what_the_semantics_say() -> None:
    rule = {"id": "HI", "when": "T > 8.0", "mode": "instant", "action": "HOLD"}
    written = make_profile(rules=[rule]).as_json()
    kept = ("id", "version", "description", "source", "confidence", "label")

    profile = parse_profile({key: written[key] for key in kept} | {"rules": [rule]})

    assert profile.decision is Decision.NON_BINARY
    assert profile.measure is Measure.LIN
    assert profile.uncertainty == Uncertainty()
    assert profile.uncertainty.calibration is Calibration.REQUIRED
    assert (profile.gap_cap_ms, profile.allowed_gap_ms) == (15 * MINUTE, 0)
    assert profile.minimum_coverage_permille == 990
    assert profile.repeats == Repeats(consignment=2, lane=None)
    assert profile.suspicion.spike_milli_per_minute == 3_000
    assert profile.kinetic is None


def test_an_alarm_and_a_decision_belong_to_a_rule() -> None:
    written = make_rule(decision="guard", hysteresis=0.5, merge="5min")

    rule = make_profile(rules=[written]).rules[0]

    assert (rule.decision, rule.hysteresis_milli, rule.merge_ms) == (
        Decision.GUARD,
        500,
        5 * MINUTE,
    )


def test_a_stored_profile_says_what_its_file_left_to_a_default() -> None:
    written = BUILTIN["WHO_ESI_TYPE1"].as_json()

    assert written["uncertainty"]["spatial"] == 0.0  # type: ignore[index, call-overload] # JSON
    assert parse_profile(written).digest == BUILTIN["WHO_ESI_TYPE1"].digest


def test_another_limit_or_validity_is_another_digest() -> None:
    one, other = (make_profile(rules=[make_rule(when=f"T > {limit}")]) for limit in (8.0, 8.1))
    later = replace(one, valid_from=date(2026, 1, 1))

    assert len({one.digest, other.digest, later.digest}) == 3


def test_a_condition_is_read_exactly() -> None:
    rule = make_profile(rules=[make_rule(when="RH <= 65.123")]).rules[0]

    assert rule.quantity is Quantity.HUMIDITY
    assert rule.limit == Limit(65_123, Side.LOW, inclusive=True)
    assert rule.when == "RH <= 65.123"


def test_what_is_only_listed_asks_for_no_sensor() -> None:
    shock = make_rule(when="G > 5.0", action="HOLD_IF_SHOCK_SENSITIVE", id="SHOCK")
    light = make_rule(when="LUX > 5.0", action="NOTE", id="OPENED", mode="instant", budget=...)

    profile = make_profile(rules=[make_rule(), shock, light])

    assert profile.quantities == {Quantity.TEMPERATURE}


STEP = {"interval": "300s"}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"colour": "blue"}, "colour"),
        ({"colour\ud800": "blue"}, "?"),
        ({"x" * 99: "blue"}, "x" * 40),
        ({"id": "lower"}, "id"),
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"version": 2**31}, "version"),
        ({"description": " "}, "description"),
        ({"description": "a\x00b"}, "description"),
        ({"description": "a\ud800b"}, "description"),
        ({"description": "x" * 1001}, "description"),
        ({"confidence": "sure"}, "confidence"),
        ({"label": [8.0, 2.0]}, "label"),
        ({"label": [2.0]}, "label"),
        ({"label": [2.0, 8.0001]}, "label[1]"),
        ({"label": [2.0, "8"]}, "label[1]"),
        ({"label": [2.0, float("nan")]}, "label[1]"),
        ({"label": [2.0, float("inf")]}, "label[1]"),
        ({"label": [2.0, 10**400]}, "label[1]"),
        ({"valid": {"from": "2026-02-30"}}, "valid.from"),
        ({"valid": {"from": date(2026, 2, 1)}}, "valid.from"),
        ({"valid": {"from": "2026-02-01", "until": "2026-01-31"}}, "valid.until"),
        ({"valid": "always"}, "valid"),
        ({"measure": "area"}, "measure"),
        ({"decision": "careful"}, "decision"),
        ({"uncertainty": None}, "uncertainty"),
        ({"uncertainty": {"mpe": 0.5}}, "uncertainty.mpe"),
        ({"uncertainty": {"mpe": {"temperature": 0}}}, "uncertainty.mpe.temperature"),
        ({"uncertainty": {"mpe": {"light": 1}}}, "uncertainty.mpe.light"),
        ({"uncertainty": {"spatial": -0.1}}, "uncertainty.spatial"),
        ({"uncertainty": {"calibration": True}}, "uncertainty.calibration"),
        ({"uncertainty": {"corrections": "some"}}, "uncertainty.corrections"),
        ({"gaps": "15min"}, "gaps"),
        ({"gaps": {"cap": "15m"}}, "gaps.cap"),
        ({"gaps": {"cap": "0s"}}, "gaps.cap"),
        ({"gaps": {"cap": "15min", "floor": "1s"}}, "gaps.floor"),
        ({"gaps": {"allowed": "-1s"}}, "gaps.allowed"),
        ({"minimum_coverage": 0}, "minimum_coverage"),
        ({"minimum_coverage": 99.99}, "minimum_coverage"),
        ({"conditioning": 5}, "conditioning"),
        ({"conditioning": "999999999h"}, "conditioning"),
        ({"mkt": {"dH": -1}}, "mkt.dH"),
        ({"mkt": {"dH": 1e300}}, "mkt.dH"),
        ({"mkt": {"dH": 83.144, "window": "24h"}}, "mkt.limit"),
        ({"mkt": {"applies": "low", "limit": 8.0, "window": "24h"}}, "mkt.applies"),
        ({"mkt": {"limit": 8.0}}, "mkt.window"),
        ({"mkt": {"limit": 8.0, "window": "0h"}}, "mkt.window"),
        ({"mkt": {"limit": 0.0, "window": "1h"}}, "mkt.limit"),
        ({"rules": []}, "rules"),
        ({"rules": "none"}, "rules"),
        ({"rules": ...}, "rules"),
        ({"rules": [make_rule(), make_rule()]}, "rules[1].id"),
        ({"rules": [make_rule(when="T > 8,0")]}, "rules[0].when"),
        ({"rules": [make_rule(when="P > 8.0")]}, "rules[0].when"),
        ({"rules": [make_rule(when="T > 8.0001")]}, "rules[0].when"),
        ({"rules": [make_rule(when="T > ٨")]}, "rules[0].when"),
        ({"rules": [make_rule(when="T < -273.2")]}, "rules[0].when"),
        ({"rules": [make_rule(when="RH > 100.0")]}, "rules[0].when"),
        ({"rules": [make_rule(when="RH < -1.0")]}, "rules[0].when"),
        ({"rules": [make_rule(when="LUX >= 0.0")]}, "rules[0].when"),
        ({"rules": [make_rule(mode="mean")]}, "rules[0].budget"),
        ({"rules": [make_rule(mode="mean", when="DOOR > 0.0", budget=...)]}, "rules[0].mode"),
        ({"rules": [make_rule(mode="mean", budget=..., merge="1s")]}, "rules[0].merge"),
        ({"rules": [make_rule(mode="mean", budget=..., hysteresis=1)]}, "rules[0].hysteresis"),
        ({"rules": [make_rule(mode="instant")]}, "rules[0].budget"),
        ({"rules": [make_rule(mode="cumulative", budget=...)]}, "rules[0].budget"),
        ({"rules": [make_rule(budget="0s")]}, "rules[0].budget"),
        ({"rules": [make_rule(trigger="after")]}, "rules[0].trigger"),
        ({"rules": [make_rule(trigger=...)]}, "rules[0].trigger"),
        ({"rules": [make_rule(action="WARN")]}, "rules[0].action"),
        ({"rules": [make_rule(action="FAIL_IF_FREEZE_SENSITIVE")]}, "rules[0].action"),
        ({"rules": [make_rule(action="HOLD_IF_SHOCK_SENSITIVE")]}, "rules[0].action"),
        ({"rules": [make_rule(decision="none")]}, "rules[0].decision"),
        ({"rules": [make_rule(hysteresis=-0.1)]}, "rules[0].hysteresis"),
        ({"rules": [make_rule(limit=8)]}, "rules[0].limit"),
        ({"stability": {}}, "stability"),
        ({"stability": {"bands": []}}, "stability.bands"),
        ({"stability": EVERY_SECTION["stability"] | {"arrhenius": {}}}, "stability"),
        (
            {"stability": {"bands": [{"above": 8, "budget": "0h"}]}},
            "stability.bands[0].budget",
        ),
        (
            {"stability": {"bands": [{"above": 8, "budget": "9h"}, {"above": 8, "budget": "1h"}]}},
            "stability.bands[1].above",
        ),
        (
            {"stability": {"bands": [{"above": 8, "budget": "9h"}, {"above": 9, "budget": "9h"}]}},
            "stability.bands[1].budget",
        ),
        (
            {"stability": {"arrhenius": {"dH": 83.1, "reference": 500, "budget": "1h"}}},
            "stability.arrhenius.reference",
        ),
        ({"recording": {"standard": "X1", "steps": []}}, "recording.steps"),
        ({"recording": {"standard": "x", "steps": [STEP]}}, "recording.standard"),
        ({"recording": {"standard": "X1", "steps": [STEP, STEP]}}, "recording.steps[0].up_to"),
        (
            {"recording": {"standard": "X1", "steps": [STEP | {"up_to": "1h"}]}},
            "recording.steps[0].up_to",
        ),
        (
            {"recording": {"standard": "X1", "steps": [*[STEP | {"up_to": "1h"}] * 2, STEP]}},
            "recording.steps[1].up_to",
        ),
        (
            {"recording": {"standard": "X1", "steps": [STEP], "out_of_range": "301s"}},
            "recording.out_of_range",
        ),
        ({"repeats": {"consignment": 0}}, "repeats.consignment"),
        ({"repeats": {"lane": 1.0}}, "repeats.lane"),
        ({"suspicion": {"stuck": "0h"}}, "suspicion.stuck"),
        ({"suspicion": {"spike_per_minute": 0}}, "suspicion.spike_per_minute"),
    ],
)
def test_a_wrong_profile_names_the_key(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(ProfileError) as caught:
        make_profile(**changes)

    assert caught.value.path == path
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("written", [None, [], "USP_CCT_2_8"])
def test_what_is_no_mapping_is_no_profile(written: object) -> None:
    with pytest.raises(ProfileError, match="must be a mapping"):
        parse_profile(written)


def test_a_key_that_is_missing_is_called_missing() -> None:
    with pytest.raises(ProfileError, match="profile TEST_2_8, source: is missing"):
        make_profile(source=...)


@settings(max_examples=100, deadline=None)
@given(st.integers(-273_148, 999_999), st.integers(1, 10**9))
def test_numbers_survive_being_written(milli: int, duration_ms: int) -> None:
    budget = duration_text(duration_ms)
    rule = make_rule(when=f"T > {decimal_text(milli)}", budget=budget)

    parsed = make_profile(rules=[rule]).rules[0]

    assert (parsed.limit.milli, parsed.budget_ms) == (milli, duration_ms)
