"""Whether a fresh answer is worth a new version of the evaluation (decision 0002)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from coldgate.crypto import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.evaluation import Evaluation
    from coldgate.storage.judging import StoredEvaluation


def is_news(evaluation: Evaluation, newest: StoredEvaluation, refresh: timedelta) -> bool:
    """Whether the answer is to be stored as a new version.

    A final answer is whenever a byte of it differs. While the journey goes on the figures differ
    with each reading; then a new version tells a new answer, and at most every ``refresh`` the
    figures.
    """
    if not evaluation.provisional:
        return evaluation.to_bytes() != newest.body
    if _answer(evaluation.as_json()) != _answer(json.loads(newest.body)):
        return True
    return datetime.now(UTC) - newest.evaluated_at >= refresh and (
        evaluation.to_bytes() != newest.body
    )


def _answer(body: Mapping[str, object]) -> bytes:
    """What somebody may have to act on: verdict, reasons and which excursions there are."""
    return canonical_json(
        {
            "verdict": body["verdict"],
            "provisional": body["provisional"],
            "with_excursions": body["with_excursions"],
            "profile": body["profile"],
            "reasons": _picked(body["reasons"], ("verdict", "code", "rule", "channel")),
            "excursions": _picked(body["excursions"], ("rule", "channel", "start_ms")),
        }
    )


def _picked(entries: object, keys: Sequence[str]) -> list[list[object]]:
    listed = entries if isinstance(entries, list) else []
    return [[entry[key] for key in keys] for entry in listed]
