"""Signed notes and the checkpoints of logs in them (C2SP signed-note and tlog-checkpoint).

A note is text that ends with a newline, an empty line, and one line for each signature: an em
dash, the name of the key, and in base64 the key's number (4 bytes) with the signature (Ed25519).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from coldgate.errors import NoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ED25519: Final = b"\x01"  # signature type, C2SP signed-note
_NUMBER_BYTES: Final = 4
_SIGNATURE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_HASH_BYTES: Final = 32
_LEAST_LINES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKey:
    """A key that signs notes under a name, which has neither spaces nor ``+``."""

    name: str
    public: bytes  # 32 bytes

    @property
    def number(self) -> bytes:
        """By which a signature names its key; no secret, and not proof of anything."""
        named = self.name.encode() + b"\n" + _ED25519 + self.public
        return hashlib.sha256(named).digest()[:_NUMBER_BYTES]

    @property
    def text(self) -> str:
        """The key as tools of the Go checksum database take it (a "vkey")."""
        encoded = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.number.hex()}+{encoded}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How long a log was at one moment, and the root of its tree."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text of its note."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint in a note's text, which may say more in further lines."""
        lines = text.split("\n")
        if len(lines) <= _LEAST_LINES or not lines[0] or not _SIZE.fullmatch(lines[1]):
            raise NoteError("not a checkpoint: it begins with an origin and a size")
        root = _from_base64(lines[2])
        if len(root) != _HASH_BYTES:
            raise NoteError("not a checkpoint: the root is not 32 bytes")
        return cls(origin=lines[0], size=int(lines[1]), root=root)


def sign_note(text: str, key: NoteKey, sign: Callable[[bytes], bytes]) -> str:
    """The note with the text, signed; ``sign`` is Ed25519 by the key over the bytes it is given."""
    if not text.endswith("\n") or "\0" in text:
        raise NoteError("a note's text ends with a newline and has no NUL")
    signature = base64.b64encode(key.number + sign(text.encode())).decode()
    return f"{text}\n— {key.name} {signature}\n"


def open_note(note: str, keys: Iterable[NoteKey]) -> tuple[str, NoteKey]:
    """The text of a note, and which of the keys signed it.

    A signature by a key that is not among them says nothing; a wrong one by a key that is, refutes
    the note.

    Raises:
        NoteError: it is no note, or none of the keys signed it.
    """
    text, signatures = _split(note)
    known = {(key.name, key.number): key for key in keys}
    signers = []
    for name, signed in signatures:
        key = known.get((name, signed[:_NUMBER_BYTES]))
        if key is not None:
            _verify(text, key, signed[_NUMBER_BYTES:])
            signers.append(key)
    if not signers:
        raise NoteError("none of the known keys signed the note")
    return text, signers[0]


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, gap, rest = note.rpartition("\n\n")
    if not gap or not rest.endswith("\n"):
        raise NoteError("not a note: no signatures behind an empty line")
    matches = [_SIGNATURE.fullmatch(line) for line in rest[:-1].split("\n")]
    found = [(match[1], _from_base64(match[2])) for match in matches if match]
    if len(found) != len(matches):
        raise NoteError("not a note: a line behind the text is no signature")
    return text + "\n", found


def _verify(text: str, key: NoteKey, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except (InvalidSignature, ValueError) as error:
        raise NoteError(f"the signature of {key.name} does not fit the note") from error


def _from_base64(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("not base64") from error
    if base64.b64encode(found).decode() != text:  # the last letter has bits to spare
        raise NoteError("not base64 in its only form")
    return found


def split_notes(text: str) -> list[str]:
    """The notes of a file, which stand one after another with an empty line between.

    What is left of a note that was being written when the power went stays as the last one.
    """
    notes: list[str] = []
    lines: list[str] = []
    ended = False
    for line in text.splitlines(keepends=True):
        if ended and line == "\n":
            notes.append("".join(lines))
            lines, ended = [], False
            continue
        lines.append(line)
        ended = line.startswith("— ") and line.endswith("\n")
    return [*notes, "".join(lines)] if lines else notes
