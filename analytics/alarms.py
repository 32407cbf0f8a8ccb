"""Alarms that are shown for a rule: hysteresis, debounce and merging, after the fact (S20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analytics.arrays import heads_of, run_ends
from analytics.intervals import NEVER, Intervals
from analytics.profile import Mode

if TYPE_CHECKING:
    from analytics.profile import Rule
    from analytics.runs import Runs


def alarms(rule: Rule, events: Runs, outer: Runs) -> Intervals:
    """The alarms of one channel; neither its events nor its verdict know of them.

    An alarm lasts from the first event inside a run beyond the limit less the hysteresis to the
    end of that run. With a budget for single events it begins when an event has lasted that long,
    and shorter ones raise none. Alarms less than ``merge_ms`` apart are one.

    Args:
        rule: says hysteresis, budget and merging.
        events: the runs of the channel beyond the rule's limit.
        outer: those beyond the limit less the hysteresis; each event lies within one of them.
    """
    begun = events.start
    if rule.mode is Mode.SINGLE and rule.budget_ms is not None:
        events = events.take(events.lin_ms >= rule.budget_ms)
        begun = events.start + rule.budget_ms
    if not len(events):
        return NEVER
    around = np.searchsorted(outer.first_out, events.first_out, side="right") - 1
    first = heads_of(around[1:] == around[:-1])
    start, end = begun[first], outer.end[around[first]]
    apart = heads_of(start[1:] - end[:-1] < (rule.merge_ms or 0))
    return Intervals(start[apart], end[run_ends(apart, len(start))])
