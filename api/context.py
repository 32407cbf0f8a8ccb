"""The running parts of one API process, made in the lifespan and handed down."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg_pool import ConnectionPool

from api.devices.broker_auth import BrokerAuthority
from api.identity.oidc import Provider
from api.identity.passwords import Passwords
from api.metrics import Metrics
from api.quality.reactor import Reactor
from api.settings import ApiSettings
from api.signing import Signer
from coldgate.storage import visibility
from coldgate.storage.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything that outlives a request.

    ``door`` is where a request finds out who asks, ``pool`` where it is answered.
    ``authority`` is None where no broker asks us, ``provider`` where people have passwords only.
    """

    settings: ApiSettings
    signer: Signer
    pool: ConnectionPool[Connection]
    door: ConnectionPool[Connection]
    metrics: Metrics
    reactor: Reactor
    authority: BrokerAuthority | None
    passwords: Passwords
    provider: Provider | None

    @contextmanager
    def everything(self) -> Iterator[Connection]:
        """A transaction that sees every row; to find out who asks, before anybody is known."""
        with self.pool.connection() as connection:
            visibility.limit_to(connection, None)
            yield connection
