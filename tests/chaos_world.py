"""A whole Coldgate as real processes that tests may kill, and what is left when all is over."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import chaos_story
import httpx
import local_http
import psutil
import psycopg
from chaos_story import BEGIN, END, GATEWAYS, INTERVAL, SHIPMENTS
from factories import fetch

from coldgate.crypto import create_private_key, public_key_text
from coldgate.launch.folder import LOOPBACK, accepts, free_port
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable
    from pathlib import Path

    from chaos_story import Row, Shipment

PATIENCE_SECONDS: Final = 60.0
RESEND: Final = "PT2S"  # a broker that was killed may have lost what it confirmed
SUPERVISED: Final = ("postgres", "broker", "ingest", "analytics", "api")
LAST_LINES: Final = 20


class Process:
    """One process of ours that can be killed and started again; its lines go to a file."""

    def __init__(self, log: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.log = log
        self._argv = [sys.executable, "-m", *arguments]
        self._env = {**os.environ, **(env or {})}
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    @property
    def status(self) -> int | None:
        """Exit status; None while it runs."""
        assert self._running is not None
        return self._running.poll()

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._running = subprocess.Popen(
                self._argv, env=self._env, stdout=output, stderr=subprocess.STDOUT
            )

    def kill(self) -> None:
        assert self._running is not None
        self._running.kill()
        self._running.wait()

    def stop(self) -> None:
        if self._running is None:
            return
        self._running.terminate()
        try:
            self._running.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"--- {self.log.name}", *lines[-LAST_LINES:]])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run left behind; ``strays`` says where a reading that is missing might be."""

    rows: tuple[Row, ...]
    strays: dict[str, Any]
    evaluations: dict[str, bytes]
    gate: dict[str, Any]

    def assert_exactly(self, truth: set[Row]) -> None:
        """Each reading of the truth is stored once, nothing else is, and nothing is left over."""
        stored = set(self.rows)
        problems = [
            *(f"missing {one}" for one in chaos_story.ranges(sorted(truth - stored))),
            *(f"invented {one}" for one in chaos_story.ranges(sorted(stored - truth))),
            *(f"{place}: {left}" for place, left in self.strays.items() if left),
        ]
        assert not problems, "\n".join(problems)
        assert len(self.rows) == len(stored)


