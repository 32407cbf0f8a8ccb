"""Profiles as mappings and as YAML: every key known, every number exact, or a named error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from importlib import resources
from typing import Final, TypeVar

import yaml

from analytics.kernel import Limit, Side
from analytics.profile import (
    SYMBOLS,
    UNITS_MS,
    Action,
    Decision,
    Kinetic,
    Measure,
    Mode,
    Profile,
    Rule,
    Trigger,
)
from analytics.readings import Label
from analytics.windows import KineticLimit
from coldgate.errors import ProfileError

Choice = TypeVar("Choice", bound=Enum)

CONDITION: Final = re.compile(r"([A-Z]+) (>|>=|<|<=) (-?\d{1,6}(?:\.\d{1,3})?)")
DURATION: Final = re.compile(r"(\d{1,9})(h|min|s|ms)")
IDENTIFIER: Final = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
QUANTITIES: Final = {symbol: quantity for quantity, symbol in SYMBOLS.items()}
PROFILE_KEYS: Final = frozenset(
    {"id", "version", "description", "source", "confidence", "label", "measure", "decision"}
    | {"gaps", "minimum_coverage", "conditioning", "mkt", "rules"}
)
RULE_KEYS: Final = frozenset({"id", "when", "mode", "budget", "trigger", "action"})
KINETIC_KEYS: Final = frozenset({"dH", "applies", "limit", "window"})
LABEL_SIDES: Final = 2


def load_builtin_profiles() -> tuple[Profile, ...]:
    """The profiles that ship with Coldgate, by id."""
    folder = resources.files("analytics") / "profiles"
    files = [file for file in folder.iterdir() if file.name.endswith(".yaml")]
    profiles = (parse_profile(yaml.safe_load(file.read_text("utf-8"))) for file in files)
    return tuple(sorted(profiles, key=lambda profile: profile.id))


def parse_profile(written: object) -> Profile:
    """The profile in a mapping read from YAML or JSON.

    Raises:
        ProfileError: a key is missing, unknown or contradictory; ``path`` names it.
    """
    name = str(written.get("id")) if isinstance(written, Mapping) else "?"
    node = _Node(name, "", written)
    node.allow(PROFILE_KEYS)
    rules = tuple(_rule(entry) for entry in node.at("rules").entries())
    kinetic = _kinetic(node.at("mkt")) if node.at("mkt").value is not None else None
    if not rules:
        raise node.at("rules").error("a profile needs at least one rule")
    _refuse_repeats(node, [rule.id for rule in rules])
    return Profile(
        id=node.at("id").matching(IDENTIFIER).group(),
        version=node.at("version").whole(lowest=1),
        description=node.at("description").text(),
        source=node.at("source").text(),
        confidence=node.at("confidence").text(),
        label=_label(node.at("label")),
        measure=node.at("measure").choice(Measure),
        decision=node.at("decision").choice(Decision),
        gap_cap_ms=_gap_cap(node.at("gaps")),
        minimum_coverage_permille=_permille(node.at("minimum_coverage")),
        conditioning_ms=node.at("conditioning").duration(),
        kinetic=kinetic,
        rules=rules,
    )


@dataclass(frozen=True, slots=True)
class _Node:
    """One value in a profile and the way to it, so that every error names its place."""

    profile: str
    path: str
    value: object

    def error(self, problem: str) -> ProfileError:
        return ProfileError(self.profile, self.path or "profile", problem)

    def allow(self, keys: frozenset[str]) -> None:
        """Refuse anything but a mapping with some of these keys."""
        if not isinstance(self.value, Mapping):
            raise self.error("must be a mapping")
        for key in self.value:
            if key not in keys:
                raise self.at(str(key)).error("unknown key")

    def at(self, key: str) -> _Node:
        """The value under ``key``; None where it is absent."""
        path = f"{self.path}.{key}" if self.path else key
        return _Node(
            self.profile, path, self.value.get(key) if isinstance(self.value, Mapping) else None
        )

    def entries(self) -> list[_Node]:
        if not isinstance(self.value, Sequence) or isinstance(self.value, str):
            raise self.error("must be a list")
        return [
            _Node(self.profile, f"{self.path}[{index}]", entry)
            for index, entry in enumerate(self.value)
        ]

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.error("must be a text")
        return self.value.strip()

    def matching(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.fullmatch(self.text())
        if match is None:
            raise self.error(f"{self.text()!r} must look like {pattern.pattern}")
        return match

    def whole(self, *, lowest: int) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < lowest:
            raise self.error(f"must be a whole number, at least {lowest}")
        return self.value

    def milli(self) -> int:
        """A number of units in thousandths, exactly."""
        exact = self.number() * 1000
        if exact != int(exact) or abs(exact) >= 2**31:
            raise self.error("must have at most three decimals and fit the sensor")
        return int(exact)

    def number(self) -> Decimal:
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise self.error("must be a number")
        exact = Decimal(repr(self.value))
        if not exact.is_finite():
            raise self.error("must be a finite number")
        return exact

    def duration(self) -> int:
        amount, unit = self.matching(DURATION).groups()
        return int(amount) * UNITS_MS[unit]

    def choice(self, kind: type[Choice]) -> Choice:
        for member in kind:
            if member.value == self.value:
                return member
        known = ", ".join(str(member.value) for member in kind)
        raise self.error(f"{self.value!r} is none of {known}")


def _rule(node: _Node) -> Rule:
    node.allow(RULE_KEYS)
    symbol, sign, number = node.at("when").matching(CONDITION).groups()
    if symbol not in QUANTITIES:
        raise node.at("when").error(f"{symbol} is none of {', '.join(QUANTITIES)}")
    mode = node.at("mode").choice(Mode)
    budget_ms = _budget(node.at("budget"), mode)
    trigger = node.at("trigger")
    return Rule(
        id=node.at("id").matching(IDENTIFIER).group(),
        quantity=QUANTITIES[symbol],
        limit=Limit(
            milli=int(Decimal(number) * 1000),
            side=Side.HIGH if ">" in sign else Side.LOW,
            inclusive="=" in sign,
        ),
        mode=mode,
        budget_ms=budget_ms,
        trigger=Trigger.AT if trigger.value is None else trigger.choice(Trigger),
        action=node.at("action").choice(Action),
    )


def _budget(node: _Node, mode: Mode) -> int | None:
    """None decides by the existence of an event, which a sum of times cannot."""
    if node.value is None and mode is Mode.CUMULATIVE:
        raise node.error("a cumulative rule needs a budget")
    if node.value is None:
        return None
    if mode is Mode.INSTANT:
        raise node.error("an instant rule has no budget")
    if (budget_ms := node.duration()) == 0:
        raise node.error("a budget of nothing is an instant rule")
    return budget_ms


def _kinetic(node: _Node) -> Kinetic:
    node.allow(KINETIC_KEYS)
    activation = float(node.at("dH").number())
    if activation <= 0:
        raise node.at("dH").error("must be positive")
    limited = node.at("limit").value is not None
    if not limited and (node.at("applies").value is not None or node.at("window").value):
        raise node.at("limit").error("a window without a limit decides nothing")
    if limited and node.at("applies").value != Side.HIGH.value:
        raise node.at("applies").error("MKT gives relief on the high side only")
    return Kinetic(
        activation_kj_per_mol=activation,
        limit=_kinetic_limit(node, activation) if limited else None,
    )


def _kinetic_limit(node: _Node, activation: float) -> KineticLimit:
    window_ms = node.at("window").duration()
    if window_ms == 0:
        raise node.at("window").error("must be longer than nothing")
    return KineticLimit(
        activation_kj_per_mol=activation,
        limit_milli=node.at("limit").milli(),
        window_ms=window_ms,
    )


def _label(node: _Node) -> Label:
    sides = [None if side.value is None else side.milli() for side in node.entries()]
    if len(sides) != LABEL_SIDES:
        raise node.error("must be [low, high]; null leaves a side open")
    low, high = sides
    if low is None and high is None:
        raise node.error("at least one side must be limited")
    if low is not None and high is not None and low >= high:
        raise node.error("low must lie below high")
    return Label(low_milli=low, high_milli=high)


def _gap_cap(node: _Node) -> int:
    node.allow(frozenset({"cap"}))
    return node.at("cap").duration()


def _permille(node: _Node) -> int:
    """Minimum coverage, written in per cent with at most one decimal."""
    exact = node.number() * 10
    if exact != int(exact) or not 0 < exact <= 1000:  # noqa: PLR2004 - a whole, in per mille
        raise node.error("must be per cent above 0 and up to 100, with at most one decimal")
    return int(exact)


def _refuse_repeats(node: _Node, ids: list[str]) -> None:
    for index, rule_id in enumerate(ids):
        if rule_id in ids[:index]:
            raise node.at("rules").entries()[index].at("id").error(f"{rule_id} stands twice")
