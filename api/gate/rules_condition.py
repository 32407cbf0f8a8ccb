"""What the newest evaluation says of the lines that were asked about, zone by zone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from api.gate.rules_finding import BOTH, RECEIPT, Check, consignment_link, failed, held, passed
from coldgate.model import Purpose, ReleasePolicy, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from api.gate.facts import Facts, Judgement, Line, PartWord
    from api.gate.rules_finding import Finding

LOG_CODES: Final = frozenset({"LOG_INCOMPLETE", "LOW_COVERAGE", "NO_READINGS"})
CLOCK_CODES: Final = frozenset({"CLOCK_FAULT", "TIME_AMBIGUOUS"})
CONFLICT_CODES: Final = frozenset({"DATA_CONFLICT"})
SPENT: Final = "BUDGET_EXCEEDED"
BUDGET_CODES: Final = frozenset({SPENT, "BUDGET_UNDECIDED"})
NOT_JUDGED: Final = "there is no evaluation yet"
_VERDICTS: Final = {verdict.value: verdict for verdict in Verdict}


class UnknownWordError(ValueError):
    """A verdict that nobody knows; it proves nothing, and no signature knew what it meant."""

    def __init__(self, verdict: str) -> None:
        super().__init__(f"nobody knows the verdict {verdict!r}")


class Goods(Protocol):
    """What tells the judge's words about a line: a fact of the gate, or a row of the database."""

    @property
    def product_id(self) -> str:
        """The article."""
        ...

    @property
    def lot_number(self) -> str:
        """The lot of it."""
        ...

    @property
    def zone(self) -> str:
        """Where the line travels."""
        ...

    @property
    def serials(self) -> Collection[str] | None:
        """Its units; None where nobody names them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What the evaluation says of one line; ``codes`` None where it does not tell them apart."""

    verdict: Verdict
    codes: frozenset[str] | None
    with_excursions: bool


def word(judgement: Judgement, line: Goods) -> Word:
    """What counts for a line: its zone and its lot there, or else the whole consignment.

    Raises:
        UnknownWordError: the verdict is none of the three.
    """
    zone = None if judgement.zones is None else judgement.zones.get(line.zone)
    if zone is None:
        codes = None if judgement.reason_codes is None else frozenset(judgement.reason_codes)
        return Word(
            verdict=_known(judgement.verdict),
            codes=codes,
            with_excursions=judgement.with_excursions,
        )
    parts: list[PartWord] = [zone, *(part for key, part in zone.lots.items() if _is_of(line, key))]
    return Word(
        verdict=max((_known(part.verdict) for part in parts), key=lambda verdict: verdict.rank),
        codes=frozenset(code for part in parts for code in part.reason_codes),
        with_excursions=zone.with_excursions,
    )


def verdict_of(judgement: Judgement, lines: Iterable[Goods]) -> Verdict:
    """The worst that the evaluation says of any of these lines; there is at least one.

    Raises:
        UnknownWordError: a verdict is none of the three.
    """
    verdicts = (word(judgement, line).verdict for line in lines)
    return max(verdicts, key=lambda verdict: verdict.rank)


def _known(verdict: str) -> Verdict:
    found = _VERDICTS.get(verdict)
    if found is None:
        raise UnknownWordError(verdict)
    return found


def _is_of(line: Goods, key: str) -> bool:
    """Whether a lot as the judge names it, or a unit of it, is in this line."""
    product, lot, *serial = key.split(" ")
    if (product, lot) != (line.product_id, line.lot_number):
        return False
    return not serial or line.serials is None or serial[0] in line.serials


def words(facts: Facts) -> frozenset[str]:
    """The codes of all reasons about the lines; none before the first evaluation.

    An evaluation of an earlier version tells no codes apart: its verdict blocks by itself.
    """
    if facts.judgement is None:
        return frozenset()
    told = (word(facts.judgement, line).codes for line in facts.lines)
    return frozenset(code for codes in told for code in codes or ())


