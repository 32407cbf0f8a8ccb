"""Proof, made at every start, that each check blocks and that clean goods pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.gate.rules import CHECKS, decide
from api.gate.selftest_cases import CASES, CLEAN, COVERED, clean
from coldgate.errors import ColdgateError
from coldgate.model import Purpose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.gate.facts import Facts

__all__ = ["CASES", "CLEAN", "COVERED", "SelfTestError", "prove_gate"]


class SelfTestError(ColdgateError):
    """The gate does not do what it promises; the process must not answer for it."""


def prove_gate() -> None:
    """Return if every check blocks each of its cases, and what may pass passes."""
    for purpose in Purpose:
        if not decide(purpose, clean(purpose)).permitted:
            raise SelfTestError(f"gate self-test: clean goods are refused {purpose.value}")
    for facts in COVERED:
        if not decide(facts.purpose, facts).permitted:
            raise SelfTestError("gate self-test: a signed release does not count")
    for check in CHECKS:
        for purpose in check.purposes:
            cases = [case for case in CASES.get(check.code, ()) if case.purpose is purpose]
            _prove(check.code, cases)


def _prove(code: str, cases: Sequence[Facts]) -> None:
    if not cases:
        raise SelfTestError(f"gate self-test: no case for {code}")
    if not all(_blocks(code, case) for case in cases):
        raise SelfTestError(f"gate self-test: {code} lets goods pass")


def _blocks(code: str, facts: Facts) -> bool:
    decision = decide(facts.purpose, facts)
    return not decision.permitted and code in {result.code for result in decision.blocking}
