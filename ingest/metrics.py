"""Counters and timings of the ingest process, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from ingest.writer import Outcome

MESSAGES: Final = Counter("coldgate_ingest_messages", "Messages stored", ["outcome"])
READINGS: Final = Counter("coldgate_ingest_readings", "Readings by outcome", ["outcome"])
QUARANTINED: Final = Counter("coldgate_ingest_quarantined", "Refusals by code", ["code"])
CUT: Final = Counter("coldgate_ingest_quarantine_cut", "Refusals kept by their beginning only")
STAGE_SECONDS: Final = Counter("coldgate_ingest_stage_seconds", "Time by stage", ["stage"])
SUBSCRIBED: Final = Gauge("coldgate_ingest_subscribed", "1 while the broker delivers to us")


def count(outcome: Outcome) -> None:
    """Add one committed batch to the counters."""
    MESSAGES.labels("stored").inc(outcome.messages)
    MESSAGES.labels("repeated").inc(outcome.repeated_messages)
    READINGS.labels("stored").inc(outcome.readings)
    READINGS.labels("repeated").inc(outcome.repeated_readings)
    READINGS.labels("conflict").inc(outcome.conflicts)
    for code in outcome.quarantined:
        QUARANTINED.labels(code).inc()
    CUT.inc(outcome.cut)
