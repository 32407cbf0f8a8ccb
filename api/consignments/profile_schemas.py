"""What is said about profiles."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from api.schemas import Body, Identifier, JsonDocument, View, example


class ProfileIn(Body):
    """A profile to add, as its file has it; ``party`` is for the operator to name another."""

    model_config = example(
        profile={
            "id": "ACME_2_8",
            "version": 1,
            "description": "Acme's liquid vaccine: 12 hours above 8 °C by stability study S-17",
            "source": "stability study S-17, version 3",
            "confidence": "A",
            "label": [2.0, 8.0],
            "valid": {"from": "2026-01-01", "until": None},
            "rules": [
                {"id": "HI_LABEL", "when": "T > 8.0", "mode": "instant", "action": "EXCURSION"},
                {"id": "HI_HARD", "when": "T > 25.0", "mode": "instant", "action": "FAIL"},
                {"id": "LO_LABEL", "when": "T < 2.0", "mode": "instant", "action": "HOLD"},
            ],
            "stability": {"bands": [{"above": 8.0, "budget": "12h"}]},
        }
    )
    profile: JsonDocument
    party: Identifier | None = None


class ProfileView(View):
    """One version of a rule set; ``party`` is None where it ships with Coldgate."""

    id: str
    version: int
    digest: str
    party: Annotated[str | None, Field(validation_alias="party_id")]
    valid_from: date | None
    valid_until: date | None
    body: dict[str, object]
    created_at: datetime


class ProfileList(View):
    """Rule sets that a consignment can be judged by."""

    items: list[ProfileView]
