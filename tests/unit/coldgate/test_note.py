"""Notes beside an own reading of C2SP signed-note and tlog-checkpoint."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from coldgate.errors import NoteError
from coldgate.note import Checkpoint, NoteKey, open_note, sign_note, split_notes

SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = NoteKey(name="example.org/log", public=SECRET.public_key().public_bytes_raw())
OTHER_SECRET = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = NoteKey(name="example.org/log", public=OTHER_SECRET.public_key().public_bytes_raw())
CHECKPOINT = Checkpoint(origin="example.org/log", size=20852163, root=bytes(range(32)))
NOTE = sign_note(CHECKPOINT.text, KEY, SECRET.sign)
# The example of the Go package golang.org/x/mod/sumdb/note.
GO_KEY = NoteKey(
    name="PeterNeumann",
    public=base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:],
)
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"  # noqa: E501 - one line of a note
)


def test_note_of_another_implementation_is_opened() -> None:
    text, signer = open_note(GO_NOTE, [GO_KEY])

    assert text.endswith("what your problem is.\n")
    assert signer.text == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_note_says_what_the_format_asks_for_byte_by_byte() -> None:
    origin, size, root, empty, signature, end = NOTE.split("\n")
    dash, name, encoded = signature.split(" ")
    signed = base64.b64decode(encoded)

    assert (origin, size, empty, end) == ("example.org/log", "20852163", "", "")
    assert base64.b64decode(root) == bytes(range(32))
    assert (dash.encode(), name) == (b"\xe2\x80\x94", "example.org/log")
    assert signed[:4] == hashlib.sha256(name.encode() + b"\n\x01" + KEY.public).digest()[:4]
    key = Ed25519PublicKey.from_public_bytes(KEY.public)
    key.verify(signed[4:], f"{origin}\n{size}\n{root}\n".encode())


def test_checkpoint_is_read_back_with_lines_that_extend_it() -> None:
    text, _ = open_note(sign_note(CHECKPOINT.text + "more\n", KEY, SECRET.sign), [KEY])

    assert Checkpoint.parse(text) == CHECKPOINT


@given(place=st.integers(0, len(NOTE) - 1), letter=st.characters())
def test_note_with_another_letter_is_not_opened(place: int, letter: str) -> None:
    changed = NOTE[:place] + letter + NOTE[place + 1 :]

    if changed != NOTE:
        with pytest.raises(NoteError):
            open_note(changed, [KEY])


def test_note_by_a_key_nobody_knows_is_not_opened() -> None:
    with pytest.raises(NoteError, match="none of the known keys"):
        open_note(NOTE, [OTHER])


def test_signature_of_a_stranger_beside_ours_says_nothing() -> None:
    stranger = sign_note(CHECKPOINT.text, OTHER, OTHER_SECRET.sign).rpartition("\n\n")[2]

    assert open_note(NOTE + stranger, [KEY]) == (CHECKPOINT.text, KEY)


@pytest.mark.parametrize(
    "text",
    ["", "x\n", "x\n01\nAA==\n", "x\n-1\nAA==\n", "x\n1\nAA==\n", "\n1\nAA==\n", "x\n1\n?\n"],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


@pytest.mark.parametrize("text", ["no end of line", "nul\0\n"])
def test_text_that_no_note_can_have_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        sign_note(text, KEY, SECRET.sign)


def test_notes_of_a_file_are_told_apart_even_if_the_last_one_was_cut() -> None:
    second = sign_note("second\n", KEY, SECRET.sign)

    assert split_notes(f"{NOTE}\n{second}\n") == [NOTE, second]
    assert split_notes(f"{NOTE}\n{second}\n{NOTE[:70]}") == [NOTE, second, NOTE[:70]]
    assert split_notes("") == []
