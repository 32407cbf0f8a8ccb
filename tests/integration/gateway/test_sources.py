from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coldgate.errors import SettingsError
from coldgate.wire import block_to_json
from gateway.capacity import Capacity
from gateway.clerk import Clerk
from gateway.outbox import Outbox
from gateway.readers.local_time import find_zone
from gateway.sources.folder import FolderSource
from gateway.sources.local import MAX_LINE_BYTES, LocalSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MAPPING = (
    'serial: A1\nzone: UTC\ntime: {columns: [when], format: "%Y-%m-%d %H:%M"}\n'
    'values: [{column: t, quantity: temperature, unit: "°C"}]\n'
)


@asynccontextmanager
async def local_source(path: Path, **capacity: int) -> AsyncIterator[LocalSource]:
    outbox = Outbox(path / "outbox.sqlite3", gateway="gw-0001", capacity=Capacity(**capacity))
    async with Clerk(outbox) as clerk:
        source = LocalSource(clerk, "127.0.0.1", 0)
        serving = asyncio.create_task(source.run())
        await source.listening.wait()
        try:
            yield source
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def ask(source: LocalSource, *lines: bytes) -> list[dict[str, Any]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", source.port)
    writer.writelines(lines)
    answers = [json.loads(await reader.readline()) for _ in lines]
    writer.close()
    await writer.wait_closed()
    return answers


def request(arrival: Any, **changes: Any) -> bytes:
    return json.dumps(block_to_json(arrival.block) | changes).encode() + b"\n"


def csv_rows(count: int) -> str:
    return "when,t\n" + "".join(f"2024-01-01 00:{i:02},{i}.5\n" for i in range(count))


def folder_source(clerk: Clerk, folder: Path) -> FolderSource:
    return FolderSource(clerk, folder, every=timedelta(seconds=5), zone=find_zone("UTC"))


def scanned(folder: Path, *contents: str) -> list[int]:
    """How many readings each content of ``A1.csv`` added, one after the other."""

    async def scenario() -> list[int]:
        outbox = Outbox(folder / "outbox.sqlite3", gateway="gw-0001")
        async with Clerk(outbox) as clerk:
            source = folder_source(clerk, folder)
            added = []
            for content in contents:
                (folder / "A1.csv").write_text(content)
                await source.scan()
                added.append(await source.scan())
            return added

    (folder / "A1.mapping.yaml").write_text(MAPPING)
    return asyncio.run(scenario())


def test_pipelined_blocks_are_answered_in_order(tmp_path: Path, arrival: Any) -> None:
    requests = [request(arrival(first=i)) for i in range(1, 301, 10)]

    async def scenario() -> list[dict[str, Any]]:
        async with local_source(tmp_path) as source:
            return await ask(source, *requests)

    answers = asyncio.run(scenario())
    assert [a["stored"]["upto_sequence"] for a in answers] == list(range(10, 301, 10))


def test_logger_without_sequence_numbers_gets_contiguous_ones(tmp_path: Path, arrival: Any) -> None:
    requests = [request(arrival(first=i), first_sequence=None) for i in (1, 11)]

    async def scenario() -> list[dict[str, Any]]:
        async with local_source(tmp_path) as source:
            return await ask(source, *requests)

    ranges = [list(answer["stored"].values())[1:3] for answer in asyncio.run(scenario())]
    assert ranges == [[1, 10], [11, 20]]


def test_bad_request_is_refused_and_the_next_one_stored(tmp_path: Path, arrival: Any) -> None:
    async def scenario() -> list[dict[str, Any]]:
        async with local_source(tmp_path) as source:
            return await ask(source, b"[1, 2\n", b'{"serial": "A1"}\n', request(arrival()))

    answers = asyncio.run(scenario())
    assert [a.get("refused", {}).get("code") for a in answers] == ["UNREADABLE", "UNREADABLE", None]


def test_endless_line_is_refused_and_the_connection_closed(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        async with local_source(tmp_path) as source:
            reader, writer = await asyncio.open_connection("127.0.0.1", source.port)
            writer.write(b"x" * (2 * MAX_LINE_BYTES))
            answer = await reader.readline()
            writer.close()
            return answer

    assert json.loads(asyncio.run(scenario()))["refused"]["code"] == "LINE_TOO_LONG"


def test_full_outbox_leaves_the_readings_with_the_logger(tmp_path: Path, arrival: Any) -> None:
    async def scenario() -> list[dict[str, Any]]:
        async with local_source(tmp_path, max_bytes=1) as source:
            return await ask(source, request(arrival()))

    assert asyncio.run(scenario())[0]["refused"]["code"] == "OUTBOX_FULL"


def test_file_read_twice_adds_nothing(tmp_path: Path) -> None:
    assert scanned(tmp_path, csv_rows(10), csv_rows(10)) == [10, 0]


def test_longer_file_adds_only_what_is_new(tmp_path: Path) -> None:
    assert scanned(tmp_path, csv_rows(10), csv_rows(15)) == [10, 5]


def test_same_values_with_more_decimals_are_the_same_readings(tmp_path: Path) -> None:
    assert scanned(tmp_path, csv_rows(10), csv_rows(10).replace(".5", ".500")) == [10, 0]


def test_pipe_in_the_folder_holds_up_no_file(tmp_path: Path, caplog: Any) -> None:
    os.mkfifo(tmp_path / "A0.txt")

    assert scanned(tmp_path, csv_rows(10)) == [10]
    assert "A0.txt: not a regular file" in [getattr(r, "problem", "") for r in caplog.records]


def test_file_that_is_still_growing_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "A1.mapping.yaml").write_text(MAPPING)

    async def scenario() -> list[int]:
        async with Clerk(Outbox(tmp_path / "outbox.sqlite3", gateway="gw-0001")) as clerk:
            source = folder_source(clerk, tmp_path)
            added = []
            for count in (5, 10, 10):
                (tmp_path / "A1.csv").write_text(csv_rows(count))
                added.append(await source.scan())
            return [*added, await source.scan()]

    assert asyncio.run(scenario()) == [0, 0, 0, 10]


def test_unreadable_file_is_reported_once_and_read_once_it_is_mended(
    tmp_path: Path, caplog: Any
) -> None:
    added = scanned(tmp_path, "when,t\nnoon,5\n", "when,t\nnoon,5\n", csv_rows(3))

    assert added == [0, 0, 3]
    assert [record.problem for record in caplog.records if record.message == "file refused"] == [
        "A1.csv:2: time 'noon' does not fit '%Y-%m-%d %H:%M'"
    ]


def test_logger_that_does_not_listen_does_not_hold_up_the_stop(
    tmp_path: Path, arrival: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("gateway.sources.local._GOODBYE_SECONDS", 0.1)
    deaf = [request(arrival(first=i)) for i in range(1, 100_001, 10)]

    async def scenario() -> None:
        async with local_source(tmp_path) as source:
            _, writer = await asyncio.open_connection("127.0.0.1", source.port)
            writer.writelines(deaf)
            await asyncio.sleep(0)
        writer.transport.abort()

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_port_in_use_is_a_problem_of_the_settings(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with local_source(tmp_path) as source:
            (tmp_path / "second").mkdir()
            async with Clerk(Outbox(tmp_path / "second" / "o", gateway="gw-0002")) as clerk:
                await LocalSource(clerk, "127.0.0.1", source.port).run()

    with pytest.raises(SettingsError, match=r"cannot listen for loggers on 127\.0\.0\.1:"):
        asyncio.run(scenario())
