"""Flows as mappings and as YAML: every key known, nothing contradictory, or a named error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from importlib import resources
from typing import TYPE_CHECKING, Final, TypeVar

from analytics.profile_node import Node
from analytics.profile_yaml import read_yaml
from api.approvals.flow import Excluded, Flow, Meaning, Signatory, Step
from api.identity.rights import ROLE_RIGHTS, Right, Role
from coldgate.errors import FlowError, ProfileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Choice = TypeVar("Choice", bound=Enum)

NAME: Final = re.compile(r"[a-z][a-z0-9_]{2,40}")
LATEST_VERSION: Final = 2**31 - 1
MOST_STEPS: Final = 9
MOST_PEOPLE: Final = 9  # of one step
FLOW_KEYS: Final = ("id", "version", "description", "expires", "not_by", "steps")
STEP_KEYS: Final = ("order", "roles", "count", "meanings", "limit", "escalate_to", "party")


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What no tenant's flow may go below."""

    people: int = 1
    excluded: frozenset[Excluded] = frozenset()


# Every flow that is ever asked for. S31: a release after FAIL takes two people; 3-semantics,
# section 6.1: the owner of an action does not close it.
FLOORS: Final = {
    "disposition_pass": Floor(),
    "disposition_hold": Floor(),
    "disposition_fail": Floor(people=2),
    "disposition_refuse": Floor(),
    "hold_lift": Floor(),
    "capa_plan": Floor(),
    "capa_close": Floor(excluded=frozenset({Excluded.OWNER})),
    "deviation_close": Floor(),
}


def load_builtin_flows() -> tuple[Flow, ...]:
    """The flows that ship with Coldgate, by name and version."""
    folder = resources.files("api") / "approvals" / "flows"
    files = [file for file in folder.iterdir() if file.name.endswith(".yaml")]
    flows = (read_flow(file.read_text("utf-8"), name=file.name) for file in files)
    return tuple(sorted(flows, key=lambda flow: (flow.name, flow.version)))


def read_flow(text: str, *, name: str) -> Flow:
    """The flow in a YAML file; ``name`` is what an error calls it until its id is known.

    Raises:
        FlowError: as `parse_flow`; for what is no YAML ``path`` names the line.
    """
    return _translating(name, lambda: _strict(Node.root(read_yaml(text, name))))


def parse_flow(written: object) -> Flow:
    """The flow in a mapping read from YAML or JSON.

    Raises:
        FlowError: a key is missing, unknown or contradictory; ``path`` names it.
    """
    return _translating("?", lambda: _strict(Node.root(written)))


def parse_form(written: object) -> Flow:
    """The flow as it was stored, whatever a later version of Coldgate thinks of it.

    Requests keep the flow that they were opened with, and what was signed stays readable.
    """
    return _translating("?", lambda: _form(Node.root(written)))


def as_json(flow: Flow) -> dict[str, object]:
    """The flow as `parse_flow` reads it, every default written out."""
    return {
        "id": flow.name,
        "version": flow.version,
        "description": flow.description,
        "expires": _written(flow.expires),
        "not_by": [person.value for person in flow.excluded],
        "steps": [_step_as_json(step) for step in flow.steps],
    }


def _step_as_json(step: Step) -> dict[str, object]:
    return {
        "order": step.order,
        "roles": [role.value for role in step.roles],
        "count": step.count,
        "meanings": [meaning.value for meaning in step.meanings],
        "limit": _written(step.limit),
        "escalate_to": step.escalate_to.value if step.escalate_to else None,
        "party": step.signatory.value,
    }


def _written(length: timedelta | None) -> str | None:
    return None if length is None else f"{length // timedelta(seconds=1)}s"


def _translating(name: str, read: Callable[[], Flow]) -> Flow:
    """What ``read`` returns; the reader of nodes speaks of profiles, its callers of flows."""
    try:
        return read()
    except ProfileError as error:
        path = "flow" if error.path == "profile" else error.path
        raise FlowError(error.profile or name, path, error.problem) from error


def _strict(node: Node) -> Flow:
    flow = _form(node)
    for index, step in enumerate(flow.steps):
        _refuse_contradictions(node.at("steps").entry(index), step)
    _refuse_weakness(node, flow)
    _refuse_late_steps(node, flow)
    return flow


