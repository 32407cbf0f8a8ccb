"""What is scanned is stored whatever it says, and compared with what was consigned."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from coldgate.launch.process import wait_until
from coldgate.model import Purpose
from coldgate.storage import scans
from coldgate.storage.visibility import limit_to

if TYPE_CHECKING:
    from api_world import World

    from coldgate.udi.standing import ScanStanding

pytestmark = pytest.mark.database

GTIN = "09506000134352"
OTHER_GTIN = "09521234543213"
LABEL = f"]d201{GTIN}17601231" + "10A1"
GS = "\x1d"
WAITING = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    " AND wait_event_type = 'Lock' AND query ~ 'FROM consignment'"
)


def article(world: World, **fields: Any) -> str:
    """A product of the maker with two lots, named on its labels by `GTIN`."""
    product = world.name("article")
    body = {"id": product, "name": product, "gtin": GTIN}
    world.post("/products", body | fields, party="maker")
    for lot in ("A1", "A2"):
        lot_body = {"number": lot, "expires_on": "601231"}
        world.post(f"/products/{product}/lots", lot_body, party="maker")
    return product


def consigned(world: World, product: str, **line: Any) -> str:
    """A consignment of lot A1 of the product."""
    lines = [{"product": product, "lot": "A1", "quantity": 1} | line]
    return world.consign(place=False, lines=lines)


def shown(world: World, product: str) -> dict[str, Any]:
    items = world.get("/products", limit=1000)["items"]
    return next(item for item in items if item["id"] == product)


def scan(world: World, consignment: str, raw: str, purpose: str = "dispatch") -> dict[str, Any]:
    body = {"raw": raw, "purpose": purpose}
    return world.post(f"/consignments/{consignment}/scans", body, party="truck")


def standing(world: World, consignment: str) -> ScanStanding:
    """What the gate is told, asked as the api's own role asks."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute("SET ROLE coldgate_api")
        limit_to(connection, None)
        return scans.for_gate(connection, consignment)


def dismiss(world: World, consignment: str, scan_id: int, party: str = "maker") -> Any:
    path = f"/consignments/{consignment}/scans/{scan_id}/dismiss"
    return world.of(party).post(path, json={"reason": "wrong pallet"})


def test_scan_of_the_goods_names_its_line(world: World) -> None:
    consignment = consigned(world, article(world))

    taken = scan(world, consignment, LABEL)

    assert taken["fits"]
    assert taken["positions"] == taken["proven"] == [1]
    assert taken["said"]["gtin"] == GTIN
    assert taken["said"]["expires_on"] == "2060-12-31"
    assert not standing(world, consignment).mismatches


def test_scan_of_another_lot_says_which_field_differs(world: World) -> None:
    consignment = consigned(world, article(world))

    taken = scan(world, consignment, LABEL.replace("10A1", "10A2"))

    assert not taken["fits"]
    assert taken["differences"] == [{"field": "lot", "scanned": "A2", "expected": "A1"}]
    assert [one.id for one in standing(world, consignment).mismatches] == [taken["id"]]


def test_unreadable_scan_is_stored_with_its_place_and_counts_as_a_mismatch(world: World) -> None:
    consignment = consigned(world, article(world))

    taken = scan(world, consignment, "(01)09506000134353")

    assert taken["problem"]["code"] == "SCAN_CHECK_DIGIT"
    assert taken["problem"]["place"] == 5
    mismatch = standing(world, consignment).mismatches[0]
    assert mismatch.unreadable == taken["problem"]["detail"]


@pytest.mark.parametrize(
    "raw", ["'; DROP TABLE scan; --", "<b>\U0001f9ca\u202e{{7*7}}", " ", "\r\n"]
)
def test_any_text_is_stored_and_comes_back_as_text(world: World, raw: str) -> None:
    consignment = consigned(world, article(world))

    taken = scan(world, consignment, raw)

    path = f"/consignments/{consignment}/scans/{taken['id']}"
    assert world.get(path)["raw"] == raw
    assert not world.get(path)["fits"]


