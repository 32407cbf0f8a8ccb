"""Settings of the ingest process, read once from the environment."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from coldgate.model import PARTITIONS
from coldgate.storage.telemetry import QUARANTINE_BYTES


class IngestSettings(BaseSettings):
    """What one ingest process needs to know; variables carry the prefix ``COLDGATE_``."""

    model_config = SettingsConfigDict(env_prefix="COLDGATE_", frozen=True)

    database_dsn: SecretStr
    broker_host: str = "127.0.0.1"
    broker_port: int = 1883
    broker_username: str = "ingest"
    broker_password: SecretStr
    ingest_client_id: str = "coldgate:ingest"  # no gateway may be named so; one for each process
    ingest_partitions: tuple[str, ...] = ()  # disjoint between processes; empty = all
    ingest_batch_messages: int = Field(default=400, ge=1)
    ingest_batch_bytes: int = Field(default=1024 * 1024, ge=1)  # a row is 30 times its payload
    ingest_batch_age: timedelta = timedelta(milliseconds=20)
    ingest_queue_bytes: int = Field(default=32 * 1024 * 1024, ge=1024 * 1024)
    ingest_quarantine_bytes: int = Field(default=QUARANTINE_BYTES, ge=0)  # of a gateway and day
    ingest_metrics_host: str = "127.0.0.1"
    ingest_metrics_port: int | None = None

    @field_validator("ingest_partitions")
    @classmethod
    def _known_partitions(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(names) - set(PARTITIONS))
        if unknown:
            raise ValueError(f"no such partition: {', '.join(unknown)} (p00 to p15)")
        return names
