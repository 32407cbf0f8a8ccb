"""Whether what the judge looked at is what the loggers sent, and the ledger what was entered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.gate.rules_condition import judgement_link
from api.gate.rules_finding import RECEIPT, Check, failed, held, passed

if TYPE_CHECKING:
    from api.gate.facts import Facts
    from api.gate.rules_finding import Finding

LEDGER_LINK: Final = "/v1/ledger/checkpoint"


def _evidence_whole(facts: Facts) -> Finding:
    ledger, audit, links = facts.ledger, facts.audit, judgement_link(facts)
    if ledger is None:
        return held("nobody verifies the ledger", LEDGER_LINK)
    if ledger.broken is not None:
        return failed("the ledger does not verify", LEDGER_LINK, problem=ledger.broken)
    if facts.judgement is None or audit is None or audit.evaluation_id != facts.judgement.id:
        return held("the messages behind the evaluation are not verified yet", *links)
    told = {"messages": audit.messages, "broken": audit.broken, "unsigned": audit.unsigned}
    if audit.broken:
        return failed("messages behind the evaluation do not verify", *links, **told)
    if audit.unsigned and not facts.accepts_unsigned:
        return held("messages behind the evaluation are not signed", *links, **told)
    return passed("every message behind the evaluation verifies", *links, **told)


EVIDENCE: Final = Check(code="EVIDENCE_BROKEN", purposes=RECEIPT, examine=_evidence_whole)
