"""From the database to the case: who vouches for a logger, its role, and the end of its log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from factories import certify, register_logger, register_party

from analytics.case import Log, Role
from analytics.job.answering import answer
from analytics.job.loading import load_case
from analytics.profile_format import load_builtin_profiles
from coldgate.instant import epoch_ms
from coldgate.model import Quantity
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.case import Case, Channel
    from analytics.job.loading import Loaded
    from coldgate.storage.connection import Connection

pytestmark = pytest.mark.database

START = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass
class Trip:
    """Consignment `c-1` of `maker`, an hour from START, with the carrier's logger 1 in it."""

    dsn: str

    def execute(self, statement: str, *parameters: object) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement, parameters or None)  # type: ignore[arg-type]  # written here

    def load(self, connection: Connection) -> Loaded:
        return load_case(connection, "c-1")

    @property
    def case(self) -> Case:
        with connect(self.dsn, "coldgate_analytics") as connection:
            return self.load(connection).case

    @property
    def channel(self) -> Channel:
        return self.case.channels[0]

    @property
    def numbers(self) -> list[str]:
        """Certificates of the first channel."""
        return [one.number for one in self.channel.certificates]

    @property
    def log(self) -> Log | None:
        with connect(self.dsn, "coldgate_analytics") as connection:
            return self.load(connection).with_logs(connection).channels[0].log

    @property
    def reasons(self) -> set[str]:
        """Why it is not a plain PASS by rules that bear a gap of less than an hour."""
        profile = next(one for one in load_builtin_profiles() if one.id == "WHO_ESI_TYPE1")
        with connect(self.dsn, "coldgate_analytics") as connection:
            answered = answer(connection, "c-1", replace(profile, minimum_coverage_permille=0))
        return {reason.code.value for reason in answered.reasons}

    def add_channel(self, sensor: int = 0, quantity: Quantity = Quantity.TEMPERATURE) -> None:
        self.execute(
            "INSERT INTO channel (logger_id, sensor, quantity) VALUES (1, %s, %s)",
            sensor,
            quantity.value,
        )

    def add_readings(
        self, sequences: Sequence[int], *, channel: int = 1, begin: datetime = START
    ) -> None:
        """Reading ``n`` was taken n minutes after ``begin``."""
        with psycopg.connect(self.dsn) as connection:
            connection.cursor().executemany(
                "INSERT INTO reading VALUES (%s, %s, 5000, 0, %s, 1)",
                [(channel, begin + number * MINUTE, number) for number in sequences],
            )

    def seal(self, last_sequence: int) -> None:
        self.execute(
            "INSERT INTO seal (consignment_id, logger_id, last_sequence, declared_by)"
            " VALUES ('c-1', 1, %s, 'carrier-1')",
            last_sequence,
        )

    def set_range(self, low: int, high: int, by: str) -> None:
        self.execute(
            "INSERT INTO sensor_range (logger_id, quantity, low_milli, high_milli, entered_by)"
            " VALUES (1, 1, %s, %s, %s)",
            low,
            high,
            by,
        )


@pytest.fixture
def trip(plain_database: str) -> Trip:
    built = Trip(plain_database)
    for party, kind in {
        "maker": "manufacturer",
        "rival": "manufacturer",
        "operator": "operator",
    }.items():
        register_party(built.dsn, party, kind)
    register_logger(built.dsn)
    built.add_channel()
    built.execute(
        "INSERT INTO consignment (id, consignor_id, consignee_id) VALUES ('c-1', 'maker', 'maker')"
    )
    built.execute(
        "INSERT INTO placement (consignment_id, logger_id, placed_at) VALUES ('c-1', 1, %s)", START
    )
    for kind, at in {"packed": START, "received": START + HOUR}.items():
        built.execute(
            "INSERT INTO custody_event (consignment_id, kind, happened_at, party_id)"
            " VALUES ('c-1', %s, %s, 'maker')",
            kind,
            at,
        )
    return built


def test_word_of_operator_and_consignor_counts_and_no_other(trip: Trip) -> None:
    for voucher in ("operator", "maker", "rival", "carrier-1"):
        certify(trip.dsn, 1, number=f"of-{voucher}", entered_by=voucher)

    assert trip.numbers == ["of-maker", "of-operator"]


