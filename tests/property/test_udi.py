"""Codes built from fields say those fields again; whatever else comes is refused in our words."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from coldgate.errors import ScanError
from coldgate.model import Purpose
from coldgate.udi.checks import check_character, checked_gtin
from coldgate.udi.matching import ShippedLine, compare
from coldgate.udi.reading import read
from coldgate.udi.scan import Form, Scan
from coldgate.udi.standing import TakenScan, stand

TODAY: Final = date(2026, 3, 1)
GS: Final = "\x1d"
GS1_LETTERS: Final = (
    "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)
HIBC_ORDER: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"


def luhn_like(digits: str) -> str:
    """The GS1 check digit as the General Specifications' figure 7.9.1 sums it: from the left."""
    weights = [3 if (len(digits) - place) % 2 else 1 for place in range(len(digits))]
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return str(-total % 10)


def mod43(text: str) -> str:
    """The HIBC check character by repeated subtraction of 43, as people do it on paper."""
    total = sum(HIBC_ORDER.find(character) for character in text)
    while total >= 43:
        total -= 43
    return HIBC_ORDER[total]


digits = st.text("0123456789", min_size=13, max_size=13)
numbers = st.text(GS1_LETTERS, min_size=1, max_size=20)
days = st.dates(date(1980, 1, 1), date(2070, 12, 31))
hibc_numbers = st.text(HIBC_ORDER[:36], min_size=1, max_size=18)
articles = st.from_regex(r"[A-Z][A-Z0-9]{3}[A-Z0-9]{1,18}[0-9]", fullmatch=True)


@st.composite
def labels(draw: st.DrawFn) -> dict[str, Any]:
    """The fields of a label of GS1."""
    body = draw(digits)
    return {
        "gtin": body + luhn_like(body),
        "lot": draw(numbers),
        "expires_on": draw(days),
        "serial": draw(numbers),
    }


def of(scan: Scan, fields: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(scan, name) for name in fields}


@given(labels(), st.sampled_from(["", "]C1", "]d2", "]d2" + GS, "]Q3", "]e0"]), st.booleans())
def test_element_string_says_its_fields(
    fields: dict[str, Any],
    symbology: str,
    lot_first: bool,  # noqa: FBT001 - Hypothesis passes it
) -> None:
    dated = f"17{fields['expires_on']:%y%m%d}"
    variable = [f"10{fields['lot']}", f"21{fields['serial']}"]
    tail = GS.join(variable if lot_first else variable[::-1])

    scan = read(f"{symbology}01{fields['gtin']}{dated}{tail}", today=TODAY)

    assert of(scan, fields) == fields


@given(labels(), st.sampled_from(["id.gs1.org", "example.com/a/b", "shop.example:8080/01"]))
def test_digital_link_says_its_fields(fields: dict[str, Any], resolver: str) -> None:
    lot, serial = (quote(fields[name], safe="") for name in ("lot", "serial"))
    path = f"01/{fields['gtin']}/10/{lot}/21/{serial}"

    link = f"https://{resolver}/{path}?17={fields['expires_on']:%y%m%d}&linkType=gs1:pip"

    assert of(read(link, today=TODAY), fields) == fields


@given(labels())
def test_printed_text_says_its_fields(fields: dict[str, Any]) -> None:
    assume("(" not in fields["lot"] + fields["serial"])

    printed = "(01){gtin} (17){expires_on:%y%m%d} (10){lot} (21){serial}".format(**fields)

    assert of(read(printed, today=TODAY), fields) == fields


def dated(form: str, day: date) -> str:
    """The date behind each reference of HIBC, as strftime writes it."""
    formats = {"2": "%m%d%y", "3": "%y%m%d", "4": "%y%m%d07", "5": "%y%j", "6": "%y%j23"}
    return form + day.strftime(formats[form])


@given(
    articles,
    hibc_numbers,
    days,
    st.sampled_from("23456"),
    st.one_of(st.none(), st.integers(0, 99_999)),
    st.booleans(),
)
def test_hibc_code_says_its_fields(
    article: str,
    lot: str,
    day: date,
    form: str,
    quantity: int | None,
    together: bool,  # noqa: FBT001 - Hypothesis passes it
) -> None:
    count = "" if quantity is None else f"9{quantity:05}"
    data = f"$${count}{dated(form, day)}{lot}"
    primary = f"+{article}"
    link = mod43(primary)
    code = f"{primary}/{data}" if together else f"+{data}{link}"
    raw = code + mod43(code) if together else f"{primary}{link}\n{code}{mod43(code)}"

    scan = read(raw, today=TODAY)

    assert (scan.hibc_primary, scan.lot, scan.expires_on) == (article, lot, day)
    assert scan.quantity == quantity


@given(st.text("0123456789", min_size=7, max_size=13).filter(lambda t: len(t) in {7, 11, 12, 13}))
def test_check_digit_agrees_with_the_oracle_and_only_it_passes(body: str) -> None:
    right = luhn_like(body)

    assert checked_gtin(body + right, 1) == (body + right).zfill(14)
    for wrong in set("0123456789") - {right}:
        with pytest.raises(ScanError, match="should end in"):
            checked_gtin(body + wrong, 1)


