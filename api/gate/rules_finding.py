"""What a check is and what it finds; the words that all rules of the gate share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.model import Purpose, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.gate.facts import Facts, Line

BOTH: Final = tuple(Purpose)
RECEIPT: Final = (Purpose.RECEIPT_RELEASE,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; ``facts`` are plain JSON, ``links`` lead to what was looked at."""

    verdict: Verdict
    reason: str
    facts: Mapping[str, object]
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One reason for which goods may be blocked, and the purposes it counts for.

    What is ``coverable`` on receipt no longer blocks lines that QA signed the release of.
    """

    code: str
    purposes: tuple[Purpose, ...]
    examine: Callable[[Facts], Finding]
    coverable: bool = False


def passed(reason: str, *links: str, **facts: object) -> Finding:
    """It is proven."""
    return Finding(verdict=Verdict.PASS, reason=reason, facts=facts, links=links)


def held(reason: str, *links: str, **facts: object) -> Finding:
    """It is not proven."""
    return Finding(verdict=Verdict.HOLD, reason=reason, facts=facts, links=links)


def failed(reason: str, *links: str, **facts: object) -> Finding:
    """The contrary is proven."""
    return Finding(verdict=Verdict.FAIL, reason=reason, facts=facts, links=links)


def lot_links(lines: tuple[Line, ...]) -> tuple[str, ...]:
    """Where the lots of these lines are registered."""
    return tuple(dict.fromkeys(f"/v1/products/{line.product_id}/lots" for line in lines))


def consignment_link(facts: Facts) -> str:
    """The consignment that was asked about."""
    return f"/v1/consignments/{facts.consignment}"