def _form(node: Node) -> Flow:
    node.allow(*FLOW_KEYS)
    return Flow(
        name=node.at("id").matching(NAME).group(),
        version=node.at("version").whole(lowest=1, highest=LATEST_VERSION),
        description=node.at("description").text(),
        expires=node.at("expires").optional(_length),
        excluded=node.at("not_by").read(lambda value: _words(value, Excluded), ()),
        steps=_steps(node.at("steps")),
    )


def _steps(node: Node) -> tuple[Step, ...]:
    steps = tuple(_step(entry) for entry in node.entries())
    if not 1 <= len(steps) <= MOST_STEPS:
        raise node.error(f"a flow has 1 to {MOST_STEPS} steps")
    before = 0
    for index, step in enumerate(steps):
        if step.order not in {before, before + 1} or step.order == 0:
            raise node.entry(index).at("order").error("steps are numbered from 1 without a hole")
        before = step.order
    return steps


def _step(node: Node) -> Step:
    node.allow(*STEP_KEYS)
    return Step(
        order=node.at("order").whole(lowest=1, highest=MOST_STEPS),
        roles=_words(node.at("roles"), Role),
        count=node.at("count").read(lambda value: value.whole(lowest=1, highest=MOST_PEOPLE), 1),
        meanings=_words(node.at("meanings"), Meaning),
        limit=node.at("limit").optional(_length),
        escalate_to=node.at("escalate_to").optional(lambda value: value.choice(Role)),
        signatory=node.at("party").read(lambda value: value.choice(Signatory), Signatory.CONSIGNOR),
    )


def _refuse_contradictions(node: Node, step: Step) -> None:
    """Return if what the step says can all be true at once."""
    if not step.roles:
        raise node.at("roles").error("somebody must sign")
    if not step.meanings:
        raise node.at("meanings").error("a signature has a meaning")
    for index, role in enumerate(step.roles):
        _require_signing(node.at("roles").entry(index), role)
    if Meaning.REJECTED in step.meanings:
        raise node.at("meanings").error("rejected is possible at every step and not listed")
    if step.escalate_to is None:
        return
    _require_signing(node.at("escalate_to"), step.escalate_to)
    if step.limit is None:
        raise node.at("escalate_to").error("nothing escalates without a limit")
    if step.escalate_to in step.roles:
        raise node.at("escalate_to").error(f"{step.escalate_to.value} may sign from the beginning")


def _require_signing(node: Node, role: Role) -> None:
    if Right.SIGN not in ROLE_RIGHTS[role]:
        raise node.error(f"{role.value} does not sign")


def _refuse_weakness(node: Node, flow: Flow) -> None:
    """Return if the flow is one that is asked for, and at least as strict as it has to be."""
    floor = FLOORS.get(flow.name)
    if floor is None:
        raise node.at("id").error(f"there is no such flow; those are {', '.join(FLOORS)}")
    if flow.people < floor.people:
        raise node.at("steps").error(f"{flow.name} takes at least {floor.people} people")
    missing = floor.excluded - set(flow.excluded)
    if missing:
        words = ", ".join(sorted(person.value for person in missing))
        raise node.at("not_by").error(f"{flow.name} must name {words}")


def _refuse_late_steps(node: Node, flow: Flow) -> None:
    """Return if no step is allowed to take longer than the whole."""
    if flow.expires is None:
        return
    longest: dict[int, timedelta] = {}
    for index, step in enumerate(flow.steps):
        limit = step.limit or timedelta()
        longest[step.order] = max(longest.get(step.order, timedelta()), limit)
        if sum(longest.values(), timedelta()) > flow.expires:
            problem = "the request would expire before this step is overdue"
            raise node.at("steps").entry(index).at("limit").error(problem)


def _words(node: Node, kind: type[Choice]) -> tuple[Choice, ...]:
    """A list of different words of a closed set."""
    words: Sequence[Choice] = [entry.choice(kind) for entry in node.entries()]
    for index, word in enumerate(words):
        if word in words[:index]:
            raise node.entry(index).error(f"{word.value} stands twice")
    return tuple(words)


def _length(node: Node) -> timedelta:
    """A length of time of whole seconds, longer than none."""
    length_ms = node.time()
    if length_ms % 1000:
        raise node.error("must be whole seconds")
    return timedelta(milliseconds=length_ms)