def judgement_link(facts: Facts) -> tuple[str, ...]:
    """The evaluation that was looked at, if there is one."""
    if facts.judgement is None:
        return ()
    return (f"{consignment_link(facts)}/evaluations/{facts.judgement.version}",)


def _judged(facts: Facts) -> Finding:
    judgement, links = facts.judgement, judgement_link(facts)
    if facts.received_at is None:
        return held("the goods are not received: their journey has no end yet")
    if judgement is None:
        return held(NOT_JUDGED)
    told = {"evaluation": judgement.version}
    if facts.unjudged or facts.waits_for:
        return _waiting(facts)
    if judgement.provisional:
        return held("the newest evaluation is provisional", *links, **told)
    profile = facts.profile
    if profile is None or (judgement.profile_id, judgement.profile_version) != (
        profile.id,
        profile.version,
    ):
        return held("judged by another profile", *links, **told)
    return passed("everything committed is judged", *links, **told)


def _waiting(facts: Facts) -> Finding:
    """Which facts the judge has yet to look at: of this journey, or of the lots on others.

    The others are not named: decisions are read by more than who may know of them.
    """
    if facts.unjudged:
        links = judgement_link(facts)
        return held("committed facts are not judged yet", *links, waiting=facts.unjudged)
    reason = "facts of these lots on other journeys are not judged yet"
    return held(reason, *_stability(list(facts.lines)), journeys=len(facts.waits_for))


def _log_complete(facts: Facts) -> Finding:
    found = _without(facts, LOG_CODES, "the log is not proven complete", "the log is complete")
    moved = facts.moved_on
    if moved is None or found.verdict is not Verdict.PASS:
        return found
    told = {
        "received": moved.ended_at.isoformat(),
        "later": moved.kind,
        "later_at": moved.happened_at.isoformat(),
    }
    reason = f"{moved.kind} is said to have happened after the goods were received"
    return held(reason, f"{consignment_link(facts)}/events", **told)


def _clock_sound(facts: Facts) -> Finding:
    return _without(facts, CLOCK_CODES, "the clock cannot be trusted", "the clock is sound")


def _readings_agree(facts: Facts) -> Finding:
    return _without(
        facts, CONFLICT_CODES, "readings contradict one another", "no readings contradict"
    )


def _without(facts: Facts, codes: frozenset[str], problem: str, fine: str) -> Finding:
    if facts.judgement is None:
        return held(NOT_JUDGED)
    found, links = sorted(words(facts) & codes), judgement_link(facts)
    if found:
        return held(problem, *links, codes=found, evaluation=facts.judgement.version)
    return passed(fine, *links, evaluation=facts.judgement.version)


def _condition_clear(facts: Facts) -> Finding:
    if facts.judgement is None or not facts.lines:
        return held(NOT_JUDGED)
    links, told = judgement_link(facts), _told(facts, facts.judgement)
    said = [word(facts.judgement, line) for line in facts.lines]
    said = [one for one in said if one.verdict is not Verdict.FAIL]  # CONDITION_FAIL says more
    if any(one.verdict is Verdict.HOLD for one in said):
        return held("the evidence leaves it open", *links, **told)
    if any(one.with_excursions for one in said):  # section 3: never without a signature of QA
        return held("excursions need a signature of QA", *links, **told)
    return passed("the evidence leaves nothing open", *links, **told)


def _condition_kept(facts: Facts) -> Finding:
    """A proven FAIL stops goods at any step; that none is proven is enough to leave only."""
    if facts.judgement is None and facts.purpose is Purpose.DISPATCH:
        return passed("nothing is judged yet of goods that are here still")
    if facts.judgement is None or not facts.lines:
        return held(NOT_JUDGED)
    links, told = judgement_link(facts), _told(facts, facts.judgement)
    if any(word(facts.judgement, line).verdict is Verdict.FAIL for line in facts.lines):
        return failed("the conditions were not kept", *links, **told)
    return passed("no condition is proven broken", *links, **told)


