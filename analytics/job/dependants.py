"""What other consignments have to hear of a judgement: figures that they counted (S32, S36)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from analytics.carryover import ANONYMOUS
from analytics.damage import MOST_DAMAGE_PPB
from analytics.evaluation import ReasonCode
from analytics.job.history import joined_ms, lot_key
from coldgate.instant import epoch_ms, from_epoch_ms
from coldgate.storage import stability
from coldgate.storage.stability import LaneRecord, Spend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from analytics.evaluation import BudgetResult, ChannelResult, Evaluation
    from analytics.profile import Profile
    from coldgate.storage.connection import Connection
    from coldgate.storage.stability import LotLine, ToldEnds

_EXCURSIONS: Final = frozenset({ReasonCode.EXCURSION, ReasonCode.RULE_VIOLATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a judgement changes for others, not yet written.

    ``since`` is when the earliest consignment began that its figures may concern, None where they
    concern nobody. ``lanes`` are the record of the lane from now on and the one before, or empty.
    """

    spend: tuple[Spend, ...] = ()
    since: datetime | None = None
    lanes: tuple[LaneRecord, ...] = ()

    def announce(self, connection: Connection, consignment_id: str) -> None:
        """Have those judged again who are concerned.

        To be done before the ledger's lock is taken: this waits for gates that hold one of them,
        and they wait for the ledger.
        """
        if self.since is not None:
            stability.touch_followers(connection, consignment_id, since=self.since)
        if any(record.with_excursions for record in self.lanes):
            began = [record.began_at for record in self.lanes]
            stability.lock_lane(connection, consignment_id)
            stability.touch_lane(connection, consignment_id, first=min(began), last=max(began))

    def enter(self, connection: Connection, consignment_id: str) -> None:
        """Write the figures down as those of the newest evaluation."""
        stability.add_spend(connection, consignment_id, self.spend)
        if self.lanes:
            stability.add_lane_record(connection, consignment_id, self.lanes[0])


def changes_of(
    connection: Connection, consignment_id: str, profile: Profile, evaluation: Evaluation
) -> Changes:
    """What differs from what others were told of this consignment before."""
    begin_ms = _packed_ms(profile, evaluation)
    lanes = _lanes(connection, consignment_id, evaluation, begin_ms)
    ends = stability.told_ends(connection, consignment_id)
    if profile.stability is None:
        # no figures, but that it is over frees those that began meanwhile
        return Changes(lanes=lanes, since=None if evaluation.provisional else ends.first_told_at)
    before = {_unit(row): row for row in stability.newest_spend(connection, consignment_id)}
    joined = joined_ms(begin_ms, ends)
    rows = _spend(stability.lot_lines(connection, consignment_id), evaluation, ends, joined)
    changed = [row for row in rows if before.get(_unit(row)) != row]
    felt = [_felt_since(before.get(_unit(row)), row, ends) for row in changed]
    since = min((moment for moment in felt if moment is not None), default=None)
    return Changes(spend=tuple(changed), since=since, lanes=lanes)


def _packed_ms(profile: Profile, evaluation: Evaluation) -> int | None:
    """Where the window begins but for conditioning: goods are packed while their loggers settle."""
    begin_ms = evaluation.window.begin_ms
    return None if begin_ms is None else begin_ms - profile.conditioning_ms


def _unit(row: Spend) -> tuple[str, str, str]:
    return row.product_id, row.lot_number, row.serial


def _felt_since(before: Spend | None, now: Spend, ends: ToldEnds) -> datetime | None:
    """From when on a consignment feels the difference; None where nobody does.

    Before its first figures, a journey was feared from the first word of it on. A unit that is
    named here and in one that began meanwhile is feared to have been here as well.
    """
    if before is None:
        return now.began_at if ends.first_told_at is None else min(now.began_at, ends.first_told_at)
    if _shown_to_others(before) == _shown_to_others(now):
        return None
    if now.serial != ANONYMOUS:
        return min(before.began_at, now.began_at)
    return min(before.ended_at, now.ended_at)


def _shown_to_others(row: Spend) -> Spend:
    """The row without what others told of: who follows counts that itself."""
    return replace(row, before_optimistic_ppb=0, before_measured_ppb=0, before_pessimistic_ppb=0)


def _spend(
    lines: Sequence[LotLine], evaluation: Evaluation, ends: ToldEnds, joined: int | None
) -> list[Spend]:
    """The figures of each serial of each lot; none before the journey begins."""
    seen = [moment for channel in evaluation.channels for moment in _seen(channel)]
    begin_ms = min(seen, default=None) if joined is None else joined
    if begin_ms is None:
        return []
    end_ms = max([begin_ms, *seen]) if ends.ended_at is None else epoch_ms(ends.ended_at)
    journey = _Journey(
        began_at=from_epoch_ms(min(begin_ms, end_ms)),
        ended_at=from_epoch_ms(end_ms),
        provisional=evaluation.provisional and ends.ended_at is None,
    )
    budgets: dict[str, list[BudgetResult]] = {}
    for budget in evaluation.budgets:
        budgets.setdefault(budget.key, []).append(budget)
    units = {lot_key(line): line for line in lines}
    return [_row(line, journey, budgets[key]) for key, line in units.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Journey:
    """When units were certainly with the consignment."""

    began_at: datetime
    ended_at: datetime
    provisional: bool


def _row(line: LotLine, journey: _Journey, budgets: Sequence[BudgetResult]) -> Spend:
    """What a unit took, whichever zone it was in: the least, and the most."""
    here = [budget.here for budget in budgets]
    spent = budgets[0].spent  # before the zones parted the units
    return Spend(
        product_id=line.product_id,
        lot_number=line.lot_number,
        serial=line.serial,
        began_at=journey.began_at,
        ended_at=journey.ended_at,
        provisional=journey.provisional,
        optimistic_ppb=_storable(min(one.optimistic_ppb for one in here)),
        measured_ppb=_storable(max(one.measured_ppb for one in here)),
        pessimistic_ppb=_storable(max(one.pessimistic_ppb for one in here)),
        before_optimistic_ppb=spent.optimistic_ppb,
        before_measured_ppb=spent.measured_ppb,
        before_pessimistic_ppb=spent.pessimistic_ppb,
    )


def _storable(damage_ppb: int) -> int:
    return min(damage_ppb, MOST_DAMAGE_PPB)


def _seen(channel: ChannelResult) -> Iterator[int]:
    """The first and the last moment of a channel that a reading speaks of."""
    if not channel.statistics.n or channel.begin_ms is None or channel.end_ms is None:
        return
    yield channel.begin_ms
    gaps = channel.statistics.gaps
    yield gaps[-1][0] if gaps and gaps[-1][1] == channel.end_ms else channel.end_ms


def _lanes(
    connection: Connection, consignment_id: str, evaluation: Evaluation, begin_ms: int | None
) -> tuple[LaneRecord, ...]:
    """The lane's record from now on and the one before; empty where nothing changed (S32)."""
    if evaluation.provisional or begin_ms is None:
        return ()
    now = LaneRecord(
        began_at=from_epoch_ms(begin_ms),
        with_excursions=evaluation.with_excursions
        or any(reason.code in _EXCURSIONS for reason in evaluation.reasons),
    )
    before = stability.newest_lane_record(connection, consignment_id)
    if before is None:
        return (now,)
    return () if before == now else (now, before)
