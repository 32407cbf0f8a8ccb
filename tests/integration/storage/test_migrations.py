import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import psycopg
import pytest
from factories import fetch
from psycopg import sql

import coldgate.storage.migrate
from coldgate.errors import MigrationError
from coldgate.storage.connection import Role, connect, conninfo
from coldgate.storage.kept_rows import differences
from coldgate.storage.migrate import Migration, available_migrations, migrate, require_current
from coldgate.storage.timescale import Edition, TimeTables, detect

pytestmark = pytest.mark.database

APPEND_ONLY = (
    "message",
    "reading",
    "conflict",
    "quarantine",
    "clock_pair",
    "profile",
    "custody_event",
    "line_transition",
    "placement_removal",
    "product_number",
    "lot_correction",
    "evaluation",
    "excursion",
    "reaction",
    "gate_decision",
    "outbox",
    "ledger",
    "ledger_entry",
    "ledger_tile",
    "ledger_checkpoint",
    "audited_block",
    "audited_message",
    "evidence_audit",
    "unsigned_consent",
    "certificate",
    "sensor_range",
    "seal",
    "lot_spend",
    "lane_record",
)


REFUSED_BEFORE_0025 = """
    INSERT INTO party (id, name, kind)
    VALUES ('maker', 'm', 'manufacturer'), ('shop', 's', 'consignee');
    INSERT INTO product (id, party_id, name) VALUES ('vaccine', 'maker', 'v');
    INSERT INTO consignment (id, consignor_id, consignee_id) VALUES ('c-1', 'maker', 'shop');
    INSERT INTO consignment_line
        (consignment_id, position, product_id, lot_number, quantity, serials, state)
    VALUES ('c-1', 1, 'vaccine', 'named', 2, '{a,b}', 'quarantined'),
        ('c-1', 2, 'vaccine', 'half', 2, '{c,d}', 'quarantined'),
        ('c-1', 3, 'vaccine', 'half', 5, NULL, 'quarantined'),
        ('c-1', 4, 'vaccine', 'good', 1, NULL, 'quarantined'),
        ('c-1', 5, 'unlisted', 'half', 1, NULL, 'quarantined');
    INSERT INTO line_transition (line_id, from_state, to_state, changed_at)
    SELECT id, 'in_transit', 'quarantined', '2026-11-01T12:00Z' FROM consignment_line;
    UPDATE consignment_line SET state = 'released' WHERE lot_number = 'good';
    UPDATE consignment_line SET state = 'returned' WHERE position = 3;
    UPDATE consignment_line SET state = 'rejected' WHERE state = 'quarantined'
"""


def packaged_upto(number: int) -> Callable[[str], tuple[Migration, ...]]:
    """What an older version, whose newest migration had this number, came with."""
    return lambda variant: tuple(
        migration for migration in available_migrations(variant) if migration.number <= number
    )


