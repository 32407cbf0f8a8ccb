"""HIBC codes, with the sample values of ANSI/HIBC 2.6 and its appendices."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from coldgate.errors import ScanError
from coldgate.udi.checks import check_character
from coldgate.udi.hibc import article_of
from coldgate.udi.reading import read

TODAY = date(2026, 3, 1)
LOT = {"lot": "3C001"}
SERIAL = {"serial": "0001"}
MONTH = {"expires_on": "2005-09-30"}
DAY = {"expires_on": "2005-09-28"}


def said(raw: str) -> dict[str, Any]:
    written = read(raw, today=TODAY).as_json()
    return {name: value for name, value in written.items() if value and name != "form"}


def refusal(raw: str) -> ScanError:
    with pytest.raises(ScanError) as caught:
        read(raw, today=TODAY)
    return caught.value


def checked(text: str) -> str:
    return text + check_character(text)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("+A123BJC5D6E71G", {"hibc_primary": "A123BJC5D6E71"}),
        ("*+A123BJC5D6E71G*", {"hibc_primary": "A123BJC5D6E71"}),
        ("+H123ABC01234567890D", {"hibc_primary": "H123ABC01234567890"}),
        (
            "+A99912345/$$52001510X33",
            {"hibc_primary": "A99912345", "expires_on": "2020-01-15", "lot": "10X3"},
        ),
        (
            "+A99912345/$$52001510X3/16D20111212/S77DEFG457",
            {
                "hibc_primary": "A99912345",
                "expires_on": "2020-01-15",
                "lot": "10X3",
                "manufactured_on": "2011-12-12",
                "serial": "77DEFG45",
            },
        ),
        (
            "+A99912349/$10X3/16D20111231/14D20200131/Q500Z",
            {
                "hibc_primary": "A99912349",
                "expires_on": "2020-01-31",
                "lot": "10X3",
                "manufactured_on": "2011-12-31",
                "quantity": 500,
            },
        ),
        (
            "+A123ABCDEFGHI1234567891/$$420020216LOT123456789012345"  # noqa: ISC004 - one code
            "/SXYZ456789012345678/16D20130202$",
            {
                "hibc_primary": "A123ABCDEFGHI1234567891",
                "expires_on": "2020-02-02",
                "lot": "LOT123456789012345",
                "serial": "XYZ456789012345678",
                "manufactured_on": "2013-02-02",
            },
        ),
        (
            "]d1+J123AQ3451/25330BC34567/S4012X",
            {
                "hibc_primary": "J123AQ3451",
                "expires_on": "2025-11-26",
                "lot": "BC34567",
                "serial": "4012",
            },
        ),
    ],
)
def test_samples_of_the_standard_are_read_as_it_says(raw: str, expected: dict[str, Any]) -> None:
    assert said(raw) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("05271", DAY),
        ("052713C001", DAY | LOT),
        ("$3C001", LOT),
        ("$+0001", SERIAL),
        ("$$09053C001", MONTH | LOT),
        ("$$20928053C001", DAY | LOT),
        ("$$30509283C001", DAY | LOT),
        ("$$4050928223C001", DAY | LOT),
        ("$$5052713C001", DAY | LOT),
        ("$$605271223C001", DAY | LOT),
        ("$$73C001", LOT),
        ("$$824", {"quantity": 24}),
        ("$$82409053C001", MONTH | LOT | {"quantity": 24}),
        ("$$82420928053C001", DAY | LOT | {"quantity": 24}),
        ("$$82430509283C001", DAY | LOT | {"quantity": 24}),
        ("$$8244050928223C001", DAY | LOT | {"quantity": 24}),
        ("$$8245052713C001", DAY | LOT | {"quantity": 24}),
        ("$$824605271223C001", DAY | LOT | {"quantity": 24}),
        ("$$82473C001", LOT | {"quantity": 24}),
        ("$$90010009053C001", MONTH | LOT | {"quantity": 100}),
        ("$$9001005052713C001", DAY | LOT | {"quantity": 100}),
        ("$$90010073C001", LOT | {"quantity": 100}),
        ("$$+09050001", MONTH | SERIAL),
        ("$$+20928050001", DAY | SERIAL),
        ("$$+30509280001", DAY | SERIAL),
        ("$$+4050928220001", DAY | SERIAL),
        ("$$+5052710001", DAY | SERIAL),
        ("$$+605271220001", DAY | SERIAL),
        ("$$+70001", SERIAL),
        ("$$73C001/14D20050928", DAY | LOT),
        ("$$73C001/S0001", LOT | SERIAL),
        (
            "$$20928053C001/S0001/16D20000101",
            DAY | LOT | SERIAL | {"manufactured_on": "2000-01-01"},
        ),
        ("$$73C001/25SXYZ", LOT | {"others": [["", "25SXYZ"]]}),
    ],
)
def test_secondary_data_are_the_same_alone_and_after_their_primary(
    data: str, expected: dict[str, Any]
) -> None:
    article = {"hibc_primary": "A123BJC5D6E71"}

    assert said(checked(f"+{data}G")) == expected
    assert said(checked(f"+A123BJC5D6E71/{data}")) == article | expected


def test_primary_and_secondary_on_two_lines_are_one_scan() -> None:
    assert said("+A123BJC5D6E71G\r\n+$$52001510X3GD\r\n") == {
        "hibc_primary": "A123BJC5D6E71",
        "expires_on": "2020-01-15",
        "lot": "10X3",
    }


def test_secondary_code_of_another_article_does_not_link() -> None:
    assert refusal("+A99912345" + check_character("+A99912345") + "\n+$$52001510X3GD").code == (
        "SCAN_CONTRADICTION"
    )


@pytest.mark.parametrize(
    "raw", ["+A123AA40 ", "*+A123AA40_*", "+$$0624J139276%5", "+$$02231162074ZA"]
)
def test_check_and_link_characters_may_be_any_of_the_alphabet(raw: str) -> None:
    assert said(raw)


def test_slash_as_check_character_separates_nothing() -> None:
    text = next(
        f"+A123X{number}0" for number in range(10**4) if checked(f"+A123X{number}0")[-1] == "/"
    )

    assert said(f"{text}/") == {"hibc_primary": text[1:]}


@pytest.mark.parametrize(
    ("raw", "code", "place"),
    [
        ("+A123BJC5D6E71H", "SCAN_CHECK_DIGIT", 15),
        ("+a123bjc5d6e71g", "SCAN_CHARACTER", 2),
        ("*+A123BJC5D6E71G", "SCAN_FORMAT", 16),
        ("+", "SCAN_FORMAT", 1),
        (checked("+A1231"), "SCAN_FORMAT", 2),
        (checked("+A123BCX"), "SCAN_FORMAT", 2),
        (checked("+A123" + "B" * 19 + "1"), "SCAN_FORMAT", 2),
        (checked("+/EO523201"), "SCAN_UNKNOWN", 2),
        (checked("+$$G"), "SCAN_FORMAT", 4),
        (checked("+$$X3C001G"), "SCAN_FORMAT", 4),
        (checked("+$$+8243C001G"), "SCAN_FORMAT", 5),
        (checked("+$$82X73C001G"), "SCAN_FORMAT", 5),
        (checked("+$$913G"), "SCAN_FORMAT", 5),
        (checked("+$$7" + "A" * 19 + "G"), "SCAN_FORMAT", 5),
        (checked("+$$13053C001G"), "SCAN_DATE", 4),
        (checked("+$$20229053C001G"), "SCAN_DATE", 5),
        (checked("+$$30509003C001G"), "SCAN_DATE", 5),
        (checked("+$$4050928243C001G"), "SCAN_DATE", 5),
        (checked("+$$5053663C001G"), "SCAN_DATE", 5),
        (checked("+$$5050003C001G"), "SCAN_DATE", 5),
        (checked("+$$73C001/14D2005092G"), "SCAN_DATE", 14),
        (checked("+$$73C001/16D2005W015G"), "SCAN_DATE", 14),
        (checked("+A99912345/$1/$2"), "SCAN_CONTRADICTION", 16),
    ],
)
def test_what_breaks_the_standard_says_where(raw: str, code: str, place: int) -> None:
    refused = refusal(raw)

    assert (refused.code, refused.place) == (code, place)
    assert refused.problem


@pytest.mark.parametrize("text", ["A123BJC5D6E71", "+A123BJC5D6E71G"])
def test_article_is_registered_with_or_without_flag_and_check_character(text: str) -> None:
    assert article_of(text) == "A123BJC5D6E71"


@pytest.mark.parametrize("text", ["", "A123", "a123bjc5d6e71", "+A123BJC5D6E71", "A123BJC5D6E7X"])
def test_text_that_is_no_article_is_not_registered(text: str) -> None:
    with pytest.raises(ScanError):
        article_of(text)
