"""The judge and the reference judge agree on every figure, whatever they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from reference_cases import cases, orderly_cases, orderly_profiles, profiles

from analytics.judge import judge
from analytics.reference import differences, reference

if TYPE_CHECKING:
    from analytics.case import Case
    from analytics.profile import Profile

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(profiles(), cases())
def test_whatever_goes_wrong_the_reference_judge_says_the_same(
    profile: Profile, case: Case
) -> None:
    evaluation = judge(profile, case)

    assert differences(evaluation.as_json(), reference(profile, case)) == []


@MANY
@given(orderly_profiles(), orderly_cases())
def test_orderly_journeys_are_judged_alike_to_the_last_figure(profile: Profile, case: Case) -> None:
    evaluation = judge(profile, case)

    assert differences(evaluation.as_json(), reference(profile, case)) == []
