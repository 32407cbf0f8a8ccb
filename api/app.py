"""The API application: its parts, its routes, its life from start to stop."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline

from api import operations
from api.approvals import delegation_routes, flow_routes, flow_service
from api.approvals import routes as approval_routes
from api.consignments import (
    evidence_routes,
    goods_routes,
    lot_routes,
    profile_routes,
    profile_service,
    travel_routes,
)
from api.consignments import routes as consignment_routes
from api.context import Context
from api.deps import answer_misunderstood
from api.devices import admission_routes, calibration_routes
from api.devices import routes as device_routes
from api.devices.broker_auth import BrokerAuthority
from api.devices.service import verify_gateway
from api.documents import key_routes, requirement_routes, upload_routes
from api.documents import routes as document_routes
from api.errors import install_handlers, problem_responses
from api.fairness import FairShares
from api.gate import disposition_routes
from api.gate import routes as gate_routes
from api.gate.selftest import prove_gate
from api.identity import oidc_routes, user_routes
from api.identity import routes as identity_routes
from api.identity.oidc import Provider
from api.identity.passwords import Passwords
from api.identity.users import ensure_first
from api.jobs import jobs
from api.ledger import evidence_routes as audit_routes
from api.ledger import routes as ledger_routes
from api.ledger.checkpoints import Notary
from api.ledger.keeper import Keeper
from api.metrics import Metrics, RequestTimer
from api.parties import routes as party_routes
from api.parties.service import ensure_operator
from api.quality import capa_routes
from api.quality import routes as quality_routes
from api.quality.reactor import Reactor
from api.restrictions import routes as restriction_routes
from api.scans import routes as scan_routes
from api.scheduler import Scheduler
from api.signing import Signer
from api.standing import routes as standing_routes
from coldgate.storage import schema, visibility
from coldgate.storage.connection import open_door, open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI
    from psycopg_pool import ConnectionPool

    from api.devices.broker_auth import GatewayGrant, Verify
    from api.settings import ApiSettings
    from coldgate.storage.connection import Connection

DESCRIPTION: Final = """
Decides whether goods that travelled cold may be used.

Send the API key of your party as `Authorization: Bearer cg_…`. Every refusal is a problem+json
(RFC 9457) with a stable `code`; what you may not see looks like what does not exist. Send an
`Idempotency-Key` with every POST, and send the same request again when no answer came.
"""
MAX_BODY_BYTES: Final = 1024 * 1024  # a thousand lines take a tenth of it
# A path is looked for in this order: what is asked most often stands first.
ROUTERS: Final = (
    gate_routes.router,
    identity_routes.router,
    identity_routes.public,
    user_routes.router,
    oidc_routes.public,
    oidc_routes.router,
    party_routes.router,
    device_routes.router,
    calibration_routes.router,
    admission_routes.router,
    standing_routes.router,
    goods_routes.router,
    profile_routes.router,
    lot_routes.router,
    travel_routes.router,
    consignment_routes.router,
    evidence_routes.router,
    scan_routes.router,
    scan_routes.dismissal_router,
    disposition_routes.router,
    approval_routes.router,
    approval_routes.withdrawals,
    delegation_routes.router,
    flow_routes.router,
    quality_routes.router,
    capa_routes.router,
    restriction_routes.router,
    document_routes.router,
    upload_routes.router,
    key_routes.router,
    requirement_routes.router,
    ledger_routes.router,
    audit_routes.router,
)


def create_app(settings: ApiSettings) -> FastAPI:
    """The application; it touches database and broker only while its lifespan runs."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, metrics) as context:
            app.state.context = context
            yield

    app = FastAPIOffline(  # its page of documentation loads no script from elsewhere
        title="Coldgate",
        version=version("coldgate"),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url="/docs",
        redoc_url=None,
        max_body_size=MAX_BODY_BYTES,
    )
    app.add_middleware(FairShares, pool_size=settings.pool_size)
    app.add_middleware(RequestTimer, metrics=metrics)
    install_handlers(app)
    app.add_exception_handler(RequestValidationError, answer_misunderstood)
    for router in ROUTERS:
        app.include_router(router, responses=problem_responses())
    app.include_router(operations.router)
    return app


@asynccontextmanager
async def running(settings: ApiSettings, metrics: Metrics) -> AsyncIterator[Context]:
    """Start every part, and stop them in reverse, whatever happens between."""
    prove_gate()
    dsn = settings.database_dsn.get_secret_value()
    async with AsyncExitStack() as stack:
        pool = open_pool(
            dsn,
            "coldgate_api",
            size=settings.pool_size,
            lock_wait=settings.lock_wait,
            statement_limit=settings.statement_limit,
        )
        stack.push_async_callback(asyncio.to_thread, pool.close)
        door = open_door(dsn, size=settings.pool_size)
        stack.push_async_callback(asyncio.to_thread, door.close)
        signer = Signer(settings.signing_key.get_secret_value())
        await asyncio.to_thread(_prove_schema, pool)
        await asyncio.to_thread(_prepare, pool, settings, signer)
        keeper = Keeper(dsn, _notary(settings, signer), metrics)
        keeper.start()
        stack.push_async_callback(asyncio.to_thread, keeper.stop)
        reactor = Reactor(dsn, metrics)
        reactor.start()
        stack.push_async_callback(asyncio.to_thread, reactor.stop)
        scheduler = Scheduler(dsn, jobs(settings), metrics)
        scheduler.start()
        stack.push_async_callback(asyncio.to_thread, scheduler.stop)
        authority = None
        if settings.authority is not None:
            authority = BrokerAuthority(settings.authority, _verifier(pool))
            await stack.enter_async_context(authority)
        yield Context(
            settings=settings,
            signer=signer,
            pool=pool,
            door=door,
            metrics=metrics,
            reactor=reactor,
            authority=authority,
            passwords=Passwords(settings.password_work.parameters),
            provider=Provider(settings.provider) if settings.provider else None,
        )


def _prove_schema(pool: ConnectionPool[Connection]) -> None:
    """Return if the gate's own functions, triggers and policies are as they were migrated."""
    with pool.connection() as connection:
        visibility.limit_to(connection, None)
        schema.prove(connection)


def _prepare(pool: ConnectionPool[Connection], settings: ApiSettings, signer: Signer) -> None:
    """Put into the database what this version brings along."""
    with pool.connection() as connection:
        visibility.limit_to(connection, None)
        signer.publish(connection)
        profile_service.store_builtin_profiles(connection)
        flow_service.store_builtin_flows(connection)
        if settings.operator_key is not None:
            ensure_operator(connection, settings.operator_key.get_secret_value())
        if settings.operator_invitation is not None:
            ensure_first(
                connection,
                settings.operator_invitation.get_secret_value(),
                settings.invitation_lifetime,
            )


def _notary(settings: ApiSettings, signer: Signer) -> Notary:
    return Notary(signer=signer, origin=settings.ledger_origin, file=settings.checkpoint_file)


def _verifier(pool: ConnectionPool[Connection]) -> Verify:
    def check(name: str, password: str) -> GatewayGrant | None:
        with pool.connection() as connection:
            visibility.limit_to(connection, None)
            return verify_gateway(connection, name, password)

    async def verify(name: str, password: str) -> GatewayGrant | None:
        return await asyncio.to_thread(check, name, password)

    return verify
