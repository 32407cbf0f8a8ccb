"""What the bytes of a document are, whatever they are said to be; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from coldgate.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PDF: Final = "application/pdf"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
JSON: Final = "application/json"
XML: Final = "application/xml"
PLAIN: Final = "text/plain"
CSV: Final = "text/csv"
SUFFIXES: Final[Mapping[str, str]] = {
    PDF: "pdf",
    PNG: "png",
    JPEG: "jpg",
    JSON: "json",
    XML: "xml",
    PLAIN: "txt",
    CSV: "csv",
}
_ALIASES: Final = {"text/xml": XML}
_MAGIC: Final = {b"%PDF-": PDF, b"\x89PNG\r\n\x1a\n": PNG, b"\xff\xd8\xff": JPEG}
_ENDS: Final = {  # a file that was cut off on its way is not the document
    PDF: b"%%EOF",
    PNG: b"IEND\xaeB`\x82",
    JPEG: b"\xff\xd9",
}
_TAIL_BYTES: Final = 1024
_CHARSETS: Final = frozenset({"", "utf-8", "us-ascii"})
_MARK: Final = "\ufeff"
_WORD: Final = "DOCUMENT_TYPE_MISMATCH"


def checked_type(declared: str, content: bytes) -> str:
    """The media type of ``content``, which is the one ``declared`` in the Content-Type.

    Raises:
        DocumentError: the type is none that is taken, or the bytes are something else.
    """
    media_type = _media_type(declared)
    if not content:
        raise DocumentError("DOCUMENT_EMPTY", "the document has no bytes")
    found = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    if media_type in _ENDS:
        whole = _ENDS[media_type] in content[-_TAIL_BYTES:]
        problem = "" if found == media_type and whole else "they are not, or not whole"
    elif found is not None:
        problem = f"they are {found}"
    else:
        problem = _text_problem(media_type, content)
    if problem:
        raise DocumentError(_WORD, f"the bytes are said to be {media_type}: {problem}")
    return media_type


def _media_type(declared: str) -> str:
    name, _, parameters = declared.partition(";")
    media_type = name.strip().lower()
    media_type = _ALIASES.get(media_type, media_type)
    if media_type not in SUFFIXES:
        taken = ", ".join(SUFFIXES)
        raise DocumentError(_WORD, f"send as Content-Type what the document is: {taken}")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if charset not in _CHARSETS:
        raise DocumentError(_WORD, "text is taken in UTF-8 only")
    return media_type


def _text_problem(media_type: str, content: bytes) -> str:
    """What is wrong with the bytes as text of that type; empty where nothing is."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte {error.start} is not UTF-8"
    if "\0" in text:
        return "text holds no NUL"
    check = _CHECKS.get(media_type)
    return check(text.removeprefix(_MARK)) if check else ""


def _json_problem(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"they are not JSON: {error}"
    return ""


def _xml_problem(text: str) -> str:
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = _refuse_declaration
    try:
        parser.Parse(text.encode(), True)  # noqa: FBT003 - positional in the C module
    except expat.ExpatError as error:
        return f"they are not XML: {error}"
    except DocumentError as error:
        return error.problem
    return ""


def _refuse_declaration(*_: object) -> None:
    raise DocumentError(_WORD, "XML with a document type declaration is not taken")


_CHECKS: Final[Mapping[str, Callable[[str], str]]] = {JSON: _json_problem, XML: _xml_problem}
