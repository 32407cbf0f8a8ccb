"""Two API processes on one database, and actions that begin at the same moment or nearly so."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psycopg
from api_world import OPERATOR_KEY, PARTIES, SIGNING_KEY, Person, World, judge
from approval_world import People
from factories import fetch
from local_http import is_well
from quality_world import Plant, plant
from races.goods import copy_consignment, receive

from coldgate.launch.folder import free_port
from coldgate.launch.ledger_audit import Sources, verify
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import httpx

SIDES: Final = 2
LONGEST_DELAY_SECONDS: Final = 0.02  # about as long as a decision takes
START_SECONDS: Final = 60
SETTLE_SECONDS: Final = 60
DEADLOCKS: Final = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Process:
    """An API process that comes back to its port after it was killed."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self._dsn = dsn
        self._port = free_port()
        self.log = folder / f"api-{self._port}.log"
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        told = {
            "COLDGATE_DATABASE_DSN": self._dsn,
            "COLDGATE_API_PORT": str(self._port),
            "COLDGATE_API_OPERATOR_KEY": OPERATOR_KEY,
            "COLDGATE_API_SIGNING_KEY": SIGNING_KEY,
            "COLDGATE_API_PASSWORD_WORK": "least",
            "COLDGATE_API_LOGIN_ATTEMPTS_PER_ADDRESS": "1000000",
        }
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", "api"], env=os.environ | told, stderr=log
            )
        well = wait_until(lambda: is_well(f"{self.url}/healthz"), seconds=START_SECONDS)
        assert well, self.log.read_text()

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end."""
        self._end(signal.SIGTERM)

    def complaints(self) -> list[str]:
        """What it logged that is no mere information, newest last."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if '"info"' not in line][-20:]

    def _end(self, number: signal.Signals) -> None:
        if self._running is not None:
            self._running.send_signal(number)
            self._running.wait(timeout=30)


@dataclass
class Side(World):
    """A process and its clients; answers that blame the server are kept in ``faults``."""

    faults: list[str] = field(default_factory=list)
    template: str = ""
    template_that_came: str = ""

    def make_templates(self) -> None:
        """What the others are copies of, made as any client makes it."""
        self.template = super().consign(lots=("A1",))
        self.template_that_came = super().consign(lots=("A1",))
        assert self.gate(self.template_that_came, "dispatch")["permitted"]
        self.event(self.template_that_came, "received")

    def client(self, key: str) -> httpx.Client:
        return self.watched(super().client(key))

    def watched(self, client: Any) -> Any:
        client.event_hooks = {"response": [self._look]}
        return client

    def consign(  # type: ignore[override]  # lots and lines, and fields of the table alone
        self, *, lots: tuple[str, ...] = (), lines: Sequence[dict[str, Any]] = (), **fields: Any
    ) -> str:
        """A copy of the first consignment; its lines are of the one product."""
        told = lines or [{"lot": lot, "quantity": 1} for lot in lots]
        own = [{"lot_number": line["lot"], "quantity": line["quantity"]} for line in told]
        new = self.name("con")
        with psycopg.connect(self.dsn) as connection:
            copy_consignment(connection, self.template, new, own, **fields)
        return new

    def received(self, **fields: Any) -> str:
        """A copy that has come."""
        new = self.consign(**fields)
        with psycopg.connect(self.dsn) as connection:
            receive(connection, self.template_that_came, new)
        return new

    def judge(self, consignment: str, verdict: str = "PASS", **fields: Any) -> int:
        with psycopg.connect(self.dsn) as connection:
            return judge_on_record(connection, consignment, verdict, **fields)

    def _look(self, answer: httpx.Response) -> None:
        if answer.is_server_error:
            answer.read()
            self.faults.append(f"{answer.request.url.path}: {answer.status_code} {answer.text}")


def judge_on_record(
    connection: psycopg.Connection[Any], consignment: str, verdict: str, **fields: Any
) -> int:
    """As `judge`, with the entry that the judge makes in the ledger."""
    version = judge(connection, consignment, verdict, **fields)
    connection.execute(
        "SELECT append_ledger('judge', 'evaluation', %s, body) FROM evaluation"
        " WHERE (consignment_id, version) = (%s, %s)",
        (f"consignment/{consignment}/evaluation/{version}", consignment, version),
    )
    return version


