"""The stability budget of a lot over all its consignments, and the record of a lane (S32, S36)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest
from factories import certify, fetch, register_logger
from judge_house import MINUTE, START, House, build_house, judging
from judging import make_profile, make_rule
from psycopg.types.json import Jsonb

from analytics.job.answering import examine
from coldgate.launch.process import wait_until
from coldgate.storage import judging as judging_store
from coldgate.storage import stability
from coldgate.storage.connection import connect, connect_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conftest import DatabaseServer

pytestmark = pytest.mark.database

HOUR: Final = 60  # in minutes; the budget is an hour above 8 °C
NEWEST_SEEN: Final = """
SELECT body, snapshot::text FROM evaluation WHERE consignment_id = %s ORDER BY version DESC
"""
BUDGET: Final = make_profile(
    id="BUDGET",
    rules=[make_rule(when="T > 30.0", mode="instant", budget=None, trigger="over")],
    stability={"bands": [{"above": 8.0, "budget": "1h"}]},
)
OTHER_BUDGET: Final = make_profile(
    id="OTHER",
    rules=[make_rule(when="T > 30.0", mode="instant", budget=None, trigger="over")],
    stability={"bands": [{"above": 8.0, "budget": "2h"}]},
)
SLOW_BUDGET: Final = make_profile(
    id="SLOW",
    conditioning="20min",
    rules=[make_rule(when="T > 30.0", mode="instant", budget=None, trigger="over")],
    stability={"bands": [{"above": 8.0, "budget": "1h"}]},
)
LANE: Final = make_profile(
    id="LANE",
    rules=[make_rule(mode="instant", budget=None, action="EXCURSION")],
    repeats={"consignment": None, "lane": 2},
)


@pytest.fixture
def lot(plain_server: DatabaseServer) -> Iterator[House]:
    """A house whose lot has a budget."""
    with plain_server.fresh(build_house, add_profiles) as dsn:
        yield House(dsn)


def add_profiles(dsn: str) -> None:
    for profile in (BUDGET, OTHER_BUDGET, SLOW_BUDGET, LANE):
        House(dsn).execute(
            "INSERT INTO profile VALUES (%s, %s, %s, %s)",
            profile.id,
            profile.version,
            profile.digest,
            Jsonb(profile.as_json()),
        )


def plan(
    house: House, name: str, *, profile: str = "BUDGET", serials: Sequence[str] | None = None
) -> int:
    """A consignment of the lot from here to there, with a logger of its own; its channel."""
    house.add_consignment(name, profile=profile)
    house.execute(
        "UPDATE consignment_line SET serials = %s, quantity = %s WHERE consignment_id = %s",
        serials,
        len(serials or "1"),
        name,
    )
    house.execute("INSERT INTO leg VALUES (%s, 1, 'carrier-1', 'here', 'there')", name)
    logger = register_logger(house.dsn, f"L-{name}")
    certify(house.dsn, logger)
    house.place(logger, name)
    (channel,) = fetch(
        house.dsn,
        "INSERT INTO channel (logger_id, sensor, quantity) VALUES (%s, 0, 1) RETURNING id",
        logger,
    )
    return int(channel)


def travel(house: House, name: str, *, at: int, warm: int, **planned: Any) -> None:
    """An hour's journey that begins ``at`` this minute and is above 8 °C for ``warm`` minutes."""
    channel = plan(house, name, **planned)
    house.add_event("packed", START + at * MINUTE, consignment=name)
    values = [9_000 if 1 <= minute <= warm else 7_000 for minute in range(HOUR + 1)]
    house.add_readings(values, channel=channel, begin=START + at * MINUTE)
    house.add_event("received", START + (at + HOUR) * MINUTE, consignment=name)


def find_late(house: House, name: str, *, at: int, warm: int) -> None:
    """A second logger of a consignment that is read when all is over, warm from ``at`` on."""
    logger = register_logger(house.dsn, f"L-late-{name}")
    certify(house.dsn, logger)
    house.place(logger, name)
    (channel,) = fetch(
        house.dsn,
        "INSERT INTO channel (logger_id, sensor, quantity) VALUES (%s, 0, 1) RETURNING id",
        logger,
    )
    values = [9_000] * (warm + 1) + [7_000] * (HOUR - warm)
    house.add_readings(values, channel=channel, begin=START + at * MINUTE)


def newest(house: House, name: str) -> dict[str, Any]:
    query = "SELECT body FROM evaluation WHERE consignment_id = %s ORDER BY version DESC LIMIT 1"
    body: dict[str, Any] = json.loads(bytes(fetch(house.dsn, query, name)[0]))
    return body


def verdict(house: House, name: str) -> tuple[str, set[str]]:
    body = newest(house, name)
    return body["verdict"], {reason["code"] for reason in body["reasons"]}