class World:
    """The machine, its gateways and its simulated loggers, all in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._logs = folder / "logs"
        self._logs.mkdir()
        state = folder / "machine"
        self.state = state
        arguments = ("coldgate.cli", "up", "--folder", str(state), "--port", "0")
        self.machine = Process(self._logs / "machine.log", *arguments)
        self.gateways: dict[str, Process] = {}
        self.simulators: dict[str, Process] = {}
        self._ports = {gateway: free_port() for gateway in GATEWAYS}

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.callback(self._stop)
            self.start_machine()
            with self.api() as api:
                chaos_story.plan(api)
                for gateway in GATEWAYS:
                    self._install(api, gateway)
            self.start_gateways(*GATEWAYS)
            starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def start_machine(self) -> None:
        """Start everything that the supervisor keeps; returns when the API is well."""
        self.machine.start()
        assert wait_until(self._api_is_well, seconds=PATIENCE_SECONDS), self.explained("machine")

    def start_gateways(self, *gateways: str) -> None:
        """Start these; returns when all of them listen for loggers."""
        for gateway in gateways:
            self.gateways[gateway].start()
        for gateway in gateways:
            port = self._ports[gateway]
            listens = wait_until(lambda port=port: accepts(port), seconds=PATIENCE_SECONDS)
            assert listens, self.explained(gateway)

    def play(self, *, factor: float) -> None:
        """Let the loggers travel, ``factor`` times as fast as in life."""
        for shipment in SHIPMENTS:
            self.simulators[shipment.id] = self._simulator(shipment, factor)
            self.simulators[shipment.id].start()

    def progress(self) -> float:
        """Share of the readings that the slowest simulator has taken."""
        return min((_taken(simulator.log) for simulator in self.simulators.values()), default=0.0)

    def wait_for(self, progress: float) -> None:
        arrived = wait_until(lambda: self.progress() >= progress, seconds=2 * PATIENCE_SECONDS)
        assert arrived, self.explained(f"progress {progress}")

    def kill(self, victim: str) -> None:
        """SIGKILL one process, whoever keeps it; what nobody keeps is started again here."""
        print(f"{self.progress():4.0%} kill {victim}")  # noqa: T201 - read when a run fails
        if victim in self.gateways:
            self.gateways[victim].kill()
            self.start_gateways(victim)
        elif victim in self.simulators:
            self.simulators[victim].kill()
            self.simulators[victim].start()  # it takes the same readings again, from the first
        else:
            with suppress(ProcessLookupError):
                os.kill(self._child_pid(victim), signal.SIGKILL)

    def suspend(self, name: str) -> None:
        """Let a supervised process do nothing more, without anybody noticing."""
        os.kill(self._child_pid(name), signal.SIGSTOP)

    def wait_until_well(self) -> None:
        """Return when all supervised processes are up."""
        well = wait_until(lambda: self._health()[0], seconds=2 * PATIENCE_SECONDS)
        assert well, self.explained(str(self._health()[1]))

    def cut_power(self) -> list[int]:
        """End machine and gateways at one instant, as a cut of the power does; their pids."""
        roots = [psutil.Process(one.pid) for one in (self.machine, *self.gateways.values())]
        everybody = [*roots, *(child for root in roots for child in root.children(recursive=True))]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # nobody sees anybody else die
            for process in everybody:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
        for process in (self.machine, *self.gateways.values()):
            process.kill()
        psutil.wait_procs(everybody, timeout=PATIENCE_SECONDS)
        return [process.pid for process in everybody if process.is_running()]

    def restart(self) -> None:
        """Start machine and gateways again in the same folders."""
        self.start_machine()
        self.start_gateways(*GATEWAYS)

    @property
    def unacknowledged(self) -> int:
        """Messages that gateways still hold because no database has confirmed them."""
        return sum(self._held(gateway)[1] for gateway in GATEWAYS)

    def finish(self) -> Outcome:
        """Wait until every reading has arrived, receive the goods, and see what there is."""
        for simulator in self.simulators.values():
            ended = wait_until(lambda s=simulator: s.status is not None, seconds=PATIENCE_SECONDS)
            assert ended, self.explained("simulator")
            assert simulator.status == 0, simulator.last_lines()
        assert wait_until(self._drained, seconds=PATIENCE_SECONDS), self.explained("outbox")
        self.wait_until_well()
        assert wait_until(self._api_is_well, seconds=PATIENCE_SECONDS), self.explained("api")
        with self.api() as api:
            chaos_story.receive(api)
            assert wait_until(self._judged, seconds=PATIENCE_SECONDS), self.explained("judge")
            return self._outcome(chaos_story.ask_release(api))

    def api(self) -> httpx.Client:
        key = self._read("operator-key")
        return httpx.Client(
            base_url=f"{self._read('api-url')}/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
            verify=local_http.NO_TLS,
        )

    @property
    def dsn(self) -> str:
        port, password = self._read("postgres/port"), self._read("postgres/password")
        return f"postgresql://coldgate:{password}@{LOOPBACK}:{port}/coldgate?connect_timeout=5"

    def explained(self, stuck: str) -> str:
        """Which part waits for what, for the person who reads why a run failed."""
        processes: Iterable[Process] = (
            self.machine,
            *self.gateways.values(),
            *self.simulators.values(),
        )
        held = {gateway: self._held(gateway) for gateway in GATEWAYS if gateway in self.gateways}
        return "\n".join([f"{stuck}; held: {held}", *(one.last_lines() for one in processes)])

    def _stop(self) -> None:
        for process in (*self.simulators.values(), *self.gateways.values(), self.machine):
            process.stop()

    def _read(self, name: str) -> str:
        return (self.state / name).read_text(encoding="utf-8").strip()

    def _install(self, api: httpx.Client, gateway: str) -> None:
        folder = self.folder / gateway
        folder.mkdir()
        key = create_private_key(folder / "key.pem")
        body = {"id": gateway, "public_key": public_key_text(key), "party": "carrier-1"}
        answer = api.post("/gateways", json=body)
        assert answer.is_success, answer.text
        credentials = answer.json()
        settings = {
            "id": gateway,
            "partition": credentials["partition"],
            "key_file": folder / "key.pem",
            "outbox": folder / "outbox.db",
            "broker_host": credentials["broker_host"],
            "broker_port": credentials["broker_port"],
            "broker_password": credentials["password"],
            "listen_port": self._ports[gateway],
            "message_enough": 20,  # many messages: more to lose
            "message_readings": 50,
            "resend_after": RESEND,
            "resend_at_most_every": RESEND,
            "reconnect_at_most_every": "PT1S",
        }
        env = {f"COLDGATE_GATEWAY_{name.upper()}": str(value) for name, value in settings.items()}
        log = self._logs / f"{gateway}.log"
        self.gateways[gateway] = Process(log, "gateway", "run", env=env)

    def _simulator(self, shipment: Shipment, factor: float) -> Process:
        options = {
            "scenario": shipment.scenario,
            "gateway": f"{LOOPBACK}:{self._ports[shipment.gateway]}",
            "begin": BEGIN.isoformat(),
            "end": END.isoformat(),
            "interval": INTERVAL.total_seconds(),
            "loggers": shipment.loggers,
            "serial-prefix": shipment.id.upper(),
            "seed": shipment.seed,
            "factor": factor,
            "block-readings": 25,
            "patience": PATIENCE_SECONDS,
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return Process(self._logs / f"{shipment.id}.log", "firmware_sim", "run", *arguments)

    def _health(self) -> tuple[bool, dict[str, dict[str, Any]]]:
        """Whether all children are well, and each by its name; nothing while nobody answers."""
        url = f"http://{LOOPBACK}:{self._read('health-port')}/healthz"
        try:
            answer = local_http.get(url)
        except httpx.TransportError:
            return False, {}
        return answer.is_success, {child["name"]: child for child in answer.json()["children"]}

    def _child_pid(self, name: str) -> int:
        """Process id of a supervised process, waited for while it is started again."""
        found: list[int] = []

        def runs() -> bool:
            pid = self._health()[1].get(name, {}).get("pid")
            found.extend([pid] if pid else [])
            return bool(found)

        assert wait_until(runs, seconds=PATIENCE_SECONDS), self.explained(name)
        return found[0]

    def _api_is_well(self) -> bool:
        try:
            return local_http.is_well(f"{self._read('api-url')}/healthz")
        except FileNotFoundError:
            return False

    def _held(self, gateway: str) -> tuple[int, int, int]:
        """(readings without a message, messages, highest acknowledged number) of an outbox."""
        query = (
            "SELECT (SELECT coalesce(sum(readings), 0) FROM block),"
            " (SELECT count(*) FROM message), acknowledged FROM stream"
        )
        path = self.folder / gateway / "outbox.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as outbox:
            readings, messages, acknowledged = outbox.execute(query).fetchone()
        return readings, messages, acknowledged

    def _drained(self) -> bool:
        return all(self._held(gateway)[:2] == (0, 0) for gateway in GATEWAYS)

    def _judged(self) -> bool:
        query = (
            "SELECT (SELECT count(*) FROM touched) = 0 AND (SELECT count(*) FROM reaction_due) = 0"
            " AND (SELECT count(*) FROM audit_due) = 0"  # the gate waits for their evidence too
            " AND (SELECT count(*) FROM evaluation WHERE NOT provisional) >= %s"
        )
        try:
            return fetch(self.dsn, query, len(SHIPMENTS)) == [True]
        except psycopg.OperationalError:
            return False

    def _outcome(self, gate: dict[str, Any]) -> Outcome:
        newest = "SELECT body FROM evaluation WHERE consignment_id = %s ORDER BY version DESC"
        return Outcome(
            rows=tuple(fetch(self.dsn, _ROWS)),
            strays={
                "conflicts": fetch(self.dsn, "SELECT * FROM conflict"),
                "quarantine": fetch(
                    self.dsn, "SELECT sender, serial, code, problem FROM quarantine"
                ),
                "streams with holes, or more than was acknowledged": self._open_streams(),
                "outboxes": {g: h for g in GATEWAYS if (h := self._held(g))[:2] != (0, 0)},
                "repeated messages": fetch(self.dsn, _REPEATED_MESSAGES),
                "evaluations without one reaction": fetch(self.dsn, _UNANSWERED),
                "broken links of the ledger": fetch(self.dsn, _BROKEN_LINKS),
            },
            evaluations={one.id: bytes(fetch(self.dsn, newest, one.id)[0]) for one in SHIPMENTS},
            gate=gate,
        )

    def _open_streams(self) -> list[str]:
        received = fetch(self.dsn, _STREAMS)
        expected = {gateway: f"{{[1,{self._held(gateway)[2] + 1})}}" for gateway in GATEWAYS}
        return [f"{name}: {span}" for name, span in received if span != expected[name]]


_ROWS: Final = """
SELECT logger.serial, channel.quantity, reading.sequence,
       (extract(epoch FROM reading.taken_at) * 1000)::bigint, reading.value
