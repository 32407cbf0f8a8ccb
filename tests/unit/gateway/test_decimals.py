from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.readers.decimals import SENTINEL, fahrenheit_to_celsius, parse_decimal, to_integers

SIGNS = st.sampled_from(("", "-", "+"))
DIGITS = st.text("0123456789", min_size=1, max_size=4)


@given(sign=SIGNS, whole=DIGITS, part=DIGITS, comma=st.booleans())
def test_number_is_exactly_what_was_written(
    sign: str, whole: str, part: str, *, comma: bool
) -> None:
    mark = "," if comma else "."
    expected = Fraction(int(whole + part), 10 ** len(part)) * (-1 if sign == "-" else 1)

    parsed = parse_decimal(f" {sign}{whole}{mark}{part} ", decimal_comma=comma)

    assert Fraction(parsed) == expected


@pytest.mark.parametrize(
    "text", ["", "1e3", "1,5", "0x10", "1 000", "5 °C", "inf", "--1", "٣", ".", "1.2.3"]
)
def test_anything_but_digits_sign_and_point_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="decimal number"):
        parse_decimal(text, decimal_comma=False)


def test_point_is_refused_where_a_comma_is_promised() -> None:
    with pytest.raises(ValueError, match="promises a comma"):
        parse_decimal("1.234,5", decimal_comma=True)


@given(
    values=st.lists(
        st.none() | st.decimals(-99_999, 99_999, allow_nan=False, places=3), min_size=1, max_size=20
    )
)
def test_integers_and_exponent_give_the_column_back_exactly(values: list[Decimal | None]) -> None:
    integers, exponent = to_integers(values)

    back = [
        None if i == SENTINEL else Fraction(i) * Fraction(10) ** exponent for i in integers.tolist()
    ]
    assert back == [None if value is None else Fraction(value) for value in values]


def test_digits_beyond_32_bits_are_rounded_half_even_to_thousandths() -> None:
    integers, exponent = to_integers([Decimal("99999.0005"), Decimal("1.0015")])

    assert (integers.tolist(), exponent) == ([999990005, 10015], -4)
    integers, exponent = to_integers([Decimal("999999.0005"), Decimal("1.0015")])
    assert (integers.tolist(), exponent) == ([999999000, 1002], -3)


def test_value_beyond_any_range_is_named_by_its_position() -> None:
    with pytest.raises(OverflowError) as overflow:
        to_integers([Decimal(1), None, Decimal(10**10)])

    assert overflow.value.args == (2,)


@given(st.decimals(-200, 400, allow_nan=False, places=2))
def test_fahrenheit_is_within_half_a_thousandth_of_the_exact_celsius(fahrenheit: Decimal) -> None:
    exact = (Fraction(fahrenheit) - 32) * 5 / 9

    error = abs(Fraction(fahrenheit_to_celsius(fahrenheit)) - exact)

    assert error <= Fraction(1, 2000)


@pytest.mark.parametrize(
    ("fahrenheit", "celsius"), [("32", "0"), ("212", "100"), ("-40", "-40"), ("46.4", "8")]
)
def test_fixed_points_of_both_scales_meet(fahrenheit: str, celsius: str) -> None:
    assert fahrenheit_to_celsius(Decimal(fahrenheit)) == Decimal(celsius)