def seen_again(house: House, name: str, snapshot: str) -> bytes:
    """What is judged of the facts that an evaluation knew."""
    with connect_reader(house.dsn, "coldgate_analytics") as store, store.transaction():
        judging_store.look_back(store, judging_store.Snapshot(snapshot))
        return examine(store, name, BUDGET).evaluation.to_bytes()


def spent_minutes(house: House, name: str) -> tuple[int, int]:
    """Measured minutes before and here, of the only lot."""
    (budget,) = newest(house, name)["budgets"]
    shares = budget["spent"]["measured_ppb"], budget["here"]["measured_ppb"]
    before, here = (round(share * HOUR / 10**9) for share in shares)
    return before, here


def test_consignments_after_one_another_share_one_budget(lot: House) -> None:
    travel(lot, "c-first", at=0, warm=40)
    with judging(lot):
        assert lot.settled()
        travel(lot, "c-second", at=90, warm=30)
        assert lot.settled()

    assert verdict(lot, "c-first") == ("PASS", set())
    assert verdict(lot, "c-second") == ("HOLD", {"BUDGET_UNDECIDED"})
    assert spent_minutes(lot, "c-second") == (40, 30)
    assert newest(lot, "c-second")["budgets"][0]["spent"]["sources"] == ["c-first/1"]


def test_unit_that_is_named_in_both_has_spent_both(lot: House) -> None:
    travel(lot, "c-first", at=0, warm=40, serials=["S1"])
    travel(lot, "c-second", at=90, warm=30, serials=["S1", "S2"])
    with judging(lot):
        assert lot.settled()

    assert verdict(lot, "c-second") == ("FAIL", {"BUDGET_EXCEEDED"})
    verdicts = {each["key"]: each["verdict"] for each in newest(lot, "c-second")["budgets"]}
    assert verdicts == {"product-1 LOT S1": "FAIL", "product-1 LOT S2": "PASS"}


def test_a_lot_split_over_two_consignments_keeps_its_spent_budget(lot: House) -> None:
    travel(lot, "c-whole", at=0, warm=40)
    travel(lot, "c-part-1", at=90, warm=10)
    travel(lot, "c-part-2", at=91, warm=30)
    with judging(lot), judging(lot):
        assert lot.settled()

    assert spent_minutes(lot, "c-part-1") == (40, 10)
    assert spent_minutes(lot, "c-part-2") == (40, 30)
    assert verdict(lot, "c-part-1") == ("PASS", set())
    assert verdict(lot, "c-part-2") == ("HOLD", {"BUDGET_UNDECIDED"})


def test_late_reading_of_an_earlier_consignment_judges_the_later_one_again(lot: House) -> None:
    channel = plan(lot, "c-first")
    lot.add_event("packed", START, consignment="c-first")
    lot.add_readings([5_000] * 31, channel=channel)
    lot.add_event("received", START + HOUR * MINUTE, consignment="c-first")
    travel(lot, "c-second", at=90, warm=40)
    with judging(lot):
        assert lot.settled()
        assert verdict(lot, "c-second") == ("HOLD", {"BUDGET_UNDECIDED"})

        lot.add_readings([5_000] * 30, channel=channel, begin=START + 31 * MINUTE)

        assert wait_until(lambda: verdict(lot, "c-second") == ("PASS", set()), seconds=10)


def test_journey_that_nobody_ended_holds_those_that_follow(lot: House) -> None:
    channel = plan(lot, "c-first")
    lot.add_event("packed", START, consignment="c-first")
    lot.add_readings([5_000] * 31, channel=channel)
    travel(lot, "c-second", at=90, warm=0)
    with judging(lot):
        assert lot.settled()
        assert verdict(lot, "c-second") == ("HOLD", {"BUDGET_UNDECIDED"})

        lot.add_event("received", START + 30 * MINUTE, consignment="c-first")

        assert wait_until(lambda: verdict(lot, "c-second") == ("PASS", set()), seconds=10)


def test_journey_under_another_budget_proves_nothing_of_this_one(lot: House) -> None:
    travel(lot, "c-first", at=0, warm=0, profile="OTHER")
    travel(lot, "c-second", at=90, warm=0)
    with judging(lot):
        assert lot.settled()

    assert verdict(lot, "c-second") == ("HOLD", {"BUDGET_UNDECIDED"})
    assert newest(lot, "c-second")["budgets"][0]["spent"]["sources"] == ["c-first"]


