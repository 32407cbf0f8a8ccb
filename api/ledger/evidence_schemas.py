"""Shapes of what is known of the evidence behind an evaluation."""

from datetime import datetime

from api.schemas import Body, Identifier, Name, View, example


class NewConsent(Body):
    """Whether unsigned messages will do for the goods of a consignor."""

    model_config = example(accepted=True, reason="Loggers of type B send JSON until March.")

    accepted: bool
    reason: Name
    party: Identifier | None = None  # named by the operator; its own otherwise


class ConsentView(View):
    """What a consignor said about unsigned messages; its newest word counts."""

    id: int
    party_id: str
    accepted: bool
    reason: str
    recorded_by: str
    recorded_at: datetime


class AuditView(View):
    """The messages behind an evaluation: how many, and how many do not hold or are unsigned."""

    version: int
    messages: int
    broken: int
    unsigned: int
    problems: list[str]
    audited_at: datetime
