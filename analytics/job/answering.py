"""The judge's answer for one consignment, from the database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analytics.job.history import with_history
from analytics.job.loading import load_case
from analytics.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics.case import Case
    from analytics.evaluation import Evaluation
    from analytics.job.loading import Loaded
    from analytics.profile import Profile
    from coldgate.storage.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examination:
    """A case as the database has it, and what the judge says of it."""

    case: Case
    evaluation: Evaluation


def answer(connection: Connection, consignment_id: str, profile: Profile) -> Evaluation:
    """The evaluation of what the database has."""
    return examine(connection, consignment_id, profile).evaluation


def examine(connection: Connection, consignment_id: str, profile: Profile) -> Examination:
    """The case that the database has, with its evaluation."""
    return judge_loaded(connection, load_case(connection, consignment_id), profile)


def judge_loaded(
    connection: Connection,
    loaded: Loaded,
    profile: Profile,
    *,
    by: Callable[[Profile, Case], Evaluation] = judge,
) -> Examination:
    """A case that is loaded already, with its evaluation by this profile.

    Whether a log is complete matters only where there is a gap (S29), and to find out takes a scan
    of its numbers; so it is looked up, and judged again, when the first answer has gaps.
    """
    case = with_history(connection, loaded.consignment_id, profile, loaded.case)
    evaluation = by(profile, case)
    if any(channel.statistics.gaps for channel in evaluation.channels):
        case = replace(loaded, case=case).with_logs(connection)
        evaluation = by(profile, case)
    return Examination(case=case, evaluation=evaluation)
