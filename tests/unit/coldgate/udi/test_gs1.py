"""Element strings, printed text and web addresses of GS1, with the values of its own examples."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from coldgate.errors import ScanError
from coldgate.udi.reading import read
from coldgate.udi.scan import Form, Scan

TODAY = date(2026, 3, 1)
GS = "\x1d"


def said(raw: str) -> dict[str, Any]:
    """What the code says, without what it is silent about."""
    written = read(raw, today=TODAY).as_json()
    return {name: value for name, value in written.items() if value and name != "form"}


def refusal(raw: str) -> ScanError:
    with pytest.raises(ScanError) as caught:
        read(raw, today=TODAY)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"]C101095060001343521727033110ABC{GS}21123", "symbology of GS1-128"),
        (f"]d2{GS}01095060001343521727033110ABC{GS}21123", "FNC1 sent in first place as well"),
        (f"]Q301095060001343521727033110ABC{GS}21123", "QR code"),
        (f"]e001095060001343521727033110ABC{GS}21123{GS}", "separator at the end"),
        (f"01095060001343521727033110ABC{GS}21123", "no symbology identifier"),
        (f"0109506000134352{GS}17270331{GS}10ABC{GS}21123", "separators where none is needed"),
        ("(01)09506000134352(17)270331(10)ABC(21)123", "printed text"),
        (" (01) 0950 6000 1343 52  (17) 270331 (10) ABC (21) 123 ", "spaces for the eye"),
        ("https://id.gs1.org/01/09506000134352/10/ABC/21/123?17=270331", "Digital Link"),
        ("HTTP://shop.example/p/gtin/9506000134352/lot/ABC/ser/123?17=270331#top", "release 1.1"),
    ],
)
def test_every_way_of_writing_says_the_same(raw: str, expected: str) -> None:
    assert said(raw) == {
        "gtin": "09506000134352",
        "expires_on": "2027-03-31",
        "lot": "ABC",
        "serial": "123",
    }, expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            "(01)10884521062856(11)141231(17)150707(10)A213B1(21)1234",  # AccessGUDID's example
            {
                "gtin": "10884521062856",
                "manufactured_on": "2014-12-31",
                "expires_on": "2015-07-07",
                "lot": "A213B1",
                "serial": "1234",
            },
        ),
        ("]C100106141411234567897", {"sscc": "106141411234567897"}),
        (
            f"]C102006141411234523725{GS}10ABC123",
            {"gtin": "00614141123452", "quantity": 25, "lot": "ABC123"},
        ),
        ("9506000134352", {"gtin": "09506000134352"}),
        ("]E09506000134352", {"gtin": "09506000134352"}),
        ("]E496385074", {"gtin": "00000096385074"}),
        ("614141000036", {"gtin": "00614141000036"}),
    ],
)
def test_examples_of_gs1_are_read_as_gs1_says(raw: str, expected: dict[str, Any]) -> None:
    assert said(raw) == expected


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("270200", "2027-02-28"),
        ("280200", "2028-02-29"),
        ("261231", "2026-12-31"),
        ("760101", "2076-01-01"),
        ("770101", "1977-01-01"),
    ],
)
def test_day_00_is_the_last_of_the_month_and_the_century_the_near_one(
    written: str, meant: str
) -> None:
    assert said(f"(01)09506000134352(17){written}")["expires_on"] == meant


def test_expiry_to_the_minute_is_the_day_it_falls_on() -> None:
    assert said("(01)09506000134352(7003)2703311430")["expires_on"] == "2027-03-31"


def test_percent_signs_in_an_address_are_resolved_once() -> None:
    link = "https://example.com/01/09506000134352/10/A%2FB%2525/21/x%3Fy?linkType=all&17=270331"

    assert said(link)["lot"] == "A/B%25"
    assert said(link)["serial"] == "x?y"


def test_fields_that_nothing_is_compared_with_are_kept() -> None:
    raw = f"]C1010950600013435291INTERNAL{GS}18000000" + f"10A{GS}05UNKNOWN"

    assert said(raw)["lot"] == "A"
    assert said(raw)["others"] == [["91", "INTERNAL"], ["", "18000000"], ["", "05UNKNOWN"]]
    assert said("(01)09506000134352(05)X")["others"] == [["05", "X"]]


def test_two_codes_of_one_label_are_one_scan() -> None:
    scan = read(f"]C10109506000134352\r\n]C117270331{GS}10ABC\r\n", today=TODAY)

    assert scan == Scan(
        gtin="09506000134352",
        expires_on=date(2027, 3, 31),
        lot="ABC",
        raw=scan.raw,
        form=Form.ELEMENT_STRING,
    )


@pytest.mark.parametrize(
    ("raw", "code", "place"),
    [
        ("", "SCAN_EMPTY", 1),
        ("\r\n \r\n", "SCAN_EMPTY", 1),
        ("0" * 2049, "SCAN_TOO_LONG", 2049),
        ("(01)09506000134352(10)A\x00", "SCAN_CHARACTER", 24),
        ("(01)09506000134352(10)ÄB", "SCAN_CHARACTER", 23),
        ("(01)09506000134353", "SCAN_CHECK_DIGIT", 5),
        ("9506000134353", "SCAN_CHECK_DIGIT", 1),
        ("(00)106141411234567898", "SCAN_CHECK_DIGIT", 5),
        ("(01)9506000134352", "SCAN_FORMAT", 5),
        ("(10)" + "A" * 21, "SCAN_FORMAT", 5),
        ("0109506000134352" + "10" + "A" * 21, "SCAN_FORMAT", 19),
        ("0109506000134352172703", "SCAN_FORMAT", 19),
        ("(01)09506000134352(10)", "SCAN_FORMAT", 23),
        ("(01)09506000134352(30)", "SCAN_FORMAT", 23),
        ("X(01)09506000134352", "SCAN_UNKNOWN", 1),
        ("(01", "SCAN_FORMAT", 1),
        ("]C", "SCAN_UNKNOWN", 3),
        ("]C10109506000134352179902", "SCAN_FORMAT", 22),
        ("]C1010950600013435217270231", "SCAN_DATE", 22),
        ("]C00109506000134352", "SCAN_UNKNOWN", 4),
        ("(01)09506000134352(17)271331", "SCAN_DATE", 23),
        ("(01)09506000134352(17)270001", "SCAN_DATE", 23),
        ("(01)09506000134352(17)270230", "SCAN_DATE", 23),
        ("hello", "SCAN_UNKNOWN", 1),
        ("0512345", "SCAN_UNKNOWN", 1),
        ("https://example.com/about", "SCAN_UNKNOWN", 1),
        ("https://example.com/01/09506000134352/10", "SCAN_UNKNOWN", 1),
        ("https://example.com/01/09506000134352/lots/A", "SCAN_FORMAT", 39),
        ("https://example.com/01/09506000134352/10/A%2", "SCAN_FORMAT", 43),
        ("https://example.com/01/09506000134352?98765=%00", "SCAN_CHARACTER", 45),
        ("https://example.com/01/09506000134352/10/%E4", "SCAN_CHARACTER", 42),
        ("http://[", "SCAN_UNKNOWN", 1),
        ("(01)09506000134352(10)A(10)B", "SCAN_CONTRADICTION", 28),
        ("(01)09506000134352(02)09521234543213", "SCAN_CONTRADICTION", 23),
        ("(01)09506000134352(17)270331(7003)2704010000", "SCAN_CONTRADICTION", 35),
        ("(01)09506000134352(10)A\n(10)B", "SCAN_CONTRADICTION", 29),
    ],
)
def test_what_cannot_be_read_says_where_and_why(raw: str, code: str, place: int) -> None:
    refused = refusal(raw)

    assert (refused.code, refused.place) == (code, place)
    assert refused.problem


def test_field_said_twice_alike_is_no_contradiction() -> None:
    assert said("(01)09506000134352(10)A(10)A")["lot"] == "A"
