"""Settings of the judge's process, read once from the environment."""

from __future__ import annotations

from datetime import timedelta

from pydantic import SecretStr  # noqa: TC002 - pydantic reads the annotation when it runs
from pydantic_settings import BaseSettings, SettingsConfigDict


class AnalyticsSettings(BaseSettings):
    """What the judge's process needs to know; variables carry the prefix ``COLDGATE_``."""

    model_config = SettingsConfigDict(env_prefix="COLDGATE_", frozen=True)

    database_dsn: SecretStr
    analytics_refresh: timedelta = timedelta(minutes=15)  # of an unchanged provisional answer
    analytics_metrics_host: str = "127.0.0.1"
    analytics_metrics_port: int | None = None
