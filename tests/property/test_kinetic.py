"""Runs that are settled as a whole are settled as their windows would be, one by one (S26)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import BUILTIN, MINUTE, START, make_certificate, make_channel, make_panel

from analytics import kinetic
from analytics.kinetic import judge_kinetics
from analytics.readings import Readings

if TYPE_CHECKING:
    from analytics.case import Channel

USP: Final = BUILTIN["USP_CCT_2_8"]
LIMIT: Final = USP.kinetic.limit if USP.kinetic else None
READINGS: Final = 2_200  # of a minute: a day and a half


@st.composite
def channels(draw: st.DrawFn) -> Channel:
    """A channel whose MKT comes near the limit, with up to three excursions and perhaps a gap."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    base = draw(st.sampled_from([2_500, 5_000, 6_800, 7_500, 7_700, 7_790]))
    v = base + random.normal(0, draw(st.sampled_from([20, 200])), READINGS)
    for begin in draw(st.lists(st.integers(0, READINGS - 1), max_size=3)):
        v[begin : begin + draw(st.integers(1, 400))] += draw(st.integers(300, 4_000))
    t = START + np.arange(READINGS) * MINUTE
    t[draw(st.integers(1, READINGS)) :] += draw(st.sampled_from([0, 0, 60 * MINUTE]))
    return make_channel(
        Readings(
            taken_at_ms=t,
            value_milli=np.rint(v).astype(np.int32),
            flags=np.zeros(READINGS, np.uint8),
        ),
        interval_ms=MINUTE,
        certificates=(make_certificate(expanded_milli=draw(st.sampled_from([0, 50, 300]))),),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(channels(), min_size=1, max_size=3))
def test_runs_that_are_cool_as_a_whole_have_no_window_above_the_limit(
    several: list[Channel],
) -> None:
    assert LIMIT is not None
    panel = make_panel(USP, *several)

    with patch.object(kinetic, "_maybe_above", lambda _whole, runs, *_: np.ones(len(runs), bool)):
        expected = judge_kinetics(panel, LIMIT)
    found = judge_kinetics(panel, LIMIT)

    assert found.finding.tolist() == expected.finding.tolist()
    assert found.windows.rate_high.tolist() == expected.windows.rate_high.tolist()
