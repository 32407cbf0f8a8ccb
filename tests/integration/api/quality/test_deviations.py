"""Deviations: one for one cause, with its facts, closed by a signature under the record."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from api_world import BEGIN
from approval_world import code, sign, signed
from quality_world import DEVIATION, MINUTE, excursion, judge_with, store_with

from api.quality.reaction import react
from coldgate.launch.process import wait_until
from coldgate.storage import visibility
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from api_world import World
    from quality_world import Plant

pytestmark = pytest.mark.database


def opened(house: Plant, *events: dict[str, Any], **fields: Any) -> tuple[str, dict[str, Any]]:
    """A consignment with one excursion, and its deviation."""
    consignment = house.consign(**fields)
    found = events or ({},)
    listed = [excursion(consignment, **({"start": 60, "stop": 110} | one)) for one in found]
    judge_with(house.world, consignment, "HOLD", *listed)
    return consignment, house.deviation(house.deviations(consignment)[0]["id"])


def complete(house: Plant, deviation: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return house.revise("/deviations", deviation, owner=house.qa.id, **(DEVIATION | fields))


def ask(house: Plant, deviation: dict[str, Any]) -> dict[str, Any]:
    body = {"based_on": deviation["revision"]}
    return house.world.post(f"/deviations/{deviation['id']}/closure", body, party=house.party)


def closed(house: Plant, deviation: dict[str, Any]) -> dict[str, Any]:
    asked = ask(house, complete(house, deviation))
    signed(house.qa, asked["approvals"][-1], meaning="approved")
    return house.deviation(deviation["id"])


def test_deviation_tells_what_happened_where_and_to_which_goods(house: Plant) -> None:
    consignment, deviation = opened(house, {"peak": 12_000}, vehicle="KA-01")

    (subject,) = deviation["subjects"]
    assert (deviation["quantity"], deviation["side"]) == ("temperature", "high")
    assert deviation["began_at"] == (BEGIN + 60 * MINUTE).isoformat().replace("+00:00", "Z")
    assert (deviation["carrier"], deviation["vehicle"]) == ("truck", "KA-01")
    assert subject["goods"][0]["lot"] == "A1"
    assert subject["custody"][0]["phase"] == "in_transit"
    assert subject["whereabouts"][0]["state"] == "quarantined"
    assert subject["whereabouts"][0]["transition"]
    assert deviation["evidence"][0]["consignment"] == consignment
    assert deviation["evidence"][0]["impact"]["freezing"]["found"] is False


def test_several_loggers_that_see_one_event_make_one_deviation(house: Plant) -> None:
    near = {"start": 120, "stop": 130, "channel": "OTHER/0/temperature"}
    far = {"start": 146, "stop": 150, "channel": "OTHER/0/temperature"}
    low = {"rule": "LO_LABEL", "start": 70, "stop": 80}
    consignment, deviation = opened(house, {}, near, far, low)

    found = house.deviations(consignment)
    assert [one["trend_code"] for one in found] == [
        "TEMPERATURE_HIGH",
        "TEMPERATURE_HIGH",
        "TEMPERATURE_LOW",
    ]
    assert len(deviation["evidence"][0]["excursions"]) == 2


def test_later_evaluation_of_the_same_event_opens_nothing_and_widens(house: Plant) -> None:
    consignment, deviation = opened(house)

    judge_with(house.world, consignment, "HOLD", excursion(consignment, start=60, stop=190))

    shown = house.deviation(deviation["id"])
    assert len(house.deviations(consignment)) == 1
    assert [one["evaluation"] for one in shown["evidence"]] == [1, 2]
    assert shown["ended_at"] > deviation["ended_at"]


def test_event_that_turns_out_worse_makes_its_deviation_graver(house: Plant) -> None:
    consignment, deviation = opened(house)

    judge_with(house.world, consignment, "FAIL", excursion(consignment, start=60, stop=190))

    (shown,) = house.deviations(consignment)
    assert (shown["id"], shown["cause"], shown["verdict"]) == (
        deviation["id"],
        "CONDITION_FAIL",
        "FAIL",
    )
    revisions = house.world.get(f"/deviations/{shown['id']}/revisions", party=house.party)
    assert revisions["items"][0]["content"]["verdict"] == "HOLD"


def test_what_is_wrong_with_the_record_is_a_deviation_of_its_own(house: Plant) -> None:
    consignment = house.consign()
    reasons = [
        {"code": "RULE_VIOLATED", "verdict": "FAIL", "channel": "LOG/0/temperature"},
        {"code": "LOG_INCOMPLETE", "verdict": "HOLD", "channel": None},
    ]
    body = json.dumps({"verdict": "FAIL", "reasons": reasons}).encode()

    event = excursion(consignment, start=60, stop=110)
    judge_with(house.world, consignment, "FAIL", event, body=body)

    found = house.deviations(consignment)
    assert [(one["trend_code"], one["verdict"]) for one in found] == [
        ("TEMPERATURE_HIGH", "FAIL"),
        ("LOG_INCOMPLETE", "HOLD"),
    ]


def test_consignments_of_one_vehicle_share_the_deviation_of_an_event(house: Plant) -> None:
    first, deviation = opened(house, vehicle="KA-02")
    second, shared = opened(house, {"start": 120, "stop": 125}, vehicle="KA-02")
    _, other = opened(house, vehicle="KA-03")

    assert shared["id"] == deviation["id"] != other["id"]
    assert shared["consignments"] == sorted([first, second])


def test_reactors_side_by_side_open_one_deviation_for_one_vehicle(house: Plant) -> None:
    """Two more beside the running one; whoever is first, the vehicle's event has one record."""
    world = house.world

    def attempt(consignment: str) -> int:
        with connect(world.dsn, "coldgate_api") as connection:
            visibility.limit_to(connection, None)
            return react(connection, consignment)

    for number in range(8):
        pair = [house.consign(vehicle=f"KA-1{number}") for _ in range(2)]
        for one in pair:
            store_with(world, one, "HOLD", excursion(one, start=60, stop=110))
        with ThreadPoolExecutor() as pool:
            list(pool.map(attempt, pair))
        world.wait_for_reactions()

        (shared,) = house.deviations(pair[0])
        assert shared["consignments"] == sorted(pair)


