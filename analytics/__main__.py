"""``python -m analytics``: run one judge until SIGTERM or Ctrl-C, or answer one command."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from analytics.job.audit import Auditor
from analytics.job.commands import run_command
from analytics.job.loop import Job
from analytics.settings import AnalyticsSettings
from coldgate.service import run_service, serve_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Without arguments, judge until a signal and leave cleanly; 2 for wrong settings."""
    if arguments:
        return run_command(arguments)
    return run_service("analytics", AnalyticsSettings, _judge)


def _judge(settings: AnalyticsSettings, stop: threading.Event) -> None:
    serve_metrics(settings.analytics_metrics_host, settings.analytics_metrics_port)
    dsn = settings.database_dsn.get_secret_value()
    auditor = threading.Thread(target=Auditor(dsn, stop).run, name="auditor")
    auditor.start()
    try:
        Job(dsn, stop, refresh=settings.analytics_refresh).run()
    finally:
        stop.set()
        auditor.join()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
