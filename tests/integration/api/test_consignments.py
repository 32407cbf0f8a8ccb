"""Consignments, placements and events as their parties make them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from api_world import BEGIN, PROFILE

from coldgate.storage import clock

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database

LATER = (BEGIN + timedelta(hours=2)).isoformat()


def test_consignment_is_shown_as_it_was_planned(world: World) -> None:
    consignment = world.consign(lots=("A1", "A2"))

    shown = world.get(f"/consignments/{consignment}", party="hospital")

    assert (shown["consignor"], shown["consignee"]) == ("maker", "hospital")
    assert shown["carriers"] == ["truck"]
    assert shown["profile"] == {"id": PROFILE, "version": 2}
    assert [(line["position"], line["lot"]) for line in shown["lines"]] == [(1, "A1"), (2, "A2")]
    assert [leg["carrier"] for leg in shown["legs"]] == ["truck"]


def test_half_made_consignment_leaves_nothing(world: World) -> None:
    name = world.name("con")
    body = {"id": name, "consignee": "hospital", "lines": [], "legs": []}
    line = {"product": "vaccine", "lot": "A1", "quantity": 1}
    leg = {"carrier": "nobody-we-know", "origin": "", "destination": ""}

    answer = world.of("maker").post("/consignments", json=body | {"lines": [line], "legs": [leg]})

    assert (answer.status_code, answer.json()["code"]) == (409, "REFERENCE_UNKNOWN")
    assert world.of("maker").get(f"/consignments/{name}").status_code == 404


def test_list_of_consignments_is_read_page_by_page(world: World) -> None:
    made = sorted(world.consign(place=False) for _ in range(3))
    after, seen = "", []

    while after is not None:
        page = world.get("/consignments", party="hospital", limit=2, after=after)
        seen += [item["id"] for item in page["items"]]
        after = page["next"]

    assert seen == sorted(set(seen))
    assert set(made) <= set(seen)


def test_logger_cannot_be_in_two_consignments_at_one_time(world: World) -> None:
    serial = world.add_logger()
    first, second = world.consign(place=False), world.consign(place=False)
    world.place(first, serial)

    body = {"serial": serial, "placed_at": LATER}
    answer = world.of("truck").post(f"/consignments/{second}/placements", json=body)

    assert (answer.status_code, answer.json()["code"]) == (409, "LOGGER_TAKEN")
    assert first in answer.json()["detail"]


def test_name_of_a_foreign_consignment_is_not_given_away(world: World) -> None:
    serial = world.add_logger("truck")
    foreign = world.consign(place=False)
    world.place(foreign, serial)
    leg = {"carrier": "truck", "origin": "", "destination": ""}
    consignee = world.join("consignee")
    own = world.consign(place=False, consignee=consignee, legs=[leg])

    body = {"serial": serial, "placed_at": LATER}
    answer = world.of(consignee).post(f"/consignments/{own}/placements", json=body)

    assert (answer.status_code, answer.json()["detail"]) == (404, f"no logger {serial}")


def test_removed_logger_may_travel_in_the_next_consignment(world: World) -> None:
    serial = world.add_logger()
    first, second = world.consign(place=False), world.consign(place=False)
    placement = world.place(first, serial)["id"]

    world.post(f"/consignments/{first}/placements/{placement}/remove", {"removed_at": LATER})

    assert world.place(second, serial, placed_at=LATER)["serial"] == serial
    again = {"removed_at": (BEGIN + timedelta(hours=3)).isoformat()}
    path = f"/consignments/{first}/placements/{placement}/remove"
    assert world.of("truck").post(path, json=again).json()["code"] == "ALREADY_REMOVED"


def test_of_two_consignments_that_want_a_logger_at_once_one_gets_it(world: World) -> None:
    serial = world.add_logger()
    wanting = [world.consign(place=False) for _ in range(4)]
    body = {"serial": serial, "placed_at": BEGIN.isoformat()}
    client = world.of("truck")

    with ThreadPoolExecutor() as pool:
        asked = [
            pool.submit(client.post, f"/consignments/{one}/placements", json=body)
            for one in wanting
        ]
        statuses = sorted(answer.result().status_code for answer in asked)

    assert statuses == [201, 409, 409, 409]


def test_every_change_of_the_facts_asks_for_a_judgement(world: World) -> None:
    consignment = world.consign(place=False)
    query = "SELECT count(*) FROM touched WHERE consignment_id = %s"
    seen = world.fetch(query, consignment)

    placement = world.place(consignment, world.add_logger())["id"]
    seen += world.fetch(query, consignment)
    world.post(f"/consignments/{consignment}/placements/{placement}/remove", {"removed_at": LATER})
    seen += world.fetch(query, consignment)
    world.event(consignment, "packed")
    seen += world.fetch(query, consignment)
    world.of("maker").put(f"/consignments/{consignment}/profile", json={"id": "WHO_30DTR"})
    seen += world.fetch(query, consignment)

    assert seen == [0, 1, 2, 3, 4]


def test_event_of_the_future_is_refused(world: World) -> None:
    consignment = world.consign()
    ahead = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()

    answer = world.of("truck").post(
        f"/consignments/{consignment}/events", json={"kind": "departed", "happened_at": ahead}
    )

    assert answer.json()["code"] == "EVENT_IN_FUTURE"


def test_time_without_a_zone_is_refused(world: World) -> None:
    consignment = world.consign()

    answer = world.of("truck").post(
        f"/consignments/{consignment}/events",
        json={"kind": "departed", "happened_at": "2026-03-01T06:00:00"},
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == ["body", "happened_at"]


def test_only_the_consignor_chooses_the_profile(world: World) -> None:
    consignment = world.consign()
    path, body = f"/consignments/{consignment}/profile", {"id": "WHO_30DTR"}

    assert world.of("hospital").put(path, json=body).status_code == 404
    assert world.of("maker").put(path, json=body).json()["profile"]["id"] == "WHO_30DTR"
    unknown = world.of("maker").put(path, json={"id": "NONE"})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "PROFILE_UNKNOWN")


def test_goods_that_left_without_the_gate_keep_the_profile_that_they_have(world: World) -> None:
    judged, unjudged = world.consign(), world.consign(profile=None)
    for consignment in (judged, unjudged):
        world.event(consignment, "arrived")

    chosen = [
        world.of("maker").put(f"/consignments/{each}/profile", json={"id": "WHO_30DTR"})
        for each in (judged, unjudged, unjudged)
    ]
    assert [answer.status_code for answer in chosen] == [409, 200, 409]
    assert chosen[0].json()["code"] == "PROFILE_FROZEN"


@pytest.mark.parametrize(
    ("written", "meant"), [("2031-02-28", "2031-02-28"), ("310200", "2031-02-28")]
)
def test_expiry_is_taken_as_written_by_people_and_by_barcodes(
    world: World, written: str, meant: str
) -> None:
    body = {"number": world.name("LOT"), "expires_on": written}

    assert world.post("/products/vaccine/lots", body, party="maker")["expires_on"] == meant


def test_evaluation_is_given_byte_for_byte(world: World) -> None:
    consignment = world.received()
    body = b'{"verdict":"PASS","spacing":   "kept"}'
    version = world.judge(consignment, body=body)

    listed = world.get(f"/consignments/{consignment}/evaluations")["items"]
    shown = world.of("hospital").get(f"/consignments/{consignment}/evaluations/{version}")

    assert [(item["version"], item["verdict"]) for item in listed] == [(1, "PASS")]
    assert shown.content == body


@pytest.mark.parametrize("kind", ["received", "opened"])
def test_carrier_cannot_say_that_its_journey_is_over(world: World, kind: str) -> None:
    consignment = world.consign()
    body = {"kind": kind, "happened_at": datetime.now(UTC).isoformat()}
    path = f"/consignments/{consignment}/events"

    answer = world.of("truck").post(path, json=body)

    assert (answer.status_code, answer.json()["code"]) == (403, "CARRIER_CANNOT_RECEIVE")
    for party in ("hospital", "maker", "operator"):
        assert world.of(party).post(path, json=body).status_code == 201


def told(world: World, party: str, consignment: str, kind: str, at: datetime) -> str:
    body = {"kind": kind, "happened_at": at.isoformat()}
    answer = world.of(party).post(f"/consignments/{consignment}/events", json=body)
    return str(answer.json().get("code", "told"))


def add_shipper(world: World) -> None:
    """A key of the maker's that has no part in quality."""
    made = world.post("/parties/maker/keys", {"label": "wms", "scopes": ["read", "ship"]})
    world.clients["maker's shipper"] = world.client(made["secret"])


