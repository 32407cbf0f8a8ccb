"""Eight things are wrong before departure; each is mended in turn, and the gate is asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from coldgate.launch.stories import journeys
from coldgate.launch.stories.shapes import (
    Consignment,
    Document,
    Lift,
    Numbered,
    Restriction,
    Scan,
    Standing,
)
from coldgate.launch.story import cast as demo
from coldgate.model import Purpose

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from coldgate.launch.stories.cast import Cast
    from coldgate.launch.stories.tables import Book

TITLE: Final = "A dispatch: eight reasons against it, mended one by one"
CONSIGNMENT: Final = "dispatch-1"
PRODUCT: Final = "insulin"
GTIN: Final = "09521234543213"
LOT: Final = "DI-202"
OLD_LOT: Final = "DI-199"
SERIAL: Final = "LOG-DI-1"
DOCUMENT: Final = "conformity_certificate"
CODES: Final = (  # in the order in which the gate lists them
    "LOT_BLOCKED",
    "LOT_EXPIRED",
    "SHELF_LIFE_SHORT",
    "DOCUMENT_MISSING",
    "CARRIER_NOT_QUALIFIED",
    "LOGGER_NOT_ADMITTED",
    "LOGGER_UNCALIBRATED",
    "UDI_MISMATCH",
)
DAY: Final = timedelta(days=1)
DAYS_LEFT: Final = 300  # of the good lot's life


async def tell(cast: Cast, book: Book) -> None:
    """Tell the story to ``book``."""
    await Dispatch(cast, book, datetime.now(UTC)).tell()


class Dispatch:
    """One dispatch of goods with which everything is wrong; ``now`` is when it is planned."""

    def __init__(self, cast: Cast, book: Book, now: datetime) -> None:
        self._cast = cast
        self._book = book
        self._now = now
        self._left = list(CODES)  # what still blocks
        self._asked: dict[str, object] = {}
        self._logger = self._hold = self._scan = 0

    async def tell(self) -> None:
        """Everything is wrong, then one thing less each time, then the goods leave, once."""
        await self._plan()
        await self._spoil()
        await self._ask("asks the gate: may the goods leave?")
        for code, mend in self._menders().items():
            await mend()
            self._left.remove(code)
            if self._left:
                await self._ask("asks again")
        await self._go()

    def _menders(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "LOT_EXPIRED": self._leave_old_lot,
            "SHELF_LIFE_SHORT": self._agree,
            "LOT_BLOCKED": self._lift_hold,
            "DOCUMENT_MISSING": self._upload,
            "CARRIER_NOT_QUALIFIED": self._approve_carrier,
            "LOGGER_NOT_ADMITTED": self._admit,
            "LOGGER_UNCALIBRATED": self._calibrate,
            "UDI_MISMATCH": self._scan_again,
        }

    async def _plan(self) -> None:
        maker, today = self._cast.registry.manufacturer, self._now.date()
        body = {"id": PRODUCT, "name": "Insulin, 100 vials", "gtin": GTIN, "scan_required": True}
        await maker.tell("/products", body | {"profiles": [{"id": demo.PROFILE}]})
        for lot, expiry in ((LOT, today + DAYS_LEFT * DAY), (OLD_LOT, today - DAY)):
            body = {"number": lot, "expires_on": expiry.isoformat()}
            await maker.tell(f"/products/{PRODUCT}/lots", body)
        await maker.tell(f"/products/{PRODUCT}/requirements", {"kind": DOCUMENT, "per": "lot"})
        leg = {"carrier": demo.CARRIER, "origin": "Uppsala", "destination": "Oslo"}
        body = {
            "id": CONSIGNMENT,
            "consignee": demo.CONSIGNEE,
            "profile": {"id": demo.PROFILE},
            "lines": [{"product": PRODUCT, "lot": lot, "quantity": 40} for lot in (LOT, OLD_LOT)],
            "legs": [leg],
            "planned_departure_at": self._now.isoformat(),
            "planned_arrival_at": (self._now + 2 * DAY).isoformat(),
        }
        await maker.tell("/consignments", body)

    async def _spoil(self) -> None:
        """A logger nobody knows, with a certificate that ends on the way; a hold, and so on."""
        registry = self._cast.registry
        body: dict[str, object] = {"serial": SERIAL, "interval_seconds": 600}
        self._logger = (await registry.carrier.post("/loggers", body, Numbered)).id
        placement = {"serial": SERIAL, "placed_at": self._now.isoformat()}
        await registry.carrier.tell(f"/consignments/{CONSIGNMENT}/placements", placement)
        await self._certify("CAL-25", self._now - 364 * DAY, self._now + DAY)
        body = {"product": PRODUCT, "lot": LOT, "reason": "foil defect, complaint C-17"}
        self._hold = (await self._cast.ada.post("/restrictions", body, Restriction)).made.id
        await self._agree_on(DAYS_LEFT + 100)
        await self._qualify({"state": "suspended", "note": "audit of the depot"})
        self._scan = (await self._take_scan(OLD_LOT + "X")).id

    async def _leave_old_lot(self) -> None:
        self._asked = {"lot": {"product": PRODUCT, "number": LOT}}
        self._book.tell(
            self._cast.carrier,
            f"leaves the expired lot {OLD_LOT} behind",
            await self._states(),
            must=f"{LOT}: planned\n{OLD_LOT}: planned",
        )

    async def _agree(self) -> None:
        days = DAYS_LEFT - 100
        came = await self._agree_on(days)
        did = f"agrees with the hospital on {days} days of life left"
        self._book.tell(self._cast.ada, did, came, must="agreed")

    async def _agree_on(self, days: int) -> str:
        body = {"consignee": demo.CONSIGNEE, "product": PRODUCT, "min_days": days}
        return (await self._cast.ada.tell("/agreements", body)).words("agreed")

    async def _lift_hold(self) -> None:
        ada, boris = self._cast.ada, self._cast.boris
        why = {"reason": "complaint C-17 concerned another lot"}
        lift = (await ada.post(f"/restrictions/{self._hold}/lift", why, Lift)).made
        self._book.tell(
            ada, f"asks to lift her hold on {LOT}", await self._hold_now(), must="still held"
        )
        signed = await boris.sign(lift.approval, "approved", "foil of this lot was inspected")
        came = signed.words(await self._hold_now())
        self._book.tell(boris, "signs for the end of the hold", came, must="lifted")

    async def _hold_now(self) -> str:
        found = await self._cast.ada.get(f"/restrictions/{self._hold}", Restriction)
        return "lifted" if found.lifted_at else "still held"

    async def _upload(self) -> None:
        title = f"Certificate of {LOT}"
        ada = self._cast.ada
        entered = await ada.upload(Document, kind=DOCUMENT, title=title, product=PRODUCT, lot=LOT)
        self._book.tell(ada, "enters the missing document", entered.kind, must=DOCUMENT)

    async def _approve_carrier(self) -> None:
        days = {
            "valid_from": self._now.date().isoformat(),
            "valid_until": (self._now + 365 * DAY).date().isoformat(),
        }
        state = await self._qualify(days)
        self._book.tell(
            self._cast.ada, "approves the suspended carrier again", state, must="approved"
        )

    async def _qualify(self, said: Mapping[str, object]) -> str:
        body = {"carrier": demo.CARRIER, "profile": demo.PROFILE, **said}
        return (await self._cast.ada.post("/qualifications", body, Standing)).made.state

    async def _admit(self) -> None:
        word = {"kind": "declared", "reason": "tested at the bench, protocol 31"}
        path = f"/loggers/{self._logger}/admissions"
        refused = await self._cast.ada.tell(path, word)
        self._book.tell(
            self._cast.ada,
            "declares the logger fit without a test",
            refused.words("admitted"),
            must="refused: CANNOT_VOUCH",
        )
        admitted = await self._cast.operator.tell(path, word)
        self._book.tell(
            self._cast.operator,
            "admits it after a test at the bench",
            admitted.words("admitted"),
            must="admitted",
        )

    async def _calibrate(self) -> None:
        came = await self._certify("CAL-26", self._now, self._now + 365 * DAY)
        did = "enters a new certificate: the old one ends on the way"
        self._book.tell(self._cast.ada, did, came, must="in force")

    async def _certify(self, number: str, begin: datetime, end: datetime) -> str:
        body = {
            "number": number,
            "valid_from": begin.isoformat(),
            "valid_to": end.isoformat(),
            "expanded_uncertainty": 0.2,
        }
        reply = await self._cast.ada.tell(f"/loggers/{self._logger}/certificates", body)
        return reply.words("in force")

    async def _scan_again(self) -> None:
        path = f"/consignments/{CONSIGNMENT}/scans/{self._scan}/dismiss"
        why = {"reason": "scanned the neighbouring pallet"}
        dismissed = await self._cast.ada.tell(path, why)
        self._book.tell(
            self._cast.ada,
            "dismisses the wrong scan",
            dismissed.words("dismissed"),
            must="dismissed",
        )
        came = "fits" if (await self._take_scan(LOT)).fits else "differs"
        self._book.tell(self._cast.carrier, "scans the right pallet", came, must="fits")

    async def _take_scan(self, lot: str) -> Scan:
        body = {"raw": f"]d201{GTIN}10{lot}", "purpose": Purpose.DISPATCH.value}
        return (
            await self._cast.carrier.post(f"/consignments/{CONSIGNMENT}/scans", body, Scan)
        ).made

    async def _states(self) -> str:
        found = await self._cast.carrier.get(f"/consignments/{CONSIGNMENT}", Consignment)
        return "\n".join(f"{line.lot}: {line.state.value}" for line in found.lines)

    async def _ask(self, did: str) -> None:
        must = "\n".join(["block", *(f"  {code}" for code in self._left)])
        gate = await journeys.ask(self._cast.carrier, CONSIGNMENT, Purpose.DISPATCH, **self._asked)
        self._book.tell(self._cast.carrier, did, gate.words, must=must)

    async def _go(self) -> None:
        carrier = self._cast.carrier
        gate = await journeys.ask(carrier, CONSIGNMENT, Purpose.DISPATCH, **self._asked)
        self._book.tell(carrier, "asks again", gate.words, must="permit")
        for did, must in (
            ("hands in the permit at the dock", "used"),
            ("hands in the same permit once more", "refused: PERMIT_USED"),
        ):
            self._book.tell(carrier, did, await journeys.redeem(carrier, gate), must=must)
        must = f"{LOT}: in_transit\n{OLD_LOT}: planned"
        self._book.tell(carrier, "looks where the lots are", await self._states(), must=must)
