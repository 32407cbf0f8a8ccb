"""What is said about calibration certificates and the ranges of sensors."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from api.schemas import Body, Moment, QuantityName, RowId, View, example
from coldgate.model import Quantity

MAX_POINTS: Final = 100
MILLI: Final = 1000
_PLACES: Final = 3  # we count in thousandths

Uncertainty = Annotated[Decimal, Field(ge=0, le=1000, decimal_places=_PLACES)]
Value = Annotated[Decimal, Field(ge=-1_000_000, le=1_000_000, decimal_places=_PLACES)]
CertificateNumber = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]*$", description="As printed")
]
# The judge looks at milliseconds: nothing lies between this one and the next day.
DAYS_END: Final = time(23, 59, 59, 999_000, tzinfo=UTC)
Certified = Annotated[Moment | date, Field(description="A day as printed (in UTC), or a moment")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="Of the document's bytes")]


class Calibrated(Enum):
    """What certificates are taken for."""

    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"

    @property
    def number(self) -> Quantity:
        """The quantity by its number."""
        return Quantity[self.name]


class CorrectionPoint(Body):
    """What is to be added to the sensor's reading, both in °C or %RH."""

    reading: Value
    add: Value


class CertificateIn(Body):
    """A calibration of a logger's sensors, in °C or %RH; without ``sensor`` of all of them.

    ``expanded_uncertainty`` is the certificate's U with k = 2. It is in force from ``valid_from``
    to ``valid_to``, both included, as whole days where they are days. Between the corrections'
    readings, ascending, the correction is linear, outside it is constant. A wrong certificate is
    corrected by one that ``supersedes`` it.
    """

    model_config = example(
        number="LAB-2026-0042",
        quantity="temperature",
        valid_from="2026-01-15",
        valid_to="2027-01-14",
        expanded_uncertainty=0.2,
        corrections=[{"reading": 2.0, "add": -0.1}, {"reading": 8.0, "add": 0.0}],
    )
    number: CertificateNumber
    quantity: Calibrated = Calibrated.TEMPERATURE
    sensor: Annotated[int, Field(ge=0, le=255)] | None = None
    valid_from: Certified
    valid_to: Certified
    expanded_uncertainty: Uncertainty
    resolution: Uncertainty = Decimal(0)
    drift: Uncertainty = Decimal(0)
    corrections: Annotated[tuple[CorrectionPoint, ...], Field(max_length=MAX_POINTS)] = ()
    document_sha256: Sha256 | None = None
    supersedes: RowId | None = None

    @property
    def begins_at(self) -> datetime:
        """The first moment at which it is in force."""
        return _at(self.valid_from, time(tzinfo=UTC))

    @property
    def ends_at(self) -> datetime:
        """The last one."""
        return _at(self.valid_to, DAYS_END)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at < self.begins_at:
            raise ValueError("valid_to must not be earlier than valid_from")
        if any(one.reading >= other.reading for one, other in pairwise(self.corrections)):
            raise ValueError("the readings of corrections must ascend")
        return self


def _at(said: datetime | date, of_day: time) -> datetime:
    return said if isinstance(said, datetime) else datetime.combine(said, of_day)


class CorrectionView(View):
    """What is added to the sensor's reading, both in °C or %RH."""

    reading: float
    add: float


class CertificateView(View):
    """A calibration as it was entered; one with ``superseded_by`` counts nowhere any more."""

    id: int
    logger: int
    number: str
    quantity: QuantityName
    sensor: int | None
    valid_from: datetime
    valid_to: datetime
    expanded_uncertainty: float
    resolution: float
    drift: float
    corrections: list[CorrectionView]
    document_sha256: str | None
    supersedes: int | None
    superseded_by: int | None
    entered_by: str
    recorded_at: datetime


class CertificateList(View):
    """Calibrations of one logger, in order of their validity."""

    items: list[CertificateView]


class RangeIn(Body):
    """What the sensors of a quantity can measure at all, in its unit; beyond is no reading."""

    model_config = example(quantity="temperature", low=-40, high=85)
    quantity: QuantityName = QuantityName.TEMPERATURE
    low: Value
    high: Value

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.high <= self.low:
            raise ValueError("high must be greater than low")
        return self


class RangeView(View):
    """A range as it was entered; the newest of a quantity counts."""

    id: int
    logger: int
    quantity: QuantityName
    low: float
    high: float
    entered_by: str
    recorded_at: datetime


class RangeList(View):
    """Ranges of one logger, oldest first."""

    items: list[RangeView]
