"""The parts of an API process that prove who somebody is, on the database of the world."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
from api_world import LITTLE_WORK, SIGNING_KEY

from api.context import Context
from api.identity.passwords import Passwords
from api.settings import ApiSettings
from api.signing import Signer
from coldgate.storage.connection import open_pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_world import World


@pytest.fixture(scope="module")
def context(world: World) -> Iterator[Context]:
    """What has to do with people; the other parts are None."""
    pool = open_pool(world.dsn, "coldgate_api", size=4)
    parts = {
        "settings": ApiSettings(database_dsn=world.dsn, signing_key=SIGNING_KEY),
        "signer": Signer(SIGNING_KEY),
        "pool": pool,
        "passwords": Passwords(LITTLE_WORK),
    }
    yield Context(**{field.name: parts.get(field.name) for field in fields(Context)})
    pool.close()
