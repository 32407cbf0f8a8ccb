"""The judge's answer as a good pandas user would compute it: the baseline of the benchmark.

Whole columns at a time, one frame for all channels, groupby where a channel matters. It covers
what the benchmark's fleets need: instant and single rules, lin, whole canonical records of loggers
of one interval and one uncertainty. Whatever it leaves out is to its advantage.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from analytics.profile import Action, Decision, Mode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from pandas.core.groupby import DataFrameGroupBy

    from analytics.arrays import Millis
    from analytics.limits import Limit
    from analytics.profile import Profile, Rule
    from analytics.windows import KineticLimit
    from benchmarks.judge_data import Fleet

    Floats = NDArray[np.float64]

KELVIN_OFFSET: Final = 273.15
GAS_CONSTANT_KJ_PER_MOL_K: Final = 8.314462618e-3  # CODATA 2018
MINUTE_MS: Final = 60_000
CHANNEL_KEY: Final = 2**42  # above every instant in ms, so that channel and time make one key
NONE: Final = -1  # stands for an instant that does not exist
RANKS: Final = ("PASS", "HOLD", "FAIL")
Column = TypeVar("Column", pd.Series, np.ndarray)
T = TypeVar("T")


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


def evaluate(
    readings: pd.DataFrame, profile: Profile, *, interval_ms: int, uncertainty_milli: int
) -> Answer:
    """Everything the profile asks about every channel, from readings sorted by channel and time."""
    assert profile.kinetic is not None
    assert profile.kinetic.limit is not None
    kinetic = _KineticView.of(profile, profile.kinetic.limit, uncertainty_milli)
    views = [
        _View.of(rule.limit, rule.decision or profile.decision, uncertainty_milli)
        for rule in profile.rules
    ]
    table = _with_segments(readings, _bridge_ms(interval_ms, profile.gap_cap_ms))
    _add_weights(table, interval_ms)
    for column, shift_milli in kinetic.columns.items():
        table[column] = _aged(table, kinetic.limit, shift_milli)
    by_channel = table.groupby("channel", sort=False)
    gaps = _gaps(table)
    limits = dict.fromkeys(limit for view in [*views, kinetic.view] for limit in view)
    found = {limit: _events(table, limit) for limit in limits}
    statistics = _statistics(table, by_channel, gaps, kinetic.limit)
    rules = pd.concat(
        [
            _judged(rule, _View(*(found[limit] for limit in view)), gaps, statistics.index)
            for rule, view in zip(profile.rules, views, strict=True)
        ],
        ignore_index=True,
    )
    mkt = _kinetic(_all_windows(table, by_channel, found, kinetic), statistics, kinetic.limit)
    return Answer(
        statistics=statistics,
        gaps=gaps,
        rules=rules.sort_values(["channel", "rule"], ignore_index=True),
        kinetic=mkt,
        excursions=_excursions(profile, found),
        verdicts=_verdicts(rules, mkt),
    )


class _View(NamedTuple, Generic[T]):
    """Something at a limit as it is, at its best for the goods, and at its worst (S28)."""

    nominal: T
    optimistic: T
    pessimistic: T

    @staticmethod
    def of(limit: Limit, decision: Decision, uncertainty_milli: int) -> _View[Limit]:
        """The limit moved outwards and inwards by the uncertainty, as far as it matters."""
        outwards = uncertainty_milli if decision is Decision.NON_BINARY else 0
        inwards = uncertainty_milli if decision is not Decision.SIMPLE else 0
        sign = 1 if _is_high(limit) else -1
        return _View(
            limit,
            replace(limit, milli=limit.milli + sign * outwards),
            replace(
                limit,
                milli=limit.milli - sign * inwards,
                inclusive=limit.inclusive or inwards > 0,
            ),
        )


class _KineticView(NamedTuple):
    """The MKT limit, its views, and by how much each of them shifts the values (S26)."""

    limit: KineticLimit
    view: _View[Limit]
    shifts_milli: _View[int]

    @classmethod
    def of(cls, profile: Profile, limit: KineticLimit, uncertainty_milli: int) -> _KineticView:
        """Found among the profile's limits."""
        at = _strictly_above(limit.limit_milli, [rule.limit for rule in profile.rules])
        view = _View.of(at, profile.decision, uncertainty_milli)
        outwards = view.optimistic.milli - at.milli
        inwards = at.milli - view.pessimistic.milli
        return cls(limit, view, _View(0, -outwards, inwards))

    @property
    def columns(self) -> dict[str, int]:
        """The columns of ageing that are needed, with their shifts."""
        return {_aged_name(shift): shift for shift in self.shifts_milli}


