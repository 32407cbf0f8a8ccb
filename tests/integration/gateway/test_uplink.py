from __future__ import annotations

import asyncio
import gc
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from certificates import write_certificate

from coldgate.crypto import sha256_hex
from coldgate.launch.folder import free_port
from coldgate.model import Rejection
from gateway.agent import drained, open_outbox, sealer
from gateway.clerk import Clerk, now_ms
from gateway.outbox import Outbox
from gateway.uplink import Uplink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.settings import GatewaySettings

pytestmark = pytest.mark.broker
PATIENCE_SECONDS = 20


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition is the far end's, no event tells
            await asyncio.sleep(0.01)


@asynccontextmanager
async def delivering(settings: GatewaySettings) -> AsyncIterator[Clerk]:
    async with Clerk(open_outbox(settings)) as clerk:
        sending = asyncio.create_task(Uplink(clerk, settings, sealer(settings)).run())
        try:
            yield clerk
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


def test_every_reading_arrives_and_leaves_the_outbox(line: Any, arrival: Any) -> None:
    async def scenario() -> list[int]:
        async with line.server() as server, delivering(line.settings()) as clerk:
            for first in range(1, 2_001, 10):
                await clerk.store(arrival(first=first))
            assert await drained(clerk, PATIENCE_SECONDS)
            return server.sequences

    assert asyncio.run(scenario()) == list(range(1, 2_001))


def test_the_brokers_own_confirmation_deletes_nothing(line: Any, arrival: Any) -> None:
    async def scenario() -> int:
        async with line.server(acknowledging=False) as server, delivering(line.settings()) as clerk:
            await clerk.store(arrival(count=10))
            await eventually(lambda: len(server.messages) == 1)
            return clerk.readings

    assert asyncio.run(scenario()) == 10


def test_an_unacknowledged_message_is_sent_again_byte_for_byte(line: Any, arrival: Any) -> None:
    async def scenario() -> set[bytes]:
        async with line.server(acknowledging=False) as server, delivering(line.settings()) as clerk:
            await clerk.store(arrival())
            await eventually(lambda: len(server.received) >= 3)
            return set(server.received)

    assert len(asyncio.run(scenario())) == 1


def test_delivery_resumes_once_acknowledgements_come_back(line: Any, arrival: Any) -> None:
    async def scenario() -> list[int]:
        async with line.server(acknowledging=False) as server, delivering(line.settings()) as clerk:
            for first in range(1, 301, 10):
                await clerk.store(arrival(first=first))
            await eventually(lambda: len(server.received) > len(server.messages) > 0)
            server.acknowledging = True
            assert await drained(clerk, PATIENCE_SECONDS)
            return server.sequences

    assert asyncio.run(scenario()) == list(range(1, 301))


def test_no_more_than_the_window_is_in_flight(line: Any, arrival: Any) -> None:
    settings = line.settings(window=3, message_readings=10, message_enough=10)

    async def scenario() -> tuple[int, int]:
        async with line.server() as server, delivering(settings) as clerk:
            await clerk.store(arrival(first=1))
            assert await drained(clerk, PATIENCE_SECONDS)
            server.acknowledging = False
            for first in range(11, 211, 10):
                await clerk.store(arrival(first=first))
            await eventually(lambda: len(server.received) > 5)  # the oldest has come again
            return max(server.messages), clerk.readings

    assert asyncio.run(scenario()) == (1 + 3, 200)


def test_connection_begins_with_one_message_alone(line: Any, arrival: Any) -> None:
    settings = line.settings(message_readings=10, message_enough=10)

    async def scenario() -> set[int]:
        async with line.server(acknowledging=False) as server, delivering(settings) as clerk:
            for first in range(1, 101, 10):
                await clerk.store(arrival(first=first))
            await eventually(lambda: len(server.received) >= 3)
            return set(server.messages)

    assert asyncio.run(scenario()) == {1}


def test_a_restart_sends_what_was_not_acknowledged(line: Any, arrival: Any) -> None:
    async def scenario() -> list[int]:
        async with line.server(acknowledging=False) as server:
            async with delivering(line.settings()) as clerk:
                await clerk.store(arrival(count=10))
                await eventually(lambda: len(server.messages) == 1)
            server.acknowledging = True
            async with delivering(line.settings()) as clerk:
                assert await drained(clerk, PATIENCE_SECONDS)
            return server.sequences

    assert asyncio.run(scenario()) == list(range(1, 11))


