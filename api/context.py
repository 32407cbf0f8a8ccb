"""The running parts of one API process, made in the lifespan and handed down."""

from dataclasses import dataclass

from psycopg_pool import ConnectionPool

from api.devices.broker_auth import BrokerAuthority
from api.metrics import Metrics
from api.quality.reactor import Reactor
from api.settings import ApiSettings
from api.signing import Signer
from coldgate.storage.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything that outlives a request; ``authority`` is None where no broker asks us."""

    settings: ApiSettings
    signer: Signer
    pool: ConnectionPool[Connection]
    metrics: Metrics
    reactor: Reactor
    authority: BrokerAuthority | None
