"""Who appears in the stories, what they deal with, and what stands before the first of them."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from coldgate.launch.client import Answer
from coldgate.launch.desk import open_desk
from coldgate.launch.stories.people import Profile, join
from coldgate.launch.stories.voices import Voice, Who
from coldgate.launch.story import cast as demo
from coldgate.launch.story.registry import open_registry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coldgate.launch.desk import Desk
    from coldgate.launch.machine import Machine
    from coldgate.launch.stories.people import Person
    from coldgate.launch.stories.tables import Book
    from coldgate.launch.story.registry import Registry

NAMES: Final = {
    demo.MANUFACTURER: "Nordic Vaccines",
    demo.CARRIER: "North Freight",
    demo.CONSIGNEE: "City Hospital",
}
GATEWAY: Final = "gateway-north"
DEVICE: Final = Who(name=GATEWAY, role="device", party=NAMES[demo.CARRIER])
# Integrators ask the gate and use permits; they neither configure nor sign.
INTEGRATOR: Final = ("read", "goods", "ship", "gate")
PEOPLE: Final = (
    ("ada", "Ada Berg", "QA", "qa"),
    ("boris", "Boris Lind", "QA", "qa"),
    ("clara", "Clara Holm", "QA approver", "qa_approver"),
    ("erik", "Erik Dahl", "QA approver", "qa_approver"),
)


class _Key(Answer):
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Everybody with a voice of their own; ``registry`` does what stands before a story."""

    machine: Machine
    registry: Registry
    desk: Desk
    operator: Voice
    ada: Person
    boris: Person
    clara: Person
    erik: Person
    carrier: Voice
    hospital: Voice


@asynccontextmanager
async def open_cast(machine: Machine, book: Book) -> AsyncIterator[Cast]:
    """Parties, people and a gateway, all working; how they came about is told to ``book``."""
    url = machine.api_url
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(open_registry(url, machine.operator_key))
        operator = Voice(
            url, machine.operator_key, Who(name="Operator", role="API key", party="Coldgate")
        )
        stack.push_async_callback(operator.close)
        people = await _people(stack, operator, url, book)
        systems = [
            await _system(stack, operator, url, party, name)
            for party, name in ((demo.CARRIER, "TMS"), (demo.CONSIGNEE, "WMS"))
        ]
        folder = machine.folder.path / GATEWAY
        desk = await open_desk(registry.operator, GATEWAY, folder, party=demo.CARRIER)
        today = datetime.now(UTC).date()
        await registry.qualify_carrier(demo.PROFILE, today=today)
        await registry.add_goods([], today=today)
        yield Cast(
            machine=machine,
            registry=registry,
            desk=desk,
            operator=operator,
            ada=people["ada"],
            boris=people["boris"],
            clara=people["clara"],
            erik=people["erik"],
            carrier=systems[0],
            hospital=systems[1],
        )


async def _people(
    stack: AsyncExitStack, operator: Voice, url: str, book: Book
) -> dict[str, Person]:
    party = (demo.MANUFACTURER, NAMES[demo.MANUFACTURER])
    people = {}
    for login, name, role, right in PEOPLE:
        profile = Profile(
            login=login, name=name, role=role, right=right, password=secrets.token_urlsafe(18)
        )
        person = await join(operator, url, profile, party=party)
        stack.push_async_callback(person.close)
        people[login] = person
        book.tell(
            person,
            "is invited by the operator, sets a password, logs in",
            await _who_am_i(person),
            must=f"{name}, {right}",
        )
    clara = people["clara"]
    book.tell(
        clara,
        "adds an authenticator (TOTP)",
        await clara.enrol(),
        must="a code is demanded from now on",
    )
    return people


class _WhoAmI(Answer):
    printed_name: str
    roles: list[str]


async def _who_am_i(person: Person) -> str:
    found = await person.get("/session", _WhoAmI)
    return ", ".join([found.printed_name, *found.roles])


async def _system(stack: AsyncExitStack, operator: Voice, url: str, party: str, name: str) -> Voice:
    """A program of that party, with an integrator's key."""
    body = {"label": f"{name} of the stories", "scopes": INTEGRATOR}
    made = (await operator.post(f"/parties/{party}/keys", body, _Key)).made
    voice = Voice(url, made.secret, Who(name=name, role="integrator", party=NAMES[party]))
    stack.push_async_callback(voice.close)
    return voice
