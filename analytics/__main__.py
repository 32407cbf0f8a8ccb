"""``python -m analytics``: run one judge until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from prometheus_client import start_http_server
from pydantic import ValidationError

from analytics.job import Job
from analytics.settings import AnalyticsSettings
from coldgate.log import configure_logging

logger = logging.getLogger(__name__)


def main() -> int:
    """Read the settings, judge until a signal, leave cleanly; 2 for wrong settings."""
    configure_logging("analytics")
    try:
        settings = AnalyticsSettings()  # type: ignore[call-arg]  # pydantic reads the environment
    except ValidationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if settings.analytics_metrics_port is not None:
        start_http_server(settings.analytics_metrics_port, addr=settings.analytics_metrics_host)
    Job(settings.database_dsn.get_secret_value(), stop, refresh=settings.analytics_refresh).run()
    logger.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
