"""What is said about the stability budget of a lot."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads the annotations when it runs

from api.schemas import View


class Share(View):
    """A share of the budget in billionths: proven, measured, and not excluded."""

    optimistic_ppb: int
    measured_ppb: int
    pessimistic_ppb: int


class SpendView(View):
    """What one consignment took of the budget of a lot, or of one serial of it.

    ``before`` is what its units may have spent when they joined it, ``left_ppb`` what is proven to
    be left after it. ``provisional``: it goes on, and ``ended_at`` is the last that was seen.
    """

    serial: str | None
    consignment: str
    evaluation_version: int
    provisional: bool
    began_at: datetime
    ended_at: datetime
    before: Share
    here: Share
    left_ppb: int
    recorded_at: datetime


class LotStability(View):
    """The newest figures of every consignment of a lot, by serial and time."""

    product: str
    lot: str
    items: list[SpendView]
