"""A running API on a real database, with parties, goods and a way to say what the judge found."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import httpx
import psycopg
import pytest
import uvicorn
from factories import comes_to_nothing, fetch
from judging import make_profile
from local_http import NO_TLS

from api.app import create_app
from api.identity import passwords
from api.settings import ApiSettings
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATOR_KEY: Final = "operator-key-of-the-tests"
SIGNING_KEY: Final = "A" * 43
PASSWORD: Final = "seven tall ferns by the gate"
LITTLE_WORK: Final = replace(passwords.LEAST, memory_cost=64, time_cost=1)
PROFILE: Final = "USP_CCT_2_8"
PUBLIC_KEY: Final = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
PARTIES: Final = {
    "maker": "manufacturer",
    "truck": "carrier",
    "hospital": "consignee",
    "stranger": "carrier",  # never takes part in anything: see `join`
}
BEGIN: Final = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=10)


@contextmanager
def serving(dsn: str, **settings: Any) -> Iterator[str]:
    """The URL of an API process' worth of server, in a thread."""
    # asyncio switches Nagle's algorithm off only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    given = {
        "operator_key": OPERATOR_KEY,
        "signing_key": SIGNING_KEY,
        "password_work": "least",
        "login_attempts_per_address": 1_000_000,  # every test has the same one
    } | settings
    app = create_app(ApiSettings(database_dsn=dsn, **given))
    config = uvicorn.Config(
        app, log_config=None, ws="none", timeout_graceful_shutdown=5, timeout_keep_alive=75
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "LEAST", LITTLE_WORK)
        thread.start()
        assert wait_until(lambda: server.started or not thread.is_alive(), seconds=20)
    try:
        assert server.started
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