def test_dismissed_scan_counts_neither_way(world: World) -> None:
    consignment = consigned(world, article(world, scan_required=True))
    wrong = scan(world, consignment, f"(01){OTHER_GTIN}(10)A1")
    right = scan(world, consignment, LABEL)

    assert dismiss(world, consignment, wrong["id"]).json()["dismissal"]["reason"] == "wrong pallet"
    assert not standing(world, consignment).mismatches
    assert not standing(world, consignment).unscanned(Purpose.DISPATCH)
    assert dismiss(world, consignment, right["id"]).is_success
    assert len(standing(world, consignment).unscanned(Purpose.DISPATCH)) == 1


def test_scan_is_dismissed_once_and_not_by_the_carrier(world: World) -> None:
    consignment = consigned(world, article(world))
    taken = scan(world, consignment, "nothing")

    assert dismiss(world, consignment, taken["id"], "truck").status_code == 403
    assert dismiss(world, consignment, taken["id"]).is_success
    assert dismiss(world, consignment, taken["id"]).json()["code"] == "ALREADY_EXISTS"
    assert dismiss(world, consignment, taken["id"] + 10**6).status_code == 404


def test_required_scan_is_missing_for_each_purpose_until_it_is_taken(world: World) -> None:
    consignment = consigned(world, article(world, scan_required=True))
    scan(world, consignment, LABEL, "receipt_release")

    found = standing(world, consignment)

    assert [line.position for line in found.unscanned(Purpose.DISPATCH)] == [1]
    assert not found.unscanned(Purpose.RECEIPT_RELEASE)


def test_each_named_unit_is_scanned_by_itself(world: World) -> None:
    product = article(world, scan_required=True)
    consignment = consigned(world, product, quantity=2, serials=["S1", "S2"])
    scan(world, consignment, LABEL + GS + "21S1")

    assert standing(world, consignment).unscanned(Purpose.DISPATCH)[0].missing == ("S2",)
    scan(world, consignment, LABEL + GS + "21S2")
    assert not standing(world, consignment).unscanned(Purpose.DISPATCH)
    stranger = scan(world, consignment, LABEL + GS + "21S3")
    assert [one["field"] for one in stranger["differences"]] == ["serial"]


@pytest.mark.shows("UDI_MISMATCH")
def test_scan_is_compared_anew_when_lot_or_article_are_registered_or_corrected(
    world: World,
) -> None:
    product = article(world)
    consignment = world.consign(
        place=False, lines=[{"product": product, "lot": "LATE", "quantity": 1}]
    )
    taken = scan(world, consignment, f"(01){GTIN}(17)601200(10)LATE")
    path = f"/consignments/{consignment}/scans/{taken['id']}"

    assert taken["fits"]
    lot = {"number": "LATE", "expires_on": "2060-11-30"}
    world.post(f"/products/{product}/lots", lot, party="maker")
    assert [one["field"] for one in world.get(path)["differences"]] == ["expires_on"]
    assert [one.id for one in standing(world, consignment).mismatches] == [taken["id"]]
    right = {"expires_on": "2060-12-31", "reason": "as the label says"}
    world.post(f"/products/{product}/lots/LATE/corrections", right, party="maker")
    assert world.get(path)["fits"]
    answer = world.of("maker").put(f"/products/{product}/identification", json={"gtin": None})
    assert answer.json()["gtin"] is None
    assert world.get(path)["differences"][0]["field"] == "article"


def test_hibc_label_in_two_codes_fits_its_article(world: World) -> None:
    product = article(world, gtin=None, hibc="+A123BJC5D6E71G")
    consignment = world.consign(
        place=False, lines=[{"product": product, "lot": "10X3", "quantity": 1}]
    )

    taken = scan(world, consignment, "+A123BJC5D6E71G\r\n+$$52001510X3GD\r\n")

    assert shown(world, product)["hibc"] == "A123BJC5D6E71"
    assert taken["fits"]
    assert taken["proven"] == [1]


def test_short_gtin_is_kept_with_fourteen_digits_and_a_wrong_one_refused(world: World) -> None:
    product = article(world, gtin="9506000134352")

    body = {"id": "wrong", "name": "wrong", "gtin": "9506000134353"}

    assert shown(world, product)["gtin"] == GTIN
    assert world.of("maker").post("/products", json=body).status_code == 422


