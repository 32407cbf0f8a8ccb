"""Profiles as mappings and as YAML: every key known, every number exact, or a named error."""

from __future__ import annotations

import re
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING, Final

from analytics.limits import Limit, Side
from analytics.profile import SYMBOLS, Action, Decision, Measure, Mode, Profile, Rule, Trigger
from analytics.profile_node import Node
from analytics.profile_sections import (
    read_gaps,
    read_kinetic,
    read_recording,
    read_repeats,
    read_stability,
    read_suspicion,
    read_uncertainty,
)
from analytics.profile_sense import refuse_contradictions
from analytics.profile_yaml import read_yaml
from analytics.readings import Label
from coldgate.model import Quantity

if TYPE_CHECKING:
    from datetime import date

CONDITION: Final = re.compile(r"([A-Z]+) (>|>=|<|<=) (-?[0-9]{1,6}(?:\.[0-9]{1,3})?)")
CONFIDENCE: Final = re.compile("[ABCR]")  # the marks of 3-semantics
QUANTITIES: Final = {symbol: quantity for quantity, symbol in SYMBOLS.items()}
RANGES_MILLI: Final = {  # what a reading of the quantity can be at all
    Quantity.TEMPERATURE: (-273_149, 1_000_000),
    Quantity.HUMIDITY: (0, 100_000),
    Quantity.LIGHT: (0, 999_999_999),
    Quantity.DOOR: (0, 999_999_999),
    Quantity.SHOCK: (0, 999_999_999),
}
AVERAGED: Final = frozenset({Quantity.TEMPERATURE, Quantity.HUMIDITY})
DEFAULT_COVERAGE_PERMILLE: Final = 990  # S29
LABEL_SIDES: Final = 2
LATEST_VERSION: Final = 2**31 - 1
PROFILE_KEYS: Final = (
    *("id", "version", "description", "source", "confidence", "label", "valid", "measure"),
    *("decision", "uncertainty", "gaps", "minimum_coverage", "conditioning", "mkt", "rules"),
    *("stability", "recording", "repeats", "suspicion"),
)
RULE_KEYS: Final = (
    *("id", "when", "mode", "budget", "trigger", "action"),
    *("decision", "hysteresis", "merge"),
)


def load_builtin_profiles() -> tuple[Profile, ...]:
    """The profiles that ship with Coldgate, by id and version."""
    folder = resources.files("analytics") / "profiles"
    files = [file for file in folder.iterdir() if file.name.endswith(".yaml")]
    profiles = (read_profile(file.read_text("utf-8"), name=file.name) for file in files)
    return tuple(sorted(profiles, key=lambda profile: (profile.id, profile.version)))


def read_profile(text: str, *, name: str) -> Profile:
    """The profile in a YAML file; ``name`` is what an error calls it until its id is known.

    Raises:
        ProfileError: as `parse_profile`; for what is no YAML ``path`` names the line.
    """
    return parse_profile(read_yaml(text, name))


def parse_profile(written: object) -> Profile:
    """The profile in a mapping read from YAML or JSON.

    Raises:
        ProfileError: a key is missing, unknown or contradictory; ``path`` names it.
    """
    profile = parse_form(written)
    refuse_contradictions(Node.root(written), profile)
    return profile


