"""Flows: what ships is sound, and what contradicts itself is refused by the name of the key."""

from __future__ import annotations

from typing import Any, Final

import pytest

from api.approvals.flow import Meaning, Signatory
from api.approvals.flow_format import (
    FLOORS,
    as_json,
    load_builtin_flows,
    parse_flow,
    parse_form,
    read_flow,
)
from coldgate.errors import FlowError

STEP: Final = {"order": 1, "roles": ["qa"], "meanings": ["approved"]}


def flow(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    plain = {"id": "hold_lift", "version": 1, "description": "-", "steps": list(steps) or [STEP]}
    return plain | fields


def test_every_flow_that_is_asked_for_ships_in_one_version_at_least() -> None:
    assert {flow.name for flow in load_builtin_flows()} == set(FLOORS)


def test_packaged_flows_read_back_as_they_are_stored() -> None:
    for shipped in load_builtin_flows():
        assert parse_flow(as_json(shipped)) == shipped


def test_release_after_fail_takes_qa_and_then_an_approver() -> None:
    (fail,) = (one for one in load_builtin_flows() if one.name == "disposition_fail")

    assert [(step.order, [role.value for role in step.roles]) for step in fail.steps] == [
        (1, ["qa"]),
        (2, ["qa_approver"]),
    ]


def test_defaults_are_one_person_of_the_consignor_without_limit() -> None:
    (step,) = parse_flow(flow()).steps

    assert (step.count, step.limit, step.escalate_to) == (1, None, None)
    assert step.signatory is Signatory.CONSIGNOR
    assert step.meanings == (Meaning.APPROVED,)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ([], "flow"),
        (flow(id="my_flow"), "id"),
        (flow(id="Hold"), "id"),
        (flow(version=0), "version"),
        (flow(colour="red"), "colour"),
        (flow(steps=[]), "steps"),
        (flow(expires="soon"), "expires"),
        (flow(expires="1500ms"), "expires"),
        (flow(not_by=["cleaner"]), "not_by[0]"),
        (flow(STEP | {"order": 2}), "steps[0].order"),
        (flow(STEP, STEP | {"order": 3}), "steps[1].order"),
        (flow(STEP, STEP | {"order": 2}, STEP), "steps[2].order"),
        (flow(STEP | {"roles": []}), "steps[0].roles"),
        (flow(STEP | {"roles": ["qa", "carrier"]}), "steps[0].roles[1]"),
        (flow(STEP | {"roles": ["operator"]}), "steps[0].roles[0]"),
        (flow(STEP | {"roles": ["qa", "qa"]}), "steps[0].roles[1]"),
        (flow(STEP | {"count": 0}), "steps[0].count"),
        (flow(STEP | {"count": True}), "steps[0].count"),
        (flow(STEP | {"meanings": []}), "steps[0].meanings"),
        (flow(STEP | {"meanings": ["rejected"]}), "steps[0].meanings"),
        (flow(STEP | {"meanings": ["seen"]}), "steps[0].meanings[0]"),
        (flow(STEP | {"limit": "0s"}), "steps[0].limit"),
        (flow(STEP | {"escalate_to": "qa_approver"}), "steps[0].escalate_to"),
        (flow(STEP | {"limit": "1h", "escalate_to": "qa"}), "steps[0].escalate_to"),
        (flow(STEP | {"limit": "1h", "escalate_to": "carrier"}), "steps[0].escalate_to"),
        (flow(STEP | {"party": "carrier"}), "steps[0].party"),
        (flow(STEP | {"limit": "2d"}, expires="1d"), "steps[0].limit"),
        (
            flow(STEP | {"limit": "20h"}, STEP | {"order": 2, "limit": "5h"}, expires="1d"),
            "steps[1].limit",
        ),
        (flow(id="disposition_fail"), "steps"),
        (flow(id="capa_close"), "not_by"),
        (flow(id="capa_close", not_by=[]), "not_by"),
    ],
)
def test_contradiction_is_named_by_its_key(written: object, path: str) -> None:
    with pytest.raises(FlowError) as refused:
        parse_flow(written)

    assert refused.value.path == path


def test_steps_of_one_order_may_each_take_the_whole_time() -> None:
    together = flow(STEP | {"limit": "20h"}, STEP | {"limit": "20h"}, expires="1d")

    assert parse_flow(together).people == 2


def test_yaml_that_is_none_is_refused_by_its_line() -> None:
    with pytest.raises(FlowError) as refused:
        read_flow("id: hold_lift\nid: hold_lift\n", name="twice.yaml")

    assert refused.value.path == "line 2"
    assert "twice.yaml" in str(refused.value)


def test_flow_that_was_stored_is_read_though_it_would_be_refused_today() -> None:
    weak = flow(id="disposition_fail")

    assert parse_form(weak).people == 1
