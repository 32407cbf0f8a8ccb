"""A fleet against a gateway that hangs up, refuses or is not there."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coldgate.errors import WireError
from firmware_sim.delivery import Conduct, Delivery
from firmware_sim.fleet import Fleet
from firmware_sim.link import GatewayLink
from firmware_sim.scenario import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from firmware_sim.simulation import Simulation

FASTEST = 10_000.0 * 60.0  # twelve hours in a twelfth of a second


async def deliver(
    simulation: Simulation,
    port: int,
    *,
    patience: float = 20.0,
    block_readings: int = 100,
    reports: list[Mapping[str, object]] | None = None,
    **conduct: bool,
) -> tuple[bool, Fleet]:
    """Play the whole journey against the gateway on ``port``."""
    fleet = Fleet(simulation)
    async with GatewayLink("127.0.0.1", port, reply_seconds=patience) as link:
        delivery = Delivery(
            fleet=fleet,
            link=link,
            conduct=Conduct(
                factor=FASTEST,
                patience_seconds=patience,
                block_readings=block_readings,
                **conduct,
            ),
            report=[].append if reports is None else reports.append,
        )
        return await delivery.run(), fleet


@pytest.mark.parametrize("moods", [[], ["hang up"], ["refuse"], ["well", "hang up", "refuse"]])
def test_every_reading_arrives_once_whatever_the_gateway_does(
    simulate: Callable[..., Simulation], little_gateway: Callable[..., object], moods: list[str]
) -> None:
    simulation = simulate(loggers=3)

    async def play() -> None:
        async with little_gateway(moods=list(moods)) as gateway:
            complete, fleet = await deliver(simulation, gateway.port)
            truth = simulation.sample(1, simulation.journey.readings)
            arrived = gateway.readings()
            assert complete
            assert len(arrived) == fleet.confirmed == 3 * 721
            for column, serial in enumerate(simulation.serials):
                got = [arrived[serial, number] for number in range(1, 722)]
                assert [stamp for stamp, _, _ in got] == truth.taken_at_ms.tolist()
                assert [t for _, t, _ in got] == truth.temperature[:, column].tolist()

    asyncio.run(play())


def test_same_seed_delivers_the_same_readings_in_whatever_portions(
    simulate: Callable[..., Simulation], little_gateway: Callable[..., object]
) -> None:
    async def play(block_readings: int) -> dict[tuple[str, int], tuple[int, ...]]:
        async with little_gateway() as gateway:
            await deliver(simulate(), gateway.port, block_readings=block_readings)
            return gateway.readings()

    assert asyncio.run(play(7)) == asyncio.run(play(500))


def test_outage_keeps_readings_back_until_after_the_journey(
    simulate: Callable[..., Simulation], little_gateway: Callable[..., object]
) -> None:
    reports: list[Mapping[str, object]] = []

    async def play() -> bool:
        async with little_gateway() as gateway:
            complete, _ = await deliver(simulate("late-upload"), gateway.port, reports=reports)
            return complete

    assert asyncio.run(play())
    down, up = (report for report in reports if report["event"] == "link")
    assert (down["up"], up["up"]) == (False, True)
    assert down["confirmed"] <= up["confirmed"] < up["taken"] == up["expected"]


def test_outage_that_somebody_else_plays_holds_nothing_back(
    simulate: Callable[..., Simulation], little_gateway: Callable[..., object]
) -> None:
    simulation = simulate("clean")
    for_ever = replace(simulation.scenario, outage=Outage(begin=0.0, end=math.inf))

    async def play() -> bool:
        async with little_gateway() as gateway:
            cut_off = replace(simulation, scenario=for_ever)
            return (await deliver(cut_off, gateway.port, cut_link=False))[0]

    assert asyncio.run(play())


def test_absent_gateway_ends_the_run_with_every_reading_still_in_the_loggers(
    simulate: Callable[..., Simulation],
) -> None:
    reports: list[Mapping[str, object]] = []

    complete, fleet = asyncio.run(
        deliver(simulate(), _unused_port(), patience=0.5, reports=reports)
    )
    assert not complete
    assert (fleet.confirmed, fleet.lost) == (0, 0)
    assert fleet.pending == fleet.taken > 0
    assert {r["code"] for r in reports if r["event"] == "not_confirmed"} == {"GATEWAY_UNREACHABLE"}


def test_something_that_is_no_gateway_is_said_to_be_none(
    simulate: Callable[..., Simulation], little_gateway: Callable[..., object]
) -> None:
    async def play() -> None:
        async with little_gateway(moods=["babble"]) as gateway:
            await deliver(simulate(), gateway.port)

    with pytest.raises(WireError, match="REPLY_UNREADABLE"):
        asyncio.run(play())


def test_logger_clock_is_told_only_when_asked(
    simulate: Callable[..., Simulation], little_gateway: Callable[..., object]
) -> None:
    async def play(**conduct: bool) -> set[bool]:
        async with little_gateway() as gateway:
            await deliver(simulate(), gateway.port, **conduct)
            return {"clock_ms" in request for request in gateway.requests}

    assert asyncio.run(play()) == {False}
    assert asyncio.run(play(send_clock=True)) == {True}


def _unused_port() -> int:
    """A port that was free a moment ago."""

    async def borrow() -> int:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        return port

    return asyncio.run(borrow())