@dataclass
class Arena:
    """Where races are held; all that is left to chance comes from one seed."""

    processes: tuple[Process, ...]
    sides: tuple[Side, ...]
    chance: random.Random
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def world(self) -> Side:
        """The process that rounds are prepared with."""
        return self.sides[0]

    def side(self) -> Side:
        """One of the two processes."""
        return self.chance.choice(self.sides)

    def at_once(self, *actions: Callable[[], Any]) -> list[Any]:
        """What the actions return, begun together but for a delay of a few milliseconds."""
        barrier = threading.Barrier(len(actions))
        delays = [self.chance.random() ** 3 * LONGEST_DELAY_SECONDS for _ in actions]

        def begin(action: Callable[[], Any], delay: float) -> Any:
            barrier.wait()
            time.sleep(delay)
            return action()

        with ThreadPoolExecutor(len(actions)) as pool:
            begun = [pool.submit(begin, *one) for one in zip(actions, delays, strict=True)]
            return [one.result() for one in begun]

    def ask(
        self, path: str, body: dict[str, Any], *, party: str = "operator", **headers: str
    ) -> Callable[[], httpx.Response]:
        """A request to either process, whatever it answers."""
        client = self.side().of(party)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return lambda: client.post(path, json=body, headers=told)

    def elsewhere(self, person: Person) -> Person:
        """The same session, at either process."""
        side = self.side()
        made = {
            "token": person.token,
            "user": person.id,
            "id": person.session,
            "login": person.login,
            "printed_name": person.printed_name,
        }
        twin: Person = side.watched(side.stack.enter_context(Person(f"{side.url}/v1", made)))
        return twin

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What is made for the first round and serves all."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    @property
    def people(self) -> People:
        world = self.world
        people: People = self.once(
            "people",
            lambda: People(
                qa=world.user("maker", "qa"),
                other_qa=world.user("maker", "qa"),
                approver=world.user("maker", "qa_approver"),
                other_approver=world.user("maker", "qa_approver"),
            ),
        )
        return people

    @property
    def plant(self) -> Plant:
        made: Plant = self.once("plant", lambda: plant(self.world))
        return made

    def lot(self) -> str:
        """A lot of the maker that no other round ships."""
        return self.world.add_lot()

    def faults(self) -> list[str]:
        """Answers of the kind that no client should get."""
        return [fault for side in self.sides for fault in side.faults]

    def deadlocks(self) -> int:
        """How many the database had to break."""
        return int(fetch(self.world.dsn, DEADLOCKS)[0])

    def settle(self) -> None:
        """Return when all is acted on and chained."""
        self.world.wait_for_reactions()
        chained = "SELECT 1 FROM ledger_due LIMIT 1"
        assert wait_until(lambda: not self.world.fetch(chained), seconds=SETTLE_SECONDS)

    def ledger_findings(self) -> list[str]:
        """What `coldgate ledger verify` says."""
        report = verify(Sources(dsn=self.world.dsn), lambda _done, _total: None)
        assert report.entries
        return [str(finding) for finding in report.findings]


@contextmanager
def open_arena(dsn: str, folder: Path, seed: int) -> Iterator[Arena]:
    """Two processes and four parties with goods; what chance does is told by the seed."""
    processes = tuple(Process(dsn, folder) for _ in range(SIDES))
    with ExitStack() as stack:
        for process in processes:
            stack.callback(process.stop)
            process.start()
        first = Side(dsn, processes[0].url, stack)
        others = [
            Side(dsn, process.url, stack, numbers=first.numbers, qualified=first.qualified)
            for process in processes[1:]
        ]
        for party, kind in PARTIES.items():
            first.post("/parties", {"id": party, "name": party, "kind": kind})
        first.add_product("vaccine")
        lot = {"number": "A1", "expires_on": "2199-12-31"}
        first.post("/products/vaccine/lots", lot, party="maker")
        first.make_templates()
        yield Arena(processes, (first, *others), random.Random(seed))
