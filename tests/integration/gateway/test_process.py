"""The gateway as a process: killed, stopped, and used from the command line."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from coldgate.launch.folder import free_port
from coldgate.wire import block_to_json
from gateway.agent import open_outbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.broker
PATIENCE_SECONDS = 20


@contextmanager
def running(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A gateway process that listens for loggers; it is gone afterwards."""
    listening = {"COLDGATE_GATEWAY_LISTEN_PORT": str(port)}
    command = [sys.executable, "-m", "gateway", "run"]
    with subprocess.Popen(command, env=environment | listening, stderr=subprocess.DEVNULL) as child:
        try:
            yield child
        finally:
            child.kill()


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)


async def exchange(port: int, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers to requests sent in one go; fewer when the gateway dies in between."""
    reader, writer = await connect(port)
    writer.writelines(json.dumps(one).encode() + b"\n" for one in requests)
    answers = []
    for _ in requests:
        line = await reader.readline()
        if not line:
            break
        answers.append(json.loads(line))
    writer.close()
    return answers


def send(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", "send", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def write_csv(folder: Path, rows: int) -> Path:
    (folder / "A1.mapping.yaml").write_text(
        'serial: A1\nzone: UTC\ntime: {columns: [when], format: "%Y-%m-%d %H:%M"}\n'
        'values: [{column: t, quantity: temperature, unit: "°C"}]\n'
    )
    file = folder / "A1.csv"
    lines = [f"2024-01-01 {i // 60:02}:{i % 60:02},{5 + i / 10:.1f}" for i in range(rows)]
    file.write_text("\n".join(["when,t", *lines]) + "\n")
    return file


def test_what_was_confirmed_before_kill_9_is_on_disk(line: Any, arrival: Any) -> None:
    requests = [block_to_json(arrival(first=i).block) for i in range(1, 4_001, 10)]
    port = free_port()

    async def kill_in_between(child: subprocess.Popen[bytes]) -> int:
        reader, writer = await connect(port)
        writer.writelines(json.dumps(one).encode() + b"\n" for one in requests)
        confirmed = [json.loads(await reader.readline()) for _ in range(100)]
        child.kill()
        confirmed += [json.loads(rest) for rest in (await reader.read()).splitlines(keepends=True)]
        writer.close()
        return sum(answer["stored"]["new_readings"] for answer in confirmed)

    with running(line.environment(broker_port="1"), port) as child:
        confirmed = asyncio.run(kill_in_between(child))

    outbox = open_outbox(line.settings())
    assert outbox.readings >= confirmed >= 1_000
    outbox.close()


def test_stopping_while_data_is_in_flight_loses_nothing(line: Any, arrival: Any) -> None:
    requests = [block_to_json(arrival(first=i).block) for i in range(1, 2_001, 10)]
    port = free_port()

    async def scenario() -> tuple[int, list[int]]:
        async with line.server() as server:
            with running(line.environment(), port) as child:
                answers = await exchange(port, requests)
                child.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(child.wait, PATIENCE_SECONDS) == 0
            return len(answers), server.sequences

    answered, sequences = asyncio.run(scenario())
    assert answered == 200
    assert sequences == list(range(1, 2_001))


def test_readings_stay_when_stopped_without_a_server(line: Any, arrival: Any) -> None:
    port = free_port()

    with running(line.environment(grace="PT0.1S"), port) as child:
        asyncio.run(exchange(port, [block_to_json(arrival().block)]))
        child.send_signal(signal.SIGINT)
        assert child.wait(PATIENCE_SECONDS) == 0

    outbox = open_outbox(line.settings())
    assert outbox.readings == 10
    outbox.close()


def test_sent_file_is_acknowledged_and_gone_from_the_outbox(line: Any, tmp_path: Path) -> None:
    file = write_csv(tmp_path, rows=50)

    async def scenario() -> tuple[subprocess.CompletedProcess[str], int]:
        async with line.server() as server:
            done = await asyncio.to_thread(send, line.environment(), str(file))
            return done, len(server.sequences)

    done, delivered = asyncio.run(scenario())
    assert (done.returncode, done.stdout, delivered) == (
        0,
        "A1.csv: 50 readings, 50 new, the last is number 50\n",
        50,
    )


def test_file_in_a_wrong_format_stores_nothing_and_exits_with_2(line: Any, tmp_path: Path) -> None:
    good, bad = write_csv(tmp_path, rows=5), tmp_path / "bad.txt"
    bad.write_text("Device: Q-tag CLm doc LR\nserial 7\n")

    done = send(line.environment(), str(good), str(bad), "--zone", "UTC")

    assert done.returncode == 2
    assert done.stderr == "bad.txt:2: not `key: value`: 'serial 7'\n"
    assert not line.settings().outbox.exists()


def test_readings_stay_when_the_server_does_not_answer_in_time(line: Any, tmp_path: Path) -> None:
    file = write_csv(tmp_path, rows=5)

    done = send(line.environment(), str(file), "--wait", "0.5")

    assert done.returncode == 3
    outbox = open_outbox(line.settings())
    assert outbox.readings == 5
    outbox.close()


def test_second_process_on_the_same_outbox_is_refused(line: Any, tmp_path: Path) -> None:
    outbox = open_outbox(line.settings())

    done = send(line.environment(), str(write_csv(tmp_path, rows=5)))

    assert done.returncode == 1
    assert "in use by another process" in done.stderr
    outbox.close()
