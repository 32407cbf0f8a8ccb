"""The calibration certificate of an imported logger, as the command line names it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from coldgate.errors import SettingsError
from coldgate.instant import MILLISECOND
from coldgate.launch.client import Answer

if TYPE_CHECKING:
    from coldgate.launch.client import ApiClient

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCertificate:
    """A certificate for temperature, in force on both days and between; U in °C with k = 2."""

    number: str
    first_day: date
    last_day: date
    uncertainty_celsius: float

    @classmethod
    def parse(cls, number: str, first_day: str, last_day: str, uncertainty: str) -> Self:
        """The certificate from its four words; `SettingsError` says which of them is wrong."""
        try:
            celsius = float(uncertainty)
        except ValueError as error:
            raise _unreadable(f"U is a number of °C, not {uncertainty!r}") from error
        named = cls(
            number=number,
            first_day=_day(first_day),
            last_day=_day(last_day),
            uncertainty_celsius=celsius,
        )
        if named.last_day < named.first_day:
            raise _unreadable("it ends before it begins")
        return named

    def body(self, zone: str) -> dict[str, object]:
        """The certificate as the API takes it; its days are those of ``zone``."""
        begin, end = (
            datetime.combine(day, time.min, ZoneInfo(zone))
            for day in (self.first_day, self.last_day + DAY)
        )
        return {
            "number": self.number,
            "valid_from": begin.isoformat(),
            "valid_to": (end - MILLISECOND).isoformat(),
            "expanded_uncertainty": self.uncertainty_celsius,
        }


class _Known(Answer):
    id: int
    number: str
    quantity: str
    sensor: int | None
    valid_from: datetime
    valid_to: datetime
    expanded_uncertainty: float
    superseded_by: int | None

    def counts_as(self, number: str) -> bool:
        """Whether this is what the number stands for now, for the temperature of every sensor."""
        return (self.number, self.quantity, self.sensor, self.superseded_by) == (
            number,
            "temperature",
            None,
            None,
        )

    def says(self, body: dict[str, object]) -> bool:
        """Whether it says what ``body`` does."""
        return (
            self.valid_from == datetime.fromisoformat(str(body["valid_from"]))
            and self.valid_to == datetime.fromisoformat(str(body["valid_to"]))
            and self.expanded_uncertainty == body["expanded_uncertainty"]
        )


class _Certificates(Answer):
    items: list[_Known]


async def enter_certificate(client: ApiClient, logger: int, body: dict[str, object]) -> None:
    """Have the certificate count: entered once, and again where its figures were others before."""
    path = f"/loggers/{logger}/certificates"
    known = (await client.get(path, _Certificates)).items
    same = next((one for one in known if one.counts_as(str(body["number"]))), None)
    if same is None:
        await client.tell(path, body)
    elif not same.says(body):
        await client.tell(path, {**body, "supersedes": same.id})


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise _unreadable(f"a day is written as 2026-01-31, not {written!r}") from error


def _unreadable(problem: str) -> SettingsError:
    return SettingsError(f"--certificate NUMBER FROM TO U: {problem}")
