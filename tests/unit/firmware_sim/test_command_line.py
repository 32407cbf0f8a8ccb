"""`python -m firmware_sim run` as its users meet it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from firmware_sim.__main__ import main, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

JOURNEY = ("--begin", "2026-03-01T06:00:00Z", "--end", "2026-03-02T06:00:00Z")


async def start(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "firmware_sim",
        "run",
        *arguments,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def test_run_confirms_every_reading_writes_the_truth_and_exits_with_zero(
    little_gateway: Callable[..., object], tmp_path: Path
) -> None:
    truth = tmp_path / "truth.json"

    async def play() -> None:
        async with little_gateway() as gateway:
            process = await start(
                "--scenario=clean",
                f"--gateway=127.0.0.1:{gateway.port}",
                *("--begin=2026-03-01T06:00:00Z", "--end=2026-03-01T08:00:00Z"),
                "--factor=10000",
                f"--truth={truth}",
                COLDGATE_FIRMWARE_SIM_LOGGERS="2",
            )
            output, errors = await process.communicate()
            lines = [json.loads(line) for line in output.splitlines()]
            assert (process.returncode, errors) == (0, b"")
            assert lines[0]["event"] == "progress"
            assert lines[-1]["confirmed"] == lines[-1]["expected"] == 2 * 121
            assert len(gateway.readings()) == 2 * 121

    asyncio.run(play())
    assert json.loads(truth.read_bytes())["expected"]["verdict"] == "PASS"


def test_terminated_run_ends_at_once_and_admits_that_readings_are_missing(
    little_gateway: Callable[..., object],
) -> None:
    async def play() -> int | None:
        async with little_gateway() as gateway:
            address = f"127.0.0.1:{gateway.port}"
            process = await start("--scenario=clean", "--gateway", address, *JOURNEY)
            await process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            await process.communicate()
            return process.returncode

    assert asyncio.run(play()) == 3


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("--scenario=lukewarm", "no scenario lukewarm"),
        ("--gateway=nowhere", "gateway: is not HOST:PORT"),
        ("--begin=2026-03-01T06:00:00", "begin: Input should have timezone info"),
        ("--end=2026-02-01T06:00:00Z", "end must be later than begin"),
        ("--end=2026-03-01T07:00:00Z", "needs a journey of at least 2 hours"),
        ("--factor=20000", "factor: Input should be less than or equal to 10000"),
        ("--truth=/nowhere/truth.json", "No such file or directory"),
    ],
)
def test_wrong_setting_is_named_on_one_line_with_status_two(
    capsys: pytest.CaptureFixture[str], wrong: str, complaint: str
) -> None:
    right = ["--scenario=clean", "--gateway=127.0.0.1:9", *JOURNEY]

    assert main(["run", *right, wrong]) == 2
    errors = capsys.readouterr().err
    assert complaint in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(("text", "milliseconds"), [("30", 30_000), ("PT5M", 300_000)])
def test_durations_are_given_in_seconds_or_as_iso_8601(text: str, milliseconds: int) -> None:
    settings = settings_of(
        {
            "scenario": "clean",
            "gateway": "127.0.0.1:9",
            "begin": "2026-03-01T06:00:00Z",
            "end": "2026-03-02T06:00:00+01:00",
            "interval": text,
        }
    )

    assert settings.journey.interval_ms == milliseconds
    assert settings.journey.seconds == 23 * 3600
