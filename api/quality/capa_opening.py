"""CAPAs that a rule asks for: after a FAIL, and when a lane has excursions again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from coldgate.storage import capas, deviations, quality, records
from coldgate.storage.capas import RuledCapa
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from api.quality.opening import Case, Opening
    from coldgate.storage.connection import Connection

ACTOR: Final = "coldgate"
DUE_AFTER: Final = timedelta(days=60)  # our own rule (R)
FAIL: Final = "FAIL"
REPEAT: Final = "REPEAT"
TITLES: Final = {
    FAIL: "Conditions were not kept",
    REPEAT: "Excursions on this lane again within twelve months",
}


def open_capa_by_rule(connection: Connection, opening: Opening, case: Case) -> int | None:
    """The CAPA that a rule asks for after this deviation; None where none does.

    One is open for a lane and a kind of trouble at a time; the deviation is linked to it.
    """
    if not opening.news or case.source != "judge":
        return None
    with everything(connection):
        rule = _rule(connection, case)
        if rule is None:
            return None
        origin, destination = deviations.lane(connection, case.consignment)
        capa, opened = capas.open_by_rule(
            connection,
            RuledCapa(
                party=opening.party,
                title=TITLES[rule],
                problem=f"deviation {opening.id}: {case.trend_code}, {case.verdict.value}",
                rule=rule,
                trend_code=case.trend_code,
                origin=origin,
                destination=destination,
                due_on=(case.found_at + DUE_AFTER).date(),
            ),
        )
        capas.link(connection, capa, opening.id, changed_by=ACTOR)
        _tell(connection, capa, opening, rule=rule, opened=opened)
    return capa


def _rule(connection: Connection, case: Case) -> str | None:
    if case.verdict.value == FAIL:
        return FAIL
    if case.incident is None:
        return None
    began_at = case.incident.began_at
    earlier = deviations.earlier_on_lane(connection, case.consignment, began_at=began_at)
    return REPEAT if earlier else None


def _tell(connection: Connection, capa: int, opening: Opening, *, rule: str, opened: bool) -> None:
    kind = "capa.opened" if opened else "capa.linked"
    body = {"capa": capa, "deviation": opening.id, "rule": rule}
    quality.announce(connection, kind=kind, party=opening.party, body=body)
    records.append_ledger(connection, actor=ACTOR, kind=kind, subject=f"capa/{capa}", body=body)
