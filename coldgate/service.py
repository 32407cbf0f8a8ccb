"""The life of a process that works in the background until it is told to stop."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

from prometheus_client import start_http_server

from coldgate.errors import SettingsError
from coldgate.log import configure_logging
from coldgate.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldgate.settings import Settings

logger = logging.getLogger(__name__)

WRONG_SETTINGS: Final = 2


def run_service(
    name: str, kind: type[Settings], work: Callable[[Settings, threading.Event], None]
) -> int:
    """Exit status of ``work``, done with settings ``kind`` until SIGTERM or Ctrl-C.

    ``work`` gets the event that is set then, and returns soon after; a `SettingsError` of its own
    counts as one of the settings.
    """
    configure_logging(name)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        work(read_settings(kind), stop)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_SETTINGS
    logger.info("stopped")
    return 0


def serve_metrics(host: str, port: int | None) -> None:
    """Serve the process's figures to Prometheus from now on; not at all without a port."""
    if port is None:
        return
    try:
        start_http_server(port, addr=host)
    except OSError as error:
        raise SettingsError(f"metrics cannot be served on {host}:{port}: {error}") from error