def test_unit_named_in_two_places_is_judged_again_when_either_spent_more(
    lot: House,
) -> None:
    travel(lot, "c-first", at=0, warm=0, serials=["S1"])
    travel(lot, "c-beside", at=30, warm=30, serials=["S1"])
    with judging(lot):
        assert lot.settled()
        assert verdict(lot, "c-beside") == ("PASS", set())

        find_late(lot, "c-first", at=0, warm=40)

        feared = ("HOLD", {"BUDGET_UNDECIDED"})
        assert wait_until(lambda: verdict(lot, "c-beside") == feared, seconds=10)


def test_unit_joins_when_it_is_packed_and_not_when_it_is_conditioned(lot: House) -> None:
    travel(lot, "c-first", at=0, warm=55, serials=["S1"], profile="SLOW")
    travel(lot, "c-beside", at=10, warm=55, serials=["S1"], profile="SLOW")
    with judging(lot):
        assert lot.settled()

    assert verdict(lot, "c-first") == ("PASS", set())
    assert verdict(lot, "c-beside") == ("HOLD", {"BUDGET_UNDECIDED"})


OWNER: Final = """
INSERT INTO party (id, name, kind) VALUES ('maker-1', 'Maker', 'manufacturer'),
                                          ('thief-1', 'Thief', 'consignee');
INSERT INTO product (id, party_id, name) VALUES ('product-1', 'maker-1', 'Vial')
"""


def send(house: House, name: str, consignor: str, consignee: str) -> None:
    values = (consignor, consignee, name)
    house.execute(
        "UPDATE consignment SET consignor_id = %s, consignee_id = %s WHERE id = %s", *values
    )


@pytest.mark.shows("BUDGET_EXHAUSTED")
def test_journeys_of_a_stranger_spend_nothing_until_the_lot_came_to_it(lot: House) -> None:
    lot.execute(OWNER)
    travel(lot, "c-thief", at=0, warm=50)
    send(lot, "c-thief", "thief-1", "carrier-1")
    travel(lot, "c-second", at=90, warm=30)
    send(lot, "c-second", "maker-1", "carrier-1")
    with judging(lot):
        assert lot.settled()
        assert verdict(lot, "c-second") == ("PASS", set())
        kept, snapshot = fetch(lot.dsn, NEWEST_SEEN, "c-second")[0]

        lot.add_consignment("c-gift", profile=None)
        send(lot, "c-gift", "maker-1", "thief-1")
        with connect(lot.dsn) as store:
            stability.touch_reached(store, "c-gift")
        feared = ("HOLD", {"BUDGET_UNDECIDED"})
        assert wait_until(lambda: verdict(lot, "c-second") == feared, seconds=10)

    assert seen_again(lot, "c-second", snapshot) == bytes(kept)


def give(house: House, name: str, *, consignor: str) -> list[str]:
    """Plan a consignment of the lot to somebody who sent some of it before; who is judged again."""
    house.execute("DELETE FROM touched")
    house.add_consignment(name, profile=None)
    send(house, name, consignor, "thief-1")
    with connect(house.dsn) as store:
        stability.touch_reached(store, name)
        stability.touch_lots(store, name)
    return fetch(house.dsn, "SELECT DISTINCT consignment_id FROM touched ORDER BY 1")


def test_stranger_has_nobody_judged_again(lot: House) -> None:
    lot.execute(OWNER)
    for name, consignor in {"c-thief": "thief-1", "c-second": "maker-1"}.items():
        travel(lot, name, at=0, warm=0)
        send(lot, name, consignor, "carrier-1")

    assert give(lot, "c-rumour", consignor="thief-1") == []
    assert give(lot, "c-gift", consignor="maker-1") == ["c-second", "c-thief"]


REJECTED: Final = """
UPDATE consignment_line SET state = 'in_transit' WHERE consignment_id = 'c-first';
UPDATE consignment_line SET state = 'quarantined' WHERE consignment_id = 'c-first';
UPDATE consignment_line SET state = 'rejected' WHERE consignment_id = 'c-first';
INSERT INTO restriction
    (kind, product_id, lot_number, reason, placed_by, actor, consignment_id, serials, since)
SELECT 'refusal', product_id, lot_number, 'torn', 'carrier-1', 'qa', consignment_id, serials, now()
FROM consignment_line WHERE consignment_id = 'c-first'
"""
LIFTED: Final = """
INSERT INTO restriction_lift (restriction_id, lifted_by, reason) SELECT id, 'qa', 'relabelled'
FROM restriction
"""


