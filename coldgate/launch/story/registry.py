"""What the demo does through the API: registering its cast, telling events, asking the gate."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from coldgate.launch.client import Answer, ApiClient
from coldgate.launch.judged import newest_evaluation
from coldgate.launch.story import cast
from coldgate.model import EventKind, LineState, Purpose, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from coldgate.launch.story.cast import Shipment

SHELF_LIFE: Final = timedelta(days=365)
CALIBRATED: Final = timedelta(days=180)  # before a logger is placed, and after the story
QUALIFIED: Final = timedelta(days=365)  # before and after the story
UNCERTAINTY_CELSIUS: Final = 0.2  # k = 2


class _Key(Answer):
    secret: str


class _Placement(Answer):
    id: int
    logger: int
    serial: str
    placed_at: datetime


class _Line(Answer):
    state: LineState


class _Consignment(Answer):
    lines: list[_Line]


class _Deviation(Answer):
    id: int


class _Deviations(Answer):
    items: list[_Deviation]


class _Check(Answer):
    code: str
    verdict: Verdict
    reason: str


class Decision(Answer):
    """What the gate said to one request."""

    verdict: Verdict
    permitted: bool
    checks: tuple[_Check, ...]

    @property
    def blocking(self) -> str:
        """The codes of the checks that did not pass."""
        return ", ".join(one.code for one in self.checks if one.verdict is not Verdict.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The API as the operator and each party see it, each with a key of its own."""

    operator: ApiClient
    manufacturer: ApiClient
    carrier: ApiClient
    consignee: ApiClient

    async def add_goods(self, lots: Sequence[str], *, today: date) -> None:
        """One product and its lots, all in date."""
        product = {"id": cast.PRODUCT, "name": "Vaccine, 10 doses", "gtin": "09506000134352"}
        profiles = [{"id": profile} for profile in (cast.PROFILE, cast.REAL_PROFILE)]
        await self.manufacturer.tell("/products", product | {"profiles": profiles})
        expiry = (today + SHELF_LIFE).isoformat()
        for lot in lots:
            body = {"number": lot, "expires_on": expiry}
            await self.manufacturer.tell(f"/products/{cast.PRODUCT}/lots", body)

    async def plan(self, consignment: str, lot: str, profile: str) -> None:
        """One consignment of one lot, from the manufacturer to the consignee."""
        leg = {"carrier": cast.CARRIER, "origin": "Uppsala", "destination": "Oslo"}
        body = {
            "id": consignment,
            "consignee": cast.CONSIGNEE,
            "profile": {"id": profile},
            "lines": [{"product": cast.PRODUCT, "lot": lot, "quantity": 20}],
            "legs": [leg],
        }
        await self.manufacturer.tell("/consignments", body)

    async def place(self, consignment: str, placement: Mapping[str, object]) -> int:
        """Put a logger of the carrier into the consignment; the placement's id.

        The manufacturer vouches for its calibration, the operator for its conduct: a simulated
        logger has sent nothing yet that it could be tested by.
        """
        path = f"/consignments/{consignment}/placements"
        placed = await self.carrier.post(path, placement, _Placement)
        certificate = {
            "number": f"CAL-{placed.serial}",
            "valid_from": (placed.placed_at - CALIBRATED).isoformat(),
            "valid_to": (datetime.now(UTC) + CALIBRATED).isoformat(),
            "expanded_uncertainty": UNCERTAINTY_CELSIUS,
        }
        await self.manufacturer.tell(f"/loggers/{placed.logger}/certificates", certificate)
        word = {"kind": "declared", "reason": "a logger of the demo"}
        await self.operator.tell(f"/loggers/{placed.logger}/admissions", word)
        return placed.id

    async def remove(self, consignment: str, placement: int, moment: datetime) -> None:
        """Say when a logger left the consignment."""
        path = f"/consignments/{consignment}/placements/{placement}/remove"
        reason = "it was taken out then, and the story tells it afterwards"
        await self.manufacturer.tell(path, {"removed_at": moment.isoformat(), "reason": reason})

    async def qualify_carrier(self, profile: str, *, today: date) -> None:
        """The manufacturer approves the carrier for goods of that profile."""
        body = {
            "carrier": cast.CARRIER,
            "profile": profile,
            "valid_from": (today - QUALIFIED).isoformat(),
            "valid_until": (today + QUALIFIED).isoformat(),
        }
        await self.manufacturer.tell("/qualifications", body)

    async def allow(self, profile: str) -> None:
        """The manufacturer lets its product travel by that profile."""
        await self.manufacturer.tell(f"/products/{cast.PRODUCT}/profiles", {"id": profile})

    async def place_simulated(self, shipment: Shipment, placed_at: datetime) -> None:
        """Register the simulated loggers of a shipment and put them into it."""
        for serial in shipment.serials:
            logger = {
                "serial": serial,
                "model": "simulated",
                "interval_seconds": round(cast.INTERVAL.total_seconds()),
            }
            await self.carrier.tell("/loggers", logger)
            placement = {"serial": serial, "placed_at": placed_at.isoformat()}
            await self.place(shipment.id, placement)

    async def dispatch(self, consignment: str, begin: datetime) -> Decision:
        """Ask the gate whether the goods may leave; they do if it says so."""
        decision = await self._ask(self.manufacturer, consignment, Purpose.DISPATCH)
        await self.happen(self.manufacturer, consignment, EventKind.PACKED, begin)
        await self.happen(self.carrier, consignment, EventKind.DEPARTED, begin)
        return decision

    async def receive(self, consignment: str, end: datetime) -> None:
        """The goods arrive and are taken into quarantine.

        It is long past when it is told, so that it takes the word of who answers for the goods.
        """
        await self.happen(self.carrier, consignment, EventKind.ARRIVED, end)
        await self.happen(self.manufacturer, consignment, EventKind.RECEIVED, end)

    async def seal(self, consignment: str, serials: Sequence[str], last_sequence: int) -> None:
        """The consignee reads off each logger which of its readings was the last."""
        for serial in serials:
            body = {"serial": serial, "last_sequence": last_sequence}
            await self.consignee.tell(f"/consignments/{consignment}/seals", body)

    async def ask_release(self, consignment: str) -> Decision:
        """Ask the gate whether the goods may be used; they are released if it says so."""
        return await self._ask(self.consignee, consignment, Purpose.RECEIPT_RELEASE)

    async def happen(
        self, party: ApiClient, consignment: str, kind: EventKind, moment: datetime
    ) -> None:
        """Tell an event in the name of ``party``."""
        body = {"kind": kind.value, "happened_at": moment.isoformat()}
        await party.tell(f"/consignments/{consignment}/events", body)

    async def state(self, consignment: str) -> LineState:
        """Where the consignment's one line stands."""
        found = await self.consignee.get(f"/consignments/{consignment}", _Consignment)
        return found.lines[0].state

    async def deviations(self, consignment: str) -> int:
        """How many deviations were opened about the consignment."""
        path = f"/consignments/{consignment}/deviations"
        return len((await self.manufacturer.get(path, _Deviations)).items)

    async def why(self, consignment: str) -> str:
        """The newest judgement's weightiest reason, in words."""
        newest = await newest_evaluation(self.consignee, consignment)
        return newest.why if newest else "no evaluation"

    async def _ask(self, party: ApiClient, consignment: str, purpose: Purpose) -> Decision:
        body = {"consignment": consignment, "purpose": purpose.value}
        return await party.post("/gate/decisions", body, Decision)


@asynccontextmanager
async def open_registry(url: str, operator_key: str) -> AsyncIterator[Registry]:
    """The API with the demo's parties added to it; each works with its own key."""
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(ApiClient(url, operator_key))
        await operator.wait_until_healthy(seconds=60)
        clients = []
        for party, name, kind in cast.PARTIES:
            await operator.tell("/parties", {"id": party, "name": name, "kind": kind})
            made = await operator.post(f"/parties/{party}/keys", {"label": "demo"}, _Key)
            clients.append(await stack.enter_async_context(ApiClient(url, made.secret)))
        manufacturer, carrier, consignee = clients
        yield Registry(
            operator=operator, manufacturer=manufacturer, carrier=carrier, consignee=consignee
        )
