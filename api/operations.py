"""Health and figures, for whoever runs the process; they need no key and tell no secret."""

from http import HTTPStatus
from typing import Annotated

import psycopg
from fastapi import APIRouter, Depends, Response

from api.context import Context
from api.deps import get_context
from api.schemas import View
from coldgate.storage import records

router = APIRouter(tags=["operations"])


class Health(View):
    """What works; ``broker_authority`` is null where the broker does not ask this process."""

    database: bool
    reactor: bool
    broker_authority: bool | None

    @property
    def healthy(self) -> bool:
        """Whether everything that should work does."""
        return self.database and self.reactor and self.broker_authority is not False


@router.get("/healthz", response_model=Health, responses={503: {"model": Health}})
def get_health(context: Annotated[Context, Depends(get_context)]) -> Response:
    """Tell whether the process can do its work; 503 when a part of it cannot."""
    authority = context.authority
    health = Health(
        database=_database_answers(context),
        reactor=context.reactor.alive,
        broker_authority=None if authority is None else authority.connected,
    )
    status = HTTPStatus.OK if health.healthy else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(health.model_dump_json(), status, media_type="application/json")


@router.get("/metrics", response_class=Response)
def get_metrics(context: Annotated[Context, Depends(get_context)]) -> Response:
    """Give all figures in Prometheus' text format."""
    return Response(context.metrics.text(), media_type="text/plain; version=0.0.4")


def _database_answers(context: Context) -> bool:
    try:
        with context.pool.connection(timeout=1) as connection:
            records.check_alive(connection)
    except psycopg.Error:
        return False
    return True
