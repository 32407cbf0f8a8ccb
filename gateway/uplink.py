"""Delivery to the server over MQTT: at most a window in flight, gone only when acknowledged.

A PUBACK of the broker deletes nothing: brokers lose messages that they have confirmed. Only the
server's own acknowledgement on ``down/ack`` does, which comes after its COMMIT. Each connection
begins with the oldest message alone; the window opens with the first answer, and closes again when
answers stay away. So a server that is down is not buried under copies, and an outbox restored from
an old copy learns that its numbers are spent before it has used many of them.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiomqtt

from coldgate import wire
from coldgate.errors import OutboxFullError, WireError
from gateway.backoff import Backoff
from gateway.clerk import now_ms
from gateway.outbox import Outbox
from gateway.status import Identity, encode_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldgate.model import Acknowledgement, Message
    from gateway.clerk import Clerk
    from gateway.settings import GatewaySettings

logger: Final = logging.getLogger(__name__)
_FIRST_RECONNECT_SECONDS: Final = 0.5
_IDLE_SECONDS: Final = 0.25  # how often an idle sender looks whether young readings became due


@dataclass(slots=True)
class _Flight:
    """What is under way: numbers above ``acknowledged`` up to ``sent`` are in flight."""

    stream: str
    acknowledged: int
    sent: int
    silent: bool = True  # no answer yet, or none in time: only the oldest message is tried
    attempt: int = 0
    resend_at: float = math.inf

    def room(self, window: int) -> bool:
        """Whether one more message may be sent."""
        return self.sent - self.acknowledged < (1 if self.silent else window)


class Uplink:
    """Delivers one outbox to one broker, for ever, through every outage."""

    def __init__(
        self, clerk: Clerk, settings: GatewaySettings, seal: Callable[[Message], bytes]
    ) -> None:
        self.flushing = False  # pack whatever waits, however little it is
        self._clerk = clerk
        self._settings = settings
        self._seal = seal
        self._tls = settings.tls
        self._identity = Identity(
            gateway=settings.id, partition=settings.partition, started_ms=now_ms()
        )
        resend_seconds = settings.resend_after.total_seconds()
        self._resend = Backoff(
            first_seconds=resend_seconds,
            most_seconds=settings.resend_at_most_every.total_seconds(),
            floor_seconds=resend_seconds,
        )
        self._reconnect = Backoff(
            first_seconds=_FIRST_RECONNECT_SECONDS,
            most_seconds=settings.reconnect_at_most_every.total_seconds(),
        )

    async def run(self) -> None:
        """Connect and deliver until cancelled; a broker that is away is tried again and again."""
        attempt = 0
        while True:
            try:
                async with self._client() as client:
                    await client.subscribe(self._topic(wire.DOWN_ACK), qos=0)
                    logger.info("connected to broker", extra={"attempts": attempt + 1})
                    attempt = 0
                    await self._serve(client)
            except* (aiomqtt.MqttError, OSError) as errors:
                problem = "; ".join(str(error) for error in errors.exceptions)
                logger.warning("no connection to broker", extra={"problem": problem})
            await asyncio.sleep(self._reconnect.delay_seconds(attempt))
            attempt += 1

    async def _serve(self, client: aiomqtt.Client) -> None:
        """One connection: everything that was not acknowledged is sent from the oldest."""
        flight = await self._clerk.call(_start_of_flight)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(client, flight))
            tasks.create_task(self._send(client, flight, tasks))
            tasks.create_task(self._report(client))

    async def _send(
        self, client: aiomqtt.Client, flight: _Flight, tasks: asyncio.TaskGroup
    ) -> None:
        topic = self._topic(wire.UP_READINGS)
        while True:
            self._clerk.changed.clear()  # before looking, so that no change in between is missed
            message = await self._next_message(flight)
            if message is None:
                await self._wait_for_change(flight)
                continue
            flight.sent, payload = message
            if flight.resend_at == math.inf:
                flight.resend_at = self._resend_time(flight)
            tasks.create_task(client.publish(topic, payload, qos=1, timeout=math.inf))

    async def _next_message(self, flight: _Flight) -> tuple[int, bytes] | None:
        """The message to send now; None while the window is full or nothing waits."""
        if not flight.room(self._settings.window):
            return None
        return await self._clerk.call(lambda outbox: self._packed(outbox, flight.sent))

    def _packed(self, outbox: Outbox, after: int) -> tuple[int, bytes] | None:
        message = outbox.next_message(after)
        if message is not None:
            return message
        try:
            outbox.pack(
                self._seal, now_ms=now_ms(), packing=self._settings.packing, flush=self.flushing
            )
        except OutboxFullError:
            return None  # the disk is full: acknowledgements of earlier messages will make room
        return outbox.next_message(after)

    async def _wait_for_change(self, flight: _Flight) -> None:
        """Until the outbox changed or a moment has passed; go back to the oldest when overdue."""
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._clerk.changed.wait()
        except TimeoutError:
            pass  # readings become due by age alone
        if asyncio.get_running_loop().time() < flight.resend_at:
            return
        logger.warning("no acknowledgement, sending again", extra={"from": flight.acknowledged + 1})
        flight.silent = True
        flight.sent = flight.acknowledged
        flight.attempt += 1
        flight.resend_at = self._resend_time(flight)

    def _resend_time(self, flight: _Flight) -> float:
        """When, on the loop's clock, the oldest message is overdue."""
        now = asyncio.get_running_loop().time()
        if flight.attempt == 0:
            return now + self._resend.floor_seconds
        return now + self._resend.delay_seconds(flight.attempt - 1)

    async def _listen(self, client: aiomqtt.Client, flight: _Flight) -> None:
        async for message in client.messages:
            try:
                acknowledgement = wire.decode_acknowledgement(message.payload)
            except WireError as error:
                logger.warning("unreadable acknowledgement", extra={"problem": str(error)})
                continue
            await self._take(acknowledgement, flight)

    async def _take(self, acknowledgement: Acknowledgement, flight: _Flight) -> None:
        """Let the outbox go of what is committed, and see what that means for the flight."""
        for rejection in acknowledgement.rejected:
            facts = {"code": rejection.code, "number": rejection.number, "serial": rejection.serial}
            logger.warning("refused by the server", extra=facts)
        gone = await self._clerk.call(
            lambda outbox: outbox.acknowledge(acknowledgement, now_ms=now_ms())
        )
        start = await self._clerk.call(_start_of_flight)
        if start.stream != flight.stream:
            logger.error("outbox or database is an old copy: a new stream begins")
            flight.stream, flight.sent = start.stream, 0
        elif not gone:
            return
        flight.acknowledged = start.acknowledged
        flight.sent = max(flight.sent, flight.acknowledged)
        flight.silent, flight.attempt = False, 0
        under_way = flight.sent > flight.acknowledged
        flight.resend_at = self._resend_time(flight) if under_way else math.inf
        self._clerk.changed.set()

    async def _report(self, client: aiomqtt.Client) -> None:
        """Publish the status at once and then every so often."""
        topic = self._topic(wire.UP_STATUS)
        while True:
            depth = await self._clerk.call(Outbox.depth)
            body = encode_status(self._identity, depth, now_ms=now_ms())
            await client.publish(topic, body, qos=1, timeout=math.inf)
            await asyncio.sleep(self._settings.status_every.total_seconds())

    def _client(self) -> aiomqtt.Client:
        settings = self._settings
        client = aiomqtt.Client(
            settings.broker_host,
            settings.broker_port,
            username=settings.user,
            password=settings.broker_password.get_secret_value(),
            identifier=settings.id,
            protocol=aiomqtt.ProtocolVersion.V311,
            tls_context=self._tls,
            max_inflight_messages=settings.window,
            logger=logger.getChild("mqtt"),
        )
        client.pending_calls_threshold = 2 * settings.window
        return client

    def _topic(self, leaf: str) -> str:
        return str(wire.Topic(self._settings.partition, self._settings.id, leaf))


def _start_of_flight(outbox: Outbox) -> _Flight:
    acknowledged = outbox.acknowledged
    return _Flight(stream=outbox.stream, acknowledged=acknowledged, sent=acknowledged)
