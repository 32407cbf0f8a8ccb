"""A zone is never told better than a judge tells who sees that zone alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from judging import make_case, make_channel, make_profile, make_rule

from analytics.case import Damage, Lot, Role
from analytics.judge import judge
from analytics.zones import reason_codes, zone_verdicts
from coldgate.model import Verdict

if TYPE_CHECKING:
    from analytics.case import Case, Channel

PROFILE = make_profile(
    rules=[
        make_rule(),
        make_rule(id="NOTED", mode="instant", budget=..., trigger=..., action="EXCURSION"),
        make_rule(id="COLD", when="T < 2.0", mode="instant", budget=..., action="HOLD"),
    ],
    stability={"bands": [{"above": 8.0, "budget": "2h"}]},
    gaps={"cap": "15min", "allowed": "1h"},
)
ZONES = ["left", "right", "roof"]
MINUTES = 120
VALUES = st.sampled_from([1.0, 5.0, 5.0, 5.0, 9.0, 12.0])


@st.composite
def channels(draw: st.DrawFn) -> tuple[Channel, ...]:
    """Up to five loggers, in zones or in none, some of them references, some with gaps."""
    made = []
    for number in range(draw(st.integers(1, 5))):
        values = draw(st.lists(VALUES, min_size=13, max_size=13))
        lost = draw(st.sets(st.integers(1, 11), max_size=9))
        rows = [(10.0 * i, value) for i, value in enumerate(values) if i not in lost]
        fields: dict[str, Any] = {
            "serial": f"tl-{number}",
            "zone": draw(st.sampled_from([*ZONES, None])),
            "role": draw(st.sampled_from([Role.GOODS, Role.GOODS, Role.GOODS, Role.REFERENCE])),
        }
        made.append(make_channel(rows, **fields))
    return tuple(made)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A consignment of several zones, with a lot in some of them."""
    spent = st.integers(0, 10**9).map(
        lambda ppb: Damage(optimistic_ppb=ppb, measured_ppb=ppb, pessimistic_ppb=ppb)
    )
    lots = tuple(
        Lot(key=f"P {lot}", zone=zone, spent=draw(spent))
        for zone in ZONES
        for lot in draw(st.sets(st.sampled_from(["A", "B"])))
    )
    planned = tuple(draw(st.sets(st.sampled_from(ZONES))))
    return make_case(*draw(channels()), minutes=MINUTES, lots=lots, planned_zones=planned)


def alone(case: Case, zone: str, lot: str | None = None) -> Verdict:
    """What a judge says who is shown one zone, and of its lots none or one."""
    return judge(
        PROFILE,
        make_case(
            *(channel for channel in case.channels if channel.zone in (zone, None)),
            minutes=MINUTES,
            planned_zones=(zone,),
            lots=tuple(one for one in case.lots if (one.zone, one.key) == (zone, lot)),
        ),
    ).verdict


@given(cases())
@settings(max_examples=120, deadline=None)
def test_zone_is_never_better_than_its_own_evidence(case: Case) -> None:
    for zone, told in zone_verdicts(judge(PROFILE, case)).items():
        assert told.verdict.rank >= alone(case, zone).rank
        for lot in {lot.key for lot in case.lots if lot.zone == zone}:
            part = told.lots.get(lot, told)
            assert part.verdict.rank >= alone(case, zone, lot).rank
            assert part.verdict.rank >= told.verdict.rank


@given(cases())
@settings(max_examples=120, deadline=None)
def test_zone_is_never_worse_than_the_consignment_and_one_has_its_worst(case: Case) -> None:
    whole = judge(PROFILE, case)
    told = zone_verdicts(whole)
    parts = [part for zone in told.values() for part in (zone, *zone.lots.values())]

    assert all(part.verdict.rank <= whole.verdict.rank for part in parts)
    assert all(set(part.reason_codes) <= set(reason_codes(whole)) for part in parts)
    covered = {channel.zone for channel in case.channels if channel.role is Role.GOODS}
    if covered - {None} and {lot.zone for lot in case.lots} <= covered:
        assert max(part.verdict.rank for part in parts) == whole.verdict.rank


@given(cases())
@settings(max_examples=60, deadline=None)
def test_excursions_are_told_of_the_zone_that_had_them(case: Case) -> None:
    whole = judge(PROFILE, case)
    told = zone_verdicts(whole)

    for zone, part in told.items():
        shown = {c.serial for c in case.channels if c.zone in (zone, None)}
        here = any(
            rule.records_only and rule.finding.value != "satisfied"
            for channel in whole.channels
            if channel.serial in shown
            for rule in channel.rules
        )
        assert part.with_excursions == here


def test_zone_that_only_a_reference_watches_is_not_told() -> None:
    cold = make_channel([(0, 5.0), (10, 5.0)], zone="left")
    air = make_channel([(0, 5.0), (10, 5.0)], zone="roof", serial="air", role=Role.REFERENCE)

    assert set(zone_verdicts(judge(PROFILE, make_case(cold, air)))) == {"left"}


def test_loggers_of_one_zone_leave_the_other_alone() -> None:
    warm = make_channel([(10.0 * i, 12.0) for i in range(13)], zone="left")
    cold = make_channel([(10.0 * i, 5.0) for i in range(13)], zone="right", serial="tl-2")

    told = zone_verdicts(judge(PROFILE, make_case(warm, cold, planned_zones=("left", "right"))))

    assert {zone: part.verdict for zone, part in told.items()} == {
        "left": Verdict.FAIL,
        "right": Verdict.PASS,
    }
    assert told["left"].as_json()["reason_codes"] == ["EXCURSION", "RULE_VIOLATED"]
    assert told["right"].as_json() == {
        "verdict": "PASS",
        "reason_codes": [],
        "with_excursions": False,
        "lots": {},
    }
