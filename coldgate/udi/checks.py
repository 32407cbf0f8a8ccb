"""Check digits of GS1 and check characters of HIBC."""

from __future__ import annotations

from typing import Final

from biip.checksums import gs1_standard_check_digit

from coldgate.errors import ScanError

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"  # ANSI/HIBC 2.6, appendix B
GTIN_LENGTHS: Final = (8, 12, 13, 14)
GTIN_DIGITS: Final = 14
_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}


def checked_gtin(digits: str, place: int) -> str:
    """A GTIN-8, -12, -13 or -14 as 14 digits; `ScanError` for a wrong check digit."""
    if len(digits) not in GTIN_LENGTHS or not is_digits(digits):
        raise ScanError("SCAN_FORMAT", place, "a GTIN has 8, 12, 13 or 14 digits")
    _require_check_digit(digits, place, "GTIN")
    return digits.zfill(GTIN_DIGITS)


def checked_sscc(digits: str, place: int) -> str:
    """An SSCC of 18 digits; `ScanError` for a wrong check digit."""
    _require_check_digit(digits, place, "SSCC")
    return digits


def check_character(text: str) -> str:
    """The character that makes ``text`` a HIBC code; ``text`` keeps to `ALPHABET`."""
    return ALPHABET[sum(_VALUES[character] for character in text) % len(ALPHABET)]


def is_digits(text: str) -> bool:
    """Whether these are digits 0 to 9, and at least one."""
    return text.isascii() and text.isdecimal()


def _require_check_digit(digits: str, place: int, name: str) -> None:
    expected = gs1_standard_check_digit(digits[:-1])
    if int(digits[-1]) != expected:
        raise ScanError(
            "SCAN_CHECK_DIGIT",
            place,
            f"{name} {digits} ends in {digits[-1]} and should end in {expected}; "
            "scan again, or compare with the print",
        )
