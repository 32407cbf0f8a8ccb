"""``python -m coldgate.launch.admission``: keeps mosquitto's list of gateways as the registry is.

NATS asks the API about each connection; mosquitto reads a file. This process writes that file and
has the broker read it again whenever a gateway was added, rotated or revoked: it is told by the
transaction that did so, and looks by itself in case it was not. It keeps nothing of its own, so
it, the broker and the database may be killed at any instant.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path  # noqa: TC003 - pydantic reads the annotation when it runs
from typing import TYPE_CHECKING, Final

import prometheus_client
import psycopg
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from coldgate.launch.broker import BrokerSettings, MosquittoBroker
from coldgate.launch.folder import LOOPBACK
from coldgate.service import run_service, serve_metrics
from coldgate.storage import devices
from coldgate.storage.connection import connect
from coldgate.storage.perseverance import persevere, wait_for_news

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

CURRENT: Final = prometheus_client.Gauge(
    "coldgate_admission_current", "1 while the broker has the list that the registry has"
)
POLL_SECONDS: Final = 5.0  # safety net: a lost notification costs this much
HURRY_SECONDS: Final = 0.1  # until a broker that was starting takes the signal
TRUST_SECONDS: Final = 30.0  # a list that nobody could check for so long lets nobody in


class AdmissionSettings(BaseSettings):
    """Where the registry and the broker's state are; prefix ``COLDGATE_ADMISSION_``."""

    model_config = SettingsConfigDict(
        env_prefix="COLDGATE_ADMISSION_", frozen=True, populate_by_name=True, extra="ignore"
    )

    database_dsn: SecretStr = Field(validation_alias="COLDGATE_DATABASE_DSN")
    broker_folder: Path
    metrics_port: int | None = None


class Admission:
    """Lets the gateways of the registry in, and nobody else, until told to stop."""

    def __init__(self, dsn: str, broker: MosquittoBroker, stop: threading.Event) -> None:
        self._dsn = dsn
        self._broker = broker
        self._stop = stop
        self._written: Mapping[str, str] | None = None
        self._heard = False
        self._read_at = time.monotonic()

    def run(self) -> None:
        """Follow the registry; where it cannot be asked for long, close the broker's door."""
        persevere(
            self._follow,
            stop=self._stop,
            report=self._report,
            losses=(psycopg.OperationalError,),
        )

    def _follow(self) -> None:
        with connect(self._dsn, "coldgate_ingest", autocommit=True) as connection:
            devices.listen(connection)
            try:
                while not self._stop.is_set():
                    self._show(devices.stored_secrets(connection))
                    self._read_at = time.monotonic()
                    CURRENT.set(self._heard)
                    seconds = POLL_SECONDS if self._heard else HURRY_SECONDS
                    wait_for_news(connection, seconds=seconds, stop=self._stop)
            finally:
                CURRENT.set(0)

    def _report(self, error: Exception) -> None:
        logger.warning("registry is away", extra={"problem": str(error).strip()})
        if time.monotonic() - self._read_at > TRUST_SECONDS:
            self._show({})

    def _show(self, stored: Mapping[str, str]) -> None:
        """Write the list if it is another one, and have the broker read it until it has."""
        if stored == self._written and self._heard:
            return
        self._heard = self._broker.admit(stored)  # again: a broker that starts empties its list
        if stored != self._written:
            logger.info("gateways admitted", extra={"gateways": len(stored)})
        self._written = stored


def main() -> int:
    """Keep the list until a signal, leave cleanly; 2 for wrong settings."""
    return run_service("admission", AdmissionSettings, _admit)


def _admit(settings: AdmissionSettings, stop: threading.Event) -> None:
    serve_metrics(LOOPBACK, settings.metrics_port)
    broker = MosquittoBroker(BrokerSettings(folder=settings.broker_folder))
    Admission(settings.database_dsn.get_secret_value(), broker, stop).run()


if __name__ == "__main__":
    sys.exit(main())
