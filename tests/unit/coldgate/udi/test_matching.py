"""A scan is compared with every line, and stands for a line only where it says which lot it is."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from coldgate.model import Purpose
from coldgate.udi.matching import Compared, Comparison, ShippedLine, compare
from coldgate.udi.scan import Form, Scan
from coldgate.udi.standing import MOST_EXPLAINED, ScanStanding, TakenScan, stand

GTIN = "09506000134352"
OTHER_GTIN = "09521234543213"
SSCC = "106141411234567897"
DAY = date(2027, 3, 31)


def line(position: int = 1, **fields: Any) -> ShippedLine:
    values = {"product": "vaccine", "lot": "A1", "gtin": GTIN, "expires_on": DAY}
    return ShippedLine(position=position, **(values | fields))


def scan(**fields: Any) -> Scan:
    values: dict[str, Any] = {"gtin": GTIN, "raw": "", "form": Form.TEXT}
    return Scan(**(values | fields))


def differing(found: Comparison) -> list[Compared]:
    return [difference.field for difference in found.differences]


def standing(*taken: Scan | None, lines: tuple[ShippedLine, ...]) -> ScanStanding:
    """How these scans for dispatch stand; None is one that cannot be read."""
    scans = [
        TakenScan(
            id=number, purpose=Purpose.DISPATCH, scan=one, unreadable="dirt" if not one else None
        )
        for number, one in enumerate(taken, start=1)
    ]
    return stand(scans, lines, tuple(Purpose))


@pytest.mark.parametrize(
    "fields",
    [
        {"lot": "A1"},
        {"lot": "A1", "expires_on": DAY},
        {"lot": "A1", "serial": "ANY"},
        {"lot": "A1", "sscc": SSCC},
        {"gtin": None, "hibc_primary": "A123BJC5D6E71", "lot": "A1"},
        {"gtin": None, "sscc": SSCC},
    ],
)
def test_scan_that_differs_in_nothing_stands_for_its_line(fields: dict[str, Any]) -> None:
    shipped = line(sscc=SSCC, hibc="A123BJC5D6E71")

    found = compare(scan(**fields), [line(7, gtin=OTHER_GTIN, lot="B"), shipped])

    assert found.proven == found.positions == (1,)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"gtin": OTHER_GTIN, "lot": "A1"}, Compared.GTIN),
        ({"gtin": None, "hibc_primary": "B123X1", "lot": "A1"}, Compared.HIBC),
        ({"lot": "A2"}, Compared.LOT),
        ({"lot": "a1"}, Compared.LOT),
        ({"lot": "A1", "expires_on": date(2027, 3, 30)}, Compared.EXPIRY),
        ({"lot": "A1", "serial": "S3"}, Compared.SERIAL),
        ({"lot": "A1", "sscc": "006141411234567890"}, Compared.SSCC),
        ({"gtin": None, "lot": "A1", "serial": "S1"}, Compared.ARTICLE),
    ],
)
def test_one_wrong_field_makes_the_scan_another_thing(
    fields: dict[str, Any], field: Compared
) -> None:
    shipped = line(sscc=SSCC, hibc="A123BJC5D6E71", serials=("S1", "S2"))

    found = compare(scan(**fields), [shipped])

    assert differing(found) == [field]
    assert not found.positions


def test_difference_is_told_from_the_nearest_line() -> None:
    lines = [line(1, gtin=OTHER_GTIN, lot="A9"), line(2, lot="A2"), line(3, lot="A1")]

    found = compare(scan(lot="A9", expires_on=DAY), lines)

    assert [(one.field, one.expected) for one in found.differences] == [(Compared.LOT, "A2")]


def test_article_without_a_name_on_labels_is_never_taken_for_scanned() -> None:
    found = compare(scan(lot="A1"), [line(gtin=None)])

    assert differing(found) == [Compared.ARTICLE]


def test_lot_that_is_not_registered_has_no_expiry_to_differ_from() -> None:
    assert compare(scan(lot="A1", expires_on=DAY), [line(expires_on=None)]).matches


def test_article_alone_fits_and_proves_nothing() -> None:
    found = compare(scan(), [line(1), line(2, lot="A2")])

    assert found.positions == (1, 2)
    assert found.proven == ()


def test_nothing_matches_where_nothing_was_consigned() -> None:
    assert differing(compare(scan(lot="A1"), [])) == [Compared.ARTICLE]


def test_one_pallet_stands_for_every_line_on_it() -> None:
    lines = (line(1, sscc=SSCC), line(2, lot="A2", sscc=SSCC), line(3, lot="A3"))

    assert compare(scan(gtin=None, sscc=SSCC), lines).proven == (1, 2)


def test_unreadable_and_foreign_scans_are_mismatches() -> None:
    found = standing(None, scan(lot="A1"), scan(lot="XX"), lines=(line(),))

    assert [(one.id, one.unreadable) for one in found.mismatches] == [(1, "dirt"), (3, None)]
    assert [one.field for one in found.mismatches[1].differences] == [Compared.LOT]


def test_one_scan_of_a_lot_is_enough_for_every_line_of_it() -> None:
    lines = tuple(
        line(position, lot=lot, scan_required=True)
        for position, lot in enumerate(("A1", "A1", "A2"), start=1)
    )

    found = standing(scan(lot="A1"), lines=lines)

    assert [one.position for one in found.unscanned(Purpose.DISPATCH)] == [3]
    assert len(found.unscanned(Purpose.RECEIPT_RELEASE)) == 3


def test_pallet_does_not_stand_for_units_that_the_line_names() -> None:
    lines = (line(serials=("S1", "S2"), sscc=SSCC, scan_required=True),)

    found = standing(scan(sscc=SSCC), scan(serial="S2"), lines=lines)

    assert found.unscanned(Purpose.DISPATCH)[0].missing == ("S1",)


def test_every_mismatch_is_found_where_only_some_are_explained() -> None:
    wrong = [scan(lot=f"X{number}") for number in range(MOST_EXPLAINED + 10)]

    found = standing(*wrong, lines=(line(),))

    assert len(found.mismatches) == len(wrong)
    assert all(one.differences for one in found.mismatches)


def test_article_that_need_not_be_scanned_is_never_missing() -> None:
    found = standing(lines=(line(),))

    assert not found.unscanned(Purpose.DISPATCH)
    assert not found.lines[0].scanned
