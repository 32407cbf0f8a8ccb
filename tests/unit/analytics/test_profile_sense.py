"""A profile whose parts contradict one another is refused at the part to look at."""

from __future__ import annotations

from typing import Any

import pytest
from judging import make_profile, make_rule

from analytics.profile_format import parse_profile
from coldgate.errors import ProfileError

HOLD = {"mode": "instant", "budget": ..., "action": "HOLD"}
FREEZE = HOLD | {"action": "FAIL_IF_FREEZE_SENSITIVE"}
NOTE = HOLD | {"action": "NOTE"}
HUMID = [
    make_rule(id="WET", when="RH > 40.0", **HOLD),
    make_rule(id="DRY", when="RH < 45.0", **HOLD),
]
FROZEN: dict[str, Any] = {"label": [-25.0, -15.0], "rules": [make_rule(when="T > -15.0", **HOLD)]}
BOTH_SIDES = [make_rule(id="HI", **HOLD), make_rule(id="LO", when="T < 2.0", **HOLD)]


def ruled(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    numbered = [{**rule, "id": f"RULE_{index}"} for index, rule in enumerate(rules)]
    return {"rules": numbered, **changes}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        # nothing would be judged
        (ruled(make_rule(**NOTE)), "rules"),
        ({"label": [None, None]}, "label"),
        # against the label
        (ruled(make_rule(when="T > 2.0")), "rules[0].when"),
        (ruled(make_rule(when="T > -5.0", **HOLD)), "rules[0].when"),
        (ruled(make_rule(when="T < 8.0")), "rules[0].when"),
        (ruled(make_rule(when="T > 7.9", **HOLD)), "rules[0].when"),
        (ruled(make_rule(when="T >= 8.0", **HOLD)), "rules[0].when"),
        (ruled(make_rule(when="T <= 2.1", **FREEZE)), "rules[0].when"),
        (
            ruled(make_rule(when="T > 15.0", **HOLD), make_rule(when="T > 7.0", **HOLD)),
            "rules[1].when",
        ),
        (
            ruled(make_rule(), label=[None, 20.0]) | ruled(make_rule(when="T < 25.0")),
            "rules[0].when",
        ),
        (ruled(make_rule(hysteresis=6.0)), "rules[0].hysteresis"),
        # rules that can never decide
        (ruled(make_rule(mode="cumulative"), make_rule(budget="2h")), "rules[1].budget"),
        (ruled(make_rule(budget="2h"), make_rule(mode="cumulative")), "rules[0].budget"),
        (ruled(make_rule(), make_rule(when="T > 15.0", budget="2h")), "rules[1].budget"),
        (ruled(make_rule(**HOLD), make_rule(action="HOLD")), "rules[1].budget"),
        (ruled(make_rule(trigger="at", mode="cumulative"), make_rule()), "rules[1].budget"),
        # the same question twice
        (ruled(make_rule(), make_rule(action="HOLD")), "rules[1].when"),
        (ruled(make_rule(**HOLD), make_rule(mode="single", budget=...)), "rules[1].when"),
        # no value is left
        (ruled(*HUMID), "rules[1].when"),
        (ruled(*BOTH_SIDES, decision="guard", uncertainty={"spatial": 1.5}), "uncertainty"),
        (
            ruled(
                *BOTH_SIDES,
                decision="non-binary",
                uncertainty={"mpe": {"temperature": 3.0}, "corrections": "forbidden"},
            ),
            "uncertainty",
        ),
        # mean kinetic temperature
        (FROZEN | {"mkt": {}}, "mkt"),
        ({"mkt": {"limit": 2.0, "window": "24h"}}, "mkt.limit"),
        (
            ruled(make_rule(when="T > 15.0", **HOLD), mkt={"limit": 15.0, "window": "24h"}),
            "mkt.limit",
        ),
        # stability and recording
        ({"stability": {"bands": [{"above": 2, "budget": "9h"}]}}, "stability.bands[0].above"),
        (
            FROZEN | {"stability": {"arrhenius": {"dH": 83, "reference": -20, "budget": "9h"}}},
            "stability.arrhenius",
        ),
        (
            ruled(
                *HUMID[:1],
                label=[None, None],
                recording={
                    "standard": "X1",
                    "steps": [{"interval": "1h"}],
                    "out_of_range": "60s",
                },
            ),
            "recording.out_of_range",
        ),
    ],
)
def test_a_contradiction_is_refused_at_its_place(changes: dict[str, Any], path: str) -> None:
    written = make_profile(**changes).as_json()

    with pytest.raises(ProfileError) as caught:
        parse_profile(written)

    assert caught.value.path == path


@pytest.mark.parametrize(
    "changes",
    [
        # an early warning within the label decides nothing
        ruled(make_rule(), make_rule(when="T > 7.0", **NOTE)),
        # the label allows some warmth for some time only
        ruled(make_rule(when="T > 7.0", budget="10h")),
        # devices alarm far beyond the label
        ruled(make_rule(when="T >= 45.0"), make_rule(when="T >= 30.0", budget="10h")),
        # freezing harms some goods where the label of the others begins
        ruled(make_rule(when="T <= 0.0", **FREEZE), label=[0.0, 20.0]),
        # first on record, then held, then failed
        ruled(
            make_rule(**(HOLD | {"action": "EXCURSION"})),
            make_rule(action="HOLD"),
            make_rule(budget="24h"),
            make_rule(when="T > 15.0", **(HOLD | {"action": "FAIL"})),
        ),
        # many short events use a budget up that no single one does
        ruled(make_rule(), make_rule(mode="cumulative", budget="10h")),
        # a failure for goods that freezing harms, a hold for the others
        ruled(make_rule(when="T <= 0.0", **FREEZE), make_rule(when="T <= 0.0", **HOLD)),
        # the goods bear more than the rule of one logger does, by certificate
        ruled(*BOTH_SIDES, decision="non-binary", uncertainty={"mpe": {"temperature": 3.0}}),
        ruled(*BOTH_SIDES, uncertainty={"spatial": 1.5}),
        # the mean kinetic temperature may be too high where the mean is not
        ruled(make_rule(mode="mean", budget=...), mkt={"limit": 8.0, "window": "24h"}),
        # humidity alone
        ruled(make_rule(when="RH > 40.0", mode="mean", budget=...), label=[None, None]),
        # thawing is a matter of time, not of a rate
        FROZEN | {"stability": {"bands": [{"above": -15, "budget": "9h"}]}},
        # a limit of MKT tighter than the label, and one looser than a rule with a budget
        {"mkt": {"limit": 7.0, "window": "24h"}},
        {"mkt": {"limit": 9.0, "window": "24h"}},
    ],
)
def test_what_only_looks_contradictory_is_taken(changes: dict[str, Any]) -> None:
    profile = make_profile(**changes)

    assert parse_profile(profile.as_json()) == profile
