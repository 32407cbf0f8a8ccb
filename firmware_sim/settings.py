"""Settings of a simulator process, from its command line or from ``COLDGATE_FIRMWARE_SIM_*``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path  # noqa: TC003 - pydantic resolves the annotation when the class is made
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from coldgate.instant import MILLISECOND
from coldgate.wire import MAX_BLOCK_READINGS
from firmware_sim.logger import DEFAULT_FLASH_READINGS
from firmware_sim.scenario import Journey

_MOST_LOGGERS = 1_000_000
_MOST_ACCELERATED = 10_000.0
_LARGEST_SEED = 2**63 - 1  # noise works on 64-bit words


def _host_and_port(address: str) -> str:
    """``address`` unchanged; ``ValueError`` when it is no HOST:PORT."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError("is not HOST:PORT")
    return address


def _seconds_or_iso(duration: object) -> object:
    """A bare number on the command line means seconds; pydantic reads ISO 8601 itself."""
    try:
        return float(duration) if isinstance(duration, str) else duration
    except ValueError:
        return duration


_Duration = Annotated[timedelta, BeforeValidator(_seconds_or_iso)]


class SimulatorSettings(BaseSettings):
    """One run: which scenario, how many loggers, which journey, how fast, to which gateway."""

    model_config = SettingsConfigDict(
        env_prefix="COLDGATE_FIRMWARE_SIM_", frozen=True, extra="forbid"
    )

    scenario: str
    gateway: Annotated[str, AfterValidator(_host_and_port)]
    begin: AwareDatetime
    end: AwareDatetime
    loggers: Annotated[int, Field(ge=1, le=_MOST_LOGGERS)] = 1
    serial_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,47}$")] = "SIM"
    interval: Annotated[_Duration, Field(ge=MILLISECOND)] = timedelta(seconds=60)
    seed: Annotated[int, Field(ge=0, le=_LARGEST_SEED)] = 7
    factor: Annotated[float, Field(gt=0.0, le=_MOST_ACCELERATED)] = 1.0
    truth: Path | None = None
    flash_readings: Annotated[int, Field(ge=1)] = DEFAULT_FLASH_READINGS
    block_readings: Annotated[int, Field(ge=1, le=MAX_BLOCK_READINGS)] = 200
    clock_offset: _Duration = timedelta()
    clock_drift_ppm: Annotated[float, Field(ge=-100_000.0, le=100_000.0)] = 0.0
    send_clock: bool = False
    keep_link: bool = False
    patience: Annotated[_Duration, Field(gt=timedelta())] = timedelta(seconds=60)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.end <= self.begin:
            raise ValueError("end must be later than begin")
        return self

    @property
    def journey(self) -> Journey:
        """The journey in whole milliseconds."""
        return Journey(
            begin_ms=round(self.begin.timestamp() * 1000.0),
            end_ms=round(self.end.timestamp() * 1000.0),
            interval_ms=self.interval // MILLISECOND,
        )

    @property
    def gateway_address(self) -> tuple[str, int]:
        """Host and port of the gateway's local source."""
        host, _, port = self.gateway.rpartition(":")
        return host, int(port)