def _told(facts: Facts, judgement: Judgement) -> dict[str, object]:
    """Evaluation, verdict and codes by zone, for who reads the answer."""
    zones = {line.zone: word(judgement, line) for line in facts.lines}
    return {
        "evaluation": judgement.version,
        "zones": {
            zone: {"verdict": one.verdict.value, "codes": sorted(one.codes or ())}
            for zone, one in sorted(zones.items())
        },
    }


def _budget_left(facts: Facts) -> Finding:
    if facts.judgement is None:
        return held(NOT_JUDGED)
    links = judgement_link(facts)
    short = _lines_with(facts, facts.judgement, BUDGET_CODES)
    lots = sorted({line.lot for line in short})
    if _lines_with(facts, facts.judgement, {SPENT}):
        return failed("the stability budget is spent", *links, *_stability(short), lots=lots)
    if short:
        return held("the stability budget may be spent", *links, *_stability(short), lots=lots)
    return passed("no stability budget is spent", *links)


def _lines_with(facts: Facts, judgement: Judgement, codes: Iterable[str]) -> list[Line]:
    wanted = set(codes)
    return [line for line in facts.lines if (word(judgement, line).codes or set()) & wanted]


def _stability(lines: list[Line]) -> tuple[str, ...]:
    found = (
        f"/v1/products/{line.product_id}/lots/{quote(line.lot_number, safe='')}/stability"
        for line in lines
    )
    return tuple(dict.fromkeys(found))


def _signed(facts: Facts) -> Finding:
    """What asks for a signature though all is well; that there is one shows in what covers it."""
    told: dict[str, object] = {"policy": facts.release_policy}
    if facts.release_policy not in {policy.value for policy in ReleasePolicy}:
        return held("nobody knows this release policy", **told)
    if facts.release_policy == ReleasePolicy.SIGNED.value:
        link = f"{consignment_link(facts)}/dispositions"
        return held("these goods are released by signature only", link, **told)
    mended = {line.position: found for line in facts.lines if (found := _failures_of(facts, line))}
    if mended:
        link = f"{consignment_link(facts)}/dispositions"
        told |= {"lines": sorted(mended), "failed": sorted(set().union(*mended.values()))}
        return held("goods that failed before are released by signature only", link, **told)
    return passed("no signature is asked for", **told)


def _failures_of(facts: Facts, line: Line) -> set[int]:
    """The evaluations by which a line failed that the newest one clears.

    Who told more since may have told it to that end (S34). Of what is not clear CONDITION_HOLD and
    CONDITION_FAIL say more.
    """
    if facts.judgement is None or not _clear(word(facts.judgement, line)):
        return set()
    return {one.version for one in facts.failures if word(one, line).verdict is Verdict.FAIL}


def _clear(said: Word) -> bool:
    return said.verdict is Verdict.PASS and not said.with_excursions


JUDGED: Final = Check(code="JUDGEMENT_PENDING", purposes=RECEIPT, examine=_judged)
RELIABLE: Final = (
    Check(code="LOG_INCOMPLETE", purposes=RECEIPT, examine=_log_complete, coverable=True),
    Check(code="CLOCK_FAULT", purposes=RECEIPT, examine=_clock_sound, coverable=True),
    Check(code="DATA_CONFLICT", purposes=RECEIPT, examine=_readings_agree, coverable=True),
)
KEPT: Final = (
    Check(code="CONDITION_HOLD", purposes=RECEIPT, examine=_condition_clear, coverable=True),
    Check(code="CONDITION_FAIL", purposes=BOTH, examine=_condition_kept, coverable=True),
    Check(code="BUDGET_EXHAUSTED", purposes=RECEIPT, examine=_budget_left, coverable=True),
    Check(code="SIGNATURE_MISSING", purposes=RECEIPT, examine=_signed, coverable=True),
)
