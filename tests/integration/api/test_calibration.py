"""Certificates and sensor ranges: who may vouch for a logger, and what is judged again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from api_world import BEGIN

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database

DAY, YEAR = timedelta(days=1), timedelta(days=365)


def travelling(world: World) -> tuple[str, int]:
    """A consignment of the maker and the id of the truck's logger in it."""
    consignment = world.consign()
    placed = world.get(f"/consignments/{consignment}/placements")["items"][0]
    return consignment, placed["logger"]


def body(**fields: Any) -> dict[str, Any]:
    return {
        "number": "CAL-9",
        "valid_from": BEGIN.isoformat(),
        "valid_to": (BEGIN + YEAR).isoformat(),
        "expanded_uncertainty": 0.2,
    } | fields


def refusal(world: World, party: str, path: str, sent: dict[str, Any]) -> tuple[int, str]:
    answer = world.of(party).post(path, json=sent)
    return answer.status_code, answer.json()["code"]


def touches(world: World, consignment: str) -> int:
    query = "SELECT count(*) FROM touched WHERE consignment_id = %s"
    return int(world.fetch(query, consignment)[0])


def test_certificate_is_shown_as_it_was_entered(world: World) -> None:
    _, logger = travelling(world)
    points = [{"reading": 2.0, "add": -0.125}, {"reading": 8.0, "add": 0.05}]

    entered = world.certify(logger, party="maker", **body(corrections=points, drift=0.01, sensor=1))

    shown = world.get(f"/loggers/{logger}/certificates", party="maker")["items"]
    assert entered in shown
    assert entered["corrections"] == points
    figures = (entered["expanded_uncertainty"], entered["resolution"], entered["drift"])
    assert figures == (0.2, 0, 0.01)
    assert (entered["entered_by"], entered["superseded_by"]) == ("maker", None)


@pytest.mark.parametrize(
    ("path", "sent"), [("certificates", body()), ("ranges", {"low": 2, "high": 8})]
)
def test_carrier_does_not_vouch_for_its_own_logger(
    world: World, path: str, sent: dict[str, Any]
) -> None:
    _, logger = travelling(world)

    assert refusal(world, "truck", f"/loggers/{logger}/{path}", sent) == (403, "CANNOT_VOUCH")
    assert world.post(f"/loggers/{logger}/{path}", sent, party="maker")["entered_by"] == "maker"


def test_manufacturer_vouches_only_for_loggers_that_travel_with_its_goods(world: World) -> None:
    world.add_logger("truck")
    stranger = world.get("/loggers", party="truck", limit=1000)["items"][-1]["id"]

    path = f"/loggers/{stranger}/certificates"
    assert refusal(world, "maker", path, body()) == (404, "NOT_FOUND")
    assert world.of("maker").get(path).status_code == 404


def test_what_a_manufacturer_entered_is_shown_to_the_owner_and_to_no_other(world: World) -> None:
    world.post("/parties", {"id": "rival", "name": "Rival", "kind": "manufacturer"})
    consignment, logger = travelling(world)
    world.certify(logger, party="maker", number="MINE")
    leg = {"carrier": "truck", "origin": "", "destination": ""}
    line = {"product": "vaccine", "lot": "A1", "quantity": 1}
    of_rival = {"id": world.name("con"), "consignee": "hospital", "lines": [line], "legs": [leg]}
    world.post("/consignments", of_rival, party="rival")
    serial = world.get(f"/consignments/{consignment}/placements")["items"][0]["serial"]
    before = {"placed_at": (BEGIN - YEAR).isoformat(), "removed_at": BEGIN.isoformat()}
    world.place(of_rival["id"], serial, **before)

    def numbers(party: str) -> set[str]:
        listed = world.get(f"/loggers/{logger}/certificates", party=party)["items"]
        return {one["number"] for one in listed if one["entered_by"] != "operator"}

    assert (numbers("truck"), numbers("rival")) == ({"MINE"}, set())


def test_wrong_certificate_is_superseded_by_who_entered_it(world: World) -> None:
    _, logger = travelling(world)
    path = f"/loggers/{logger}/certificates"
    official = world.certify(logger)["id"]
    wrong = world.certify(logger, party="maker", expanded_uncertainty=0.02)["id"]

    right = world.certify(logger, party="maker", supersedes=wrong)

    assert right["supersedes"] == wrong
    listed = {one["id"]: one["superseded_by"] for one in world.get(path, party="maker")["items"]}
    assert (listed[wrong], listed[right["id"]]) == (right["id"], None)
    again = refusal(world, "maker", path, body(supersedes=wrong))
    foreign = refusal(world, "maker", path, body(supersedes=official))
    missing = refusal(world, "maker", path, body(supersedes=10**9))
    assert (again, foreign) == ((409, "ALREADY_SUPERSEDED"), (403, "CANNOT_VOUCH"))
    assert missing == (404, "NOT_FOUND")