@pytest.mark.parametrize("kind", ["received", "opened"])
def test_consignee_tells_of_the_end_as_it_comes_and_not_in_hindsight(
    world: World, kind: str
) -> None:
    consignment, now = world.consign(), datetime.now(UTC)
    add_shipper(world)
    early = now - timedelta(minutes=20)

    for party in ("hospital", "maker's shipper"):
        assert told(world, party, consignment, kind, early) == "TOLD_IN_HINDSIGHT"
    assert told(world, "hospital", consignment, kind, now) == "told"
    assert told(world, "maker", consignment, kind, early) == "told"


def test_what_is_hindsight_is_told_by_the_database_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    consignment, later = world.consign(), datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda _: later)

    assert told(world, "hospital", consignment, "received", datetime.now(UTC)) == (
        "TOLD_IN_HINDSIGHT"
    )
    assert told(world, "hospital", consignment, "received", later) == "told"


def test_beginning_is_told_as_it_comes_and_before_the_gate_let_the_goods_go(world: World) -> None:
    consignment, now = world.consign(), datetime.now(UTC)
    add_shipper(world)

    early = now - timedelta(minutes=20)
    assert told(world, "maker's shipper", consignment, "packed", early) == "TOLD_IN_HINDSIGHT"
    assert told(world, "maker's shipper", consignment, "packed", now) == "told"
    assert world.gate(consignment, "dispatch")["permitted"]
    for party in ("truck", "maker's shipper"):
        assert told(world, party, consignment, "packed", now) == "TOLD_IN_HINDSIGHT"
    assert told(world, "maker", consignment, "packed", early) == "told"


