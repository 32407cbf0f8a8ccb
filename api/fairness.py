"""A share of this process for each party, so that one that asks much keeps no other from asking.

A request takes a place of its party before it takes a thread or a connection, and waits for a free
one on the event loop, where waiting costs nobody anything.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final

import psycopg
from starlette.concurrency import run_in_threadpool

from api.deps import Asker
from api.errors import CrowdedError, UnauthenticatedError, describe
from api.identity.rights import Right

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from api.caller import Caller

MOST_WAITING: Final = 200  # of one party: they cost memory only, but no more of it than this
WAIT_SECONDS: Final = 3.0
MOST_REMEMBERED: Final = 10_000  # keys and sessions whose party is known without asking


class Share:
    """The places of one party; who waits for one gets it in the order of coming."""

    def __init__(self, places: int, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._free = asyncio.Semaphore(places)
        self._waiting = 0
        self._wait_seconds = wait_seconds

    async def take(self) -> None:
        """Return with a place; `CrowdedError` where none gets free in time, or too many wait."""
        if not self._free.locked():
            await self._free.acquire()
            return
        if self._waiting >= MOST_WAITING:
            raise CrowdedError
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise CrowdedError from None
        finally:
            self._waiting -= 1

    def give(self) -> None:
        """Let the next one have the place."""
        self._free.release()


class FairShares:
    """ASGI middleware that lets each party have its share of ``pool_size`` connections in use.

    Three of five for a party and one more of five for the operator, so that there is always one
    for the others. Whose a key or session is never changes, and so is looked up once; whether it is
    in force is asked by whoever answers the request. Who is nobody yet holds nothing for long.
    """

    def __init__(self, app: ASGIApp, pool_size: int) -> None:
        self._app = app
        self._places = max(1, pool_size * 3 // 5)
        self._places_of_operator = max(1, pool_size * 4 // 5)
        self._shares: dict[str, Share] = {}
        self._share_of: dict[bytes, Share] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on when its party has a place for it."""
        share = await self._find(scope) if scope["type"] == "http" else None
        if share is None:
            await self._app(scope, receive, send)
            return
        try:
            await share.take()
        except CrowdedError as error:
            await describe(error).response()(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            share.give()

    async def _find(self, scope: Scope) -> Share | None:
        """The share that the request counts to; None while nobody knows who asks."""
        proof = _authorization(scope["headers"])
        if proof is None:
            return None
        digest = hashlib.sha256(proof).digest()
        share = self._share_of.get(digest)
        if share is None:
            caller = await run_in_threadpool(_caller, scope, proof)
            share = None if caller is None else self._remember(digest, caller)
        return share

    def _remember(self, digest: bytes, caller: Caller) -> Share:
        if len(self._share_of) >= MOST_REMEMBERED:
            self._share_of.pop(next(iter(self._share_of)))
        places = self._places_of_operator if caller.is_operator else self._places
        share = self._shares.setdefault(caller.party, Share(places))
        self._share_of[digest] = share
        return share


def _authorization(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    return next((value for name, value in headers if name == b"authorization"), None)


def _caller(scope: Scope, proof: bytes) -> Caller | None:
    """Who asks; None where nobody does, or the database does not say: the route tells why."""
    scheme, _, token = proof.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        return None
    asker = Asker(context=scope["app"].state.context, token=token.strip(), right=Right.READ)
    try:
        return asker.find()
    except (UnauthenticatedError, psycopg.Error):
        return None
