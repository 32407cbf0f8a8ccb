"""The judge's answer while facts come: what did not change is not read again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analytics.job.history import with_history
from analytics.job.loading import load_outline
from analytics.job.paging import open_binder
from analytics.judge import judge_benches, seated
from analytics.pages import ReadingsNeededError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.case import Case
    from analytics.evaluation import Evaluation
    from analytics.job.loading import Loaded, Outline
    from analytics.job.paging import Binder, Changes
    from analytics.judge import Bench
    from analytics.profile import Profile
    from coldgate.storage.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiveAnswer:
    """An evaluation, byte for byte as without pages, and what it changes of the pages."""

    evaluation: Evaluation
    pages: Changes


def answer_live(connection: Connection, consignment_id: str, profile: Profile) -> LiveAnswer:
    """The evaluation of what the database has, from pages as far as they hold.

    To be asked while nobody else judges the consignment: only then do pages and touched rows
    together tell what is new.
    """
    outline = load_outline(connection, consignment_id)
    case = with_history(connection, consignment_id, profile, outline.case)
    outline = replace(outline, case=case)
    binder = open_binder(connection, outline, profile)
    loaded, benches, binder = _laid_out(connection, outline, profile, binder)
    evaluation = judge_benches(profile, loaded.case, benches)
    pages = binder.closed(profile, loaded.case.channels, benches, evaluation)
    if _has_long_gap(profile, evaluation):  # only there the log matters, and it takes a scan (S29)
        told = loaded.with_logs(connection)
        evaluation = judge_benches(profile, told, _retold(benches, loaded.case, told))
    return LiveAnswer(evaluation=evaluation, pages=pages)


def _laid_out(
    connection: Connection, outline: Outline, profile: Profile, binder: Binder
) -> tuple[Loaded, list[Bench], Binder]:
    """The case on its benches, with the readings of as many days as it takes.

    Each refusal takes pages away, and without any there is none.
    """
    while True:
        loaded = outline.filled(connection, binder.holding)
        try:
            return loaded, seated(profile, loaded.case), binder
        except ReadingsNeededError as lack:
            binder = binder.without(loaded.case.channels, lack.days)


def _has_long_gap(profile: Profile, evaluation: Evaluation) -> bool:
    return any(
        end_ms - start_ms > profile.allowed_gap_ms
        for channel in evaluation.channels
        for start_ms, end_ms in channel.statistics.gaps
    )


def _retold(benches: Sequence[Bench], before: Case, now: Case) -> list[Bench]:
    """The benches with what more is known of the channels than their readings."""
    new = dict(zip(before.channels, now.channels, strict=True))
    return [
        replace(
            bench,
            records=tuple(replace(record, channel=new[record.channel]) for record in bench.records),
        )
        for bench in benches
    ]
