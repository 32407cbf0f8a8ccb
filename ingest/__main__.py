"""``python -m ingest``: run one ingest process until SIGTERM or Ctrl-C."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from coldgate.service import run_service, serve_metrics
from ingest import metrics
from ingest.consumer import Consumer
from ingest.settings import IngestSettings
from ingest.source import BrokerAddress, MqttSource

if TYPE_CHECKING:
    import threading

# The committing thread waits for the database many times a batch; each time it must get the
# interpreter back from the decoding thread, which by default lets go only every 5 ms.
_SWITCH_SECONDS: Final = 0.0002


def main() -> int:
    """Consume until a signal, leave cleanly; 2 for wrong settings."""
    return run_service("ingest", IngestSettings, _consume)


def _consume(settings: IngestSettings, stop: threading.Event) -> None:
    sys.setswitchinterval(_SWITCH_SECONDS)
    serve_metrics(settings.ingest_metrics_host, settings.ingest_metrics_port)
    source = _source(settings)
    metrics.SUBSCRIBED.set_function(lambda: float(source.subscribed))
    source.start()
    dsn = settings.database_dsn.get_secret_value()
    Consumer(
        source,
        dsn,
        stop,
        batch_age=settings.ingest_batch_age,
        share_bytes=settings.ingest_quarantine_bytes,
    ).run()
    source.close()


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
        batch_bytes=settings.ingest_batch_bytes,
        queue_bytes=settings.ingest_queue_bytes,
    )


if __name__ == "__main__":
    sys.exit(main())
