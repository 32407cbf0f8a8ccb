"""From an evaluation to the rows that keep it for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.zones import reason_codes, zone_verdicts
from coldgate.instant import from_epoch_ms
from coldgate.storage import judging
from coldgate.storage.judging import NewEvaluation, NewExcursion

if TYPE_CHECKING:
    from analytics.evaluation import Evaluation, Excursion
    from coldgate.storage.connection import Connection
    from coldgate.storage.judging import Snapshot


def store(
    connection: Connection,
    consignment_id: str,
    version: int,
    evaluation: Evaluation,
    *,
    snapshot: Snapshot,
) -> None:
    """Keep an evaluation for ever, with a row for each of its excursions.

    ``snapshot`` is the one that its case was loaded at.
    """
    row = NewEvaluation(
        consignment_id=consignment_id,
        version=version,
        verdict=evaluation.verdict.value,
        provisional=evaluation.provisional,
        with_excursions=evaluation.with_excursions,
        profile_id=evaluation.profile.id,
        profile_version=evaluation.profile.version,
        engine=evaluation.engine_version,
        input_digest=evaluation.input_digest,
        reason_codes=reason_codes(evaluation),
        zones={zone: part.as_json() for zone, part in zone_verdicts(evaluation).items()},
        body=evaluation.to_bytes(),
        snapshot=snapshot,
    )
    judging.add_evaluation(connection, row, [_excursion_row(one) for one in evaluation.excursions])


def _excursion_row(one: Excursion) -> NewExcursion:
    return NewExcursion(
        channel=one.channel,
        rule_id=one.rule,
        action=one.action.value,
        started_at=from_epoch_ms(one.start_ms),
        ended_at=from_epoch_ms(one.end_ms),
        start_bound=one.lower_bound,
        end_bound=one.upper_bound,
        lin_ms=one.lin_ms,
        hold_ms=one.hold_ms,
        upper_ms=one.upper_ms,
        peak_milli=one.peak_milli,
        peak_at=from_epoch_ms(one.peak_at_ms),
        readings=one.readings,
    )