def test_database_closes_no_deviation_without_record_and_signature(house: Plant) -> None:
    _, deviation = opened(house)
    complete(house, deviation)

    query = "UPDATE deviation SET closed_at = now() WHERE id = %s"
    with connect(house.world.dsn, "coldgate_api") as connection:
        visibility.limit_to(connection, None)
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(query, (deviation["id"],))
    assert refused.value.sqlstate == "CG001"
    assert house.deviation(deviation["id"])["closed_at"] is None


def test_event_after_goods_came_is_not_the_vehicles(house: Plant) -> None:
    _, deviation = opened(house, {"start": -90, "stop": -60}, vehicle="KA-04")

    assert deviation["vehicle"] is None
    assert deviation["subjects"][0]["custody"][0]["phase"] == "at_consignor"


def test_deviation_of_several_consignments_tells_each_party_of_its_own(
    house: Plant, world: World
) -> None:
    _, deviation = opened(house, vehicle="KA-05")
    clinic = world.join("consignee")
    theirs, _ = opened(house, vehicle="KA-05", consignee=clinic)

    shown = world.get(f"/deviations/{deviation['id']}", party=clinic)
    assert shown["consignments"] == [theirs] == [shown["consignment"]]
    assert [one["consignment"] for one in shown["subjects"]] == [theirs]
    assert (shown["recurrence"], shown["approvals"]) == ([], [])
    assert world.of(clinic).get(f"/deviations/{deviation['id']}/revisions").status_code == 403


def test_recurrence_names_what_was_like_it(house: Plant) -> None:
    _, earlier = opened(house, vehicle="KA-06")
    _, deviation = opened(house, {"start": 300, "stop": 310}, vehicle="KA-06")

    likeness = {one["deviation"]: one for one in deviation["recurrence"]}
    assert likeness[earlier["id"]]["same_vehicle"]
    assert likeness[earlier["id"]]["same_lane"]


def test_deviation_is_closed_by_a_signature_under_its_whole_record(house: Plant) -> None:
    _, deviation = opened(house)

    shown = closed(house, deviation)

    assert shown["closed_at"]
    (signature,) = shown["approvals"][0]["signatures"]
    assert signature["verification"]["valid"]


def test_deviation_lacking_anything_is_not_closed(house: Plant) -> None:
    _, deviation = opened(house)
    path = f"/deviations/{deviation['id']}/closure"
    client = house.world.of(house.party)

    assert code(client.post(path, json={"based_on": 1})) == "DEVIATION_INCOMPLETE"
    without = complete(house, deviation, no_capa_reason=None)
    assert without["missing"] == ["capa"]
    body = {"based_on": without["revision"]}
    assert code(client.post(path, json=body)) == "DEVIATION_INCOMPLETE"


