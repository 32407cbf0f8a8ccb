"""Decides, for the NATS broker, which gateway a connection is and what it may do.

The broker asks once a connection (auth callout); the answer is a user JWT signed with the seed
that the broker's configuration trusts. Nothing is listed in the broker: a new gateway connects at
once, a revoked one is refused at its next connection. No answer means no connection.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypeAlias

import nats
import nkeys  # type: ignore[import-untyped]  # the package ships no types

from coldgate.model import IDENTIFIER, PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nats.aio.client import Client
    from nats.aio.msg import Msg

logger = logging.getLogger(__name__)

REQUESTS: Final = "$SYS.REQ.USER.AUTH"
ACCOUNT: Final = "COLDGATE"  # the broker's account that gateways are placed in
USERNAME: Final = "authority"
QUEUE: Final = "authority"  # one of several API processes answers each request
VERIFY_SECONDS: Final = 3.0  # below the broker's own patience, so that a refusal arrives
RETRY_SECONDS: Final = 1.0
TOGETHER: Final = 32
REFUSED: Final = "refused"  # the same for unknown, revoked and wrong: nothing to learn from it


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayGrant:
    """What a verified connection is: one gateway, on one partition."""

    gateway: str
    partition: str


Verify: TypeAlias = Callable[[str, str], Awaitable[GatewayGrant | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySettings:
    """Where the broker is, and the secrets by which it trusts us; ``url`` is ``nats://host:port``."""

    url: str
    password: str
    seed: str


class BrokerAuthority:
    """Answers the broker's questions while it is open, through every restart of the broker.

    ``verify`` gets user name and password and returns the grant, or None to refuse. When it fails
    or takes too long the connection is refused; the gateway tries again by itself.
    """

    def __init__(self, settings: AuthoritySettings, verify: Verify) -> None:
        self._settings = settings
        self._verify = verify
        self._signer = nkeys.from_seed(settings.seed.encode())
        self._issuer = self._signer.public_key.decode()
        self._slots = asyncio.Semaphore(TOGETHER)
        self._answers: set[asyncio.Task[None]] = set()
        self._client: Client | None = None
        self._listening = False
        self._connecting: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker can ask us at this moment."""
        return self._listening and self._client is not None and self._client.is_connected

    async def start(self) -> None:
        """Begin to connect, and try for ever; returns at once, broker or no broker."""
        self._connecting = asyncio.create_task(self._connect())

    async def stop(self) -> None:
        """Stop answering; connections that the broker has stay as they are."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
        await asyncio.gather(*self._answers, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _connect(self) -> None:
        client = await nats.connect(
            self._settings.url,
            user=USERNAME,
            password=self._settings.password,
            name="coldgate-authority",
            max_reconnect_attempts=-1,
            reconnect_time_wait=RETRY_SECONDS,
            error_cb=_report,
        )
        self._client = client
        await client.subscribe(REQUESTS, queue=QUEUE, cb=self._accept)
        await client.flush()  # the broker has the subscription, and will ask
        self._listening = True
        logger.info("broker authority connected")

    async def _accept(self, message: Msg) -> None:
        answer = asyncio.create_task(self._answer(message))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _answer(self, message: Msg) -> None:
        async with self._slots:
            try:
                await message.respond(await self._decide(message.data))
            except Exception:  # outermost: whatever fails, the connection stays refused
                logger.exception("broker authority failed")

    async def _decide(self, request: bytes) -> bytes:
        """The signed answer to one request, a refusal unless ``verify`` granted it in time."""
        question = _read(request)
        grant = await self._grant(question)
        answer: dict[str, object] = {"type": "authorization_response", "version": 2}
        if grant is None:
            answer["error"] = REFUSED
        else:
            answer["jwt"] = self._user_token(question.user_key, grant)
        claims = {"sub": question.user_key, "aud": question.server, "nats": answer}
        return self._signed(claims).encode()

    async def _grant(self, question: _Question) -> GatewayGrant | None:
        username = question.username
        if not IDENTIFIER.fullmatch(username) or not question.password:
            return None
        if question.client_id != username:
            return None  # a client id is a session: nobody may take over another's
        try:
            async with asyncio.timeout(VERIFY_SECONDS):
                grant = await self._verify(username, question.password)
        except Exception:  # the registry is down: refuse this connection, serve the next
            logger.exception("gateway not verified", extra={"gateway": username})
            return None
        fits = grant is not None and grant.gateway == username and grant.partition in PARTITIONS
        return grant if fits else None

    def _user_token(self, user_key: str, grant: GatewayGrant) -> str:
        own = f"coldgate.v1.{grant.partition}.{grant.gateway}"
        permissions = {
            "pub": {"allow": [f"{own}.up.>"]},
            "sub": {"allow": [f"{own}.down", f"{own}.down.>"]},  # MQTT's "down/#" means both
        }
        unlimited = {"subs": -1, "data": -1, "payload": -1}
        user = {**permissions, **unlimited, "type": "user", "version": 2}
        return self._signed({"sub": user_key, "aud": ACCOUNT, "name": grant.gateway, "nats": user})

    def _signed(self, claims: Mapping[str, object]) -> str:
        """A NATS JWT: its own algorithm name, and an id that is a digest of the claims."""
        body = {**claims, "iss": self._issuer, "iat": int(time.time())}
        body["jti"] = base64.b32encode(hashlib.sha256(_json(body)).digest()).decode().rstrip("=")
        head = _url64(_json({"typ": "JWT", "alg": "ed25519-nkey"}))
        unsigned = f"{head}.{_url64(_json(body))}"
        return f"{unsigned}.{_url64(self._signer.sign(unsigned.encode()))}"


async def _report(error: Exception) -> None:
    logger.warning("broker unreachable for the authority", extra={"reason": str(error)})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What the broker tells about a connection; ``client_id`` is empty where it is not MQTT."""

    server: str
    user_key: str
    client_id: str
    username: str
    password: str


def _read(token: bytes) -> _Question:
    """The broker's request; it comes over our own authenticated connection."""
    body = token.split(b".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))["nats"]
    return _Question(
        server=claims["server_id"]["id"],
        user_key=claims["user_nkey"],
        client_id=claims["client_info"].get("mqtt_id", ""),
        username=claims["connect_opts"].get("user", ""),
        password=claims["connect_opts"].get("pass", ""),
    )


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
