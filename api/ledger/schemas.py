"""Shapes of the ledger's answers; digests and hashes are hex."""

from datetime import datetime

from api.schemas import View


class KeyView(View):
    """A public key that Coldgate signs with, or once did."""

    id: str
    public_key: str  # Ed25519, base64url
    note_key: str  # the same for tools that verify notes
    added_at: datetime


class KeyList(View):
    """Every key, oldest first; the last one is in force."""

    origin: str
    items: list[KeyView]


class CheckpointView(View):
    """How long the ledger was and what root its tree had, with the note that signs for it."""

    size: int
    root: str
    note: str  # C2SP tlog-checkpoint
    key_id: str
    made_at: datetime


class EntryView(View):
    """One entry of the ledger at its place."""

    sequence: int
    entered_at: datetime
    actor: str
    kind: str
    subject: str
    digest: str  # SHA-256 of the body
    previous: str
    hash: str


class WholeEntryView(EntryView):
    """One entry with its body, byte for byte.

    It is None of an entry older than kept bodies, and of an evaluation that counts what a lot spent
    on journeys which are not for the caller to know.
    """

    leaf: str
    body: str | None


class InclusionView(View):
    """What proves that an entry is in the tree of ``size`` entries (RFC 9162, section 2.1.3)."""

    sequence: int
    index: int  # sequence - 1: leaves count from 0
    size: int
    leaf: str
    root: str
    proof: list[str]


class ConsistencyView(View):
    """What proves one tree to be the beginning of another (RFC 9162, section 2.1.4)."""

    first: int
    second: int
    first_root: str
    second_root: str
    proof: list[str]
