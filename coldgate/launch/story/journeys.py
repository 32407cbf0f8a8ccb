"""The journeys of the demo: simulated loggers, two gateways, and one link that is really cut."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError
from coldgate.launch.folder import LOOPBACK
from coldgate.launch.judged import newest_evaluation, wait_for_evaluation
from coldgate.launch.process import python
from coldgate.launch.story import cast
from coldgate.launch.story.cast import Ending
from coldgate.launch.story.outcome import Outcome
from coldgate.launch.story.tally import Tally
from coldgate.launch.worker import Worker
from coldgate.model import LineState

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldgate.launch.judged import Evaluation
    from coldgate.launch.screen import Board, Course, Screen
    from coldgate.launch.story.cable import Cable
    from coldgate.launch.story.cast import Journey, Shipment
    from coldgate.launch.story.registry import Decision, Registry

LOOK_SECONDS: Final = 0.4
COMMITTED_SECONDS: Final = 60.0
JUDGED_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One gateway at work: its process, its loggers' port, and the cable to the broker."""

    worker: Worker
    port: int
    cable: Cable


@dataclass(slots=True, kw_only=True)
class Story:
    """Everything that the journeys need; each of its coroutines tells one of them to its end."""

    registry: Registry
    journey: Journey
    screen: Screen
    board: Board
    write: Callable[[str], None]
    lines: dict[str, Line]
    _link_down: asyncio.Event = field(default_factory=asyncio.Event)

    async def tell_clean(self) -> Outcome:
        """Nothing happens: released at receipt."""
        await self._travel(cast.CLEAN)
        return await self._arrive(cast.CLEAN)

    async def tell_warm(self) -> Outcome:
        """The truck's heater runs: stopped by the breach while still under way."""
        async with asyncio.TaskGroup() as group:
            travelling = group.create_task(self._travel(cast.WARM))
            stopping = group.create_task(self._watch_for_stop(cast.WARM))
            await asyncio.wait({travelling})
            stopping.cancel()
        return await self._arrive(cast.WARM, stopped_under_way=not stopping.cancelled())

    async def tell_late(self) -> Outcome:
        """The link is lost: on hold at receipt, decided again when the readings have come."""
        cutting = asyncio.create_task(self._cut_link(cast.LATE))
        try:
            await self._travel(cast.LATE)
        finally:
            cutting.cancel()
        await self._receive(cast.LATE)
        incomplete = await self._judged(cast.LATE, at_least=0)
        held = await self._ask(cast.LATE, "gate at receipt")
        lacking = self._due(cast.LATE) - incomplete.readings
        await self._restore_link(cast.LATE)
        return await self._conclude(
            cast.LATE,
            [held, await self._release_when_complete(cast.LATE, "gate asked again")],
            why=f"{lacking} readings came after receipt; {{}}",
        )

    async def follow(self) -> None:
        """Show how far each consignment has come, for ever."""
        tallies = {one: self._tally(one) for one in cast.SHIPMENTS}
        while True:
            for shipment, tally in tallies.items():
                self._show(shipment, await tally.look())
            await asyncio.sleep(LOOK_SECONDS)

    async def show_end(self) -> None:
        """Show once where every consignment has come to."""
        for shipment in cast.SHIPMENTS:
            self._show(shipment, await self._tally(shipment).look())

    async def _travel(self, shipment: Shipment) -> None:
        """Dispatch the goods and play their journey; every reading is on a gateway's disk then."""
        decision = await self.registry.dispatch(shipment.id, self.journey.begin)
        if not decision.permitted:
            raise LaunchError(f"{shipment.lot} may not leave: {decision.blocking}")
        async with Worker(
            f"loggers-{shipment.lot}",
            python("firmware_sim", *self._simulation(shipment)),
            write=self.write,
            hear=self._hear,
        ) as loggers:
            if status := await loggers.wait():
                raise LaunchError(f"the loggers of {shipment.lot} ended with status {status}")

    def _simulation(self, shipment: Shipment) -> list[str]:
        options = {
            "scenario": shipment.scenario,
            "gateway": f"{LOOPBACK}:{self.lines[shipment.gateway].port}",
            "begin": self.journey.begin.isoformat(),
            "end": self.journey.end.isoformat(),
            "loggers": shipment.loggers,
            "serial-prefix": shipment.serial_prefix,
            "interval": cast.INTERVAL.total_seconds(),
            "seed": shipment.seed,
            "factor": cast.FACTOR,
        }
        return ["run", "--keep-link", *(f"--{name}={value}" for name, value in options.items())]

    def _hear(self, line: bytes) -> None:
        """Notice when the simulated outage begins."""
        with suppress(ValueError):
            match json.loads(line):
                case {"event": "link", "up": False}:
                    self._link_down.set()

    async def _cut_link(self, shipment: Shipment) -> None:
        await self._link_down.wait()
        await self.lines[shipment.gateway].cable.cut()
        self.screen.say(f"  {shipment.lot}  {shipment.gateway} has lost its link")

    async def _restore_link(self, shipment: Shipment) -> None:
        """The gateway even dies with its backlog on disk, before the link is back."""
        line = self.lines[shipment.gateway]
        await line.worker.kill()
        line.cable.mend()
        await line.worker.start()
        self.screen.say(
            f"  {shipment.lot}  {shipment.gateway} was killed and started again; its link is back"
        )

    async def _watch_for_stop(self, shipment: Shipment) -> None:
        state = await self.registry.state(shipment.id)
        while state is not LineState.QUARANTINED:
            await asyncio.sleep(LOOK_SECONDS)
            state = await self.registry.state(shipment.id)
        why = await self.registry.why(shipment.id)
        self.screen.say(f"  {shipment.lot}  blocked under way: {why}")

    async def _arrive(self, shipment: Shipment, *, stopped_under_way: bool = False) -> Outcome:
        """The last readings are in before the goods are scanned at the consignee's door."""
        await self._committed(shipment)
        await self._receive(shipment)
        decision = await self._release_when_complete(shipment, "gate at receipt")
        return await self._conclude(shipment, [decision], stopped_under_way=stopped_under_way)

    async def _receive(self, shipment: Shipment) -> None:
        """The goods are scanned at the door, and the loggers' last numbers are read off."""
        await self.registry.receive(shipment.id, self.journey.end)
        await self.registry.seal(shipment.id, shipment.serials, self.journey.readings)

    async def _release_when_complete(self, shipment: Shipment, occasion: str) -> Decision:
        await self._judged(shipment, at_least=self._due(shipment))
        return await self._ask(shipment, occasion)

    async def _committed(self, shipment: Shipment) -> None:
        tally = self._tally(shipment)
        deadline = time.monotonic() + COMMITTED_SECONDS
        while (await tally.look()).committed < tally.expected:
            if time.monotonic() > deadline:
                raise LaunchError(f"readings of {shipment.lot} are missing at the server")
            await asyncio.sleep(LOOK_SECONDS)

    async def _judged(self, shipment: Shipment, *, at_least: int) -> Evaluation:
        return await wait_for_evaluation(
            self.registry.operator,
            shipment.id,
            lambda found: found.readings >= at_least,
            seconds=JUDGED_SECONDS,
            serials=shipment.serials,
        )

    async def _ask(self, shipment: Shipment, occasion: str) -> Decision:
        decision = await self.registry.ask_release(shipment.id)
        answer = "released" if decision.permitted else f"stays blocked ({decision.blocking})"
        self.screen.say(f"  {shipment.lot}  {occasion}: {decision.verdict.value}, {answer}")
        return decision

    async def _conclude(
        self,
        shipment: Shipment,
        decisions: list[Decision],
        *,
        stopped_under_way: bool = False,
        why: str = "{}",
    ) -> Outcome:
        evaluation = await newest_evaluation(self.registry.operator, shipment.id)
        if evaluation is None:
            raise LaunchError(f"{shipment.id} has lost its evaluations")
        return Outcome(
            lot=shipment.lot,
            ending=Ending(
                verdicts=tuple(one.verdict for one in decisions),
                state=await self.registry.state(shipment.id),
                stopped_under_way=stopped_under_way,
                deviation=await self.registry.deviations(shipment.id) > 0,
            ),
            expected=shipment.expected,
            why=why.format(evaluation.why),
            evaluation=evaluation,
            readings_due=self._due(shipment),
        )

    def _due(self, shipment: Shipment) -> int:
        return self.journey.readings * shipment.loggers

    def _tally(self, shipment: Shipment) -> Tally:
        return Tally(
            client=self.registry.operator,
            consignment=shipment.id,
            serials=shipment.serials,
            expected=self._due(shipment),
        )

    def _show(self, shipment: Shipment, course: Course) -> None:
        self.board.show(f"{shipment.lot} {shipment.scenario:<11}", course)
