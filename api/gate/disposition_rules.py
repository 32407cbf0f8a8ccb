"""Which dispositions may be proposed, and who has to sign them; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.gate.disposition_schemas import Choice
from coldgate.errors import ConflictError, NotFoundError
from coldgate.model import LineState, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from coldgate.storage.consignments import LineRow
    from coldgate.storage.dispositions import DispositionRow, JudgedRow, StatementRow

DISPOSABLE: Final = (LineState.QUARANTINED, LineState.REVOKED)
CHINESE: Final = "CN_GSP_"  # profiles by which goods that failed are refused on receipt (S31)
STATEMENT: Final = "manufacturer_statement"
_STATES: Final = frozenset(state.value for state in DISPOSABLE)
_RELEASES: Final = {
    Verdict.PASS: "disposition_pass",
    Verdict.HOLD: "disposition_hold",
    Verdict.FAIL: "disposition_fail",
}


def flow_for(decision: Choice, verdict: Verdict) -> str:
    """The flow that decides: the worse the verdict of the lines, the more sign a release."""
    return _RELEASES[verdict] if decision is Choice.RELEASE else "disposition_refuse"


def needs_statement(decision: Choice, verdict: Verdict) -> bool:
    """Whether the manufacturer has to say that the goods may be used (S31)."""
    return decision is Choice.RELEASE and verdict is Verdict.FAIL


def choose(lines: Sequence[LineRow], positions: Iterable[int] | None) -> list[LineRow]:
    """The lines that are meant, each of them in quarantine or revoked."""
    if positions is None:
        chosen = [line for line in lines if line.state in _STATES]
    else:
        by_position = {line.position: line for line in lines}
        wanted = sorted(set(positions))
        missing = [position for position in wanted if position not in by_position]
        if missing:
            raise NotFoundError("line", str(missing[0]))
        chosen = [by_position[position] for position in wanted]
    require_disposable(chosen)
    return chosen


def require_disposable(lines: Sequence[LineRow]) -> None:
    """Return if there are lines, and each stands where somebody decides about it."""
    stuck = [f"line {line.position} is {line.state}" for line in lines if line.state not in _STATES]
    if stuck or not lines:
        words = ", ".join(stuck) or "no line is in quarantine"
        raise ConflictError("NOT_DISPOSABLE", f"nothing to decide: {words}")


def require_final(judged: JudgedRow, *, waiting: bool) -> None:
    """Return if this is the newest word of the judge, a final one, with nothing left to judge."""
    if not judged.newest:
        words = f"evaluation {judged.version} is not the newest one"
        raise ConflictError("EVALUATION_OUTDATED", words)
    if judged.provisional:
        raise ConflictError("EVALUATION_PROVISIONAL", "the journey is not over for the judge")
    if waiting:
        raise ConflictError("JUDGEMENT_PENDING", "readings wait for the judge; ask again")


def may_release(verdict: Verdict, profile_id: str) -> bool:
    """Whether the rules that the goods are judged by leave it to people to let them go."""
    return verdict is not Verdict.FAIL or not profile_id.startswith(CHINESE)


def require_allowed(decision: Choice, verdict: Verdict, profile_id: str) -> None:
    """Return unless the rules that the goods are judged by forbid to release them."""
    if decision is Choice.RELEASE and not may_release(verdict, profile_id):
        words = f"goods that failed by {profile_id} can only be refused"
        raise ConflictError("RELEASE_FORBIDDEN", words)


def require_statement(
    statement: StatementRow | None,
    *,
    makers: AbstractSet[str],
    consignment: str,
    lines: Sequence[LineRow],
) -> None:
    """Return if the document is of one of ``makers``, in force, and about all of these goods.

    Whoever only passes the goods on does not say that they may be used after all.
    """
    if statement is None:
        raise ConflictError("STATEMENT_MISSING", f"a release after FAIL needs a {STATEMENT}")
    if statement.kind != STATEMENT or statement.party_id not in makers:
        words = f"document {statement.id} is no {STATEMENT} of who made the goods"
        raise ConflictError("STATEMENT_UNFIT", words)
    if statement.void:
        raise ConflictError("STATEMENT_UNFIT", f"document {statement.id} is not in force")
    if not all(_speaks_of(statement, consignment, line) for line in lines):
        words = f"document {statement.id} does not speak of all of these goods"
        raise ConflictError("STATEMENT_UNFIT", words)


def require_undecided(open_ones: Iterable[DispositionRow], positions: Iterable[int]) -> None:
    """Return if nobody proposed something about one of the lines that is still open."""
    wanted = set(positions)
    for row in open_ones:
        if wanted & set(row.positions):
            words = f"disposition {row.id} about some of these lines waits for signatures"
            raise ConflictError("DISPOSITION_OPEN", words)


def _speaks_of(statement: StatementRow, consignment: str, line: LineRow) -> bool:
    if statement.consignment_id is not None:
        return statement.consignment_id == consignment
    return line.product_id in statement.articles and statement.lot_number in {
        None,
        line.lot_number,
    }