def _aged_name(shift_milli: int) -> str:
    return f"aged{shift_milli:+}"


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


def _add_weights(table: pd.DataFrame, interval_ms: int) -> None:
    """The columns whose sums are statistics; the trapezoid's weights are doubled (section 2)."""
    table["missing"] = ((table["dt"] / interval_ms).round() - 1).clip(lower=0)
    # a channel's first reading has no segment before it, so the shifts need no groups
    table["weight"] = table["known"] + table["known"].shift(-1, fill_value=0.0)
    table["first"] = table["weight"] * table["v"]
    table["second"] = table["first"] * table["v"]


def _aged(table: pd.DataFrame, limit: KineticLimit, shift_milli: int) -> pd.Series:
    """Twice the ageing in each segment, at the limit's rate one for each ms (section 2)."""
    over_r = limit.activation_kj_per_mol / GAS_CONSTANT_KJ_PER_MOL_K
    reference = over_r / (limit.limit_milli / 1000 + KELVIN_OFFSET)
    kelvin = (table["v"] + shift_milli) / 1000 + KELVIN_OFFSET
    rate = np.exp(reference - over_r / kelvin)
    return (rate + rate.shift(fill_value=0.0)) * table["known"]


def _statistics(
    table: pd.DataFrame, by_channel: DataFrameGroupBy, gaps: pd.DataFrame, limit: KineticLimit
) -> pd.DataFrame:
    """Counts, extremes, coverage, mean, spread and MKT of each channel (S25)."""
    summed = by_channel[["known", "missing", "weight", "first", "second", _aged_name(0)]].sum()
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
            "mkt": _mkt(summed[_aged_name(0)] / summed["weight"], limit),
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
    rule: Rule, shown: _View[pd.DataFrame], gaps: pd.DataFrame, channels: pd.Index
) -> pd.DataFrame:
    """One rule on every channel: exposures, finding, trigger and verdict (S18, S28)."""
    assert rule.mode in (Mode.SINGLE, Mode.INSTANT)
    events, best = shown.nominal, shown.optimistic
    judged = pd.DataFrame(
        {
            "events": _count(events),
            "best_events": _count(best),
            "worst_events": _count(shown.pessimistic),
            "gaps": _count(gaps),
            "measured": events.groupby("channel")["lin"].max(),
            "optimistic": (best["lin"] - best["rounding"]).groupby(best["channel"]).max(),
            "pessimistic": _longest_with_gaps(shown.pessimistic, gaps),
        }
    )
    judged = judged.reindex(channels).fillna(0).astype("int64")
    judged["trigger"] = _first_trigger(rule, events)
    judged["trigger"] = judged["trigger"].fillna(NONE).astype("int64")
    if rule.budget_ms is None:
        violated = judged["best_events"] > 0
        undecided = (judged["worst_events"] > 0) | (judged["gaps"] > 0)
    else:
        violated = judged["optimistic"] > rule.budget_ms
        undecided = judged["pessimistic"] > rule.budget_ms
    judged["rule"] = rule.id
    judged["finding"] = _finding(violated, undecided)
    judged["verdict"] = _consequence(rule.action, judged["finding"])
    return judged.rename_axis("channel").reset_index()


def _count(rows: pd.DataFrame) -> pd.Series:
    return rows.groupby("channel").size()


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


