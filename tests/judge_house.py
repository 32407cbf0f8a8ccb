"""A database with a consignment, facts that are added to it, and a judge that runs meanwhile."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import psycopg
from factories import certify, comes_to_nothing, fetch, register_logger, register_party
from psycopg.types.json import Jsonb

from analytics.job.loop import Job
from analytics.profile_format import load_builtin_profiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START: Final = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
MESSAGE: Final = """
INSERT INTO message (id, stream_id, number, received_at, signed, payload)
VALUES (nextval('message_id_seq'), 1, 1, now(), true, '') RETURNING id
"""


@dataclass
class House:
    """One database with a consignment `c-1` of one logger, and the means to add facts to it."""

    dsn: str

    def execute(self, statement: str, *parameters: object) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement, parameters or None)  # type: ignore[arg-type]  # written here

    def new_message(self) -> int:
        """Id of a message that came just now."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(MESSAGE).fetchone()
        assert row is not None
        return int(row[0])

    def add_readings(
        self, values: Sequence[int], *, channel: int = 1, begin: datetime = START
    ) -> None:
        """Readings in m°C, one a minute, with the touched row that ingest would write."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(MESSAGE).fetchone()
            message = row[0] if row else None
            connection.cursor().executemany(
                "INSERT INTO reading VALUES (%s, %s, %s, 0, 1, %s)",
                [(channel, begin + i * MINUTE, value, message) for i, value in enumerate(values)],
            )
            connection.execute(
                "INSERT INTO touched (channel_id, first_at, last_at) VALUES (%s, %s, %s)",
                (channel, begin, begin + len(values) * MINUTE),
            )
            connection.execute("SELECT pg_notify('coldgate_touched', '')")

    def add_event(
        self,
        kind: str,
        at: datetime,
        *,
        consignment: str = "c-1",
        party: str = "carrier-1",
        told_at: datetime | None = None,
    ) -> None:
        with psycopg.connect(self.dsn) as connection:
            connection.execute(
                "INSERT INTO custody_event (consignment_id, kind, happened_at, party_id,"
                " recorded_at) VALUES (%s, %s, %s, %s, coalesce(%s, now()))",
                (consignment, kind, at, party, told_at),
            )
            touched = "INSERT INTO touched (consignment_id) VALUES (%s)"
            connection.execute(touched, (consignment,))
            connection.execute("SELECT pg_notify('coldgate_touched', '')")

    def add_consignment(self, name: str, *, profile: str | None = "USP_CCT_2_8") -> None:
        self.execute(
            "INSERT INTO consignment (id, consignor_id, consignee_id, profile_id, profile_version)"
            " SELECT %s, 'carrier-1', 'carrier-1', %s, max(version) FROM profile WHERE id = %s",
            name,
            profile,
            profile,
        )
        self.execute(
            "INSERT INTO consignment_line (consignment_id, position, product_id, lot_number,"
            " quantity) VALUES (%s, 1, 'product-1', 'LOT', 1)",
            name,
        )

    def place(self, logger: int, consignment: str, *, at: datetime = START) -> None:
        self.execute(
            "INSERT INTO placement (consignment_id, logger_id, placed_at) VALUES (%s, %s, %s)",
            consignment,
            logger,
            at,
        )

    @property
    def evaluations(self) -> list[Any]:
        return fetch(
            self.dsn,
            "SELECT verdict, provisional FROM evaluation WHERE consignment_id = 'c-1'"
            " ORDER BY version",
        )

    @property
    def newest(self) -> dict[str, Any]:
        query = "SELECT body FROM evaluation ORDER BY id DESC LIMIT 1"
        body: dict[str, Any] = json.loads(bytes(fetch(self.dsn, query)[0]))
        return body

    def settled(self) -> bool:
        """Whether nothing is pending any more, within ten seconds."""
        return comes_to_nothing(self.dsn, "SELECT 1 FROM touched LIMIT 1")


def build_house(database: str) -> House:
    """The house with every built-in profile, its consignment planned and its logger placed."""
    built = House(database)
    register_party(database)
    logger = register_logger(database)
    certify(database, logger)
    built.execute("INSERT INTO channel (logger_id, sensor, quantity) VALUES (%s, 0, 1)", logger)
    for profile in load_builtin_profiles():
        built.execute(
            "INSERT INTO profile VALUES (%s, %s, %s, %s)",
            profile.id,
            profile.version,
            profile.digest,
            Jsonb(profile.as_json()),
        )
    built.add_consignment("c-1")
    built.place(1, "c-1")
    return built


@contextmanager
def judging(house: House, *, refresh: timedelta = timedelta(hours=1)) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=Job(house.dsn, stop, refresh=refresh).run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        house.execute("SELECT pg_notify('coldgate_touched', '')")  # so that it looks up
        thread.join(15)
        assert not thread.is_alive()


def finish_clean_trip(house: House) -> None:
    house.add_event("packed", START)
    house.add_readings([5000] * 61)
    house.add_event("received", START + 60 * MINUTE)
