"""The deviations that an evaluation asks for, one for each cause; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from analytics.profile import SYMBOLS
from api.quality.impact import impact, reasons
from api.quality.incidents import OF_EVENTS, Event, incidents, unexplained
from api.quality.opening import Case
from coldgate.instant import from_epoch_ms
from coldgate.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from api.quality.incidents import Incident
    from coldgate.storage.deviations import SpendRow
    from coldgate.storage.reactions import EventRow, JudgedRow

QUANTITIES: Final = {symbol: quantity.name.lower() for quantity, symbol in SYMBOLS.items()}
UNKNOWN: Final = "unknown"  # a rule that the profile on record does not have
CAUSES: Final = {Verdict.FAIL: "CONDITION_FAIL", Verdict.HOLD: "CONDITION_HOLD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything that an evaluation brought to light, as it was read."""

    consignment: str
    judged: JudgedRow
    body: Mapping[str, object]
    events: Sequence[EventRow]
    spent: Sequence[SpendRow]
    at: datetime


def cases(found: Found) -> tuple[Case, ...]:
    """One case for each incident, and one for what is wrong with the record, if anything is.

    An evaluation always has at least one; the caller asks about those that are no clean PASS.
    """
    together = incidents(_event(row) for row in found.events)
    said = reasons(found.body)
    rest = unexplained([(str(one["code"]), _channel(one)) for one in said], together)
    told = [_of_incident(found, incident, said) for incident in together]
    if rest or not together:
        told.append(_of_record(found, rest, said))
    if found.judged.verdict in {case.verdict.value for case in told}:
        return tuple(told)
    # No reason says which of them it was: it may have been any.
    return tuple(_raised(case, Verdict(found.judged.verdict)) for case in told)


def _raised(case: Case, verdict: Verdict) -> Case:
    """The case at least as grave as the verdict."""
    if verdict.rank <= case.verdict.rank:
        return case
    return replace(case, verdict=verdict, cause=CAUSES[verdict])


def _of_incident(found: Found, incident: Incident, said: Iterable[Mapping[str, object]]) -> Case:
    of_it = [one for one in said if str(one["code"]) in OF_EVENTS and _concerns(one, incident)]
    verdict = _worst(of_it, default=Verdict.HOLD)
    return _case(found, verdict, trend_code=incident.trend_code, incident=incident)


def _of_record(found: Found, codes: Sequence[str], said: Iterable[Mapping[str, object]]) -> Case:
    verdict = Verdict(found.judged.verdict)
    if found.events:  # the incidents have the rest of it
        verdict = _worst([one for one in said if str(one["code"]) in codes], default=verdict)
    return _case(found, verdict, trend_code=codes[0] if codes else "CONDITION", incident=None)


def _case(found: Found, verdict: Verdict, *, trend_code: str, incident: Incident | None) -> Case:
    kept = Verdict.FAIL if verdict is Verdict.FAIL else Verdict.HOLD  # a PASS waits for QA
    judged = found.judged
    return Case(
        consignment=found.consignment,
        cause=CAUSES[kept],
        verdict=kept,
        source="judge",
        trend_code=trend_code,
        found_at=found.at,
        facts={"evaluation": judged.version, "with_excursions": judged.with_excursions},
        incident=incident,
        evaluation_id=judged.id,
        impact=impact(found.body, found.events, found.spent),
    )


def _event(row: EventRow) -> Event:
    return Event(
        id=row.id,
        channel=row.channel,
        quantity=QUANTITIES.get(row.symbol, UNKNOWN),
        side=row.side,
        began_at=row.began_at,
        ended_at=row.ended_at,
    )


def _concerns(reason: Mapping[str, object], incident: Incident) -> bool:
    """Whether the reason may speak of the incident: of its channels, and of its time."""
    channel = _channel(reason)
    if channel is not None and channel not in {event.channel for event in incident.events}:
        return False
    start_ms, end_ms = reason.get("start_ms"), reason.get("end_ms")
    if not isinstance(start_ms, int) or not isinstance(end_ms, int):
        return True
    return (
        from_epoch_ms(start_ms) <= incident.ended_at and from_epoch_ms(end_ms) >= incident.began_at
    )


def _channel(reason: Mapping[str, object]) -> str | None:
    channel = reason.get("channel")
    return None if channel is None else str(channel)


def _worst(said: Iterable[Mapping[str, object]], *, default: Verdict) -> Verdict:
    verdicts = (Verdict(str(one["verdict"])) for one in said)
    return max(verdicts, key=lambda verdict: verdict.rank, default=default)