def _kinetic(
    windows: _View[pd.DataFrame], statistics: pd.DataFrame, limit: KineticLimit
) -> pd.DataFrame:
    """What the MKT of a channel's windows proves (S26)."""
    shown, best, worst = windows
    highest = shown.loc[shown.groupby("channel")["mean_rate"].idxmax()].set_index("channel")
    known_rate = highest["mean_rate"].where(highest["covered"] > 0)
    above = best["rate"] > 2 * best["span"]
    maybe = (worst["covered"] == 0) | (worst["rate"] > 2 * worst["covered"])
    lost = statistics["due_ms"] - statistics["covered_ms"]
    channels = statistics.index
    result = pd.DataFrame(
        {
            "windows": _count(shown).reindex(channels, fill_value=0),
            "start": highest["start"].reindex(channels, fill_value=NONE),
            "end": highest["end"].reindex(channels, fill_value=NONE),
            "short": highest["short"].reindex(channels, fill_value=False),
            "mkt": _mkt(known_rate, limit).reindex(channels),
        }
    )
    violated = above.groupby(best["channel"]).any().reindex(channels, fill_value=False)
    unsure = maybe.groupby(worst["channel"]).any().reindex(channels, fill_value=False)
    undecided = unsure | (lost > 0) | (statistics["covered_ms"] == 0)
    result["finding"] = _finding(violated, undecided)
    result["verdict"] = _consequence(Action.FAIL, result["finding"])
    return result


def _all_windows(
    table: pd.DataFrame,
    by_channel: DataFrameGroupBy,
    found: dict[Limit, pd.DataFrame],
    kinetic: _KineticView,
) -> _View[pd.DataFrame]:
    """The windows of each view; values at their worst may end an excursion at any reading."""
    nominal, optimistic, pessimistic = (found[limit] for limit in kinetic.view)
    if kinetic.shifts_milli.pessimistic:
        is_out = _is_out(table["v"], kinetic.view.pessimistic)
        readings = table.loc[is_out, ["channel", "t"]].rename(columns={"t": "end"})
        pessimistic = pd.concat([pessimistic[["channel", "end"]], readings], ignore_index=True)
    key = table["channel"] * CHANNEL_KEY + table["t"]
    known = by_channel["known"].cumsum().to_numpy()
    aged = {name: by_channel[name].cumsum().to_numpy() for name in kinetic.columns}
    opening = by_channel["t"].first()

    def windows(ends: pd.DataFrame, shift_milli: int) -> pd.DataFrame:
        sums = _Sums(key, table["t"].to_numpy(), known, aged[_aged_name(shift_milli)], opening)
        return _windows(sums, ends, kinetic.limit)

    shifts = kinetic.shifts_milli
    shown = windows(nominal, 0)
    if not any(shifts):
        return _View(shown, shown, shown)
    return _View(
        shown,
        windows(optimistic, shifts.optimistic),
        windows(pessimistic, shifts.pessimistic),
    )


class _Sums(NamedTuple):
    """Columns for the sums between any two readings of a channel, and each channel's begin."""

    key: pd.Series
    t: Millis
    known: Floats
    aged: Floats
    opening: pd.Series


def _windows(sums: _Sums, hot: pd.DataFrame, limit: KineticLimit) -> pd.DataFrame:
    """The hours before each end, their ageing by prefix sums (section 2.1)."""
    begin = hot["end"] - limit.window_ms
    first = sums.key.searchsorted(hot["channel"] * CHANNEL_KEY + begin, side="left")
    last = sums.key.searchsorted(hot["channel"] * CHANNEL_KEY + hot["end"], side="right") - 1
    start, end = sums.t[first], sums.t[last]
    short = begin.to_numpy() < sums.opening.reindex(hot["channel"]).to_numpy()
    windows = pd.DataFrame(
        {
            "channel": hot["channel"],
            "start": start,
            "end": end,
            "short": short,
            "span": np.where(short, limit.window_ms, end - start),
            "covered": sums.known[last] - sums.known[first],
            "rate": sums.aged[last] - sums.aged[first],
        }
    )
    mean_rate = windows["rate"] / (2 * windows["covered"])
    windows["mean_rate"] = mean_rate.where(windows["covered"] > 0, NONE)
    return windows


def _excursions(profile: Profile, found: dict[Limit, pd.DataFrame]) -> pd.DataFrame:
    """The events of each limit, once, under the first rule that has it."""
    first_rule = {rule.limit: rule.id for rule in reversed(profile.rules)}
    listed = pd.concat(
        [found[limit].assign(rule=rule) for limit, rule in first_rule.items()],
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
