"""What is learnt from a breach: the CAPA's steps with what each takes, the deviation closed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from coldgate.launch.stories.shapes import Capa, Deviation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldgate.launch.stories.cast import Cast
    from coldgate.launch.stories.journeys import Trip
    from coldgate.launch.stories.people import Person
    from coldgate.launch.stories.tables import Book

NINETY_DAYS: Final = timedelta(days=90)
# What each step takes, in order; PLANNED and CLOSED are a signature as well.
BEFORE_PLAN: Final[Mapping[str, Mapping[str, object]]] = {
    "CONTAINED": {"containment": "the vehicle is out of service"},
    "INVESTIGATED": {
        "investigation": "five whys with the driver and the workshop",
        "root_cause": "the cooling unit has no alarm in the cabin",
        "root_cause_category": "vehicle",
    },
}
PLAN: Final = {
    "need_for_action": "every vehicle of the type has the same unit",
    "effectiveness_criterion": "no excursion on the lane for 90 days",
}
AFTER_PLAN: Final[Mapping[str, Mapping[str, object]]] = {
    "IMPLEMENTED": {"documents_updated": "SOP 12, version 4"},
    "VERIFIED": {"verification": "no effect on compliance, safety or performance"},
    "EFFECTIVENESS_DUE": {},  # the day is that of the story
}
RESULT: Final = {"effectiveness_result": "no excursion on the lane in 94 days"}
RECORD: Final = {
    "classification": "critical",
    "rationale": "6 h above 15 °C in transport",
    "containment": "quarantined under way and at receipt",
    "impact_assessment": "51 % of the stability budget, study S-17",
    "root_cause": "the cooling unit failed and nobody was told",
    "root_cause_category": "vehicle",
}


async def learn(cast: Cast, book: Book, trip: Trip, deviation: Deviation) -> None:
    """Fill in the deviation, take its CAPA to the end, and close both."""
    capa = await cast.ada.get(f"/capas/{deviation.capa}", Capa)
    work = Work(cast, book, trip, f"/capas/{capa.id}")
    await work.skip()
    for to, fields in BEFORE_PLAN.items():
        owner = {"owner": cast.ada.number} if to == "CONTAINED" else {}
        await work.step(to, {**fields, **owner})
    await work.plan()
    await work.finish()
    day = (trip.end + NINETY_DAYS).date().isoformat()
    for to, fields in AFTER_PLAN.items():
        due = {"effectiveness_due_on": day} if to == "EFFECTIVENESS_DUE" else {}
        await work.step(to, {**fields, **due})
    await work.close()
    await _close_deviation(cast, book, f"/deviations/{deviation.id}")


class Work:
    """One CAPA, kept by Ada."""

    def __init__(self, cast: Cast, book: Book, trip: Trip, path: str) -> None:
        self._cast = cast
        self._book = book
        self._trip = trip
        self._path = path

    async def skip(self) -> None:
        """Try two steps that are not to be had."""
        ada = self._cast.ada
        for to, did, must in (
            ("PLANNED", "skips two states, to PLANNED at once", "ILLEGAL_TRANSITION"),
            ("CONTAINED", "goes to CONTAINED with nothing filled in", "CAPA_INCOMPLETE"),
        ):
            body = {"to": to, "based_on": (await self._now()).revision}
            reply = await ada.tell(f"{self._path}/transitions", body)
            self._note(ada, did, reply.words(to), must=f"refused: {must}")

    async def step(self, to: str, fields: Mapping[str, object]) -> None:
        """Write what the step takes, and take it."""
        names = ", ".join(name.removesuffix("_on").replace("_", " ") for name in fields)
        came = await self._move(to, fields)
        self._note(self._cast.ada, f"writes {names}", came, must=to)

    async def plan(self) -> None:
        """Plan an action, owned by somebody, and have the plan signed."""
        action = {
            "kind": "corrective",
            "description": "fit an alarm in the cabin",
            "owner": self._cast.erik.number,
            "due_on": self._trip.end.date().isoformat(),
        }
        await self._cast.ada.do(f"{self._path}/actions", action)
        came = await self._move("PLANNED", PLAN)
        did = "plans an action of Erik Dahl's, asks for the signature"
        self._note(self._cast.ada, did, came, must="INVESTIGATED")
        await self._sign(self._cast.boris, "signs the plan", must="PLANNED")

    async def finish(self) -> None:
        """Say what came of every action."""
        for action in (await self._now()).actions:
            path = f"{self._path}/actions/{action.id}/result"
            reply = await self._cast.erik.tell(path, {"result": "fitted, work order 8812"})
            self._note(self._cast.erik, "fits the alarm", reply.words("done"), must="done")

    async def close(self) -> None:
        """Ask for the closing signature, which the action's owner cannot give."""
        came = await self._move("CLOSED", RESULT)
        did = "writes the result, asks for the signature"
        self._note(self._cast.ada, did, came, must="EFFECTIVENESS_DUE")
        did = "owns the action, signs the closure"
        await self._sign(self._cast.erik, did, must="refused: SIGNER_EXCLUDED")
        await self._sign(self._cast.clara, "signs the closure", must="CLOSED")

    def _note(self, person: Person, did: str, came: str, *, must: str) -> None:
        self._book.tell(person, f"CAPA: {did}", came, must=must)

    async def _now(self) -> Capa:
        return await self._cast.ada.get(self._path, Capa)

    async def _move(self, to: str, fields: Mapping[str, object]) -> str:
        revision = {"based_on": (await self._now()).revision}
        await self._cast.ada.do(f"{self._path}/revisions", {**revision, **fields})
        body = {"to": to, "based_on": (await self._now()).revision}
        reply = await self._cast.ada.post(f"{self._path}/transitions", body, Capa)
        return reply.words(reply.found.state if reply.found else "")

    async def _sign(self, person: Person, did: str, *, must: str) -> None:
        approval = (await self._now()).approvals[-1].id
        reply = await person.sign(approval, "approved", "read and found in order")
        self._note(person, did, reply.words((await self._now()).state), must=must)


async def _close_deviation(cast: Cast, book: Book, path: str) -> None:
    async def now() -> Deviation:
        return await cast.ada.get(path, Deviation)

    async def ask() -> str:
        body = {"based_on": (await now()).revision}
        reply = await cast.ada.post(f"{path}/closure", body, Deviation)
        return reply.words("waits for a signature")

    book.tell(
        cast.ada,
        "deviation: asks to close it, not filled in",
        await ask(),
        must="refused: DEVIATION_INCOMPLETE",
    )
    fields = {**RECORD, "owner": cast.ada.number, "based_on": (await now()).revision}
    await cast.ada.do(f"{path}/revisions", fields)
    did = "deviation: writes cause, impact, containment, asks again"
    book.tell(cast.ada, did, await ask(), must="waits for a signature")
    reply = await cast.boris.sign((await now()).approvals[-1].id, "approved", "complete")
    closed = "closed" if (await now()).closed_at else "still open"
    book.tell(cast.boris, "deviation: signs the closure", reply.words(closed), must="closed")
