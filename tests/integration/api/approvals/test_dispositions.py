"""Dispositions: proposed on the newest evidence, signed by the right people, done at once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from approval_world import approval_of, code, propose, quarantined, sign, signed
from gate_cases import document, gtin, registered, rejudge

if TYPE_CHECKING:
    import httpx
    from api_world import World
    from approval_world import People

pytestmark = pytest.mark.database


def asked(world: World, consignment: str, *, party: str = "maker", **fields: Any) -> httpx.Response:
    body = {"decision": "release", "evaluation": 1, "rationale": "fine"}
    return world.of(party).post(f"/consignments/{consignment}/dispositions", json=body | fields)


def statement(world: World, consignment: str, **fields: Any) -> int:
    """A document of the maker about the whole consignment; its id."""
    content = b"We release these goods."
    values = {
        "party": "maker",
        "kind": "manufacturer_statement",
        "consignment": consignment,
        "content": content,
        "sha256": hashlib.sha256(content).digest(),
    } | fields
    with psycopg.connect(world.dsn) as connection:
        row = connection.execute(
            "INSERT INTO document (party_id, kind, consignment_id, title, media_type, sha256, size,"
            " content, uploaded_by) VALUES (%(party)s, %(kind)s, %(consignment)s, 'Statement',"
            " 'text/plain', %(sha256)s, 23, %(content)s, 'maker/key-1') RETURNING id",
            values,
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_record_shows_goods_evidence_profile_and_rationale(world: World) -> None:
    consignment = quarantined(world, lots=("A1", "A2"))

    record = propose(world, consignment, lines=[2])["record"]
    assert [(line["lot"], line["quantity"]) for line in record["lines"]] == [("A2", 1)]
    assert record["evaluation"]["version"] == 1
    assert record["evaluation"]["verdict"] == "HOLD"
    assert set(record["profile"]) == {"id", "version", "digest"}
    assert record["rationale"] == "within the stability budget"


def test_hold_is_released_by_one_signature(world: World, people: People) -> None:
    consignment = quarantined(world)
    disposition = propose(world, consignment)

    signed(people.qa, approval_of(world, disposition))
    assert world.states(consignment) == ["released"]
    shown = world.get(f"/consignments/{consignment}/dispositions/{disposition['id']}")
    assert shown["state"] == "granted"
    assert shown["approval"]["signatures"][0]["verification"]["valid"]
    assert "disposition.granted" in world.announced(consignment)


def test_pass_with_excursions_is_released_by_signature(world: World, people: People) -> None:
    consignment = quarantined(world, "PASS")

    signed(people.qa, approval_of(world, propose(world, consignment)))
    assert world.states(consignment) == ["released"]


def test_fail_needs_statement_and_two_people(world: World, people: People) -> None:
    consignment = quarantined(world, "FAIL")
    assert code(asked(world, consignment)) == "STATEMENT_MISSING"
    disposition = propose(world, consignment, statement=statement(world, consignment))
    approval = approval_of(world, disposition)

    assert signed(people.qa, approval, meaning="reviewed")["state"] == "open"
    assert world.states(consignment) == ["quarantined"]
    assert signed(people.approver, approval)["state"] == "granted"
    assert world.states(consignment) == ["released"]


def test_verdict_of_their_own_zone_says_who_releases_lines(world: World, people: People) -> None:
    zones = {"left": "FAIL", "right": "HOLD"}
    lines = [
        {"product": "vaccine", "lot": "A1", "quantity": 1, "zone": zone}
        for zone in ("left", "right")
    ]
    consignment = world.consign(place=False, lines=lines)
    for zone in zones:
        world.place(consignment, world.add_logger(), zone=zone)
    world.gate(consignment, "dispatch")
    world.event(consignment, "received")
    rejudge(world, consignment, "FAIL", zones={z: {"verdict": v} for z, v in zones.items()})
    world.wait_for_reactions()
    assert code(asked(world, consignment, lines=[1, 2])) == "STATEMENT_MISSING"
    disposition = propose(world, consignment, lines=[2])

    assert disposition["record"]["evaluation"]["verdict_of_lines"] == disposition["verdict"]
    assert disposition["approval"]["flow"]["id"] == "disposition_hold"
    assert signed(people.qa, approval_of(world, disposition))["state"] == "granted"
    assert world.states(consignment) == ["quarantined", "released"]


def test_statement_is_the_consignors_and_about_these_goods(world: World) -> None:
    consignment, other = quarantined(world, "FAIL"), world.consign(place=False)

    for unfit in (
        statement(world, consignment, party="truck"),
        statement(world, consignment, kind="packing_list"),
        statement(world, other),
    ):
        assert code(asked(world, consignment, statement=unfit)) == "STATEMENT_UNFIT"


def test_who_passes_goods_on_does_not_speak_for_who_made_them(world: World) -> None:
    consignment = quarantined(world, "FAIL")
    with psycopg.connect(world.dsn) as owner:
        owner.execute(
            "UPDATE consignment SET consignor_id = 'hospital' WHERE id = %s", (consignment,)
        )
    own, makers = statement(world, consignment, party="hospital"), statement(world, consignment)

    refused = asked(world, consignment, party="hospital", statement=own)
    assert code(refused) == "STATEMENT_UNFIT"
    assert asked(world, consignment, party="hospital", statement=makers).status_code == 201


def test_who_lists_the_makers_number_does_not_speak_for_the_maker(world: World) -> None:
    number = gtin(world)
    original, own = (registered(world, one, gtin=number) for one in ("maker", "hospital"))
    lines = [{"product": original, "lot": "A1", "quantity": 1}]
    consignment = quarantined(world, "FAIL", lines=lines)
    with psycopg.connect(world.dsn) as owner:
        owner.execute(
            "UPDATE consignment SET consignor_id = 'hospital' WHERE id = %s", (consignment,)
        )
        owner.execute(
            "UPDATE consignment_line SET product_id = %s WHERE consignment_id = %s",
            (own, consignment),
        )
    makers = document(world, original, kind="manufacturer_statement")

    own_word = statement(world, consignment, party="hospital")
    refused = asked(world, consignment, party="hospital", statement=own_word)
    assert code(refused) == "STATEMENT_UNFIT"
    assert asked(world, consignment, party="operator", statement=makers).status_code == 201


def test_statement_withdrawn_before_the_last_signature_stops_it(
    world: World, people: People
) -> None:
    consignment = quarantined(world, "FAIL")
    document = statement(world, consignment)
    approval = approval_of(world, propose(world, consignment, statement=document))
    signed(people.qa, approval)
    world.fetch(
        "INSERT INTO document_withdrawal (document_id, reason, withdrawn_by)"
        " VALUES (%s, 'wrong study', 'maker/key-1') RETURNING document_id",
        document,
    )

    assert code(sign(people.approver, approval)) == "STATEMENT_UNFIT"
    assert world.get(f"/approvals/{approval['id']}")["state"] == "open"
    assert world.states(consignment) == ["quarantined"]


@pytest.mark.parametrize(("decision", "state"), [("reject", "rejected"), ("return", "returned")])
def test_goods_are_refused_by_one_signature(
    world: World, people: People, decision: str, state: str
) -> None:
    consignment = quarantined(world, "FAIL", lots=(world.add_lot(),))
    approval = approval_of(world, propose(world, consignment, decision=decision))

    signed(people.qa, approval, meaning="approved")
    assert world.states(consignment) == [state]
    assert f"lot.{state}" in world.announced(consignment)


def test_rest_of_the_lot_is_judged_again_without_what_was_rejected(
    world: World, people: People
) -> None:
    lots = (world.add_lot(),)
    rest = world.consign(profile={"id": world.add_budget()}, lots=lots)
    world.fetch("DELETE FROM touched RETURNING id")
    refused = quarantined(world, "FAIL", lots=lots)
    approval = approval_of(world, propose(world, refused, decision="reject"))

    signed(people.qa, approval, meaning="approved")
    assert rest in world.fetch("SELECT consignment_id FROM touched")


def test_revoked_goods_are_rejected_by_way_of_quarantine(world: World, people: People) -> None:
    consignment = world.released(lots=(world.add_lot(),))
    world.judge(consignment, "FAIL")
    world.wait_for_reactions()
    approval = approval_of(world, propose(world, consignment, decision="reject", evaluation=2))

    signed(people.qa, approval, meaning="approved")
    assert world.states(consignment) == ["rejected"]


def test_only_newest_final_evaluation_is_decided_about(world: World) -> None:
    outdated, provisional, pending = (quarantined(world) for _ in range(3))
    world.judge(outdated, "HOLD")
    world.judge(provisional, "FAIL", provisional=True)
    world.fetch("INSERT INTO touched (consignment_id) VALUES (%s) RETURNING id", pending)

    assert code(asked(world, outdated)) == "EVALUATION_OUTDATED"
    assert code(asked(world, provisional, evaluation=2)) == "EVALUATION_PROVISIONAL"
    assert code(asked(world, pending)) == "JUDGEMENT_PENDING"
    assert code(asked(world, pending, evaluation=9)) == "NOT_FOUND"


def test_new_evaluation_supersedes_what_is_proposed(world: World, people: People) -> None:
    consignment = quarantined(world)
    approval = approval_of(world, propose(world, consignment))

    world.judge(consignment, "FAIL")
    world.wait_for_reactions()
    (disposition,) = world.get(f"/consignments/{consignment}/dispositions")["items"]
    assert disposition["state"] == "superseded"
    assert code(sign(people.qa, approval)) == "APPROVAL_CLOSED"


def test_goods_outside_quarantine_are_not_decided_about(world: World) -> None:
    released, on_its_way = world.released(), world.consign()
    assert world.gate(on_its_way, "dispatch")["permitted"]

    assert code(asked(world, released)) == "NOT_DISPOSABLE"
    world.judge(on_its_way, "HOLD", provisional=True)
    assert code(asked(world, on_its_way)) == "NOT_DISPOSABLE"


def test_one_proposal_about_a_line_at_a_time(world: World) -> None:
    consignment = quarantined(world, lots=("A1", "A2"))
    propose(world, consignment, lines=[1])

    assert code(asked(world, consignment)) == "DISPOSITION_OPEN"
    assert asked(world, consignment, lines=[2]).status_code == 201


def test_goods_that_failed_by_a_chinese_profile_are_only_refused(
    world: World, people: People
) -> None:
    consignment = quarantined(world, lots=(world.add_lot(),))
    world.fetch(
        "INSERT INTO evaluation (consignment_id, version, verdict, provisional, with_excursions,"
        " profile_id, profile_version, engine, input_digest, body)"
        " SELECT %s, 2, 'FAIL', false, false, id, version, 'test', '-', '{}'"
        " FROM profile WHERE id = 'CN_GSP_REFRIG_2_10' ORDER BY version DESC LIMIT 1 RETURNING id",
        consignment,
    )
    world.wait_for_reactions()

    answer = asked(world, consignment, evaluation=2, statement=statement(world, consignment))
    assert code(answer) == "RELEASE_FORBIDDEN"
    refusal = asked(world, consignment, evaluation=2, decision="reject").json()
    signed(people.qa, approval_of(world, refusal), meaning="approved")
    assert world.states(consignment) == ["rejected"]


def test_carrier_sees_dispositions_and_proposes_none(world: World) -> None:
    consignment = quarantined(world)
    propose(world, consignment)
    path = f"/consignments/{consignment}/dispositions"

    assert code(asked(world, consignment, party="truck")) == "NOT_FOUND"
    assert len(world.get(path, party="truck")["items"]) == 1
    assert world.of("stranger").get(path).status_code == 404


def test_everything_is_on_the_ledger(world: World, people: People) -> None:
    consignment = quarantined(world)
    approval = approval_of(world, propose(world, consignment))
    signed(people.qa, approval)

    kinds = world.fetch(
        "SELECT kind FROM ledger_entry WHERE subject = %s AND kind LIKE 'approval.%%' ORDER BY id",
        f"approval/{approval['id']}",
    )
    assert kinds == ["approval.opened", "approval.signed", "approval.granted"]
    about = world.fetch(
        "SELECT kind FROM ledger_entry WHERE subject = %s AND kind LIKE 'disposition.%%'"
        " ORDER BY id",
        consignment,
    )
    assert about == ["disposition.proposed", "disposition.granted"]