def test_shipper_of_the_consignor_takes_a_logger_out_as_it_happens(world: World) -> None:
    consignment = world.consign(place=False)
    placement = world.place(consignment, world.add_logger())["id"]
    add_shipper(world)
    world.gate(consignment, "dispatch")
    path = f"/consignments/{consignment}/placements/{placement}/remove"
    shipper = world.of("maker's shipper")

    early = shipper.post(path, json={"removed_at": LATER})

    assert (early.status_code, early.json()["code"]) == (409, "EVIDENCE_TRIMMED")
    assert shipper.post(path, json={"removed_at": datetime.now(UTC).isoformat()}).is_success


def test_journey_does_not_end_before_what_else_was_told_of_it(world: World) -> None:
    consignment = world.consign()
    assert told(world, "truck", consignment, "arrived", BEGIN + timedelta(hours=2)) == "told"

    for hours, answer in {1: "ENDED_TOO_EARLY", 2: "told"}.items():
        at = BEGIN + timedelta(hours=hours)
        assert told(world, "maker", consignment, "received", at) == answer


def test_release_without_asking_is_planned_by_quality_only(world: World) -> None:
    consignment = world.consign(release_policy="signed")
    made = world.post("/parties/maker/keys", {"label": "wms", "scopes": ["ship"]})
    path, shipper = f"/consignments/{consignment}/plan", world.client(made["secret"])

    for policy in ("on_request", "automatic"):
        refused = shipper.put(path, json={"release_policy": policy})
        assert (refused.status_code, refused.json()["code"]) == (403, "RIGHT_MISSING")
        assert world.of("maker").put(path, json={"release_policy": policy}).is_success
    assert shipper.put(path, json={"release_policy": "signed"}).is_success


def test_carrier_cannot_trim_its_logger_in_hindsight(world: World) -> None:
    consignment = world.consign(place=False)
    placement = world.place(consignment, world.add_logger())["id"]
    world.gate(consignment, "dispatch")
    path = f"/consignments/{consignment}/placements/{placement}/remove"

    answer = world.of("truck").post(path, json={"removed_at": LATER, "reason": "mine"})

    assert (answer.status_code, answer.json()["code"]) == (409, "EVIDENCE_TRIMMED")


def test_quality_says_why_it_takes_readings_away_and_that_is_kept(world: World) -> None:
    consignment = world.consign(place=False)
    placement = world.place(consignment, world.add_logger())["id"]
    world.gate(consignment, "dispatch")
    path = f"/consignments/{consignment}/placements/{placement}/remove"

    unsaid = world.of("maker").post(path, json={"removed_at": LATER})

    assert (unsaid.status_code, unsaid.json()["code"]) == (409, "REASON_MISSING")
    said = world.post(path, {"removed_at": LATER, "reason": "lay on the desk"}, party="maker")
    assert said["removal_reason"] == "lay on the desk"
    entered = "SELECT convert_from(body, 'UTF8')::jsonb ->> 'reason' FROM ledger_entry"
    about = " WHERE kind = 'logger.removed' AND subject = %s"
    assert world.fetch(entered + about, consignment) == ["lay on the desk"]


def test_carrier_takes_its_logger_back_at_the_end(world: World) -> None:
    consignment = world.consign(place=False)
    placement = world.place(consignment, world.add_logger())["id"]
    world.gate(consignment, "dispatch")
    received = world.event(consignment, "received")["happened_at"]

    path = f"/consignments/{consignment}/placements/{placement}/remove"
    assert world.of("truck").post(path, json={"removed_at": received}).is_success


def test_carrier_takes_its_logger_out_on_the_way_as_it_happens(world: World) -> None:
    consignment = world.consign(place=False)
    placement = world.place(consignment, world.add_logger())["id"]
    world.gate(consignment, "dispatch")

    path = f"/consignments/{consignment}/placements/{placement}/remove"
    now = datetime.now(UTC).isoformat()
    assert world.of("truck").post(path, json={"removed_at": now}).is_success


@pytest.mark.parametrize("party", ["maker", "hospital"])
def test_nobody_sees_through_a_foreign_logger_by_placing_it(world: World, party: str) -> None:
    serial = world.add_logger("truck")
    consignment = world.consign(place=False)
    body = {"serial": serial, "party": "truck", "placed_at": "1990-01-01T00:00:00Z"}

    answer = world.of(party).post(f"/consignments/{consignment}/placements", json=body)

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert world.post(f"/consignments/{consignment}/placements", body)["party"] == "truck"