def test_record_that_changed_meanwhile_is_not_signed(house: Plant) -> None:
    _, deviation = opened(house)
    asked = ask(house, complete(house, deviation))
    house.revise("/deviations", asked, rationale="after all not so grave")

    assert code(sign(house.qa, asked["approvals"][-1], meaning="approved")) == "RECORD_CHANGED"
    assert house.deviation(deviation["id"])["closed_at"] is None


def test_closed_deviation_stays_as_it_was_and_its_event_opens_no_other(house: Plant) -> None:
    consignment, deviation = opened(house)
    shown = closed(house, deviation)

    judge_with(house.world, consignment, "HOLD", excursion(consignment, start=60, stop=120))
    body = {"based_on": shown["revision"], "rationale": "-"}
    refused = house.world.of(house.party).post(f"/deviations/{shown['id']}/revisions", json=body)

    assert code(refused) == "DEVIATION_CLOSED"
    assert [one["id"] for one in house.deviations(consignment)] == [deviation["id"]]
    again = house.deviation(deviation["id"])
    assert again["approvals"] == shown["approvals"]
    assert len(again["evidence"]) == 2


def test_acknowledging_decides_nothing_and_counts_once(house: Plant) -> None:
    _, deviation = opened(house)
    path = f"/deviations/{deviation['id']}/acknowledgement"

    for _ in range(2):
        shown = house.world.post(path, {}, party=house.party)

    assert [one["kind"] for one in shown["notes"]] == ["acknowledgement"]
    assert shown["closed_at"] is None
    assert shown["revision"] == deviation["revision"]


def test_carrier_may_comment_and_not_write(house: Plant, world: World) -> None:
    _, deviation = opened(house)

    shown = world.post(
        f"/deviations/{deviation['id']}/notes", {"body": "the door stood open"}, party="truck"
    )
    body = {"based_on": 1, "root_cause": "none of ours"}
    refused = world.of("truck").post(f"/deviations/{deviation['id']}/revisions", json=body)

    assert shown["notes"][-1]["body"] == "the door stood open"
    assert code(refused) == "NOT_KEEPER"


def test_fail_opens_a_capa_for_the_lane_and_a_second_one_joins_it(house: Plant) -> None:
    lane = {"legs": [{"carrier": "truck", "origin": "oslo", "destination": "rome"}]}
    numbers = []
    for _ in range(2):
        consignment = house.consign(**lane)
        judge_with(house.world, consignment, "FAIL", excursion(consignment, start=60, stop=90))
        numbers += [house.deviations(consignment)[0]]

    capa = house.shown({"id": numbers[0]["capa"]})
    assert numbers[0]["capa"] == numbers[1]["capa"]
    assert (capa["rule"], capa["origin"], capa["state"]) == ("FAIL", "oslo", "OPEN")
    assert capa["deviations"] == [one["id"] for one in numbers]


def test_repeat_on_a_lane_opens_a_capa(house: Plant) -> None:
    lane = {"legs": [{"carrier": "truck", "origin": "bern", "destination": "bonn"}]}
    first, second = house.consign(**lane), house.consign(**lane)
    house.world.fetch(
        "INSERT INTO evaluation (consignment_id, version, verdict, provisional, with_excursions,"
        " profile_id, profile_version, engine, input_digest, body) SELECT %s, 1, 'PASS', true,"
        " true, id, version, '-', '-', '{}' FROM profile WHERE id = 'USP_CCT_2_8' LIMIT 1"
        " RETURNING id",
        first,
    )
    house.world.fetch(
        "INSERT INTO lane_record SELECT max(id), consignment_id, %s, 'bern', 'bonn', %s, true"
        " FROM evaluation WHERE consignment_id = %s GROUP BY consignment_id RETURNING began_at",
        house.party,
        BEGIN - 100 * MINUTE,
        first,
    )

    judge_with(house.world, second, "HOLD", excursion(second, start=60, stop=90))

    capa = house.shown({"id": house.deviations(second)[0]["capa"]})
    assert capa["rule"] == "REPEAT"


def test_reaction_by_hand_finds_nothing_left(house: Plant) -> None:
    consignment, _ = opened(house)

    with connect(house.world.dsn, "coldgate_api") as connection:
        visibility.limit_to(connection, None)
        assert react(connection, consignment) == 0
    assert wait_until(lambda: len(house.deviations(consignment)) == 1, seconds=1)