def test_carrier_that_is_the_consignor_vouches_for_nothing(trip: Trip) -> None:
    trip.execute("UPDATE consignment SET consignor_id = 'carrier-1'")
    certify(trip.dsn, 1, entered_by="carrier-1")
    trip.set_range(2000, 8000, "carrier-1")

    assert (trip.numbers, trip.channel.range_milli) == ([], None)


def test_certificate_arrives_with_every_figure(trip: Trip) -> None:
    figures = {"expanded_milli": 210, "resolution_milli": 100, "drift_milli": 50}
    end = START + timedelta(minutes=30)
    certify(trip.dsn, 1, **figures, valid_to=end, corrections="[[2000, -100], [8000, 50]]")

    (certificate,) = trip.channel.certificates
    assert {name: getattr(certificate, name) for name in figures} == figures
    assert certificate.corrections == ((2000, -100), (8000, 50))
    assert certificate.valid_to_ms == epoch_ms(end)  # it expires on the way


def test_superseded_certificate_counts_nowhere(trip: Trip) -> None:
    wrong = certify(trip.dsn, 1, number="CAL-1", expanded_milli=20)
    certify(trip.dsn, 1, number="CAL-1", supersedes=wrong)

    assert [one.expanded_milli for one in trip.channel.certificates] == [200]


def test_certificate_of_one_sensor_or_quantity_is_not_that_of_another(trip: Trip) -> None:
    trip.add_channel(sensor=1)
    trip.add_channel(quantity=Quantity.HUMIDITY)
    certify(trip.dsn, 1, number="all")
    certify(trip.dsn, 1, number="second", sensor=1)
    certify(trip.dsn, 1, number="humid", quantity=Quantity.HUMIDITY.value)

    found = [[one.number for one in channel.certificates] for channel in trip.case.channels]

    assert found == [["all"], ["all", "second"], ["humid"]]


@pytest.mark.parametrize(
    ("begin", "end", "loaded"),
    [
        (-30 * DAY, timedelta(0), True),
        (HOUR, 30 * DAY, True),
        (-30 * DAY, -MINUTE, False),
        (HOUR + MINUTE, 30 * DAY, False),
    ],
)
def test_certificate_is_part_of_the_case_if_it_is_in_force_at_some_time(
    trip: Trip, begin: timedelta, end: timedelta, *, loaded: bool
) -> None:
    certify(trip.dsn, 1, valid_from=START + begin, valid_to=START + end)

    assert bool(trip.numbers) is loaded


def test_newest_range_counts(trip: Trip) -> None:
    trip.set_range(-20_000, 60_000, "operator")
    trip.set_range(-40_000, 85_000, "maker")
    trip.set_range(0, 1_000, "rival")

    assert trip.channel.range_milli == (-40_000, 85_000)


def test_reference_logger_is_observed_and_not_planned(trip: Trip) -> None:
    trip.execute("DELETE FROM placement")
    trip.execute("ALTER TABLE custody_event DISABLE TRIGGER ALL")
    trip.execute("DELETE FROM custody_event")
    trip.execute(
        "INSERT INTO placement (consignment_id, logger_id, placed_at, role)"
        " VALUES ('c-1', 1, %s, 'reference')",
        START,
    )

    assert (trip.channel.role, trip.case.planned_loggers) == (Role.REFERENCE, ())


@pytest.mark.parametrize(
    ("product", "sensitive"), [("glass", True), ("paper", False), ("unknown", True)]
)
def test_shock_matters_to_sensitive_products_and_to_unknown_ones(
    trip: Trip, product: str, *, sensitive: bool
) -> None:
    trip.execute(
        "INSERT INTO product (id, party_id, name, shock_sensitive)"
        " VALUES ('glass', 'maker', 'Glass', true), ('paper', 'maker', 'Paper', false)"
    )
    trip.execute(
        "INSERT INTO consignment_line (consignment_id, position, product_id, lot_number, quantity)"
        " VALUES ('c-1', 1, %s, 'LOT', 1)",
        product,
    )

    assert trip.case.shock_sensitive is sensitive


