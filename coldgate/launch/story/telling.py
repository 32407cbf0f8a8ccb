"""``coldgate demo``: the whole story on one machine: real servers, real processes, a cut link."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from coldgate.errors import ColdgateError, LaunchError
from coldgate.launch.desk import open_desk
from coldgate.launch.folder import accepts, free_port
from coldgate.launch.hosting import LogFile, run_beside
from coldgate.launch.importing import INTERRUPTED
from coldgate.launch.process import wait_until
from coldgate.launch.screen import Screen
from coldgate.launch.story import cast
from coldgate.launch.story.cable import Cable
from coldgate.launch.story.cast import Journey
from coldgate.launch.story.journeys import Line, Story
from coldgate.launch.story.outcome import Outcome, outcome_table
from coldgate.launch.story.real_file import find_real_file, tell_real
from coldgate.launch.story.registry import Registry, open_registry
from coldgate.launch.story.stage import fresh_machine
from coldgate.launch.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from coldgate.launch.machine import Machine

GATEWAY_SECONDS: Final = 20.0


async def tell(folder: Path, *, keep_serving: bool) -> int:
    """Tell the story in ``folder``; 0 when every consignment ended as it had to, else 1.

    ``keep_serving`` leaves the API running until Ctrl-C. Ctrl-C before the end of the story is 130.

    Raises:
        LaunchError: the folder is in use or is not the demo's, or a part could not be run.
    """
    demo = Demo(machine=fresh_machine(folder), screen=Screen(), began=time.monotonic())
    demo.screen.say("Coldgate demo: starting database, broker, ingest, judge and API")
    with demo.machine.prepare():
        log = LogFile(folder / "demo.log")
        await run_beside(
            demo.machine, lambda: demo.run(log, keep_serving=keep_serving), write=log.write
        )
        log.close()
    return demo.status


@dataclass(slots=True, kw_only=True)
class Demo:
    """One telling of the story; ``status`` is that of the process when it ends now."""

    machine: Machine
    screen: Screen
    began: float  # time.monotonic()
    status: int = INTERRUPTED

    async def run(self, log: LogFile, *, keep_serving: bool) -> None:
        """Tell the story, show how it ended, and keep serving if asked to."""
        async with open_registry(self.machine.api_url, self.machine.operator_key) as registry:
            outcomes = await self._tell(registry, log)
        self.status = 0 if all(one.as_expected for one in outcomes) else 1
        self.screen.show(outcome_table(outcomes))
        self._close(keep_serving=keep_serving)
        if keep_serving:
            await asyncio.Event().wait()  # Ctrl-C cancels it

    async def _tell(self, registry: Registry, log: LogFile) -> list[Outcome]:
        journey = Journey.until(datetime.now(UTC))
        await self._register(registry, journey)
        async with self._gateways(registry, log) as lines:
            self.screen.say(
                f"  {cast.HOURS} hours on the road now take "
                f"{cast.HOURS * 3600 // cast.FACTOR} seconds; profile {cast.PROFILE}"
            )
            with self.screen.board() as board:
                story = Story(
                    registry=registry,
                    journey=journey,
                    screen=self.screen,
                    board=board,
                    write=log.write,
                    lines=lines,
                )
                return await self._all(registry, story)

    async def _register(self, registry: Registry, journey: Journey) -> None:
        lots = [one.lot for one in cast.SHIPMENTS]
        await registry.add_goods([*lots, cast.REAL_LOT], today=journey.end.date())
        for profile in (cast.PROFILE, cast.REAL_PROFILE):
            await registry.qualify_carrier(profile, today=journey.end.date())
        for shipment in cast.SHIPMENTS:
            await registry.plan(shipment.id, shipment.lot, cast.PROFILE)
            await registry.place_simulated(shipment, journey.begin)
        loggers = sum(one.loggers for one in cast.SHIPMENTS)
        self.screen.say(
            f"  one carrier, {len(cast.GATEWAYS)} gateways, {loggers} loggers, "
            f"{len(cast.SHIPMENTS)} consignments registered over the API"
        )

    @asynccontextmanager
    async def _gateways(self, registry: Registry, log: LogFile) -> AsyncIterator[dict[str, Line]]:
        """Both gateways, running, each behind a cable of its own."""
        async with AsyncExitStack() as stack:
            lines = {}
            for name in cast.GATEWAYS:
                folder = self.machine.folder.path / name
                desk = await open_desk(registry.operator, name, folder, party=cast.CARRIER)
                cable = await stack.enter_async_context(
                    Cable(desk.credentials.broker_host, desk.credentials.broker_port)
                )
                port = free_port()
                command = desk.running(broker_port=cable.port, listen_port=port)
                worker = Worker(name, command, write=log.write)
                await stack.enter_async_context(worker)
                lines[name] = Line(worker=worker, port=port, cable=cable)
            for name, line in lines.items():
                await _wait_for_port(name, line)
            yield lines

    async def _all(self, registry: Registry, story: Story) -> list[Outcome]:
        """Every story at once; the first that cannot be told ends all."""
        file = find_real_file()
        if file is None:
            self.screen.say("  the real logger's file is not at hand: three consignments only")
        try:
            async with asyncio.TaskGroup() as group:
                following = group.create_task(story.follow())
                tellings = [story.tell_clean(), story.tell_warm(), story.tell_late()]
                if file is not None:
                    folder = self.machine.folder.path
                    tellings.append(tell_real(registry, file, folder, self.screen))
                tasks = [group.create_task(telling) for telling in tellings]
                await asyncio.wait(tasks)  # cancelled, it leaves at once, and the group ends all
                following.cancel()
        except* ColdgateError as errors:
            raise _first(errors) from None
        await story.show_end()
        return [task.result() for task in tasks]

    def _close(self, *, keep_serving: bool) -> None:
        seconds = time.monotonic() - self.began
        ended = "every verdict as expected" if self.status == 0 else "NOT as expected"
        self.screen.say(f"{ended}; told in {seconds:.0f} s")
        if not keep_serving:
            return
        url = self.machine.api_url
        self.screen.say(f"API {url}  documentation {url}/docs")
        self.screen.say(f"operator key {self.machine.operator_key}")
        self.screen.say(f"log {self.machine.settings.folder / 'demo.log'}  Ctrl-C ends it")


async def _wait_for_port(name: str, line: Line) -> None:
    ready = await asyncio.to_thread(
        wait_until, lambda: accepts(line.port) or line.worker.ended, seconds=GATEWAY_SECONDS
    )
    if not ready or line.worker.ended:
        raise LaunchError(f"{name} did not start; demo.log says why")


def _first(error: BaseException) -> BaseException:
    """The first single error in what may be groups of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
