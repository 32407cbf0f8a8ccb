"""The judge's answer for one consignment, from the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.job.loading import load_case
from analytics.judge import judge

if TYPE_CHECKING:
    from analytics.evaluation import Evaluation
    from analytics.profile import Profile
    from coldgate.storage.connection import Connection


def answer(connection: Connection, consignment_id: str, profile: Profile) -> Evaluation:
    """The evaluation of what the database has.

    Whether a log is complete matters only where there is a gap (S29), and to find out takes a scan
    of its numbers; so it is looked up, and judged again, when the first answer has gaps.
    """
    loaded = load_case(connection, consignment_id)
    evaluation = judge(profile, loaded.case)
    if not any(channel.statistics.gaps for channel in evaluation.channels):
        return evaluation
    return judge(profile, loaded.with_logs(connection))
