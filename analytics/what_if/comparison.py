"""What was said of a consignment beside what another profile says of the same facts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from coldgate.model import LineState, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from analytics.evaluation import Evaluation
    from analytics.profile import Json


class Outcome(Enum):
    """What the other profile would have changed, gravest first."""

    RELEASE_BLOCKED = "released, would have been blocked"
    CLEARANCE_BLOCKED = "free to be released, would have been blocked"
    BLOCK_RELEASED = "blocked, would have been released"
    SIGNATURE_SAVED = "released by a signature, would have needed none"
    BLOCK_ALTERED = "blocked either way, for another verdict"
    JUDGE_CHANGED = "today's judge says so under its own profile as well"
    UNJUDGEABLE = "cannot be judged again"
    SAME = "same answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """As much of an evaluation as the gate asks for."""

    verdict: Verdict
    with_excursions: bool

    @classmethod
    def of(cls, evaluation: Evaluation) -> Answer:
        """The answer of an evaluation."""
        return cls(verdict=evaluation.verdict, with_excursions=evaluation.with_excursions)

    @property
    def opens(self) -> bool:
        """Whether the gate may open on it without a signature."""
        return self.verdict is Verdict.PASS and not self.with_excursions


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was said and done: the newest evaluation, and the states of the lines in their order."""

    consignment: str
    evaluation: int
    lines: tuple[str, ...]
    judged_by: str
    answer: Answer

    @property
    def released(self) -> bool:
        """Whether goods of it were let go, and not called back."""
        return LineState.RELEASED.value in self.lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One consignment of the past with what the other profile says of it.

    ``would_be`` is None where nothing can be said; ``why`` is empty where nothing changes.
    """

    past: Past
    would_be: Answer | None
    outcome: Outcome
    why: str
    readings: int

    def as_json(self) -> dict[str, Json]:
        """Plain values that `result_of` reads back."""
        past = self.past
        return {
            "consignment": past.consignment,
            "evaluation": past.evaluation,
            "lines": list(past.lines),
            "judged_by": past.judged_by,
            "was": _written(past.answer),
            "would_be": None if self.would_be is None else _written(self.would_be),
            "outcome": self.outcome.name.lower(),
            "why": self.why,
            "readings": self.readings,
        }


def result_of(written: Mapping[str, Json]) -> Result:
    """The result in the values of `Result.as_json`."""
    lines, was, would_be = written["lines"], written["was"], written["would_be"]
    assert isinstance(lines, list)  # noqa: S101 - written by as_json
    past = Past(
        consignment=str(written["consignment"]),
        evaluation=int(str(written["evaluation"])),
        lines=tuple(str(state) for state in lines),
        judged_by=str(written["judged_by"]),
        answer=_answer(was),
    )
    return Result(
        past=past,
        would_be=None if would_be is None else _answer(would_be),
        outcome=Outcome[str(written["outcome"]).upper()],
        why=str(written["why"]),
        readings=int(str(written["readings"])),
    )


def compare(past: Past, *, own: Answer, would_be: Answer) -> Outcome:
    """What the change of profile alone makes of a consignment.

    ``own`` is what its own profile says today: where that is the new answer as well, the judge
    has changed since, and the other profile has no part in it.
    """
    was = past.answer
    if would_be == was:
        return Outcome.SAME
    if would_be == own:
        return Outcome.JUDGE_CHANGED
    if would_be.opens:
        return Outcome.SIGNATURE_SAVED if past.released else Outcome.BLOCK_RELEASED
    if past.released:
        return Outcome.RELEASE_BLOCKED
    return Outcome.CLEARANCE_BLOCKED if was.opens else Outcome.BLOCK_ALTERED


def explain(own: Evaluation, other: Evaluation) -> str:
    """The gravest reason that one of the two has alone; what holds no longer is told as such."""
    if Answer.of(other).opens:
        gone = _first_alone(own, other)
        return f"no longer: {gone}" if gone else ""
    return _first_alone(other, own)


def _first_alone(one: Evaluation, beside: Evaluation) -> str:
    """The first reason of ``one`` that ``beside`` does not have, else its first."""
    known = {reason.text for reason in beside.reasons}
    texts = [reason.text for reason in one.reasons]
    return next(iter([*_without(texts, known), *texts]), "")


def _without(texts: list[str], known: Collection[str]) -> list[str]:
    return [text for text in texts if text not in known]


def _written(answer: Answer) -> dict[str, Json]:
    return {"verdict": answer.verdict.value, "with_excursions": answer.with_excursions}


def _answer(written: Json) -> Answer:
    assert isinstance(written, dict)  # noqa: S101 - written by _written
    return Answer(
        verdict=Verdict(written["verdict"]), with_excursions=bool(written["with_excursions"])
    )
