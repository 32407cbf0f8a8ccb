"""Settings of the gateway process, from ``COLDGATE_GATEWAY_…`` variables, read once."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import timedelta
from pathlib import Path  # noqa: TC003 - pydantic reads the annotation when it runs
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from coldgate.errors import SettingsError
from coldgate.model import IDENTIFIER, PARTITIONS
from gateway.capacity import Capacity
from gateway.outbox import Packing
from gateway.readers.local_time import find_zone


class GatewaySettings(BaseSettings):
    """Everything that one gateway is told when it starts; durations are ISO 8601, such as PT30S."""

    model_config = SettingsConfigDict(env_prefix="COLDGATE_GATEWAY_", frozen=True)

    id: Annotated[str, Field(pattern=f"^{IDENTIFIER.pattern}$")]
    partition: str = "p00"
    key_file: Path
    outbox: Path
    broker_host: str = "127.0.0.1"
    broker_port: Annotated[int, Field(gt=0, lt=65_536)] = 1883
    broker_user: str | None = None  # the gateway's id if not set
    broker_password: SecretStr = SecretStr("")
    broker_tls: bool = False
    broker_ca_file: Path | None = None  # authorities to trust; those of the system if not set
    capacity_hours: Annotated[int, Field(gt=0)] = 72
    capacity_bytes: Annotated[int, Field(gt=0)] = 4 * 1024**3
    reserve_bytes: Annotated[int, Field(ge=0)] = 32 * 1024**2
    window: Annotated[int, Field(gt=0, le=1_000)] = 64  # messages in flight at most
    resend_after: timedelta = timedelta(seconds=60)
    resend_at_most_every: timedelta = timedelta(minutes=15)
    reconnect_at_most_every: timedelta = timedelta(minutes=1)
    status_every: timedelta = timedelta(minutes=1)
    message_readings: Annotated[int, Field(gt=0, le=10_000)] = 1_000
    message_enough: Annotated[int, Field(gt=0)] = 100
    message_after: timedelta = timedelta(seconds=1)
    grace: timedelta = timedelta(seconds=5)  # for delivering the rest when told to stop
    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Field(ge=0, lt=65_536)] | None = None  # None: no local loggers
    folder: Path | None = None
    folder_every: timedelta = timedelta(seconds=5)
    zone: str | None = None  # of files that name none
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("partition")
    @classmethod
    def _known_partition(cls, partition: str) -> str:
        if partition not in PARTITIONS:
            raise ValueError(f"partition is one of {PARTITIONS[0]} to {PARTITIONS[-1]}")
        return partition

    @field_validator("listen_host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError("the local source has no authentication: it listens on loopback only")
        return host

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                find_zone(zone)
            except SettingsError as error:
                raise ValueError(str(error)) from error
        return zone

    @property
    def user(self) -> str:
        """Name that the broker knows this gateway by."""
        return self.broker_user or self.id

    @property
    def tls(self) -> ssl.SSLContext | None:
        """How the broker proves who it is; None for a connection in the clear."""
        if not self.broker_tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.broker_ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"{self.broker_ca_file}: no certificates: {error}") from error

    @property
    def capacity(self) -> Capacity:
        """How much the outbox may hold."""
        return Capacity(
            hours=self.capacity_hours,
            max_bytes=self.capacity_bytes,
            reserve_bytes=self.reserve_bytes,
        )

    @property
    def packing(self) -> Packing:
        """When readings become a message."""
        return Packing(
            enough=min(self.message_enough, self.message_readings),
            most=self.message_readings,
            after_ms=round(self.message_after.total_seconds() * 1_000),
        )