FROM reading
JOIN channel ON channel.id = reading.channel_id
JOIN logger ON logger.id = channel.logger_id
"""
_STREAMS: Final = """
SELECT gateway.name, stream.received::text
FROM stream JOIN gateway ON gateway.id = stream.gateway_id
"""
_REPEATED_MESSAGES: Final = """
SELECT stream_id, number, count(*) FROM message GROUP BY stream_id, number HAVING count(*) > 1
"""
_UNANSWERED: Final = """
SELECT evaluation.consignment_id, evaluation.version
FROM evaluation LEFT JOIN reaction ON reaction.evaluation_id = evaluation.id
WHERE reaction.evaluation_id IS NULL
"""
_BROKEN_LINKS: Final = """
SELECT sequence FROM (
    SELECT sequence, previous, row_number() OVER (ORDER BY sequence) AS place,
           lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER (ORDER BY sequence) AS before
    FROM ledger
) AS entry
WHERE sequence <> place OR previous <> before
"""


def _taken(log: Path) -> float:
    """Share of the journey's readings that the simulator reported last."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    reports = [json.loads(line) for line in lines if line.endswith("}") and '"taken"' in line]
    return reports[-1]["taken"] / reports[-1]["expected"] if reports else 0.0


def undisturbed(folder: Path) -> Outcome:
    """The outcome of the story when nobody is killed."""
    with World(folder) as world:
        world.play(factor=10_000)
        return world.finish()


def kill_in_turn(world: World, *, until: float) -> None:
    """Kill every process once, evenly spread; a simulator first, for it starts all over again."""
    victims = (SHIPMENTS[0].id, *SUPERVISED, *GATEWAYS)
    for turn, victim in enumerate(victims, start=1):
        world.wait_for(until * turn / len(victims))
        world.kill(victim)


def kill_at_random(world: World, chance: random.Random, *, kills: int) -> None:
    """Kill whoever ``chance`` picks, whenever it says, in the rest of the journey."""
    moments = sorted(chance.uniform(world.progress(), 0.97) for _ in range(kills))
    for moment in moments:
        world.wait_for(moment)
        world.kill(chance.choice((*SUPERVISED, *GATEWAYS)))
