"""Which limits a profile asks of a quantity, and where each rule finds its own among them (S28)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analytics.limits import Bars, Limit, Side, bars
from analytics.profile import Decision, Mode
from coldgate.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.profile import Profile, Rule


@dataclass(frozen=True, slots=True)
class Column:
    """A limit moved outwards by the logger's uncertainty: ``shift`` times U; inwards at -1.

    A limit that is moved inwards becomes inclusive wherever U is not 0 (S28).
    """

    limit: Limit
    shift: int = 0

    def at(self, uncertainty_milli: int) -> Limit:
        """The limit for a logger of this uncertainty."""
        if self.shift < 0 and uncertainty_milli:
            return self.limit.inwards(uncertainty_milli, inclusive=True)
        return self.limit.outwards(self.shift * uncertainty_milli)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The columns of one limit: as it is, at its best for the goods, and at its worst."""

    nominal: int
    optimistic: int
    pessimistic: int

    @property
    def all(self) -> frozenset[int]:
        """The three, or fewer where some are the same."""
        return frozenset({self.nominal, self.optimistic, self.pessimistic})


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """All limits of a profile for one quantity, each once; the rest are places among them.

    ``alarms`` has the limit in which a rule's alarm ends (S20), None for rules that show none.
    """

    all: tuple[Column, ...]
    rules: tuple[Rule, ...]
    views: tuple[View, ...]
    alarms: tuple[int | None, ...]
    kinetic: View | None
    bands: tuple[View, ...]

    def bars(self, uncertainties_milli: Sequence[int]) -> Bars:
        """The limits of channels with these uncertainties."""
        known = {u: [column.at(u) for column in self.all] for u in set(uncertainties_milli)}
        return bars([known[u] for u in uncertainties_milli], [one.limit.side for one in self.all])


NO_COLUMNS: Final = Columns(all=(), rules=(), views=(), alarms=(), kinetic=None, bands=())


def columns(profile: Profile, quantity: Quantity) -> Columns:
    """The columns that ``profile`` needs for channels of ``quantity``."""
    rules = tuple(rule for rule in profile.rules if rule.quantity is quantity)
    is_temperature = quantity is Quantity.TEMPERATURE
    bound = profile.kinetic.limit if profile.kinetic and is_temperature else None
    bands = profile.stability.bands if profile.stability and is_temperature else ()
    kinetic = None if bound is None else Limit(bound.limit_milli, Side.HIGH, inclusive=False)
    tops = [Limit(band.above_milli, Side.HIGH, inclusive=False) for band in bands]
    ruled = [(rule.limit, rule.decision or profile.decision) for rule in rules]
    viewed = [*ruled, *((limit, profile.decision) for limit in ([kinetic] if kinetic else []))]
    viewed += [(limit, profile.decision) for limit in tops]
    alarmed = [_alarm(rule) for rule in rules]
    every = tuple(dict.fromkeys([*_all_of(viewed), *(one for one in alarmed if one)]))
    views = [_view(every, *each) for each in viewed]
    return Columns(
        all=every,
        rules=rules,
        views=tuple(views[: len(rules)]),
        alarms=tuple(None if one is None else every.index(one) for one in alarmed),
        kinetic=views[len(rules)] if kinetic else None,
        bands=tuple(views[len(views) - len(tops) :]),
    )


def _all_of(viewed: Iterable[tuple[Limit, Decision]]) -> Iterable[Column]:
    for limit, decision in viewed:
        yield from _three(limit, decision)


def _view(every: Sequence[Column], limit: Limit, decision: Decision) -> View:
    nominal, optimistic, pessimistic = (every.index(one) for one in _three(limit, decision))
    return View(nominal=nominal, optimistic=optimistic, pessimistic=pessimistic)


def _three(limit: Limit, decision: Decision) -> tuple[Column, Column, Column]:
    """Nominal, optimistic and pessimistic (S27, S28)."""
    nominal = Column(limit)
    outer = Column(limit, 1) if decision is Decision.NON_BINARY else nominal
    inner = nominal if decision is Decision.SIMPLE else Column(limit, -1)
    return nominal, outer, inner


def _alarm(rule: Rule) -> Column | None:
    if rule.mode is Mode.MEAN or (rule.hysteresis_milli is None and rule.merge_ms is None):
        return None
    inner = rule.limit.inwards(rule.hysteresis_milli or 0, inclusive=rule.limit.inclusive)
    return Column(inner)
