"""``python -m coldgate.storage migrate``: bring the database to this version's schema."""

from __future__ import annotations

import logging
import sys

import psycopg
from pydantic import SecretStr  # noqa: TC002 - pydantic reads the annotation when it runs
from pydantic_settings import BaseSettings, SettingsConfigDict

from coldgate.errors import ColdgateError
from coldgate.log import configure_logging
from coldgate.settings import read_settings
from coldgate.storage.migrate import migrate

logger = logging.getLogger(__name__)


class StorageSettings(BaseSettings):
    """Where the database is: ``COLDGATE_DATABASE_DSN``."""

    model_config = SettingsConfigDict(env_prefix="COLDGATE_DATABASE_", frozen=True)
    dsn: SecretStr


def main(arguments: list[str]) -> int:
    """Run the command; 2 for wrong use, 1 when the database refuses."""
    if arguments != ["migrate"]:
        sys.stderr.write("usage: python -m coldgate.storage migrate\n")
        return 2
    configure_logging("migrate")
    try:
        features = migrate(read_settings(StorageSettings).dsn.get_secret_value())
    except (ColdgateError, psycopg.Error) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    logger.info(
        "database ready",
        extra={
            "edition": features.edition.value,
            "timescaledb": features.version,
            "compression": features.compression,
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
