"""What is said about readings, evaluations and excursions."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from api.schemas import Body, Identifier, Moment, QuantityName, Serial, View
from coldgate.instant import from_epoch_ms
from coldgate.model import Quantity, Verdict
from coldgate.storage.placements import Span

MAX_POINTS: Final = 10_000
LAST_MS: Final = 7_258_118_400_000  # 2200-01-01


class ReadingsQuery(Body):
    """Which points are wanted, as the query string says it."""

    serial: Serial
    party: Annotated[Identifier | None, Field(description="Owner of the logger")] = None
    quantity: QuantityName = QuantityName.TEMPERATURE
    sensor: Annotated[int, Field(ge=0, le=255)] = 0
    from_at: Annotated[Moment | None, Field(alias="from", description="Inclusive")] = None
    to_at: Annotated[Moment | None, Field(alias="to", description="Exclusive")] = None
    after: Annotated[
        int | None, Field(ge=-LAST_MS, le=LAST_MS, description="`next` of the page before")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_POINTS)] = 1_000

    @property
    def channel_quantity(self) -> Quantity:
        """The quantity by its number."""
        return self.quantity.number

    @property
    def span(self) -> Span:
        """The part of the channel that is wanted."""
        after = None if self.after is None else from_epoch_ms(self.after)
        return Span(from_at=self.from_at, to_at=self.to_at, after=after, limit=self.limit)


class ReadingsPage(View):
    """Raw points of one channel: [ms since 1970 UTC, thousandths of ``unit``, flags].

    ``next`` is the ``after`` of the following page, null at the end.
    """

    serial: str
    quantity: str
    sensor: int
    unit: str
    points: list[tuple[int, int, int]]
    next: int | None


class EvaluationView(View):
    """One judgement, without its body; the newest version decides."""

    version: int
    verdict: Verdict
    provisional: bool
    with_excursions: bool
    profile_id: str
    profile_version: int
    engine: str
    input_digest: str
    evaluated_at: datetime


class ExcursionView(View):
    """One out-of-limit event that a rule found; durations in ms by the three measures (S16)."""

    evaluation_version: int
    channel: str
    rule_id: str
    action: str
    started_at: datetime
    ended_at: datetime
    start_bound: str
    end_bound: str
    lin_ms: int
    hold_ms: int
    upper_ms: int
    peak_milli: int
    peak_at: datetime
    readings: int


class ExcursionList(View):
    """Excursions of one evaluation."""

    items: list[ExcursionView]
