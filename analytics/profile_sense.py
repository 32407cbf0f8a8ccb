"""What a profile's parts say about one another: a contradiction is refused where it stands."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Final

from analytics.limits import Side
from analytics.profile import (
    UNDEMANDING,
    Action,
    Corrections,
    Decision,
    Mode,
    Rule,
    Trigger,
    decimal_text,
)
from coldgate.model import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.profile import Profile, Uncertainty
    from analytics.profile_node import Node

FORCE: Final = {  # what a violation leads to: at least, at most (section 3)
    Action.NOTE: (0, 0),
    Action.HOLD_IF_SHOCK_SENSITIVE: (0, 2),
    Action.EXCURSION: (1, 1),
    Action.HOLD: (2, 2),
    Action.FAIL: (3, 3),
    Action.FAIL_UNLESS_MFR: (4, 4),
    Action.FAIL_IF_FREEZE_SENSITIVE: (1, 4),
}
HOLDING: Final = 2
WARMEST_FROZEN: Final = 0  # m°C


def refuse_contradictions(node: Node, profile: Profile) -> None:
    """Return if the profile can mean what it says.

    Raises:
        ProfileError: its parts contradict one another; ``path`` names the one to look at.
    """
    _refuse_silence(node, profile)
    for index, rule in enumerate(profile.rules):
        place = node.at("rules").entry(index)
        _refuse_against_label(place, rule, profile)
        _refuse_endless_alarm(place, rule, profile)
        _refuse_idle(place, rule, profile)
    _refuse_twins(node, profile)
    for quantity in Quantity:
        _refuse_no_room(node, profile, quantity)
    _refuse_kinetic(node, profile)
    _refuse_stability(node, profile)
    _refuse_recording(node, profile)


def _refuse_silence(node: Node, profile: Profile) -> None:
    """Nothing would ever be judged, and everything would pass."""
    if not profile.quantities:
        raise node.at("rules").error("no rule decides anything")
    is_open = profile.label.low_milli is None and profile.label.high_milli is None
    if is_open and Quantity.TEMPERATURE in profile.quantities:
        raise node.at("label").error("temperature is judged, so a side must be limited")


def _refuse_against_label(node: Node, rule: Rule, profile: Profile) -> None:
    """A temperature rule judges what the label does not allow, and leaves the rest alone."""
    if rule.quantity is not Quantity.TEMPERATURE or rule.action in UNDEMANDING:
        return
    far, near = _label_beyond(rule, profile)
    if far is not None and far <= 0:
        raise node.at("when").error("lies on the wrong side of the label")
    if near is None or not _by_existence(rule):
        return
    # Freezing harms some goods at 0 °C, which the label of others allows.
    touches = rule.limit.inclusive and rule.action is not Action.FAIL_IF_FREEZE_SENSITIVE
    if near < 0 or (near == 0 and touches):
        raise node.at("when").error("condemns what the label allows")


def _label_beyond(rule: Rule, profile: Profile) -> tuple[int | None, int | None]:
    """How far the limit lies beyond the label's far and near side, outwards positive."""
    low, high = profile.label.low_milli, profile.label.high_milli
    limit = rule.limit
    if limit.side is Side.HIGH:
        outwards = [None if side is None else limit.milli - side for side in (low, high)]
    else:
        outwards = [None if side is None else side - limit.milli for side in (high, low)]
    return outwards[0], outwards[1]


def _refuse_endless_alarm(node: Node, rule: Rule, profile: Profile) -> None:
    """An alarm must end while the goods are still within the label (S20)."""
    if rule.quantity is not Quantity.TEMPERATURE or rule.hysteresis_milli is None:
        return
    far, _ = _label_beyond(rule, profile)
    if far is not None and far <= rule.hysteresis_milli:
        raise node.at("hysteresis").error("reaches beyond the other side of the label")


def _refuse_idle(node: Node, rule: Rule, profile: Profile) -> None:
    """A budget that cannot be used up before another rule has gone at least as far."""
    if rule.budget_ms is None or rule.action is Action.NOTE:
        return
    for other in profile.rules:
        alike = _decision(rule, profile) is _decision(other, profile)
        is_stern = FORCE[other.action][0] >= FORCE[rule.action][1]
        if alike and is_stern and _pattern(other) != _pattern(rule) and _implies(rule, other):
            raise node.at("budget").error(f"can never decide, {other.id} decides before it")


def _implies(rule: Rule, other: Rule) -> bool:
    """Whether ``other`` is violated whenever ``rule`` is, which has a budget."""
    if other.quantity is not rule.quantity or not _reaches_as_far(other, rule):
        return False
    if _by_existence(other):
        return True
    if other.budget_ms is None or rule.budget_ms is None:
        return False
    if rule.mode is Mode.CUMULATIVE and other.mode is Mode.SINGLE:
        return False  # many short events
    if other.budget_ms == rule.budget_ms:
        return rule.trigger is Trigger.OVER or other.trigger is Trigger.AT
    return other.budget_ms < rule.budget_ms


def _reaches_as_far(other: Rule, rule: Rule) -> bool:
    """Whether all that is out for ``rule`` is out for ``other``."""
    wide, narrow = other.limit, rule.limit
    if wide.side is not narrow.side:
        return False
    further = narrow.milli - wide.milli
    outwards = further if wide.side is Side.HIGH else -further
    return outwards > 0 or (outwards == 0 and (wide.inclusive or not narrow.inclusive))


