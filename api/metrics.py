"""Figures of one API process, for Prometheus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUCKETS_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
UNROUTED: Final = "(none)"  # one label for all unknown paths, else every probe makes a series


class Metrics:
    """Counters and histograms in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Histogram(
            "coldgate_api_request_seconds",
            "Time to answer a request",
            ("method", "route", "status"),
            buckets=BUCKETS_SECONDS,
            registry=self._registry,
        )
        self.decisions = Counter(
            "coldgate_gate_decisions",
            "Gate decisions that were recorded",
            ("purpose", "verdict"),
            registry=self._registry,
        )
        self.reactions = Counter(
            "coldgate_reactions", "Evaluations that were acted on", registry=self._registry
        )
        self.reaction_failures = Counter(
            "coldgate_reaction_failures",
            "Attempts to act on an evaluation that failed and will be repeated",
            registry=self._registry,
        )
        self.ledger_entries = Counter(
            "coldgate_ledger_entries",
            "Entries that got their place in the ledger",
            registry=self._registry,
        )
        self.ledger_failures = Counter(
            "coldgate_ledger_failures",
            "Attempts to keep the ledger that failed and will be repeated",
            registry=self._registry,
        )
        self.ledger_broken = Gauge(
            "coldgate_ledger_broken",
            "1 while the ledger is not what it was: the gate lets nothing be used",
            registry=self._registry,
        )
        self.scheduled_runs = Counter(
            "coldgate_scheduled_runs",
            "Times that a job ran because its time had come",
            ("job",),
            registry=self._registry,
        )
        self.scheduled_failures = Counter(
            "coldgate_scheduled_failures",
            "Jobs, and cases of jobs, that failed and will be repeated",
            ("job",),
            registry=self._registry,
        )

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)


class RequestTimer:
    """ASGI middleware that observes each request under its route's template."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and observe how long its answer took."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = "500"
        started = time.perf_counter()

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, observe)
        finally:
            route = getattr(scope.get("route"), "path", UNROUTED)
            seconds = time.perf_counter() - started
            self._metrics.requests.labels(scope["method"], route, status).observe(seconds)