def test_certificate_of_another_logger_cannot_be_superseded(world: World) -> None:
    _, logger = travelling(world)
    _, other = travelling(world)
    foreign = world.certify(other)["id"]

    path = f"/loggers/{logger}/certificates"
    assert refusal(world, "operator", path, body(supersedes=foreign)) == (404, "NOT_FOUND")


def test_same_certificate_is_entered_once(world: World) -> None:
    _, logger = travelling(world)
    world.certify(logger, **body())

    path = f"/loggers/{logger}/certificates"
    assert refusal(world, "operator", path, body()) == (409, "ALREADY_EXISTS")


def test_days_that_are_printed_are_whole_ones(world: World) -> None:
    _, logger = travelling(world)

    days = world.certify(logger, valid_from="2026-01-15", valid_to="2027-01-14")

    assert (days["valid_from"], days["valid_to"]) == (
        "2026-01-15T00:00:00Z",
        "2027-01-14T23:59:59.999000Z",
    )


@pytest.mark.shows("LOGGER_UNCALIBRATED")
@pytest.mark.parametrize(
    ("ends", "begins", "answered"),
    [
        ("", "", "permit"),
        ("T23:59:59Z", "T00:00:00Z", "permit"),
        ("T23:59:59.999Z", "", "permit"),
        ("T23:59:58Z", "", "block"),
        ("", "T00:00:01Z", "block"),
    ],
)
def test_certificates_that_follow_one_another_cover_a_journey_together(
    world: World, ends: str, begins: str, answered: str
) -> None:
    consignment, logger = travelling(world)
    (entered,) = world.get(f"/loggers/{logger}/certificates")["items"]
    change = BEGIN.date() + timedelta(days=2)
    first = {"valid_from": "2000-01-01", "valid_to": f"{change}{ends}"}
    second = {"valid_from": f"{change + DAY}{begins}", "valid_to": "2199-12-31"}
    plan = {"planned_arrival_at": (BEGIN + timedelta(days=5)).isoformat()}
    assert world.of("maker").put(f"/consignments/{consignment}/plan", json=plan).is_success

    world.certify(logger, supersedes=entered["id"], **first)
    world.certify(logger, **second)

    assert world.gate(consignment, "dispatch")["answer"] == answered


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_to": (BEGIN - YEAR).isoformat()},
        {"corrections": [{"reading": 8, "add": 0}, {"reading": 8, "add": 1}]},
        {"expanded_uncertainty": 0.0001},
        {"expanded_uncertainty": -1},
        {"quantity": "light"},
        {"document_sha256": "none"},
    ],
)
def test_certificate_that_makes_no_sense_is_refused(world: World, wrong: dict[str, Any]) -> None:
    path = "/loggers/1/certificates"

    assert refusal(world, "operator", path, body(**wrong)) == (422, "VALIDATION_FAILED")


def test_certificate_has_those_consignments_judged_that_it_counts_in(world: World) -> None:
    consignment, logger = travelling(world)
    before = touches(world, consignment)

    world.certify(logger, party="maker", **body(valid_from=(BEGIN - YEAR).isoformat()))
    meanwhile = touches(world, consignment)
    past = {"valid_from": (BEGIN - 2 * YEAR).isoformat(), "valid_to": (BEGIN - YEAR).isoformat()}
    world.certify(logger, party="maker", **past)

    assert (meanwhile, touches(world, consignment)) == (before + 1, before + 1)


def test_correction_has_those_judged_that_only_the_wrong_certificate_concerned(
    world: World,
) -> None:
    consignment, logger = travelling(world)
    wrong = world.certify(logger)["id"]
    before = touches(world, consignment)

    late = {"valid_from": (BEGIN + YEAR).isoformat(), "valid_to": (BEGIN + 2 * YEAR).isoformat()}
    placement = world.get(f"/consignments/{consignment}/placements")["items"][0]["id"]
    removal = {"removed_at": (BEGIN + timedelta(hours=9)).isoformat()}
    world.post(f"/consignments/{consignment}/placements/{placement}/remove", removal)
    world.certify(logger, supersedes=wrong, **late)

    assert touches(world, consignment) == before + 2  # the removal, and the correction


def test_range_has_the_consignments_of_the_logger_judged_again(world: World) -> None:
    consignment, logger = travelling(world)
    before = touches(world, consignment)

    world.post(f"/loggers/{logger}/ranges", {"low": -40, "high": 85.5}, party="maker")

    shown = world.get(f"/loggers/{logger}/ranges", party="truck")["items"]
    assert [(one["quantity"], one["low"], one["high"]) for one in shown] == [
        ("temperature", -40, 85.5)
    ]
    assert touches(world, consignment) == before + 1
    crossed = {"low": 8, "high": 2}
    assert refusal(world, "maker", f"/loggers/{logger}/ranges", crossed)[0] == 422