def _refuse_twins(node: Node, profile: Profile) -> None:
    """Two rules that ask the same: one of them is a slip."""
    seen: dict[object, str] = {}
    for index, rule in enumerate(profile.rules):
        pattern = _pattern(rule)
        if pattern in seen:
            place = node.at("rules").entry(index).at("when")
            raise place.error(f"asks the same as {seen[pattern]}")
        seen[pattern] = rule.id


def _pattern(rule: Rule) -> object:
    """What a rule asks, and of which goods."""
    conditional = rule.action if FORCE[rule.action][0] != FORCE[rule.action][1] else None
    mode = Mode.INSTANT if _by_existence(rule) else rule.mode
    return rule.quantity, rule.limit, mode, rule.budget_ms, conditional


def _refuse_no_room(node: Node, profile: Profile, quantity: Quantity) -> None:
    """Limits from both sides must leave a value that can be shown to be allowed (S28)."""
    decisive = [
        rule
        for rule in profile.rules
        if rule.quantity is quantity and rule.budget_ms is None and FORCE[rule.action][0]
    ]
    high, low = _tightest(decisive, Side.HIGH), _tightest(decisive, Side.LOW)
    if high is None or low is None:
        return
    room = high.limit.milli - low.limit.milli
    if room < 0 or (room == 0 and (high.limit.inclusive or low.limit.inclusive)):
        later = max(profile.rules.index(high), profile.rules.index(low))
        place = node.at("rules").entry(later).at("when")
        raise place.error(f"{high.id} and {low.id} leave no value that is allowed")
    margin = _margin(high, profile) + _margin(low, profile)
    if margin and margin >= room:
        problem = f"between {high.id} and {low.id} nothing can be shown to be allowed"
        raise node.at("uncertainty").error(problem)


def _margin(rule: Rule, profile: Profile) -> int:
    """The least distance from the limit that a PASS must keep, in milli-units."""
    if _decision(rule, profile) is Decision.SIMPLE:
        return 0
    return _least_uncertainty(profile.uncertainty, rule.quantity)


def _decision(rule: Rule, profile: Profile) -> Decision:
    """How uncertainty enters what the rule decides."""
    return rule.decision or profile.decision


def _tightest(rules: Iterable[Rule], side: Side) -> Rule | None:
    """The rule whose limit on this side is met first."""
    sign = 1 if side is Side.HIGH else -1
    found = [rule for rule in rules if rule.limit.side is side]
    return min(found, key=lambda rule: sign * rule.limit.milli, default=None)


def _least_uncertainty(uncertainty: Uncertainty, quantity: Quantity) -> int:
    """The smallest U that any channel can have, in milli-units (S27)."""
    if quantity is Quantity.TEMPERATURE:
        mpe, spatial = uncertainty.temperature_mpe_milli, uncertainty.spatial_milli
    elif quantity is Quantity.HUMIDITY:
        mpe, spatial = uncertainty.humidity_mpe_milli, 0
    else:
        return 0
    certain = 0 if uncertainty.corrections is Corrections.APPLIED else mpe
    return isqrt(certain**2 + 4 * spatial**2)


def _refuse_kinetic(node: Node, profile: Profile) -> None:
    """MKT says something about goods that age faster when warm, and nothing about frozen ones."""
    if profile.kinetic is None:
        return
    label, place = profile.label, node.at("mkt")
    if label.high_milli is not None and label.high_milli <= WARMEST_FROZEN:
        raise place.error("must be null: MKT means nothing for frozen goods")
    if profile.kinetic.limit is None:
        return
    limit_milli = profile.kinetic.limit.limit_milli
    if label.low_milli is not None and limit_milli <= label.low_milli:
        raise place.at("limit").error("lies on the wrong side of the label")
    stopping = [
        rule
        for rule in profile.rules
        if rule.quantity is Quantity.TEMPERATURE
        and _by_existence(rule)
        and FORCE[rule.action][0] >= HOLDING
    ]
    hard = _tightest(stopping, Side.HIGH)
    if hard is not None and hard.limit.milli <= limit_milli:
        bound = decimal_text(hard.limit.milli)
        raise place.at("limit").error(f"can never decide, {hard.id} stops at {bound}")


def _refuse_stability(node: Node, profile: Profile) -> None:
    """A budget is spent outside the label, and a rate has no meaning across thawing."""
    stability, label = profile.stability, profile.label
    if stability is None:
        return
    place = node.at("stability")
    is_frozen = label.high_milli is not None and label.high_milli <= WARMEST_FROZEN
    if stability.arrhenius is not None and is_frozen:
        raise place.at("arrhenius").error("a rate of ageing means nothing for frozen goods")
    for index, band in enumerate(stability.bands):
        if label.low_milli is not None and band.above_milli <= label.low_milli:
            above = place.at("bands").entry(index).at("above")
            raise above.error("lies on the wrong side of the label")


def _refuse_recording(node: Node, profile: Profile) -> None:
    """Out of range is what the label says."""
    label, recording = profile.label, profile.recording
    if recording is None or recording.out_of_range_ms is None:
        return
    if label.low_milli is None and label.high_milli is None:
        place = node.at("recording").at("out_of_range")
        raise place.error("no label says what is out of range")


def _by_existence(rule: Rule) -> bool:
    """Whether any event at all decides."""
    return rule.budget_ms is None and rule.mode is not Mode.MEAN
