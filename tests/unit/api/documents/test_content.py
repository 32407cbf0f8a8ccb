from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.documents.content import SUFFIXES, checked_type
from coldgate.errors import DocumentError

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(17) + b"\0\0\0\0IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0" + bytes(16) + b"\xff\xd9"
SAMPLES = {
    "application/pdf": PDF,
    "image/png": PNG,
    "image/jpeg": JPEG,
    "application/json": b'{"lot": "A1"}',
    "application/xml": b"<?xml version='1.0'?><coa lot='A1'/>",
    "text/plain": "Prüfbericht".encode(),
    "text/csv": b"lot,result\nA1,pass\n",
}
BINARY = ("application/pdf", "image/png", "image/jpeg")


def refused(declared: str, content: bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        checked_type(declared, content)
    return caught.value.code


@pytest.mark.parametrize("media_type", SAMPLES)
def test_what_is_what_it_says_is_taken(media_type: str) -> None:
    assert checked_type(media_type, SAMPLES[media_type]) == media_type
    assert set(SAMPLES) == set(SUFFIXES)


@pytest.mark.parametrize("declared", SAMPLES)
@pytest.mark.parametrize("actual", BINARY)
def test_a_picture_or_pdf_is_nothing_else(declared: str, actual: str) -> None:
    if declared != actual:
        assert refused(declared, SAMPLES[actual]) == "DOCUMENT_TYPE_MISMATCH"


@pytest.mark.parametrize("declared", BINARY)
def test_text_is_no_picture(declared: str) -> None:
    assert refused(declared, b"hello") == "DOCUMENT_TYPE_MISMATCH"


@pytest.mark.parametrize("media_type", BINARY)
def test_a_file_that_was_cut_off_is_refused(media_type: str) -> None:
    assert refused(media_type, SAMPLES[media_type][:-8]) == "DOCUMENT_TYPE_MISMATCH"


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("text/plain", b"a\0b"),
        ("text/plain", b"caf\xe9"),
        ("text/plain; charset=latin-1", b"cafe"),
        ("application/json", b"{lot: A1}"),
        ("application/json", b"[" * 100_000),
        ("application/xml", b"<coa>"),
        ("application/xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        ("text/html", b"<script>alert(1)</script>"),
        ("image/svg+xml", b"<svg/>"),
        ("application/octet-stream", PDF),
        ("", PDF),
    ],
)
def test_what_is_not_what_it_says_is_refused(declared: str, content: bytes) -> None:
    assert refused(declared, content) == "DOCUMENT_TYPE_MISMATCH"


def test_a_document_without_bytes_is_none() -> None:
    assert refused("text/plain", b"") == "DOCUMENT_EMPTY"


def test_the_type_is_read_as_the_standard_writes_it() -> None:
    assert checked_type('Text/CSV; charset="UTF-8"', b"a,b") == "text/csv"
    assert checked_type("text/xml", b"\xef\xbb\xbf<a/>") == "application/xml"


@given(st.sampled_from(sorted(SUFFIXES)), st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused_and_nothing_else(declared: str, content: bytes) -> None:
    with suppress(DocumentError):
        assert checked_type(declared, content) == declared
