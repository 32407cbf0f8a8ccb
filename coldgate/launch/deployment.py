"""Secrets of the production shape: the ``.env`` that ``docker-compose.yml`` reads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError
from coldgate.launch.broker import issuer_of, new_seed
from coldgate.secrets import new_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PASSWORDS: Final = (
    "COLDGATE_OWNER_PASSWORD",
    "COLDGATE_INGEST_DATABASE_PASSWORD",
    "COLDGATE_ANALYTICS_DATABASE_PASSWORD",
    "COLDGATE_API_DATABASE_PASSWORD",
    "COLDGATE_BROKER_PASSWORD",
    "COLDGATE_AUTHORITY_PASSWORD",
    "COLDGATE_OPERATOR_KEY",
    "COLDGATE_OPERATOR_INVITATION",
)
HEAD: Final = "# Secrets of this deployment, made once; keep a copy with the backups.\n"


def new_environment() -> dict[str, str]:
    """Every secret that the compose file asks for, all of them new."""
    seed = new_seed()
    return {
        **{name: _new_word() for name in PASSWORDS},
        "COLDGATE_SIGNING_KEY": new_secret(),
        "COLDGATE_AUTHORITY_SEED": seed,
        "COLDGATE_AUTHORITY_ISSUER": issuer_of(seed),
    }


def write_environment(path: Path, environment: Mapping[str, str]) -> None:
    """Make ``path`` (0600) with one variable a line; what is there already is never replaced.

    Raises:
        LaunchError: the file exists, or its folder does not.
    """
    lines = (f"{name}={value}\n" for name, value in environment.items())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise LaunchError(
            f"{path} is there already and the database was made with it; nothing was changed"
        ) from error
    except OSError as error:
        raise LaunchError(f"{path} cannot be made: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.writelines([HEAD, *lines])
        stream.flush()
        os.fsync(stream.fileno())


def _new_word() -> str:
    """A secret that begins with a letter: NATS would read ``1e9…`` in a variable as a number."""
    return f"cg_{new_secret()}"
