"""What is asked of signers, what they are shown, and what a signature says."""

from datetime import datetime
from enum import Enum
from typing import Annotated

from pydantic import Field

from api.approvals.flow import Meaning
from api.identity.reauthentication import Proof
from api.identity.rights import Role
from api.schemas import Body, Identifier, JsonDocument, Moment, RowId, View, example

Reason = Annotated[
    str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 in hexadecimal")]


class Which(Enum):
    """Which requests to list."""

    WAITING = "waiting"  # for a signature of the user who asks
    OPEN = "open"
    ALL = "all"


class SignatureIn(Body):
    """A signature: what it means, why, and proof that the signer is there at this moment.

    `digest` is that of the record that was shown. Without `step`: the first open one that waits for
    the signer.
    """

    model_config = example(
        meaning="approved release",
        reason="Excursion of 12 min at 8.4 °C, within the stability budget",
        digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        proof={"password": "correct horse battery staple"},
    )
    meaning: Meaning
    reason: Reason
    digest: Digest
    proof: Proof
    step: Annotated[int, Field(ge=1, le=9)] | None = None


class WithdrawalIn(Body):
    """Why a request is taken back."""

    model_config = example(reason="The wrong lines were named")
    reason: Reason


class VerificationView(View):
    """What was found when the signature was read; `valid` if all three are true.

    `seal`: the manifest is what the server sealed. `digest`: it is about the record of this
    request. `record`: that record is still the one that is stored where it belongs.
    """

    seal: bool
    digest: bool
    record: bool
    valid: bool


class SignatureView(View):
    """The manifest of a signature as it was sealed, and whether it still holds."""

    manifest: dict[str, object]
    key: Annotated[str, Field(description="Id of the server's key that sealed it")]
    seal: Annotated[str, Field(description="Ed25519, base64url")]
    verification: VerificationView


class StepView(View):
    """A step that waits; `roles` are those that may sign it now, `overdue` ones have escalated."""

    step: int
    order: int
    party: str | None
    roles: list[Role]
    meanings: list[Meaning]
    missing: int
    overdue_at: datetime | None
    overdue: bool


class MineView(View):
    """In what the user who asks may sign; else `code` says why not."""

    step: int | None = None
    role: Role | None = None
    on_behalf_of: str | None = None
    code: str | None = None


class FlowKeyView(View):
    """The flow version a request was opened with; `party` is None where it ships with Coldgate."""

    id: str
    version: int
    party: str | None


class SignedView(View):
    """A request for signatures as the record that it is about shows it."""

    id: int
    flow: FlowKeyView
    state: str
    record_sha256: str
    opened_at: datetime
    closed_at: datetime | None
    signatures: list[SignatureView]


class ApprovalView(SignedView):
    """A request for signatures: the record to be shown, its digest, and who signs next.

    `canonical_record` is the text that the digest is of; `record` is the same, taken apart.
    """

    party: str
    consignment: str | None
    subject_kind: str
    subject: str
    record: dict[str, object]
    canonical_record: str
    author: str
    due_at: datetime | None
    waits_for: list[StepView]
    you: MineView | None


class DelegationIn(Body):
    """Lend one of your roles to a colleague; `until` is not included.

    The proof is for the SHA-256 of the canonical JSON of the other members.
    """

    model_config = example(
        to_user=12,
        role="qa",
        valid_from="2026-07-01T00:00:00Z",
        valid_until="2026-07-15T00:00:00Z",
        reason="Annual leave",
        proof={"password": "correct horse battery staple"},
    )
    to_user: RowId
    role: Role
    valid_from: Moment
    valid_until: Moment
    reason: Reason
    proof: Proof


class DelegationView(View):
    """A role that is or was lent; it counts only while the lender has the role itself."""

    id: int
    party: Annotated[str, Field(validation_alias="party_id")]
    from_user: Annotated[int, Field(validation_alias="from_user_id")]
    to_user: Annotated[int, Field(validation_alias="to_user_id")]
    role: Role
    valid_from: datetime
    valid_until: datetime
    reason: str
    recorded_by: str
    recorded_at: datetime
    ended_at: datetime | None
    ended_by: str | None


class FlowIn(Body):
    """A flow to add, as its file has it; ``party`` is for the operator to name another."""

    model_config = example(
        flow={
            "id": "disposition_fail",
            "version": 1,
            "description": "Quality, the responsible person, and the manufacturer",
            "expires": "14d",
            "steps": [
                {"order": 1, "roles": ["qa"], "meanings": ["reviewed"], "limit": "8h"},
                {
                    "order": 2,
                    "roles": ["qa_approver"],
                    "meanings": ["approved release"],
                    "limit": "48h",
                },
                {
                    "order": 2,
                    "roles": ["qa", "qa_approver"],
                    "meanings": ["responsibility"],
                    "party": "manufacturer",
                },
            ],
        }
    )
    flow: JsonDocument
    party: Identifier | None = None


class FlowView(View):
    """One version of a flow; ``party`` is None where it ships with Coldgate."""

    id: Annotated[str, Field(validation_alias="name")]
    version: int
    party: Annotated[str | None, Field(validation_alias="party_id")]
    digest: str
    body: dict[str, object]
    created_at: datetime


class FlowList(View):
    """Flows, the newest version first; a party's own counts before the packaged one."""

    items: list[FlowView]
