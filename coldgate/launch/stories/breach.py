"""Six hours in the heat: held, decided by two signatures, and learnt from until the CAPA closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError
from coldgate.launch.process import python
from coldgate.launch.stories import journeys
from coldgate.launch.stories.cast import DEVICE
from coldgate.launch.stories.journeys import Trip
from coldgate.launch.stories.learning import learn
from coldgate.launch.stories.shapes import (
    Capa,
    Deviations,
    Disposition,
    Dispositions,
    Numbered,
    Stability,
)
from coldgate.launch.stories.tables import ITSELF
from coldgate.launch.story import cast as demo
from coldgate.launch.worker import captured
from coldgate.model import Purpose

if TYPE_CHECKING:
    from coldgate.launch.stories.cast import Cast
    from coldgate.launch.stories.people import Person
    from coldgate.launch.stories.shapes import Deviation, Gate, Signed
    from coldgate.launch.stories.tables import Book
    from coldgate.launch.stories.voices import Reply

TITLE: Final = "A breach: hold, deviation, two signatures, CAPA"
PROFILE: Final = {
    "id": "NORDIC_2_8",
    "version": 1,
    "description": "Nordic's vaccine: 12 h above 15 °C by stability study S-17",
    "source": "stability study S-17, version 3",
    "confidence": "A",
    "label": [2.0, 8.0],
    "rules": [
        {"id": "HI_LABEL", "when": "T > 8.0", "mode": "single", "action": "EXCURSION"},
        {"id": "HI_HARD", "when": "T > 15.0", "mode": "instant", "action": "FAIL_UNLESS_MFR"},
        {"id": "LO_LABEL", "when": "T < 2.0", "mode": "instant", "action": "HOLD"},
    ],
    "stability": {"bands": [{"above": 8.0, "budget": "24h"}, {"above": 15.0, "budget": "12h"}]},
}
HOT: Final = {17.0: (12.0, 18.0)}
HINT: Final = "disposition_fail\nqa, then qa_approver\n/v1/consignments/breach-1\n/dispositions"
MANIFESTS: Final = (
    "Boris Lind: reviewed\n  password, verified\n"
    "Clara Holm: approved release\n  password+totp, verified"
)
GUESS: Final = "boris"
TWICE: Final = "refused: ALREADY_SIGNED"
BILLIONTHS_PER_CENT: Final = 10_000_000


async def tell(cast: Cast, book: Book) -> None:
    """Tell the story to ``book``."""
    trip = Trip.now("breach-1", "BR-101", ("LOG-BR-1",), str(PROFILE["id"]))
    await _leave(cast, book, trip)
    await _break(cast, book, trip)
    deviation = await _arrive(cast, book, trip)
    await _block(cast, book, trip)
    approval = await _propose(cast, book, trip)
    await _sign(cast, book, approval)
    await _release(cast, book, trip)
    await learn(cast, book, trip, deviation)
    await _verify(cast, book)


async def _leave(cast: Cast, book: Book, trip: Trip) -> None:
    added = await cast.ada.tell("/profiles", {"profile": PROFILE})
    did = "adds the product's own profile, NORDIC_2_8"
    book.tell(cast.ada, did, added.words("added"), must="added")
    await cast.registry.allow(trip.profile)
    await cast.registry.qualify_carrier(trip.profile, today=trip.end.date())
    await journeys.plan(cast, trip)
    gate = await journeys.ask(cast.carrier, trip.id, Purpose.DISPATCH)
    book.tell(cast.carrier, f"asks the gate: may lot {trip.lot} leave?", gate.words, must="permit")
    came = await journeys.redeem(cast.carrier, gate)
    book.tell(cast.carrier, "hands in the permit at the dock", came, must="used")
    await journeys.leave(cast, trip)


async def _break(cast: Cast, book: Book, trip: Trip) -> None:
    readings = trip.readings(HOT)
    sent = await journeys.send(cast, trip.serials[0], readings)
    did = "delivers the logger's file under way; 6 h of it at 17 °C"
    must = f"{len(readings)} readings committed"
    book.tell(DEVICE, did, f"{sent.added} readings committed", must=must)
    state = await journeys.until(lambda: journeys.state(cast.hospital, trip), "quarantined")
    did = "judges: FAIL, which nothing can mend; stops the lot"
    book.tell(ITSELF, did, state, must="quarantined")


async def _arrive(cast: Cast, book: Book, trip: Trip) -> Deviation:
    """The goods come, and what opened by itself is there; the deviation."""
    await cast.registry.receive(trip.id, trip.end)
    await cast.registry.seal(trip.id, trip.serials, len(trip.readings()))
    found = await journeys.judged(cast, trip, len(trip.readings()))
    must = "FAIL: above 15.0 °C for 6 h 3 min"
    book.tell(ITSELF, "judges the whole journey", f"{found.verdict.value}: {found.why}", must=must)
    opened = (await cast.ada.get(f"{trip.path}/deviations", Deviations)).items
    came = "\n".join(one.words for one in opened)
    book.tell(ITSELF, "opens a deviation", came, must="CONDITION_FAIL TEMPERATURE_HIGH")
    if len(opened) != 1:
        raise LaunchError(f"{len(opened)} deviations instead of one")
    capa = await cast.ada.get(f"/capas/{opened[0].capa}", Capa)
    did = "opens a CAPA by the rule FAIL and links it"
    book.tell(ITSELF, did, f"{capa.rule}: {capa.state}", must="FAIL: OPEN")
    return opened[0]


async def _block(cast: Cast, book: Book, trip: Trip) -> None:
    gate = await journeys.ask(cast.hospital, trip.id, Purpose.RECEIPT_RELEASE)
    must = "block\n  CONDITION_FAIL"
    book.tell(cast.hospital, "asks the gate: may the goods be used?", gate.words, must=must)
    book.tell(ITSELF, "says who may settle that, and where", _hint(gate), must=HINT)


def _hint(gate: Gate) -> str:
    hint = gate.approval
    if hint is None or hint.href is None:
        return "nobody"
    path, _, last = hint.href.rpartition("/")
    return f"{hint.flow}\n{', then '.join(hint.roles)}\n{path}\n/{last}"


async def _propose(cast: Cast, book: Book, trip: Trip) -> int:
    """Ada proposes release, in the end with what it takes; the approval to be signed."""
    body: dict[str, object] = {
        "decision": "release",
        "evaluation": await journeys.newest_version(cast.ada, trip),
        "rationale": "6 h at 17 °C are within stability study S-17",
    }
    path = f"{trip.path}/dispositions"
    bare = await cast.ada.post(path, body, Disposition)
    did = "proposes release without the manufacturer's statement"
    book.tell(cast.ada, did, bare.words("proposed"), must="refused: STATEMENT_MISSING")
    about = {"kind": "manufacturer_statement", "title": f"Statement on lot {trip.lot}"}
    statement = await cast.ada.upload(Numbered, **about, product=demo.PRODUCT, lot=trip.lot)
    reply = await cast.ada.post(path, {**body, "statement": statement.id}, Disposition)
    did = "uploads the statement, proposes again"
    book.tell(cast.ada, did, reply.words(reply.made.state), must="proposed")
    if reply.made.approval is None:
        raise LaunchError("nobody was asked to sign the disposition")
    return reply.made.approval.id


async def _sign(cast: Cast, book: Book, approval: int) -> None:
    ada, boris, clara = cast.ada, cast.boris, cast.clara

    async def sign(
        person: Person, did: str, meaning: str, *, must: str, password: str | None = None
    ) -> None:
        reply = await person.sign(approval, meaning, "read and found in order", password=password)
        book.tell(person, did, _signed(reply), must=must)

    await sign(ada, "signs her own proposal", "reviewed", must="refused: SIGNER_IS_AUTHOR")
    await sign(
        boris,
        "signs with a wrong password",
        "reviewed",
        must="refused: SIGNATURE_REFUSED",
        password=GUESS,
    )
    await sign(boris, "signs: reviewed", "reviewed", must="signed, 1 of 2")
    await sign(boris, "signs for the second as well", "approved release", must=TWICE)
    did = "signs with password and code: approved release"
    await sign(clara, did, "approved release", must="signed, 2 of 2: granted")


def _signed(reply: Reply[Signed]) -> str:
    found = reply.found
    if found is None:
        return reply.words("")
    count = f"signed, {len(found.signatures)} of 2"
    return f"{count}: {found.state}" if found.state != "open" else count


async def _release(cast: Cast, book: Book, trip: Trip) -> None:
    """What the signatures did, and what they did not: the exposure stays."""
    state = await journeys.state(cast.ada, trip)
    book.tell(ITSELF, "lets the goods go, although FAIL", state, must="released")
    shown = (await cast.ada.get(f"{trip.path}/dispositions", Dispositions)).items[-1]
    did = "reads both manifests, verified anew"
    book.tell(cast.ada, did, _manifests(shown.approval), must=MANIFESTS)
    path = f"/products/{demo.PRODUCT}/lots/{trip.lot}/stability"
    spent = (await cast.ada.get(path, Stability)).items
    shares = [(one.consignment, one.here.measured_ppb / BILLIONTHS_PER_CENT) for one in spent]
    came = "\n".join(f"{consignment}: {share:.1f} % spent" for consignment, share in shares)
    did = "reads the stability ledger of the lot"
    book.tell(cast.ada, did, came, must="breach-1: 51.3 % spent")


def _manifests(signed: Signed | None) -> str:
    return "\n".join(
        f"{one.manifest.signer.printed_name}: {one.manifest.meaning}\n"
        f"  {one.manifest.method}, {'verified' if one.verification.valid else 'BROKEN'}"
        for one in (signed.signatures if signed else ())
    )


async def _verify(cast: Cast, book: Book) -> None:
    folder = str(cast.machine.folder.path)
    status, output, _ = await captured(python("coldgate", "ledger", "verify", "--folder", folder))
    said = output.decode().splitlines()[-1:]
    came = f"{''.join(said).partition(' (')[0]}, exit status {status}"
    must = "ledger intact, exit status 0"
    book.tell(cast.operator, "runs coldgate ledger verify", came, must=must)