@pytest.fixture
def database_of_0024(plain_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """As a version before product profiles and refusals left it."""
    with psycopg.connect(plain_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public, past CASCADE; CREATE SCHEMA public")
    with monkeypatch.context() as older:
        older.setattr(coldgate.storage.migrate, "available_migrations", packaged_upto(24))
        migrate(plain_database)
    with psycopg.connect(plain_database) as connection:
        connection.execute(REFUSED_BEFORE_0025)
    return plain_database


def test_goods_refused_before_refusals_were_kept_are_held_from_now_on(
    database_of_0024: str,
) -> None:
    migrate(database_of_0024)

    with connect(database_of_0024) as owner:
        held = owner.execute(
            "SELECT lot_number, product_id, placed_by, serials, since, split_part(reason, ' ', 1)"
            " FROM restriction WHERE kind = 'refusal' ORDER BY lot_number"
        ).fetchall()
        arrived = datetime(2026, 11, 1, 12, tzinfo=UTC)
        assert held == [
            ("half", "vaccine", "maker", None, arrived, "7"),
            ("named", "vaccine", "maker", ["a", "b"], arrived, "2"),
        ]
        assert differences(owner, "restriction") == differences(owner, "consignment_line") == []


def test_who_needs_the_schema_of_today_is_told_what_an_older_one_lacks(
    database_of_0024: str,
) -> None:
    with connect(database_of_0024) as owner:
        with pytest.raises(MigrationError, match="lacks migration 0025_rules_and_holds"):
            require_current(owner)

        migrate(database_of_0024)
        require_current(owner)


def test_migration_that_fails_leaves_what_was_there_and_the_next_start_goes_on(
    plain_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = Migration(number=9000, name="half", variant=None, sql=b"CREATE TABLE half(); SELECT 1/0")
    whole = Migration(number=9000, name="half", variant=None, sql=b"CREATE TABLE half()")
    with monkeypatch.context() as newer:
        newer.setattr(
            coldgate.storage.migrate,
            "available_migrations",
            lambda _variant: (*available_migrations("plain"), half),
        )
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(plain_database)

        assert fetch(plain_database, "SELECT to_regclass('half')") == [None]
        newer.setattr(
            coldgate.storage.migrate,
            "available_migrations",
            lambda _variant: (*available_migrations("plain"), whole),
        )
        migrate(plain_database)
        assert fetch(plain_database, "SELECT to_regclass('half')::text") == ["half"]


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("coldgate_api", b"INSERT INTO gate_decision SELECT FROM gate_decision"),
        ("coldgate_api", b"INSERT INTO permit_redemption SELECT FROM permit_redemption"),
        ("coldgate_api", b"UPDATE consignment_line SET state = 'released' WHERE false"),
        ("coldgate_analytics", b"INSERT INTO evaluation SELECT FROM evaluation"),
    ],
)
def test_process_of_an_older_version_lets_nothing_go(
    plain_database: str, role: Role, statement: bytes
) -> None:
    before = conninfo(plain_database, role, more=" -c coldgate.schema=0048")

    with psycopg.connect(before) as old, pytest.raises(psycopg.OperationalError, match="is older"):
        old.execute(statement)
    with connect(plain_database, role) as new:
        assert new.execute(statement).rowcount == 0


def test_migrations_that_somebody_may_have_applied_are_as_they_were() -> None:
    folder = resources.files("coldgate.storage") / "migrations"

    for line in (Path(__file__).parent / "migrations.sha256").read_text("ascii").splitlines():
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_migrating_twice_changes_nothing(database: str) -> None:
    before = fetch(database, "SELECT number, applied_at FROM schema_migration ORDER BY 1")

    migrate(database)

    assert fetch(database, "SELECT number, applied_at FROM schema_migration ORDER BY 1") == before


def test_processes_that_migrate_at_once_apply_each_migration_once(plain_database: str) -> None:
    with psycopg.connect(plain_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public, past CASCADE; CREATE SCHEMA public")
    threads = [threading.Thread(target=migrate, args=(plain_database,)) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    numbers = fetch(plain_database, "SELECT number FROM schema_migration ORDER BY 1")
    assert numbers == [migration.number for migration in available_migrations("plain")]


def test_edited_migration_is_refused(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE schema_migration SET sha256 = 'x' WHERE number = 2")

    with pytest.raises(MigrationError, match="0002_registry"):
        migrate(database)


def test_database_of_a_newer_version_is_refused(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO schema_migration VALUES (9999, 'future', 'x')")

    with pytest.raises(MigrationError, match="9999"):
        migrate(database)


def test_features_are_found_by_asking_the_server(database: str) -> None:
    installed = fetch(database, "SELECT extversion FROM pg_extension WHERE extname='timescaledb'")

    with connect(database) as connection:
        features = detect(connection)

    assert (features.edition is Edition.PLAIN) == (not installed)
    assert features.version == (installed[0] if installed else None)


def test_time_tables_are_hypertables_or_partitions(database: str) -> None:
    kinds = fetch(
        database,
        "SELECT relkind FROM pg_class WHERE relname IN ('reading', 'message')"
        " AND relnamespace = 'public'::regnamespace",
    )
    with connect(database) as connection:
        plain = detect(connection).edition is Edition.PLAIN

    assert kinds == ["p" if plain else "r"] * 2
    if not plain:
        assert fetch(database, "SELECT count(*) FROM timescaledb_information.hypertables") == [2]


def test_partitions_exist_a_quarter_ahead(plain_database: str) -> None:
    ahead = datetime.now(UTC) + timedelta(days=85)

    names = fetch(plain_database, "SELECT relname FROM pg_class WHERE relname LIKE 'reading_2%'")

    assert f"reading_{ahead:%Y_%m}" in names


def test_room_for_an_old_stamp_is_made_when_it_arrives(database: str) -> None:
    old = datetime(2019, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)

    with connect(database, "coldgate_ingest") as connection:
        tables = TimeTables(detect(connection))
        tables.cover(connection, "reading", old, old + timedelta(seconds=1))
        connection.execute(
            "INSERT INTO reading VALUES (1, %s, 5000, 0, 1, 1), (1, %s, 5000, 0, 2, 1)",
            (old, old + timedelta(seconds=1)),
        )

    assert fetch(database, "SELECT count(*) FROM reading") == [2]


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_table_refuses_change_even_to_its_owner(database: str, table: str) -> None:
    triggers = fetch(
        database,
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE '%%refused'"
        " ORDER BY tgname",
        table,
    )
    grants = fetch(
        database,
        "SELECT count(*) FROM information_schema.table_privileges WHERE table_name = %s"
        " AND grantee LIKE 'coldgate\\_%%' AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')",
        table,
    )

    assert triggers == ["change_is_refused", "truncate_is_refused"]
    assert grants == [0]


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_table_cannot_be_truncated_even_by_its_owner(database: str, table: str) -> None:
    with connect(database) as owner:
        statement = sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(table))

        with pytest.raises(psycopg.errors.RestrictViolation, match="TRUNCATE refused"):
            owner.execute(statement)


def test_truncating_what_facts_refer_to_is_refused_with_them(database: str) -> None:
    with (
        connect(database) as owner,
        pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
    ):
        owner.execute("TRUNCATE party CASCADE")


@pytest.mark.parametrize("table", ["message", "reading"])
def test_part_of_a_time_table_cannot_be_truncated_either(database: str, table: str) -> None:
    row = {
        "message": b"INSERT INTO message VALUES (1, 1, 1, now(), true, 'x')",
        "reading": b"INSERT INTO reading VALUES (1, now(), 5000, 0, 1, 1)",
    }[table]
    with connect(database, "coldgate_ingest") as ingest:
        ingest.execute(row)
    migrate(database)  # guards the chunks that came since
    part = sql.SQL("SELECT tableoid::regclass::text FROM {}").format(sql.Identifier(table))

    with connect(database) as owner:
        (name,) = owner.execute(part).fetchone() or ("",)
        assert name != table
        with pytest.raises(psycopg.errors.RestrictViolation, match="TRUNCATE refused"):
            owner.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(*name.split("."))))


@pytest.mark.parametrize("statement", ["UPDATE reading SET value = 0", "DELETE FROM reading"])
def test_stored_reading_cannot_be_changed(database: str, statement: str) -> None:
    with connect(database, "coldgate_ingest") as connection:
        connection.execute("INSERT INTO reading VALUES (1, now(), 5000, 0, 1, 1)")

    with (
        pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
        connect(database) as owner,
    ):
        owner.execute(statement.encode())
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        connect(database, "coldgate_ingest") as ingest,
    ):
        ingest.execute(statement.encode())


@pytest.mark.parametrize(
    ("before", "after", "legal"),
    [
        ("planned", "in_transit", True),
        ("planned", "released", False),
        ("in_transit", "released", False),
        ("quarantined", "released", True),
        ("released", "revoked", True),
        ("rejected", "released", False),
        ("revoked", "released", False),
        ("quarantined", "anything", False),
    ],
)
def test_line_moves_along_legal_transitions_only(
    plain_database: str, before: str, after: str, *, legal: bool
) -> None:
    with connect(plain_database, autocommit=True) as connection:
        connection.execute("INSERT INTO party (id, name, kind) VALUES ('p-1', 'p', 'operator')")
        connection.execute(
            "INSERT INTO consignment (id, consignor_id, consignee_id) VALUES ('c-1', 'p-1', 'p-1')"
        )
        connection.execute(
            sql.SQL(
                "INSERT INTO consignment_line (consignment_id, position, product_id, lot_number,"
                " quantity, state) VALUES ('c-1', 1, 'x', 'x', 1, {})"
            ).format(before)
        )
        move = sql.SQL("UPDATE consignment_line SET state = {}").format(after)

        if legal:
            connection.execute(move)
            assert fetch(plain_database, "SELECT to_state FROM line_transition") == [after]
        else:
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(move)
            assert caught.value.sqlstate == "CG001"