def test_rejected_unit_that_may_travel_again_has_spent_what_it_spent(lot: House) -> None:
    lot.execute(OWNER)
    for name, at in {"c-first": 0, "c-second": 90}.items():
        travel(lot, name, at=at, warm=40, serials=["S1"])
        send(lot, name, "maker-1", "carrier-1")
    lot.execute(REJECTED)
    with judging(lot):
        assert lot.settled()
        assert verdict(lot, "c-second") == ("PASS", set())
        kept, snapshot = fetch(lot.dsn, NEWEST_SEEN, "c-second")[0]

        lot.execute(LIFTED)
        with connect(lot.dsn) as store:
            stability.touch_lots(store, "c-first")
        spent = ("FAIL", {"BUDGET_EXCEEDED"})
        assert wait_until(lambda: verdict(lot, "c-second") == spent, seconds=10)

    assert seen_again(lot, "c-second", snapshot) == bytes(kept)


@pytest.mark.shows("BUDGET_EXHAUSTED")
def test_journeys_under_another_article_of_the_number_spend_the_same_budget(lot: House) -> None:
    lot.execute(OWNER)
    lot.execute("INSERT INTO product VALUES ('twin-1', 'thief-1', 'Same', '09506000134352')")
    travel(lot, "c-first", at=0, warm=50)
    send(lot, "c-first", "maker-1", "thief-1")
    travel(lot, "c-second", at=90, warm=30)
    send(lot, "c-second", "thief-1", "carrier-1")
    lot.execute(
        "UPDATE consignment_line SET product_id = 'twin-1' WHERE consignment_id = 'c-second'"
    )
    with judging(lot):
        assert lot.settled()
        assert verdict(lot, "c-second") == ("PASS", set())
        kept, snapshot = fetch(lot.dsn, NEWEST_SEEN, "c-second")[0]

        lot.execute("UPDATE product SET gtin = '09506000134352' WHERE id = 'product-1'")
        feared = ("HOLD", {"BUDGET_UNDECIDED"})
        assert wait_until(lambda: verdict(lot, "c-second") == feared, seconds=10)

    assert seen_again(lot, "c-second", snapshot) == bytes(kept)


def test_ledger_keeps_what_it_said_before(lot: House) -> None:
    channel = plan(lot, "c-first")
    lot.add_event("packed", START, consignment="c-first")
    lot.add_readings([5_000] * 31, channel=channel)
    lot.add_event("received", START + 2 * HOUR * MINUTE, consignment="c-first")
    with judging(lot):
        assert lot.settled()
        lot.add_readings([5_000] * 90, channel=channel, begin=START + 31 * MINUTE)
        assert lot.settled()

    first, second = fetch(lot.dsn, "SELECT pessimistic_ppb FROM lot_spend ORDER BY id")
    assert first > 10**9 > second


def test_excursions_of_a_lane_are_counted_whenever_they_are_found(lot: House) -> None:
    travel(lot, "c-first", at=0, warm=0, profile="LANE")
    travel(lot, "c-second", at=90, warm=5, profile="LANE")
    with judging(lot):
        assert lot.settled()
        assert verdict(lot, "c-second") == ("PASS", {"EXCURSION"})

        find_late(lot, "c-first", at=0, warm=HOUR)

        repeated = ("HOLD", {"EXCURSION", "REPEATED_EXCURSIONS"})
        assert wait_until(lambda: verdict(lot, "c-second") == repeated, seconds=10)
        assert lot.settled()


def test_twelve_months_of_a_lane_may_hold_a_leap_day(lot: House) -> None:
    first, second = datetime(2027, 2, 28, 12, tzinfo=UTC), datetime(2028, 2, 29, 11, tzinfo=UTC)
    lot.execute("SELECT make_partitions('reading', %s, %s)", first, second)
    travel(lot, "c-first", at=(first - START) // MINUTE, warm=0, profile="LANE")
    travel(lot, "c-second", at=(second - START) // MINUTE, warm=5, profile="LANE")
    with judging(lot):
        assert lot.settled()

        find_late(lot, "c-first", at=(first - START) // MINUTE, warm=HOUR)

        repeated = ("HOLD", {"EXCURSION", "REPEATED_EXCURSIONS"})
        assert wait_until(lambda: verdict(lot, "c-second") == repeated, seconds=10)


def test_evaluation_is_made_again_with_the_figures_that_others_had_then(lot: House) -> None:
    channel = plan(lot, "c-first")
    lot.add_event("packed", START, consignment="c-first")
    lot.add_readings([5_000] * 31, channel=channel)
    lot.add_event("received", START + HOUR * MINUTE, consignment="c-first")
    travel(lot, "c-second", at=90, warm=40)
    with judging(lot):
        assert lot.settled()
        kept, snapshot = fetch(lot.dsn, NEWEST_SEEN, "c-second")[0]
        lot.add_readings([5_000] * 30, channel=channel, begin=START + 31 * MINUTE)
        assert wait_until(lambda: verdict(lot, "c-second") == ("PASS", set()), seconds=10)

    assert seen_again(lot, "c-second", snapshot) == bytes(kept)
