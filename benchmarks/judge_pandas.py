"""The judge's answer as a good pandas user would compute it: the baseline of the benchmark.

Whole columns at a time, one frame for all channels, groupby where a channel matters. It covers
profiles of simple acceptance with instant and single rules over whole, canonical records: the
benchmark needs no more, and whatever it leaves out is to its advantage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # ships no types

from analytics.profile import Action, Mode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pandas.core.groupby import DataFrameGroupBy  # type: ignore[import-untyped]  # as above

    from analytics.limits import Limit
    from analytics.profile import Profile, Rule
    from analytics.windows import KineticLimit
    from benchmarks.judge_data import Fleet

KELVIN_OFFSET: Final = 273.15
GAS_CONSTANT_KJ_PER_MOL_K: Final = 8.314462618e-3  # CODATA 2018
MINUTE_MS: Final = 60_000
CHANNEL_KEY: Final = 2**42  # above every instant in ms, so that channel and time make one key
NONE: Final = -1  # stands for an instant that does not exist
Column = TypeVar("Column", pd.Series, np.ndarray)
RANKS: Final = ("PASS", "HOLD", "FAIL")


class Answer(NamedTuple):
    """What is known about every channel, as frames of one row per channel, rule, event or gap."""

    statistics: pd.DataFrame
    gaps: pd.DataFrame
    rules: pd.DataFrame
    kinetic: pd.DataFrame
    excursions: pd.DataFrame
    verdicts: pd.DataFrame


def make_frame(fleet: Fleet) -> pd.DataFrame:
    """The fleet's readings, one row each; made before the clock starts."""
    channel = np.repeat(np.arange(fleet.channels), len(fleet.t) // fleet.channels)
    return pd.DataFrame({"channel": channel, "t": fleet.t, "v": fleet.v})


def evaluate(readings: pd.DataFrame, profile: Profile, interval_ms: int) -> Answer:
    """Everything the profile asks about every channel, from readings sorted by channel and time."""
    assert profile.kinetic is not None
    assert profile.kinetic.limit is not None
    limit = profile.kinetic.limit
    table = _with_segments(readings, _bridge_ms(interval_ms, profile.gap_cap_ms))
    _add_weights(table, interval_ms, limit)
    by_channel = table.groupby("channel", sort=False)
    gaps = _gaps(table)
    found = {
        limit: _events(table, limit) for limit in dict.fromkeys(r.limit for r in profile.rules)
    }
    hot = found[_strictly_above(limit.limit_milli, found)]
    statistics = _statistics(table, by_channel, gaps, limit)
    rules = pd.concat(
        [_judged(rule, found[rule.limit], gaps, statistics.index) for rule in profile.rules],
        ignore_index=True,
    )
    windows = _windows(table, by_channel, hot, limit)
    kinetic = _kinetic(windows, statistics, limit)
    return Answer(
        statistics=statistics,
        gaps=gaps,
        rules=rules.sort_values(["channel", "rule"], ignore_index=True),
        kinetic=kinetic,
        excursions=_excursions(profile, found),
        verdicts=_verdicts(rules, kinetic),
    )


def _bridge_ms(interval_ms: int, cap_ms: int) -> int:
    """The longest time between two readings that counts as covered (S9)."""
    return max(interval_ms + MINUTE_MS, min(2 * interval_ms + MINUTE_MS, cap_ms))


def _strictly_above(milli: int, limits: Iterable[Limit]) -> Limit:
    """The limit among ``limits`` whose events end an MKT window."""
    return next(
        limit
        for limit in limits
        if _is_high(limit) and (limit.milli, limit.inclusive) == (milli, False)
    )


def _is_high(limit: Limit) -> bool:
    return limit.side.value == "high"


def _is_out(v: pd.Series, limit: Limit) -> pd.Series:
    if _is_high(limit):
        return v >= limit.milli if limit.inclusive else v > limit.milli
    return v <= limit.milli if limit.inclusive else v < limit.milli


def _beyond(v: Column, limit: Limit) -> Column:
    """How far the values of a column lie beyond the limit, as int64."""
    wide = v.astype("int64")
    return wide - limit.milli if _is_high(limit) else limit.milli - wide


def _with_segments(readings: pd.DataFrame, bridge_ms: int) -> pd.DataFrame:
    """Each reading with the segment before it; the first of a channel has none (S9)."""
    table = readings.copy(deep=False)
    table["dt"] = readings.groupby("channel", sort=False)["t"].diff()
    table["covered"] = table["dt"] <= bridge_ms
    table["known"] = table["dt"].where(table["covered"], 0.0)
    return table


def _ageing_rate(v: pd.Series, limit: KineticLimit) -> pd.Series:
    """How fast the product ages, relative to its rate at the limit (section 2)."""
    over_r = limit.activation_kj_per_mol / GAS_CONSTANT_KJ_PER_MOL_K
    reference = over_r / (limit.limit_milli / 1000 + KELVIN_OFFSET)
    return np.exp(reference - over_r / (v / 1000 + KELVIN_OFFSET))


def _mkt(mean_rate: pd.Series, limit: KineticLimit) -> pd.Series:
    """The temperature in °C at which the product ages at this rate."""
    over_r = limit.activation_kj_per_mol / GAS_CONSTANT_KJ_PER_MOL_K
    reference = over_r / (limit.limit_milli / 1000 + KELVIN_OFFSET)
    return over_r / (reference - np.log(mean_rate)) - KELVIN_OFFSET


def _gaps(table: pd.DataFrame) -> pd.DataFrame:
    """The segments that are too long, none of them joined (S10)."""
    after = table[table["dt"].notna() & ~table["covered"]]
    before = table.iloc[after.index - 1]
    return pd.DataFrame(
        {
            "channel": after["channel"].to_numpy(),
            "start": before["t"].to_numpy(),
            "end": after["t"].to_numpy(),
        }
    )


def _add_weights(table: pd.DataFrame, interval_ms: int, limit: KineticLimit) -> None:
    """The columns whose sums are statistics; the trapezoid's weights are doubled (section 2)."""
    table["missing"] = ((table["dt"] / interval_ms).round() - 1).clip(lower=0)
    # a channel's first reading has no segment before it, so the shifts need no groups
    table["weight"] = table["known"] + table["known"].shift(-1, fill_value=0.0)
    table["first"] = table["weight"] * table["v"]
    table["second"] = table["first"] * table["v"]
    rate = _ageing_rate(table["v"], limit)
    table["aged"] = (rate + rate.shift(fill_value=0.0)) * table["known"]


def _statistics(
    table: pd.DataFrame, by_channel: DataFrameGroupBy, gaps: pd.DataFrame, limit: KineticLimit
) -> pd.DataFrame:
    """Counts, extremes, coverage, mean, spread and MKT of each channel (S25)."""
    summed = by_channel[["known", "missing", "weight", "first", "second", "aged"]].sum()
    lowest, highest = by_channel["v"].idxmin(), by_channel["v"].idxmax()
    lost = (gaps["end"] - gaps["start"]).groupby(gaps["channel"]).sum()
    due = summed["known"] + lost.reindex(summed.index, fill_value=0)
    mean = summed["first"] / summed["weight"]
    return pd.DataFrame(
        {
            "n": by_channel.size(),
            "missing": summed["missing"].astype("int64"),
            "covered_ms": summed["known"].astype("int64"),
            "due_ms": due.astype("int64"),
            "coverage_permille": (summed["known"] * 1000 // due).astype("int64"),
            "lowest": table["v"].to_numpy()[lowest],
            "lowest_at": table["t"].to_numpy()[lowest],
            "highest": table["v"].to_numpy()[highest],
            "highest_at": table["t"].to_numpy()[highest],
            "mean": mean / 1000,
            "deviation": np.sqrt(summed["second"] / summed["weight"] - mean**2) / 1000,
            "mkt": _mkt(summed["aged"] / summed["weight"], limit),
        }
    )


def _events(table: pd.DataFrame, limit: Limit) -> pd.DataFrame:
    """Runs of out-readings that covered segments join, with their bounds (S13-S17)."""
    rows = table[_is_out(table["v"], limit)]
    beyond = _beyond(rows["v"], limit)
    follows = (rows.index.to_series().diff() == 1) & rows["covered"]
    run = (~follows).cumsum()
    rows = rows.assign(
        row=rows.index,
        beyond=beyond,
        inner2=((beyond + beyond.shift()) * rows["dt"]).where(follows, 0.0),
    )
    runs = rows.groupby(run)
    events = runs.agg(
        channel=("channel", "first"),
        first=("row", "first"),
        last=("row", "last"),
        first_out=("t", "first"),
        last_out=("t", "last"),
        first_beyond=("beyond", "first"),
        last_beyond=("beyond", "last"),
        readings=("row", "size"),
        inner2=("inner2", "sum"),
    ).reset_index(drop=True)
    worst = table.loc[runs["beyond"].idxmax()]
    events["peak"], events["peak_at"] = worst["v"].to_numpy(), worst["t"].to_numpy()
    _add_bound(table, limit, events, step=-1)
    _add_bound(table, limit, events, step=1)
    events["lin"] = events["end"] - events["start"]
    events["hold"] = events["next_in"] - events["first_out"]
    events["upper"] = events["next_in"] - events["prev_in"]
    events["rounding"] = events["start_rest"] + events["end_rest"]
    lead = (events["first_out"] - events["start"]) * events["first_beyond"]
    trail = (events["end"] - events["last_out"]) * events["last_beyond"]
    events["area2"] = (events["inner2"] + lead + trail).astype("int64")
    return events


def _add_bound(table: pd.DataFrame, limit: Limit, events: pd.DataFrame, *, step: int) -> None:
    """Where the events end on one side: crossing, gap or edge of the record (S14)."""
    own = (events["first"] if step < 0 else events["last"]).to_numpy()
    segment = own if step < 0 else own + 1
    is_inside = segment < len(table)
    segment = np.where(is_inside, segment, 0)
    crossed = table["covered"].to_numpy()[segment] & is_inside
    at_edge = ~is_inside | np.isnan(table["dt"].to_numpy()[segment])
    beside = np.where(crossed, own + step, own)
    t, v = table["t"].to_numpy(), table["v"].to_numpy()
    within = -_beyond(v[beside], limit)
    rise = np.maximum(_beyond(v[own], limit) + within, 1)
    inset, rest = np.divmod(np.abs(t[own] - t[beside]) * within, rise)
    ends, neighbour, kind = ("start", "prev_in", "lo") if step < 0 else ("end", "next_in", "hi")
    events[ends] = np.where(crossed, t[beside] - step * inset, t[own])
    events[neighbour] = t[beside]
    events[kind] = np.select([crossed, at_edge], ["CROSS", "EDGE"], "GAP")
    events[f"{ends}_rest"] = np.where(crossed, np.minimum(rest, 1), 0)


def _judged(
    rule: Rule, events: pd.DataFrame, gaps: pd.DataFrame, channels: pd.Index
) -> pd.DataFrame:
    """One rule on every channel: exposures, finding, trigger and verdict (S18, S28)."""
    assert rule.mode in (Mode.SINGLE, Mode.INSTANT)
    by_channel = events.groupby("channel")
    optimistic = (events["lin"] - events["rounding"]).groupby(events["channel"]).max()
    judged = pd.DataFrame(
        {
            "rule": rule.id,
            "events": by_channel.size(),
            "measured": by_channel["lin"].max(),
            "optimistic": optimistic,
            "pessimistic": _longest_with_gaps(events, gaps),
            "trigger": _first_trigger(rule, events),
            "has_gaps": gaps.groupby("channel").size() > 0,
        }
    ).reindex(channels)
    exposures = ["events", "measured", "optimistic", "pessimistic"]
    judged[exposures] = judged[exposures].fillna(0).astype("int64")
    judged["trigger"] = judged["trigger"].fillna(NONE).astype("int64")
    unseen = judged.pop("has_gaps").notna()
    judged["rule"] = rule.id
    if rule.budget_ms is None:
        violated, undecided = judged["events"] > 0, unseen
    else:
        violated = judged["optimistic"] > rule.budget_ms
        undecided = judged["pessimistic"] > rule.budget_ms
    judged["finding"] = _finding(violated, undecided)
    judged["verdict"] = _consequence(rule.action, judged["finding"])
    return judged.rename_axis("channel").reset_index()


def _longest_with_gaps(events: pd.DataFrame, gaps: pd.DataFrame) -> pd.Series:
    """The longest event of each channel if gaps join what they touch (S28)."""
    runs = events[["channel", "start", "end"]].assign(is_gap=False)
    spans = pd.concat([runs, gaps.assign(is_gap=True)], ignore_index=True)
    spans = spans.sort_values(["channel", "start", "end"], ignore_index=True)
    before = spans.shift()
    touches = (before["channel"] == spans["channel"]) & (spans["start"] <= before["end"])
    joined = touches & (spans["is_gap"] | before["is_gap"].eq(other=True))
    whole = spans.groupby((~joined).cumsum()).agg(
        channel=("channel", "first"), start=("start", "first"), end=("end", "max")
    )
    return (whole["end"] - whole["start"]).groupby(whole["channel"]).max()


def _first_trigger(rule: Rule, events: pd.DataFrame) -> pd.Series:
    """When the rule was first set off; missing where it never was (S18)."""
    if rule.budget_ms is None:
        return events.groupby("channel")["first_out"].first()
    late = events[events["lin"] > rule.budget_ms]
    return late.groupby("channel")["start"].first() + rule.budget_ms


def _kinetic(windows: pd.DataFrame, statistics: pd.DataFrame, limit: KineticLimit) -> pd.DataFrame:
    """What the MKT of a channel's windows proves (S26)."""
    above = windows["rate"] > 2 * windows["span"]
    maybe = (windows["covered"] == 0) | (windows["rate"] > 2 * windows["covered"])
    worst = windows.loc[windows.groupby("channel")["mean_rate"].idxmax()].set_index("channel")
    lost = statistics["due_ms"] - statistics["covered_ms"]
    channels = statistics.index
    result = pd.DataFrame(
        {
            "windows": windows.groupby("channel").size().reindex(channels, fill_value=0),
            "start": worst["start"].reindex(channels, fill_value=NONE),
            "end": worst["end"].reindex(channels, fill_value=NONE),
            "short": worst["short"].reindex(channels, fill_value=False),
            "mkt": _mkt(worst["mean_rate"].where(worst["covered"] > 0), limit).reindex(channels),
        }
    )
    violated = above.groupby(windows["channel"]).any().reindex(channels, fill_value=False)
    unsure = maybe.groupby(windows["channel"]).any().reindex(channels, fill_value=False)
    undecided = unsure | (lost > 0) | (statistics["covered_ms"] == 0)
    result["finding"] = _finding(violated, undecided)
    result["verdict"] = _consequence(Action.FAIL, result["finding"])
    return result


def _windows(
    table: pd.DataFrame, by_channel: DataFrameGroupBy, hot: pd.DataFrame, limit: KineticLimit
) -> pd.DataFrame:
    """The hours before each excursion's end, their ageing by prefix sums (section 2.1)."""
    aged = by_channel["aged"].cumsum().to_numpy()
    known = by_channel["known"].cumsum().to_numpy()
    key = table["channel"] * CHANNEL_KEY + table["t"]
    begin = hot["end"] - limit.window_ms
    first = key.searchsorted(hot["channel"] * CHANNEL_KEY + begin, side="left")
    last = key.searchsorted(hot["channel"] * CHANNEL_KEY + hot["end"], side="right") - 1
    start, end = table["t"].to_numpy()[first], table["t"].to_numpy()[last]
    opening = by_channel["t"].first()
    short = begin.to_numpy() < opening.reindex(hot["channel"]).to_numpy()
    windows = pd.DataFrame(
        {
            "channel": hot["channel"],
            "start": start,
            "end": end,
            "short": short,
            "span": np.where(short, limit.window_ms, end - start),
            "covered": known[last] - known[first],
            "rate": aged[last] - aged[first],
        }
    )
    mean_rate = windows["rate"] / (2 * windows["covered"])
    windows["mean_rate"] = mean_rate.where(windows["covered"] > 0, NONE)
    return windows


def _excursions(profile: Profile, found: dict[Limit, pd.DataFrame]) -> pd.DataFrame:
    """The events of each limit, once, under the first rule that has it."""
    first_rule = {rule.limit: rule.id for rule in reversed(profile.rules)}
    listed = pd.concat(
        [events.assign(rule=first_rule[limit]) for limit, events in found.items()],
        ignore_index=True,
    )
    columns = ["channel", "rule", "start", "end", "lo", "hi", "lin", "hold", "upper"]
    listed = listed[[*columns, "readings", "peak", "peak_at", "area2"]]
    return listed.sort_values(["channel", "rule", "start"], ignore_index=True)


def _verdicts(rules: pd.DataFrame, kinetic: pd.DataFrame) -> pd.DataFrame:
    """The worst of each channel's rules and of its MKT (S30)."""
    said = pd.concat([rules[["channel", "verdict"]], kinetic["verdict"].reset_index()])
    ranks = said["verdict"].map({name: rank for rank, name in enumerate(RANKS)})
    worst = ranks.groupby(said["channel"]).max()
    return pd.DataFrame({"verdict": worst.map(dict(enumerate(RANKS)))})


def _finding(violated: pd.Series, undecided: pd.Series) -> pd.Series:
    names = np.select([violated, undecided], ["violated", "undecided"], "satisfied")
    return pd.Series(names, index=violated.index)


def _consequence(action: Action, finding: pd.Series) -> pd.Series:
    """The verdict that follows, for a product that does not mind frost."""
    if action in (Action.EXCURSION, Action.FAIL_IF_FREEZE_SENSITIVE):
        return pd.Series("PASS", index=finding.index)
    violated = "HOLD" if action is Action.HOLD else "FAIL"
    return finding.map({"satisfied": "PASS", "undecided": "HOLD", "violated": violated})
