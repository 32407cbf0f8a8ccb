"""CAPAs: every step with what it takes, two signatures, and nothing that leads past them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from approval_world import code, sign, signed
from quality_world import STEPS

if TYPE_CHECKING:
    from api_world import World
    from quality_world import Plant

pytestmark = pytest.mark.database


def test_capa_goes_its_way_and_shows_both_signatures(house: Plant) -> None:
    capa = house.capa_in("CLOSED")

    assert [step["to_state"] for step in capa["transitions"]] == list(STEPS)
    signatures = [one["signatures"][0] for one in capa["approvals"]]
    assert [one["manifest"]["meaning"] for one in signatures] == ["approved", "approved"]
    assert all(one["verification"]["valid"] for one in signatures)


def test_step_without_its_fields_is_refused_and_says_what_is_missing(house: Plant) -> None:
    capa = house.capa()

    answer = house.world.of(house.party).post(
        f"/capas/{capa['id']}/transitions", json={"to": "CONTAINED", "based_on": 1}
    )

    assert code(answer) == "CAPA_INCOMPLETE"
    assert "containment, owner_user_id" in answer.json()["detail"]
    assert house.shown(capa)["state"] == "OPEN"
    assert house.shown(capa)["missing"] == {"CONTAINED": ["containment", "owner_user_id"]}


def test_step_that_does_not_exist_changes_nothing(house: Plant) -> None:
    capa = house.capa_in("CONTAINED")

    for to in ("OPEN", "CLOSED", "CONTAINED", "REOPENED"):
        body = {"to": to, "based_on": capa["revision"]}
        answer = house.world.of(house.party).post(f"/capas/{capa['id']}/transitions", json=body)
        assert answer.status_code in {409, 422}
    assert house.shown(capa) == capa


def test_owner_of_an_action_does_not_close_the_capa(house: Plant) -> None:
    capa = house.capa_in("INVESTIGATED")
    house.act(capa, house.approver)
    for step in ("PLANNED", "IMPLEMENTED", "VERIFIED", "EFFECTIVENESS_DUE"):
        capa = house.step(house.shown(capa), step)
    capa = house.revise("/capas", capa, **STEPS["CLOSED"])
    waiting = house.move(capa, "CLOSED")["approvals"][-1]

    assert code(sign(house.approver, waiting, meaning="approved")) == "SIGNER_EXCLUDED"
    signed(house.world.user(house.party, "qa_approver"), waiting, meaning="approved")
    assert house.shown(capa)["state"] == "CLOSED"


def test_plan_that_was_signed_stays_as_it_was_signed(house: Plant) -> None:
    capa = house.capa_in("PLANNED")
    client = house.world.of(house.party)

    revision = {"based_on": capa["revision"], "root_cause": "something else"}
    assert code(client.post(f"/capas/{capa['id']}/revisions", json=revision)) == (
        "ILLEGAL_TRANSITION"
    )
    action = {
        "kind": "preventive",
        "description": "-",
        "owner": house.qa.id,
        "due_on": "2199-01-01",
    }
    assert code(client.post(f"/capas/{capa['id']}/actions", json=action)) == "ILLEGAL_TRANSITION"
    assert house.shown(capa) == capa


def test_plan_that_changed_while_it_was_signed_is_not_signed(house: Plant) -> None:
    capa = house.revise("/capas", house.capa_in("INVESTIGATED"), **STEPS["PLANNED"])
    house.act(capa)
    waiting = house.move(capa, "PLANNED")["approvals"][-1]
    house.revise("/capas", house.shown(capa), root_cause="something else")

    assert code(sign(house.other_qa, waiting, meaning="approved")) == "RECORD_CHANGED"
    assert house.shown(capa)["state"] == "INVESTIGATED"


def test_refused_plan_may_be_asked_about_again(house: Plant) -> None:
    capa = house.revise("/capas", house.capa_in("INVESTIGATED"), **STEPS["PLANNED"])
    house.act(capa)
    refused = house.move(capa, "PLANNED")
    signed(house.other_qa, refused["approvals"][-1], meaning="rejected")

    assert house.shown(capa)["state"] == "INVESTIGATED"
    assert house.sign(house.move(capa, "PLANNED"), "PLANNED")["state"] == "PLANNED"


def test_reopened_capa_takes_a_new_turn_and_keeps_the_old_signatures(house: Plant) -> None:
    capa = house.capa_in("EFFECTIVENESS_DUE")
    capa = house.step(capa, "REOPENED", reopened_because="two excursions in June")
    for step in STEPS:
        if step == "PLANNED":
            house.act(capa)
        capa = house.step(house.shown(capa), step)

    assert capa["state"] == "CLOSED"
    signatures = [one["signatures"][0] for one in capa["approvals"]]
    assert len(signatures) == 3
    assert all(one["verification"]["valid"] for one in signatures)


def test_signature_is_invalid_when_the_owner_of_the_database_changes_the_plan(
    house: Plant,
) -> None:
    capa = house.capa_in("PLANNED")
    with psycopg.connect(house.world.dsn) as connection:
        connection.execute("ALTER TABLE capa DISABLE TRIGGER USER")
        connection.execute("UPDATE capa SET root_cause = 'x' WHERE id = %s", (capa["id"],))
        connection.execute("ALTER TABLE capa ENABLE TRIGGER USER")

    (signature,) = house.shown(capa)["approvals"][0]["signatures"]
    assert not signature["verification"]["record"]


def test_blocking_capa_keeps_its_lot_from_moving_until_it_is_closed(house: Plant) -> None:
    lot = {"product": f"{house.party}-vial", "lot": "A2", "blocking": True}
    capa = house.capa_in("EFFECTIVENESS_DUE", **lot)
    query = "SELECT count(*) FROM restriction_lift WHERE restriction_id = %s"

    assert house.world.fetch(query, capa["restriction"]) == [0]
    house.step(capa, "CLOSED")
    assert house.world.fetch(query, capa["restriction"]) == [1]


def test_what_was_written_before_stays_readable(house: Plant) -> None:
    capa = house.revise("/capas", house.capa(), containment="first")
    house.revise("/capas", capa, containment="second")

    shown = house.world.get(f"/capas/{capa['id']}/revisions", party=house.party)["items"]
    assert [one["content"]["containment"] for one in shown] == [None, "first", "second"]


def test_second_browser_does_not_write_over_the_first_ones_words(house: Plant) -> None:
    capa = house.capa()
    house.revise("/capas", capa, containment="first")

    body = {"based_on": capa["revision"], "containment": "second"}
    answer = house.world.of(house.party).post(f"/capas/{capa['id']}/revisions", json=body)

    assert code(answer) == "REVISION_CONFLICT"
    assert house.shown(capa)["containment"] == "first"


def test_capa_is_hidden_from_everybody_else(house: Plant, world: World) -> None:
    capa = house.capa()

    for party in ("maker", "truck", "hospital"):
        assert world.of(party).get(f"/capas/{capa['id']}").status_code == 404
        assert capa["id"] not in [one["id"] for one in world.get("/capas", party=party)["items"]]