def parse_form(written: object) -> Profile:
    """The profile as it is written, though its parts may contradict one another.

    Raises:
        ProfileError: a key is missing, unknown or wrong in itself; ``path`` names it.
    """
    node = Node.root(written)
    node.allow(*PROFILE_KEYS)
    cap_ms, allowed_ms = read_gaps(node.at("gaps").or_empty())
    valid_from, valid_until = node.at("valid").optional(_validity) or (None, None)
    return Profile(
        id=node.at("id").identifier(),
        version=node.at("version").whole(lowest=1, highest=LATEST_VERSION),
        description=node.at("description").text(),
        source=node.at("source").text(),
        confidence=node.at("confidence").matching(CONFIDENCE).group(),
        label=_label(node.at("label")),
        measure=node.at("measure").read(lambda value: value.choice(Measure), Measure.LIN),
        decision=node.at("decision").read(_decision, Decision.NON_BINARY),
        gap_cap_ms=cap_ms,
        minimum_coverage_permille=node.at("minimum_coverage").read(
            _permille, DEFAULT_COVERAGE_PERMILLE
        ),
        conditioning_ms=node.at("conditioning").read(Node.duration, 0),
        kinetic=node.at("mkt").optional(read_kinetic),
        rules=_rules(node.at("rules")),
        allowed_gap_ms=allowed_ms,
        uncertainty=read_uncertainty(node.at("uncertainty").or_empty()),
        stability=node.at("stability").optional(read_stability),
        recording=node.at("recording").optional(read_recording),
        repeats=read_repeats(node.at("repeats").or_empty()),
        suspicion=read_suspicion(node.at("suspicion").or_empty()),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _rules(node: Node) -> tuple[Rule, ...]:
    rules = tuple(_rule(entry) for entry in node.entries())
    if not rules:
        raise node.error("a profile needs at least one rule")
    ids = [rule.id for rule in rules]
    for index, rule_id in enumerate(ids):
        if rule_id in ids[:index]:
            raise node.entry(index).at("id").error(f"{rule_id} stands twice")
    return rules


def _rule(node: Node) -> Rule:
    node.allow(*RULE_KEYS)
    quantity, limit = _condition(node.at("when"))
    mode, trigger = node.at("mode").choice(Mode), node.at("trigger")
    if mode is Mode.MEAN and quantity not in AVERAGED:
        raise node.at("mode").error("only temperature and humidity have a mean")
    rule = Rule(
        id=node.at("id").identifier(),
        quantity=quantity,
        limit=limit,
        mode=mode,
        budget_ms=_budget(node.at("budget"), mode),
        trigger=Trigger.AT if trigger.is_empty else trigger.choice(Trigger),
        action=node.at("action").choice(Action),
        decision=node.at("decision").optional(_decision),
        hysteresis_milli=node.at("hysteresis").optional(Node.share_milli),
        merge_ms=node.at("merge").optional(Node.duration),
    )
    if rule.budget_ms is not None and trigger.is_empty:
        raise trigger.error("must say whether the budget may be reached: at or over")
    _refuse_misuse(node, rule)
    return rule


def _refuse_misuse(node: Node, rule: Rule) -> None:
    """Refuse an action or a shape of alarm that means nothing for this rule."""
    side = (rule.quantity, rule.limit.side)
    if rule.action is Action.FAIL_IF_FREEZE_SENSITIVE and side != (Quantity.TEMPERATURE, Side.LOW):
        raise node.at("action").error("freezing is a low temperature")
    if rule.action is Action.HOLD_IF_SHOCK_SENSITIVE and side != (Quantity.SHOCK, Side.HIGH):
        raise node.at("action").error("shock is a high G")
    if rule.mode is Mode.MEAN:
        for key in ("hysteresis", "merge"):
            if not node.at(key).is_empty:
                raise node.at(key).error("a mean has no alarms")


def _condition(node: Node) -> tuple[Quantity, Limit]:
    symbol, sign, number = node.matching(CONDITION).groups()
    if symbol not in QUANTITIES:
        raise node.error(f"{symbol[:10]} is none of {', '.join(QUANTITIES)}")
    quantity = QUANTITIES[symbol]
    limit = Limit(
        milli=int(Decimal(number) * 1000),
        side=Side.HIGH if ">" in sign else Side.LOW,
        inclusive="=" in sign,
    )
    low, high = RANGES_MILLI[quantity]
    first, last = (high, low) if limit.side is Side.HIGH else (low, high)
    if not _is_out(first, limit):
        raise node.error("no reading can ever be there")
    if _is_out(last, limit):
        raise node.error("every reading is there")
    return quantity, limit


def _is_out(value_milli: int, limit: Limit) -> bool:
    """Whether a value is beyond the limit."""
    beyond = value_milli - limit.milli if limit.side is Side.HIGH else limit.milli - value_milli
    return beyond > 0 or (beyond == 0 and limit.inclusive)


def _budget(node: Node, mode: Mode) -> int | None:
    """None decides by the existence of an event or by the mean, which a sum of times cannot."""
    if node.is_empty and mode is Mode.CUMULATIVE:
        raise node.error("a cumulative rule needs a budget")
    if node.is_empty:
        return None
    if mode in (Mode.INSTANT, Mode.MEAN):
        raise node.error(f"a rule of mode {mode.value} has no budget")
    if node.duration() == 0:
        raise node.error("a budget of nothing is an instant rule")
    return node.duration()


def _decision(node: Node) -> Decision:
    return node.choice(Decision)


def _label(node: Node) -> Label:
    sides = [None if side.value is None else side.milli() for side in node.entries()]
    if len(sides) != LABEL_SIDES:
        raise node.error("must be [low, high]; null leaves a side open")
    low, high = sides
    if low is not None and high is not None and low >= high:
        raise node.error("low must lie below high")
    return Label(low_milli=low, high_milli=high)


def _validity(node: Node) -> tuple[date | None, date | None]:
    """The first and the last day on which goods may be frozen to the profile."""
    node.allow("from", "until")
    first, last = (node.at(key).optional(Node.day) for key in ("from", "until"))
    if first is not None and last is not None and last < first:
        raise node.at("until").error("must not lie before from")
    return first, last


def _permille(node: Node) -> int:
    """Minimum coverage, written in per cent with at most one decimal."""
    exact = node.number() * 10
    if exact != int(exact) or not 0 < exact <= 1000:  # noqa: PLR2004 - a whole, in per mille
        raise node.error("must be per cent above 0 and up to 100, with at most one decimal")
    return int(exact)
