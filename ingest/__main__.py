"""``python -m ingest``: run one ingest process until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from prometheus_client import start_http_server
from pydantic import ValidationError

from coldgate.log import configure_logging
from ingest import metrics
from ingest.consumer import Consumer
from ingest.settings import IngestSettings
from ingest.source import BrokerAddress, MqttSource

logger = logging.getLogger(__name__)


def main() -> int:
    """Read the settings, consume until a signal, leave cleanly; 2 for wrong settings."""
    configure_logging("ingest")
    try:
        settings = IngestSettings()  # type: ignore[call-arg]  # pydantic reads the environment
    except ValidationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if settings.ingest_metrics_port is not None:
        start_http_server(settings.ingest_metrics_port, addr=settings.ingest_metrics_host)
    source = _source(settings)
    metrics.SUBSCRIBED.set_function(lambda: float(source.subscribed))
    source.start()
    dsn = settings.database_dsn.get_secret_value()
    Consumer(source, dsn, stop, batch_age=settings.ingest_batch_age).run()
    source.close()
    logger.info("stopped")
    return 0


def _source(settings: IngestSettings) -> MqttSource:
    address = BrokerAddress(
        host=settings.broker_host,
        port=settings.broker_port,
        username=settings.broker_username,
        password=settings.broker_password.get_secret_value(),
        client_id=settings.ingest_client_id,
        partitions=settings.ingest_partitions,
    )
    return MqttSource(
        address,
        batch=settings.ingest_batch_messages,
        queue_bytes=settings.ingest_queue_bytes,
    )


if __name__ == "__main__":
    sys.exit(main())