@given(st.text(HIBC_ORDER, min_size=1, max_size=60))
def test_check_character_agrees_with_the_oracle(text: str) -> None:
    assert check_character(text) == mod43(text)


@given(labels(), st.integers(0, 13), st.integers(1, 9))
def test_one_misread_digit_of_a_gtin_never_passes(
    fields: dict[str, Any], place: int, shift: int
) -> None:
    gtin = fields["gtin"]
    misread = str((int(gtin[place]) + shift) % 10)
    wrong = gtin[:place] + misread + gtin[place + 1 :]

    with suppress(ScanError):
        raise AssertionError(read(f"(01){wrong}", today=TODAY))


LOOSE = st.one_of(
    st.text(max_size=200),
    st.text("0123456789()]+*$/.% \x1d\r\nABCdQeS_", max_size=200),
    st.builds(
        str.__add__,
        st.sampled_from(
            [
                "]C1",
                "]d2\x1d",
                "]Q1",
                "]E0",
                "(01)",
                "+A123",
                "+$$",
                "*+",
                "01",
                "https://x/01/",
                "https://x/01/09506000134352?",
            ]
        ),
        st.text("0123456789()+$/%&=;SDQ \x1dAB", max_size=120),
    ),
)


@given(LOOSE)
@example("https://x/01/09506000134352?99=%F0%9F%A7%8A")
@example("(" * 2000)
@example("(01)" * 500)
@example("20" * 1024)
@example("+" + "/" * 2000)
@example("https://x/" + "/" * 2000)
@example("https://x/" + "01/" * 600)
@example("https://x/01/09506000134352?" + "10=%41&" * 280)
@example("\x1d" * 2048)
@example("\r\n" * 1024)
@example("٠١٢٣٤٥٦٧")
def test_no_text_raises_any_error_but_ours_and_what_is_read_is_storable(raw: str) -> None:
    with suppress(ScanError):
        scan = read(raw, today=TODAY)
        told = str(scan.as_json())
        assert "\\x00" not in told
        assert scan.raw == raw


@given(st.text(HIBC_ORDER, min_size=2, max_size=60))
def test_no_code_with_a_right_check_character_raises_any_error_but_ours(body: str) -> None:
    code = f"+{body}"

    with suppress(ScanError):
        assert read(code + mod43(code), today=TODAY).form is Form.HIBC


lots = st.sampled_from(["A", "B", "C"])
gtins = st.sampled_from(["09506000134352", "09521234543213", None])
few_days = st.sampled_from([TODAY, TODAY + timedelta(days=1), None])
lines_of = st.builds(
    ShippedLine,
    position=st.just(0),
    product=st.just("p"),
    lot=lots,
    gtin=gtins,
    expires_on=few_days,
    sscc=st.sampled_from(["1" * 18, "2" * 18, None]),
    serials=st.sampled_from([("X", "Y"), ("Z",), None]),
    scan_required=st.booleans(),
)
scans_of = st.builds(
    Scan,
    gtin=gtins,
    lot=st.one_of(lots, st.none()),
    expires_on=few_days,
    sscc=st.sampled_from(["1" * 18, "3" * 18, None]),
    serial=st.sampled_from(["X", "Z", None]),
    raw=st.just(""),
    form=st.just(Form.TEXT),
)


def fits(scan: Scan, line: ShippedLine) -> bool:
    """The rule in one sentence: it names the article or the pallet, and says nothing else wrong."""
    named = (scan.gtin and line.gtin) or (scan.sscc and scan.sscc == line.sscc)
    wrong = [
        scan.gtin and line.gtin and scan.gtin != line.gtin,
        scan.lot and scan.lot != line.lot,
        scan.expires_on and line.expires_on and scan.expires_on != line.expires_on,
        scan.sscc and line.sscc and scan.sscc != line.sscc,
        scan.serial and line.serials and scan.serial not in line.serials,
    ]
    return bool(named) and not any(wrong)


@given(st.lists(lines_of, max_size=4), st.lists(scans_of, max_size=4))
def test_standing_agrees_with_the_rule_line_by_line(
    lines: list[ShippedLine], scans: list[Scan]
) -> None:
    shipped = [
        ShippedLine(**{name: getattr(line, name) for name in line.__slots__} | {"position": place})
        for place, line in enumerate(lines, start=1)
    ]
    taken = [
        TakenScan(id=number, purpose=Purpose.DISPATCH, scan=scan)
        for number, scan in enumerate(scans)
    ]

    found = stand(taken, shipped, [Purpose.DISPATCH])

    for scan in scans:
        expected = tuple(line.position for line in shipped if fits(scan, line))
        assert compare(scan, shipped).positions == expected
    mismatches = {one.id for one in found.mismatches}
    assert mismatches == {
        number for number, scan in enumerate(scans) if not any(fits(scan, line) for line in shipped)
    }
