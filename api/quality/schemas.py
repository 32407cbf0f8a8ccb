"""What is said about deviations."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.schemas import View
from coldgate.model import Verdict


class DeviationView(View):
    """Something that went wrong; open while ``closed_at`` is null."""

    id: int
    consignment: Annotated[str, Field(validation_alias="consignment_id")]
    cause: str
    verdict: Verdict
    facts: dict[str, object]
    opened_at: datetime
    closed_at: datetime | None
