"""A fixed story for chaos tests: two gateways, four loggers, two consignments, and their truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analytics.case import Case, Certificate, Channel, Window
from analytics.judge import judge
from analytics.profile_format import load_builtin_profiles
from analytics.readings import Readings
from coldgate.instant import MILLISECOND, epoch_ms, from_epoch_ms
from coldgate.model import EventKind, Quantity
from firmware_sim.scenario import Journey, scenario_named
from firmware_sim.simulation import Simulation, serial_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx
    from numpy.typing import NDArray

PROFILE: Final = "USP_CCT_2_8"
BEGIN: Final = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
END: Final = BEGIN + timedelta(hours=13)
INTERVAL: Final = timedelta(minutes=1)
MILLI: Final = 100  # milli-units in the sensors' step of 0.1

CERTIFICATE: Final = Certificate(
    number="CAL-1",
    valid_from_ms=epoch_ms(BEGIN - timedelta(days=30)),
    # The gate asks by today's clock, long after these readings.
    valid_to_ms=epoch_ms(datetime(2099, 12, 31, tzinfo=UTC)),
    expanded_milli=200,
)

Row = tuple[str, int, int, int, int]  # serial, quantity, sequence, taken (ms), value (milli-units)


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """One consignment behind one gateway; the same seed gives the same readings every time."""

    id: str
    gateway: str
    scenario: str
    seed: int
    loggers: int = 2

    @property
    def serials(self) -> tuple[str, ...]:
        return serial_numbers(self.id.upper(), self.loggers)

    @property
    def simulation(self) -> Simulation:
        journey = Journey(
            begin_ms=epoch_ms(BEGIN),
            end_ms=epoch_ms(END),
            interval_ms=INTERVAL // MILLISECOND,
        )
        return Simulation.create(
            scenario_named(self.scenario), journey, seed=self.seed, serials=self.serials
        )


SHIPMENTS: Final = (
    Shipment(id="clean", gateway="gw-east", scenario="clean", seed=11),
    Shipment(id="warm", gateway="gw-west", scenario="warm-truck", seed=22),
)
GATEWAYS: Final = tuple(shipment.gateway for shipment in SHIPMENTS)


def true_rows() -> set[Row]:
    """Every reading that the loggers take, as the database must have it."""
    return {row for shipment in SHIPMENTS for row in _rows_of(shipment.simulation)}


def _rows_of(simulation: Simulation) -> set[Row]:
    samples = simulation.sample(1, simulation.journey.readings)
    stamps = samples.taken_at_ms.tolist()
    measured = ((Quantity.TEMPERATURE, samples.temperature), (Quantity.HUMIDITY, samples.humidity))
    return {
        (serial, int(quantity), sequence, taken_ms, value * MILLI)
        for quantity, table in measured
        for column, serial in enumerate(simulation.serials)
        for sequence, (taken_ms, value) in enumerate(
            zip(stamps, table[:, column].tolist(), strict=True), start=1
        )
    }


def undisturbed_evaluation(shipment: Shipment) -> bytes:
    """What the judge says of the truth alone: no gateway, no broker, no database."""
    simulation = shipment.simulation
    samples = simulation.sample(1, simulation.journey.readings)
    profile = next(one for one in load_builtin_profiles() if one.id == PROFILE)
    tables = ((Quantity.TEMPERATURE, samples.temperature), (Quantity.HUMIDITY, samples.humidity))
    case = Case(
        window=Window(
            begin_ms=epoch_ms(BEGIN),
            end_ms=epoch_ms(END),
            begin_event=EventKind.PACKED,
            end_event=EventKind.RECEIVED,
        ),
        channels=tuple(
            _channel(serial, quantity, samples.taken_at_ms, table[:, column])
            for quantity, table in tables
            for column, serial in enumerate(shipment.serials)
        ),
        freeze_sensitive=False,
        planned_zones=("main",),
        planned_loggers=shipment.serials,
    )
    return judge(profile, case).to_bytes()


def _channel(
    serial: str, quantity: Quantity, taken_ms: NDArray[np.int64], steps: NDArray[np.int16]
) -> Channel:
    return Channel(
        serial=serial,
        sensor=0,
        quantity=quantity,
        readings=Readings(
            taken_at_ms=taken_ms,
            value_milli=steps.astype(np.int32) * MILLI,
            flags=np.zeros(len(steps), np.uint8),
        ),
        zone="main",
        placed_from_ms=epoch_ms(BEGIN),
        interval_ms=INTERVAL // MILLISECOND,
        certificates=(CERTIFICATE,) if quantity is Quantity.TEMPERATURE else (),
    )


def plan(api: httpx.Client) -> None:
    """Register everybody and everything, and let the goods leave through the gate."""
    carrier = {"id": "carrier-1", "name": "Carrier", "kind": "carrier"}
    _done(api.post("/parties", json=carrier))
    product = {"id": "vaccine", "name": "Vaccine", "freeze_sensitive": False, "party": "carrier-1"}
    _done(api.post("/products", json=product | {"profiles": [{"id": PROFILE}]}))
    approval = {"carrier": "carrier-1", "profile": PROFILE}
    days = {"valid_from": "2000-01-01", "valid_until": "2099-12-31"}
    _done(api.post("/qualifications", json=approval | days))
    for shipment in SHIPMENTS:
        _plan_one(api, shipment)


def _plan_one(api: httpx.Client, shipment: Shipment) -> None:
    lot, path = {"number": shipment.id, "expires_on": "2099-12-31"}, f"/consignments/{shipment.id}"
    _done(api.post("/products/vaccine/lots", json=lot))
    consignment = {
        "id": shipment.id,
        "consignor": "carrier-1",
        "consignee": "carrier-1",
        "profile": {"id": PROFILE},
        "lines": [{"product": "vaccine", "lot": shipment.id, "quantity": 1}],
        "legs": [{"carrier": "carrier-1", "origin": "here", "destination": "there"}],
    }
    _done(api.post("/consignments", json=consignment))
    for serial in shipment.serials:
        seconds = round(INTERVAL.total_seconds())
        logger = {"serial": serial, "interval_seconds": seconds, "party": "carrier-1"}
        number = _done(api.post("/loggers", json=logger))["id"]
        _done(api.post(f"/loggers/{number}/certificates", json=_certificate()))
        word = {"kind": "declared", "reason": "simulated in a test"}
        _done(api.post(f"/loggers/{number}/admissions", json=word))
        placement = {"serial": serial, "placed_at": BEGIN.isoformat()}
        _done(api.post(f"{path}/placements", json=placement))
    asked = {"consignment": shipment.id, "purpose": "dispatch"}
    leaving = _done(api.post("/gate/decisions", json=asked))
    assert leaving["permitted"], leaving
    _done(api.post(f"{path}/events", json={"kind": "packed", "happened_at": BEGIN.isoformat()}))


def _certificate() -> dict[str, Any]:
    return {
        "number": CERTIFICATE.number,
        "valid_from": from_epoch_ms(CERTIFICATE.valid_from_ms).isoformat(),
        "valid_to": from_epoch_ms(CERTIFICATE.valid_to_ms).isoformat(),
        "expanded_uncertainty": CERTIFICATE.expanded_milli / 1000,
    }


def receive(api: httpx.Client) -> None:
    """The goods have arrived: from now on their evaluations are final."""
    for shipment in SHIPMENTS:
        event = {"kind": "received", "happened_at": END.isoformat()}
        _done(api.post(f"/consignments/{shipment.id}/events", json=event))


def ask_release(api: httpx.Client) -> dict[str, Any]:
    """The gate's answers, without what counts evaluations and decisions on the way there."""
    answers = {}
    for shipment in SHIPMENTS:
        asked = {"consignment": shipment.id, "purpose": "receipt_release"}
        answer = _done(api.post("/gate/decisions", json=asked))
        checks = [(one["code"], one["verdict"], one["reason"]) for one in answer["checks"]]
        lines = [line["state"] for line in answer["lines"]]
        answers[shipment.id] = (answer["verdict"], answer["permitted"], checks, lines)
    return answers


def _done(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, f"{answer.request.url}: {answer.text}"
    body: dict[str, Any] = answer.json()
    return body


def ranges(rows: Sequence[Row]) -> list[str]:
    """Rows as `SERIAL/quantity: first-last`, for a person who looks for what is missing."""
    spans: list[list[Any]] = []
    for serial, quantity, sequence, _, _ in sorted(rows):
        name = f"{serial}/{Quantity(quantity).name.lower()}"
        if spans and spans[-1][0] == name and spans[-1][2] == sequence - 1:
            spans[-1][2] = sequence
        else:
            spans.append([name, sequence, sequence])
    return [f"{name}: {first}-{last}" for name, first, last in spans]