@pytest.mark.parametrize(
    ("stored", "sealed_at", "log"),
    [
        (range(60), None, Log(missing=0, sealed=False)),
        (range(60), 59, Log(missing=0, sealed=True)),
        (range(60), 65, Log(missing=0, sealed=False)),  # 60 to 65 are yet to come
        (range(60), 40, Log(missing=0, sealed=False)),  # it went on after that
        ([*range(20), *range(30, 60)], 59, Log(missing=10, sealed=True)),
        ([*range(20), *range(30, 60)], None, Log(missing=10, sealed=False)),
        ([*range(50), 70], 70, Log(missing=20, sealed=True)),  # the journey's end is lacking
        ([*range(5, 60)], 59, Log(missing=0, sealed=True)),
        ([], 59, Log(missing=0, sealed=False)),
    ],
)
def test_log_is_complete_when_its_end_is_known_and_all_before_it_is_stored(
    trip: Trip, stored: Sequence[int], sealed_at: int | None, log: Log
) -> None:
    trip.add_readings(stored)
    if sealed_at is not None:
        trip.seal(sealed_at)

    assert trip.log == log


def test_gap_is_no_hole_in_a_log_that_is_known_to_be_whole(trip: Trip) -> None:
    minutes = [*range(20), *range(40, 61)]  # nothing was recorded between
    with psycopg.connect(trip.dsn) as connection:
        connection.cursor().executemany(
            "INSERT INTO reading VALUES (1, %s, 5000, 0, %s, 1)",
            [(START + minute * MINUTE, number) for number, minute in enumerate(minutes)],
        )
    trip.execute(
        "INSERT INTO consignment_line (consignment_id, position, product_id, lot_number, quantity)"
        " VALUES ('c-1', 1, 'vaccine', 'LOT', 1)"
    )

    open_end = trip.reasons
    trip.seal(len(minutes) - 1)

    assert (open_end, trip.reasons) == ({"LOG_INCOMPLETE"}, set())


def test_number_counts_as_stored_in_whichever_channel_it_is(trip: Trip) -> None:
    trip.add_channel(quantity=Quantity.HUMIDITY)
    trip.add_readings(range(0, 60, 2))
    trip.add_readings(range(1, 60, 2), channel=2)
    trip.seal(59)

    assert trip.log == Log(missing=0, sealed=True)


def test_what_was_lost_before_the_journey_is_not_missing(trip: Trip) -> None:
    trip.add_readings([0, 1, 2], begin=START - 30 * MINUTE)
    trip.add_readings(range(30, 60))
    trip.seal(59)

    assert trip.log == Log(missing=0, sealed=True)


def test_log_is_read_by_the_loggers_own_clock(trip: Trip) -> None:
    start_ms = epoch_ms(START)
    for after_ms in (0, 3_600_000):
        behind_ms = start_ms + after_ms - 5 * 3_600_000
        trip.execute("INSERT INTO clock_pair VALUES (1, %s, %s, 1)", behind_ms, start_ms + after_ms)
    trip.add_readings(range(60), begin=START - 5 * HOUR)
    trip.seal(59)

    assert trip.log == Log(missing=0, sealed=True)


def test_freezing_harms_what_a_manufacturer_of_the_number_says_it_harms(trip: Trip) -> None:
    article = (
        "INSERT INTO product (id, party_id, name, gtin, freeze_sensitive)"
        " VALUES (%s, %s, 'Vial', '09506000134352', %s = 'harmed')"
    )
    trip.execute(article, "vial-of-carrier", "carrier-1", "harmed")
    trip.execute(article, "vial-of-maker", "maker", "sturdy")
    trip.execute(
        "INSERT INTO consignment_line (consignment_id, position, product_id, lot_number, quantity)"
        " VALUES ('c-1', 1, 'vial-of-maker', 'LOT', 1)"
    )

    assert not trip.case.freeze_sensitive
    trip.execute(article, "vial-of-rival", "rival", "harmed")
    assert trip.case.freeze_sensitive
