"""What an evaluation says of each zone and of each lot in it, so that sound goods need not wait.

A part gets every reason that can concern it: those of its own channels, those of channels that
stand in no zone, and those about the consignment as a whole. A part of which nothing is known by
itself is not listed; what the consignment got counts for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analytics.case import Role
from analytics.evaluation import ReasonCode, plain
from analytics.exposure import Finding
from coldgate.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analytics.evaluation import BudgetResult, ChannelResult, Evaluation
    from analytics.profile import Json

# A lot's budget is told apart by lot below; its reason in words names no zone.
OF_ONE_LOT: Final = frozenset({ReasonCode.BUDGET_EXCEEDED, ReasonCode.BUDGET_UNDECIDED})
OF_BUDGETS: Final = {
    Finding.VIOLATED: ReasonCode.BUDGET_EXCEEDED,
    Finding.UNDECIDED: ReasonCode.BUDGET_UNDECIDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartVerdict:
    """The verdict on a part of the goods, and the codes behind it, sorted."""

    verdict: Verdict
    reason_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneVerdict(PartVerdict):
    """The verdict on a zone; ``lots`` of it that have reasons of their own get one of their own."""

    with_excursions: bool
    lots: Mapping[str, PartVerdict]

    def as_json(self) -> dict[str, Json]:
        """Plain values, as they are stored beside the evaluation."""
        return {
            "verdict": self.verdict.value,
            "reason_codes": list(self.reason_codes),
            "with_excursions": self.with_excursions,
            "lots": {lot: plain(part) for lot, part in self.lots.items()},
        }


def reason_codes(evaluation: Evaluation) -> list[str]:
    """The codes of all reasons, each once, sorted."""
    return sorted({reason.code.value for reason in evaluation.reasons})


def zone_verdicts(evaluation: Evaluation) -> dict[str, ZoneVerdict]:
    """What the evaluation says of each zone that has a logger of its own."""
    goods = [channel for channel in evaluation.channels if channel.role is Role.GOODS]
    zones = sorted({channel.zone for channel in goods if channel.zone is not None})
    return {zone: _zone(evaluation, goods, zone) for zone in zones}


def _zone(evaluation: Evaluation, goods: list[ChannelResult], zone: str) -> ZoneVerdict:
    here = [channel for channel in goods if channel.zone in {zone, None}]
    # A channel that moved stands in two zones under one name: its reasons count in both.
    elsewhere = {channel.channel for channel in goods} - {channel.channel for channel in here}
    found = [
        (reason.code, reason.verdict)
        for reason in evaluation.reasons
        if reason.channel not in elsewhere and reason.code not in OF_ONE_LOT
    ]
    part = _part(found)
    return ZoneVerdict(
        verdict=part.verdict,
        reason_codes=part.reason_codes,
        with_excursions=any(
            rule.records_only and rule.finding is not Finding.SATISFIED
            for channel in here
            for rule in channel.rules
        ),
        lots={
            lot: _part([*found, *spent]) for lot, spent in _spent(evaluation.budgets, zone).items()
        },
    )


def _spent(
    budgets: Iterable[BudgetResult], zone: str
) -> dict[str, list[tuple[ReasonCode, Verdict]]]:
    """Lots, or single units of them, of this zone that have not enough of their budget left."""
    spent: dict[str, list[tuple[ReasonCode, Verdict]]] = {}
    for result in budgets:
        if result.zone == zone and result.finding is not Finding.SATISFIED:
            spent.setdefault(result.key, []).append((OF_BUDGETS[result.finding], result.verdict))
    return spent


def _part(found: Iterable[tuple[ReasonCode, Verdict]]) -> PartVerdict:
    listed = list(found)
    verdicts = (verdict for _, verdict in listed)
    return PartVerdict(
        verdict=max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.PASS),
        reason_codes=tuple(sorted({code.value for code, _ in listed})),
    )
