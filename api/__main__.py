"""``python -m api``: serve the API until SIGTERM or Ctrl-C."""

from __future__ import annotations

import gc
import signal
import sys
from typing import NoReturn

import uvicorn

from api.app import create_app
from api.settings import ApiSettings
from coldgate.errors import SettingsError
from coldgate.log import configure_logging
from coldgate.settings import read_settings


def main() -> int:
    """Run the process; 2 when it is configured wrongly, 1 when it could not start."""
    configure_logging("api")
    # uvicorn raises the signal again when it has shut down: that is a clean end, not a crash.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        settings = read_settings(ApiSettings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        log_level="warning",  # "Press CTRL+C" and the like
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        # Longer than clients and proxies keep an idle connection: who closes first is never the one
        # that a request is on its way to.
        timeout_keep_alive=75,
    )
    server = uvicorn.Server(config)
    # What was loaded stays; to look through it for garbage again would make requests wait.
    gc.collect()
    gc.freeze()
    server.run()
    return 0 if server.started else 1


def _end(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