class Person(httpx.Client):
    """A client with the session of a user, and what proves that the user is there."""

    def __init__(self, url: str, made: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {made['token']}"}
        super().__init__(base_url=url, headers=headers, timeout=30, verify=NO_TLS)
        self.token: str = made["token"]
        self.id: int = made["user"]
        self.session: int = made["id"]
        self.login: str = made["login"]
        self.printed_name: str = made["printed_name"]

    def proof(self) -> dict[str, str]:
        """What to send as `proof` with a signature."""
        return {"password": PASSWORD}


@dataclass
class World:
    """One API with four parties; consignments, gateways and loggers get names of their own."""

    dsn: str
    url: str
    stack: ExitStack
    clients: dict[str, httpx.Client] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    qualified: set[tuple[str, str]] = field(default_factory=set)
    allowed: set[tuple[str, str]] = field(default_factory=set)

    def name(self, kind: str) -> str:
        return f"{kind}-{next(self.numbers):04}"

    def client(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        return self.stack.enter_context(
            httpx.Client(base_url=f"{self.url}/v1", headers=headers, timeout=30, verify=NO_TLS)
        )

    def of(self, party: str) -> httpx.Client:
        """A client with a key of that party."""
        if party not in self.clients:
            if party == "operator":
                self.clients[party] = self.client(OPERATOR_KEY)
            else:
                made = self.post(f"/parties/{party}/keys", {"label": "test"})
                self.clients[party] = self.client(made["secret"])
        return self.clients[party]

    def user(self, party: str, *roles: str) -> Person:
        """A user of that party with these roles and a session; everybody's password is one."""
        login = self.name("user")
        body = {"party": party, "login": login, "printed_name": f"Dr. {login}", "roles": roles}
        invitation = self.post("/users", body)["invitation"]
        set_password(self.url, invitation=invitation, password=PASSWORD)
        return self.log_in(login)

    def log_in(self, login: str, **fields: str) -> Person:
        """A session of that user."""
        body = {"login": login, "password": PASSWORD} | fields
        made = httpx.post(f"{self.url}/v1/session", json=body, timeout=30, verify=NO_TLS)
        assert made.is_success, made.text
        return self.stack.enter_context(Person(f"{self.url}/v1", made.json()))

    def post(self, path: str, body: dict[str, Any], *, party: str = "operator") -> dict[str, Any]:
        answer = self.of(party).post(path, json=body)
        assert answer.is_success, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def get(self, path: str, *, party: str = "operator", **query: Any) -> dict[str, Any]:
        answer = self.of(party).get(path, params=query)
        assert answer.is_success, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def join(self, kind: str) -> str:
        """A party of that kind that nobody else in the world deals with; its id."""
        party = self.name("party")
        self.post("/parties", {"id": party, "name": party, "kind": kind})
        return party

    def add_logger(self, party: str = "truck") -> str:
        """A calibrated and admitted logger; its serial number."""
        serial = self.name("LOG")
        logger = self.post("/loggers", {"serial": serial}, party=party)["id"]
        self.certify(logger)
        self.admit(logger)
        return serial

    def admit(self, logger: int) -> dict[str, Any]:
        """The operator's word for a logger that has sent nothing to test it by."""
        body = {"kind": "declared", "reason": "simulated in a test"}
        return self.post(f"/loggers/{logger}/admissions", body)

    def qualify(self, carrier: str, profile: str = PROFILE) -> None:
        """The operator approves the carrier for the profile, half a year to either side."""
        if (carrier, profile) in self.qualified:
            return
        half = timedelta(days=180)
        days = {"valid_from": BEGIN - half, "valid_until": BEGIN + half}
        body = {name: day.date().isoformat() for name, day in days.items()}
        self.post("/qualifications", {"carrier": carrier, "profile": profile} | body)
        self.qualified.add((carrier, profile))

    def add_product(self, product: str, *, party: str = "maker", **fields: Any) -> str:
        """An article of that party, whose goods may travel by the profile of the tests; its id."""
        body = {"id": product, "name": product, "profiles": [{"id": PROFILE}]} | fields
        self.allowed.add((product, PROFILE))
        made: str = self.post("/products", body, party=party)["id"]
        return made

    def add_lot(self, product: str = "vaccine") -> str:
        """A lot of the maker's product that nothing else in the world is of; its number."""
        body = {"number": self.name("L"), "expires_on": "2199-12-31"}
        number: str = self.post(f"/products/{product}/lots", body, party="maker")["number"]
        return number

    def allow(self, product: str, profile: str) -> None:
        """Goods of the product may travel by that profile too."""
        if (product, profile) not in self.allowed:
            self.post(f"/products/{product}/profiles", {"id": profile})
            self.allowed.add((product, profile))

    def add_budget(self) -> str:
        """A profile of the maker with a stability budget of an hour above 8 °C; its id."""
        bands = {"bands": [{"above": 8.0, "budget": "1h"}]}
        profile = make_profile(id=f"ACME_BUDGET_{next(self.numbers)}", stability=bands).as_json()
        stored: str = self.post("/profiles", {"profile": profile}, party="maker")["id"]
        return stored

    def certify(self, logger: int, *, party: str = "operator", **fields: Any) -> dict[str, Any]:
        """A certificate of the logger, in force half a year to either side."""
        half = timedelta(days=180)
        body = {
            "number": self.name("CAL"),
            "valid_from": (BEGIN - half).isoformat(),
            "valid_to": (BEGIN + half).isoformat(),
            "expanded_uncertainty": 0.2,
        }
        return self.post(f"/loggers/{logger}/certificates", body | fields, party=party)

    def consign(self, *, lots: tuple[str, ...] = ("A1",), place: bool = True, **fields: Any) -> str:
        """A planned consignment of the maker, carried by the truck, with a logger in it."""
        body = {
            "id": self.name("con"),
            "consignee": "hospital",
            "profile": {"id": PROFILE},
            "lines": [{"product": "vaccine", "lot": lot, "quantity": 1} for lot in lots],
            "legs": [{"carrier": "truck", "origin": "here", "destination": "there"}],
        }
        planned: dict[str, Any] = body | fields
        if planned["profile"] is not None:
            for leg in planned["legs"]:
                self.qualify(leg["carrier"], planned["profile"]["id"])
            for line in planned["lines"]:
                self.allow(line["product"], planned["profile"]["id"])
        consignment: str = self.post("/consignments", planned, party="maker")["id"]
        if place:
            self.place(consignment, self.add_logger())
        return consignment

    def place(
        self, consignment: str, serial: str, *, by: str = "truck", **fields: Any
    ) -> dict[str, Any]:
        body = {"serial": serial, "placed_at": BEGIN.isoformat()} | fields
        return self.post(f"/consignments/{consignment}/placements", body, party=by)

    def event(self, consignment: str, kind: str, *, party: str = "maker") -> dict[str, Any]:
        body = {"kind": kind, "happened_at": (BEGIN + timedelta(hours=8)).isoformat()}
        return self.post(f"/consignments/{consignment}/events", body, party=party)

    def gate(self, consignment: str, purpose: str, **fields: Any) -> dict[str, Any]:
        body = {"consignment": consignment, "purpose": purpose} | fields
        return self.post("/gate/decisions", body)

    def received(self, **fields: Any) -> str:
        """A consignment that was dispatched and has come; nobody judged it yet."""
        consignment = self.consign(**fields)
        assert self.gate(consignment, "dispatch")["permitted"]
        self.event(consignment, "received")
        return consignment

    def released(self, **fields: Any) -> str:
        """A consignment that came, passed and was released."""
        consignment = self.received(**fields)
        self.judge(consignment)
        assert self.gate(consignment, "receipt_release")["permitted"]
        return consignment

    def judge(self, consignment: str, verdict: str = "PASS", **fields: Any) -> int:
        """Store what the judge would: one transaction under the lock, and a notification."""
        with psycopg.connect(self.dsn) as connection:
            return judge(connection, consignment, verdict, **fields)

    def states(self, consignment: str) -> list[str]:
        return [line["state"] for line in self.get(f"/consignments/{consignment}")["lines"]]

    def fetch(self, query: str, *parameters: object) -> list[Any]:
        return fetch(self.dsn, query, *parameters)

    def announced(self, consignment: str) -> list[str]:
        query = "SELECT kind FROM outbox WHERE consignment_id = %s ORDER BY id"
        return self.fetch(query, consignment)

    def causes(self, consignment: str) -> list[str]:
        deviations = self.get(f"/consignments/{consignment}/deviations")["items"]
        return [deviation["cause"] for deviation in deviations]

    def wait_for_reactions(self) -> None:
        """Return when every evaluation was acted on."""
        assert comes_to_nothing(self.dsn, "SELECT 1 FROM reaction_due")


def set_password(url: str, **fields: str) -> httpx.Response:
    """Set a password, with an invitation or with the old one."""
    answer = httpx.post(f"{url}/v1/password", json=fields, timeout=30, verify=NO_TLS)
    assert answer.is_success, answer.text
    return answer


def judge(
    connection: psycopg.Connection[Any], consignment: str, verdict: str = "PASS", **fields: Any
) -> int:
    """The judge's transaction, left open for the caller to commit; the evaluation's version."""
    connection.execute("SELECT FROM consignment WHERE id = %s FOR NO KEY UPDATE", (consignment,))
    connection.execute("DELETE FROM touched WHERE consignment_id = %s", (consignment,))
    values = {
        "consignment": consignment,
        "verdict": verdict,
        "provisional": False,
        "with_excursions": False,
        "reason_codes": None,
        "zones": None,
        "body": b'{"verdict": "' + verdict.encode() + b'"}',
    }
    row = connection.execute(
        "INSERT INTO evaluation (consignment_id, version, verdict, provisional, with_excursions,"
        " reason_codes, zones, profile_id, profile_version, engine, input_digest, body)"
        " SELECT %(consignment)s, coalesce(max(evaluation.version), 0) + 1, %(verdict)s,"
        " %(provisional)s, %(with_excursions)s, %(reason_codes)s, %(zones)s,"
        " coalesce(chosen.id, 'USP_CCT_2_8'),"
        " coalesce(chosen.version, (SELECT max(version) FROM profile WHERE id = 'USP_CCT_2_8')),"
        " 'test', '-', %(body)s"
        " FROM (SELECT profile_id, profile_version FROM consignment"
        "       WHERE id = %(consignment)s) AS chosen (id, version)"
        " LEFT JOIN evaluation ON consignment_id = %(consignment)s"
        " GROUP BY chosen.id, chosen.version RETURNING version, id",
        values | fields,
    ).fetchone()
    assert row is not None
    connection.execute("DELETE FROM audit_due WHERE evaluation_id = %s", (row[1],))
    connection.execute(
        "INSERT INTO evidence_audit (evaluation_id, messages, broken, unsigned)"
        " VALUES (%s, 0, 0, 0)",
        (row[1],),
    )
    connection.execute("SELECT pg_notify('coldgate_evaluation', %s)", (consignment,))
    return int(row[0])


@contextmanager
def open_world(dsn: str, **settings: Any) -> Iterator[World]:
    """A world with its four parties, one product and its lots A1 and A2 (in date), OLD (not)."""
    with serving(dsn, **settings) as url, ExitStack() as stack:
        world = World(dsn, url, stack)
        for party, kind in PARTIES.items():
            world.post("/parties", {"id": party, "name": party, "kind": kind})
        world.add_product("vaccine")
        for lot, expiry in {"A1": "2199-12-31", "A2": "2199-12-31", "OLD": "2020-01-31"}.items():
            body = {"number": lot, "expires_on": expiry}
            world.post("/products/vaccine/lots", body, party="maker")
        yield world
