"""What is said about gateways, loggers and refused messages."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from api.schemas import MAX_INT, Body, Identifier, Secret, Serial, ShownOnce, Text, View, example
from coldgate.crypto import public_key_from_text

Partition = Annotated[str, Field(pattern=r"^p(0[0-9]|1[0-5])$")]


def _is_key(text: str) -> str:
    public_key_from_text(text)
    return text


PublicKey = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="Ed25519, 32 bytes in base64url"),
    AfterValidator(_is_key),
]


class GatewayIn(Body):
    """A gateway to register; ``partition`` is for migrations, else it follows from the id."""

    model_config = example(id="gateway-7", public_key="11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    id: Identifier
    public_key: PublicKey
    partition: Partition | None = None
    party: Identifier | None = None


class Topics(View):
    """Where a gateway may publish, and where it hears from us."""

    readings: str
    status: str
    acknowledgements: str


class GatewayCredentials(ShownOnce):
    """What a gateway needs to connect; ``password`` is shown once, null when repeated."""

    id: str
    partition: str
    broker_host: str
    broker_port: int
    username: str
    password: Secret
    topics: Topics


class GatewayView(View):
    """A gateway and what it said last.

    `cut_today`: refused messages since midnight UTC of which only the beginning was kept.
    """

    id: Annotated[str, Field(validation_alias="name")]
    party: Annotated[str, Field(validation_alias="party_id")]
    partition: str
    public_key: str
    created_at: datetime
    revoked_at: datetime | None
    last_seen_at: datetime | None
    status: dict[str, object] | None
    cut_today: int


class LoggerIn(Body):
    """A logger to register; without ``interval_seconds`` the median of its stamps counts."""

    model_config = example(serial="QT-100123", model="Q-tag CLm doc", interval_seconds=600)
    serial: Serial
    model: Text = ""
    interval_seconds: Annotated[int, Field(ge=1, le=MAX_INT // 1000)] | None = None
    party: Identifier | None = None


class LoggerView(View):
    """A logger."""

    id: int
    serial: str
    party: Annotated[str, Field(validation_alias="party_id")]
    model: str
    interval_ms: int | None
    created_at: datetime
    revoked_at: datetime | None


class RefusedView(View):
    """A message, or one logger's part of it, that could not be taken.

    Its bytes are kept; of a sender that has many of them refused only the beginning.
    """

    id: int
    received_at: datetime
    topic: str
    sender: str
    code: str
    problem: str
    serial: str
    sha256: str
    payload_bytes: int
    kept_bytes: int