def test_a_refused_message_is_kept_and_does_not_stop_the_ones_behind_it(
    line: Any, arrival: Any
) -> None:
    def refuse_first(payload: bytes) -> Rejection | None:
        first = server_numbers.setdefault(payload, len(server_numbers) + 1) == 1
        digest = sha256_hex(payload)
        return Rejection(code="LOGGER_UNKNOWN", sha256=digest, number=1) if first else None

    server_numbers: dict[bytes, int] = {}

    async def scenario() -> dict[str, int]:
        settings = line.settings(message_readings=10, message_enough=10)
        async with line.server(refuse=refuse_first), delivering(settings) as clerk:
            for first in (1, 11, 21):
                await clerk.store(arrival(first=first))
            assert await drained(clerk, PATIENCE_SECONDS)
            return (await clerk.call(Outbox.depth)).rejected

    assert asyncio.run(scenario()) == {"LOGGER_UNKNOWN": 1}


def test_a_refusal_that_cannot_be_trusted_settles_nothing(line: Any, arrival: Any) -> None:
    def refuse(payload: bytes) -> Rejection:
        return Rejection(code="SIGNATURE_INVALID", sha256=sha256_hex(payload))

    async def scenario() -> tuple[dict[str, int], int]:
        async with line.server(refuse=refuse) as server, delivering(line.settings()) as clerk:
            await clerk.store(arrival(count=10))
            await eventually(lambda: len(server.received) >= 2)
            depth = await clerk.call(Outbox.depth)
            return depth.unsettled, depth.readings

    assert asyncio.run(scenario()) == ({"SIGNATURE_INVALID": 1}, 10)


def test_status_tells_clock_buffer_and_versions(line: Any, arrival: Any) -> None:
    async def scenario() -> dict[str, Any]:
        async with Clerk(open_outbox(line.settings())) as clerk:
            await clerk.store(arrival(count=10))
        async with line.server() as server, delivering(line.settings()):
            await eventually(lambda: bool(server.statuses))
            return server.statuses[0]

    status = asyncio.run(scenario())

    assert status["buffered"]["readings"] == 10
    assert abs(status["clock_ms"] - now_ms()) < 60_000
    assert {"coldgate", "python"} == set(status["software"])


def test_a_broker_that_is_away_at_first_is_waited_for(line: Any, arrival: Any) -> None:
    async def scenario() -> list[int]:
        async with Clerk(open_outbox(line.settings())) as clerk, line.server() as server:
            away = line.settings(broker_port=unused_port)
            uplink = Uplink(clerk, away, sealer(away))
            sending = asyncio.create_task(uplink.run())
            await clerk.store(arrival(count=10))
            async with await asyncio.start_server(relay, "127.0.0.1", unused_port):
                assert await drained(clerk, PATIENCE_SECONDS)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            return server.sequences

    unused_port = free_port()
    relay = relay_to(line.broker)

    assert asyncio.run(scenario()) == list(range(1, 11))


def test_broker_behind_tls_is_trusted_by_its_authority(
    line: Any, arrival: Any, tmp_path: Path
) -> None:
    certificate, serving = own_authority(tmp_path)

    delivered = delivered_over_tls(
        line, arrival(), serving, patience=PATIENCE_SECONDS, broker_ca_file=certificate
    )

    assert asyncio.run(delivered)


# paho leaves the socket of a failed handshake to the garbage collector, which warns.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_broker_of_an_unknown_authority_is_sent_nothing(
    line: Any, arrival: Any, tmp_path: Path
) -> None:
    _, serving = own_authority(tmp_path)

    assert not asyncio.run(delivered_over_tls(line, arrival(), serving, patience=0.5))
    gc.collect()


async def delivered_over_tls(
    line: Any, arrival: Any, serving: ssl.SSLContext, *, patience: float, **trust: Any
) -> bool:
    """Whether a reading arrives through a relay that shows the certificate of ``serving``."""
    async with await asyncio.start_server(
        relay_to(line.broker), "127.0.0.1", 0, ssl=serving
    ) as relay:
        port = relay.sockets[0].getsockname()[1]
        settings = line.settings(broker_port=port, broker_tls=True, **trust)
        async with line.server(), delivering(settings) as clerk:
            await clerk.store(arrival)
            return await drained(clerk, patience)


def own_authority(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate that nobody else vouches for, and a server that shows it."""
    certificate, private_key = folder / "broker.pem", folder / "broker.key"
    write_certificate(certificate, private_key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, private_key)
    return certificate, serving


def relay_to(broker: Any) -> Any:
    """Handler of a server that passes every byte on to the broker and back."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await asyncio.open_connection(broker.host, broker.port)
        await asyncio.gather(pump(reader, far[1]), pump(far[0], writer))

    return relay


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