def test_scans_are_listed_in_pages_and_hidden_from_strangers(world: World) -> None:
    consignment = consigned(world, article(world))
    ids = [scan(world, consignment, LABEL)["id"] for _ in range(3)]
    path = f"/consignments/{consignment}/scans"

    first = world.get(path, limit=2)
    rest = world.get(path, limit=2, after=first["next"])

    assert [one["id"] for one in first["items"] + rest["items"]] == ids
    assert rest["next"] is None
    assert world.of("stranger").get(path).status_code == 404
    assert world.of("stranger").get(f"{path}/{ids[0]}").status_code == 404


def test_scan_comes_before_or_after_a_decision_and_never_within(world: World) -> None:
    consignment = consigned(world, article(world))
    with ThreadPoolExecutor() as pool, psycopg.connect(world.dsn) as deciding:
        deciding.execute("SELECT FROM consignment WHERE id = %s FOR UPDATE", (consignment,))
        sent = pool.submit(scan, world, consignment, "unreadable")
        assert wait_until(lambda: bool(world.fetch(WAITING)), seconds=10)

        assert not world.fetch("SELECT FROM scan WHERE consignment_id = %s", consignment)
        deciding.rollback()
        assert sent.result(timeout=10)["id"]


def test_same_request_twice_is_one_scan(world: World) -> None:
    consignment = consigned(world, article(world))
    path, body = f"/consignments/{consignment}/scans", {"raw": LABEL, "purpose": "dispatch"}
    key = {"Idempotency-Key": world.name("scan")}

    answers = [world.of("truck").post(path, json=body, headers=key) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert len(world.get(path)["items"]) == 1


def test_scan_and_dismissal_are_never_changed_and_are_in_the_ledger(world: World) -> None:
    consignment = consigned(world, article(world))
    taken = scan(world, consignment, "unreadable")
    dismiss(world, consignment, taken["id"])

    for table in ("scan", "scan_dismissal"):
        with psycopg.connect(world.dsn) as owner, pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    kinds = world.fetch("SELECT kind FROM ledger_entry WHERE subject = %s ORDER BY id", consignment)
    assert kinds[-2:] == ["scan.taken", "scan.dismissed"]


def labels_check(world: World, consignment: str, **asked: Any) -> dict[str, Any]:
    """What the gate says of the labels when somebody wants to dispatch."""
    answer = world.gate(consignment, "dispatch", **asked)
    return next(check for check in answer["checks"] if check["code"] == "UDI_MISMATCH")


@pytest.mark.shows("UDI_MISMATCH")
def test_gate_blocks_on_a_mismatch_until_it_is_dismissed(world: World) -> None:
    lines = [{"product": article(world), "lot": "A1", "quantity": 1}]
    consignment = world.consign(lines=lines)
    wrong = scan(world, consignment, LABEL.replace("10A1", "10A2"), "receipt_release")

    blocked = world.gate(consignment, "dispatch")
    dismiss(world, consignment, wrong["id"])

    assert not blocked["permitted"]
    assert [reason["code"] for reason in blocked["reasons"]] == ["UDI_MISMATCH"]
    assert world.gate(consignment, "dispatch")["permitted"]


@pytest.mark.shows("UDI_MISMATCH")
def test_gate_holds_goods_that_must_be_scanned_until_they_are(world: World) -> None:
    lines = [{"product": article(world, scan_required=True), "lot": "A1", "quantity": 1}]
    consignment = world.consign(lines=lines)

    assert labels_check(world, consignment)["verdict"] == "HOLD"
    scan(world, consignment, LABEL)
    assert world.gate(consignment, "dispatch")["permitted"]


def test_gate_compares_an_old_scan_with_a_lot_that_was_registered_since(world: World) -> None:
    product = article(world)
    lines = [{"product": product, "lot": "LATE", "quantity": 1}]
    consignment = world.consign(lines=lines)
    scan(world, consignment, f"(01){GTIN}(17)601200(10)LATE")
    lot = {"number": "LATE", "expires_on": "2060-11-30"}
    world.post(f"/products/{product}/lots", lot, party="maker")

    found = labels_check(world, consignment)

    assert found["verdict"] == "FAIL"
    assert found["facts"]["scans"][0]["differences"] == [
        {"field": "expires_on", "scanned": "2060-12-31", "expected": "2060-11-30"}
    ]
