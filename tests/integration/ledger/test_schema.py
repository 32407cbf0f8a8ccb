"""What decides in the database is on record; whoever changes it by hand is found out."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import psycopg
import pytest
from factories import fetch

from api.app import running
from api.ledger.schema_watch import compare_schema
from api.metrics import Metrics
from api.settings import ApiSettings
from coldgate.errors import MigrationError
from coldgate.storage import migrate as migrating
from coldgate.storage import schema, visibility
from coldgate.storage.connection import connect
from coldgate.storage.migrate import Migration, available_migrations, migrate
from coldgate.storage.queries import load_queries
from coldgate.storage.timescale import TimeTables, detect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import DatabaseServer, Ledger

    from coldgate.storage.connection import Connection, Role

pytestmark = pytest.mark.database

LONG_AGO: Final = datetime(2019, 12, 31, tzinfo=UTC)
FIRST: Final = 37  # the migration since which there are records
WORDS: Final = {
    1: "630b065b5c6f42ab2c68234bae30623e4fd641ccaad9f8ea9af4cf921cf281fc",
    2: "1028171c119465fe75e02becdc7e5b510d9c6de350ab0b8f0770c4f0e25cee6f",
}  # of each form
RECORDS: Final = "SELECT count(*) FROM ledger_entry WHERE kind = 'schema.recorded'"


@pytest.fixture(scope="module")
def shared(plain_server: DatabaseServer) -> Iterator[str]:
    with plain_server.fresh() as dsn:
        yield dsn


@pytest.fixture
def owner(shared: str) -> Iterator[Connection]:
    """A transaction of the owner that comes to nothing."""
    with psycopg.connect(shared) as connection:
        yield connection
        connection.rollback()


def found(connection: Connection) -> list[str]:
    return [str(finding) for finding in schema.changes(connection)]


def execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]  # written in the tests


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            (
                "CREATE OR REPLACE FUNCTION sees_party(owner text) RETURNS boolean"
                " LANGUAGE sql STABLE AS 'SELECT true'"
            ),
            "function public.sees_party(text) was changed",
        ),
        (
            "ALTER FUNCTION enter_decisions() SET session_replication_role = replica",
            "function public.enter_decisions() was changed",
        ),
        (
            "ALTER FUNCTION enter_rows() SECURITY INVOKER",
            "function public.enter_rows() was changed",
        ),
        (
            (
                "CREATE FUNCTION sees_party(owner varchar) RETURNS boolean"
                " LANGUAGE sql AS 'SELECT true'"
            ),
            "function public.sees_party(character varying) was added",
        ),
        (
            "GRANT EXECUTE ON FUNCTION enter_rows() TO PUBLIC",
            "grant to <everybody> on function public.enter_rows() was added",
        ),
        (
            "DROP TRIGGER added_rows_enter_the_ledger ON permit",
            "trigger public.permit.added_rows_enter_the_ledger is gone",
        ),
        (
            "ALTER TABLE gate_decision DISABLE TRIGGER change_is_refused",
            "trigger public.gate_decision.change_is_refused was changed",
        ),
        (
            (
                "CREATE TRIGGER quiet BEFORE UPDATE ON restriction FOR EACH ROW"
                " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            ),
            "trigger public.restriction.quiet was added",
        ),
        (
            "ALTER POLICY seen_by_party ON consignment USING (true)",
            "policy public.consignment.seen_by_party was changed",
        ),
        (
            "ALTER TABLE consignment DISABLE ROW LEVEL SECURITY",
            "relation public.consignment was changed",
        ),
        (
            "GRANT DELETE ON restriction TO coldgate_api",
            "grant to coldgate_api on table public.restriction was changed",
        ),
        (
            "GRANT UPDATE (state) ON approval TO coldgate_analytics",
            "grant to coldgate_analytics on column public.approval.state was added",
        ),
        (
            "ALTER TABLE gate_decision DROP CONSTRAINT gate_decision_purpose_check",
            "constraint public.gate_decision.gate_decision_purpose_check is gone",
        ),
        (
            "ALTER TABLE permit_redemption DISABLE TRIGGER ALL",
            "constraint public.permit_redemption.permit_redemption_permit_id_fkey was changed",
        ),
        (
            "ALTER TABLE restriction_lift ALTER COLUMN lifted_at SET DEFAULT '2020-01-01'",
            "column public.restriction_lift.lifted_at was changed",
        ),
        (
            "CREATE TABLE quiet () INHERITS (restriction_lift)",
            "relation public.quiet was added",
        ),
        (
            "CREATE SCHEMA aside CREATE TABLE quiet () INHERITS (public.restriction_lift)",
            "relation aside.quiet was added",
        ),
        (
            "CREATE RULE quiet AS ON INSERT TO restriction DO INSTEAD NOTHING",
            "rule public.restriction.quiet was added",
        ),
        (
            "CREATE OR REPLACE VIEW past.seal AS SELECT * FROM seal",
            "view past.seal was changed",
        ),
        ("ALTER ROLE coldgate_api BYPASSRLS", "role coldgate_api was changed"),
        (
            "CREATE ROLE quiet; GRANT coldgate_api TO quiet",
            "membership of quiet in coldgate_api was added; if that was meant, the migration step",
        ),
        (
            "ALTER ROLE coldgate_api SET search_path = quiet, public",
            "setting of coldgate_api in all databases was added; if that was meant, the migration",
        ),
        (
            "CREATE CAST (text AS integer) WITH INOUT AS IMPLICIT",
            "cast text as integer was added",
        ),
        (
            "ALTER EXTENSION plpgsql ADD FUNCTION sees_party(text)",
            "function public.sees_party(text) is gone",
        ),
    ],
)
def test_rule_that_the_owner_changes_is_named(owner: Connection, statement: str, told: str) -> None:
    owner.execute(statement)  # type: ignore[arg-type]  # written above

    assert any(line.startswith(told) for line in found(owner)), found(owner)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            # What REINDEX CONCURRENTLY has for a while.
            (
                "CREATE UNIQUE INDEX scan_pkey_ccnew ON scan (id);"
                "UPDATE pg_index SET indisvalid = false"
                " WHERE indexrelid = 'scan_pkey_ccnew'::regclass"
            ),
            {"index scan_pkey_ccnew on public.scan"},
        ),
        (
            (
                "CREATE ROLE looks; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO looks;"
                "ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO looks"
            ),
            {f"grant to others to looks on new {of} in all of <owner>" for of in "rf"},
        ),
        (
            "CREATE ROLE looks; GRANT SELECT ON {part} TO looks",
            {"grant to others to looks on part public.{part}"},
        ),
        (
            (
                "CREATE SCHEMA pooler; CREATE FUNCTION pooler.look_up(login text) RETURNS text"
                " LANGUAGE sql SECURITY DEFINER AS 'SELECT $1'"
            ),
            {"schema pooler"},
        ),
        (
            "ALTER SCHEMA public OWNER TO CURRENT_USER",
            {
                "grant to others to <owner> on schema public",
                "grant to others to pg_database_owner on schema public",
            },
        ),
    ],
)
def test_upkeep_by_who_runs_the_server_stops_nobody(
    owner: Connection, statement: str, told: set[str]
) -> None:
    part = f"reading_{datetime.now(UTC):%Y_%m}"
    before = schema.describe(owner)
    owner.execute("RESET search_path")
    owner.execute(statement.format(part=part))  # type: ignore[arg-type]  # written above

    differing = list(schema.differences(before, schema.describe(owner)))
    assert {f"{one.kind} {one.name}" for one in differing} == {
        one.format(part=part) for one in told
    }
    schema.refuse(differing)


def test_search_path_that_others_set_moves_no_process(plain_database: str) -> None:
    with psycopg.connect(plain_database) as owner:
        named = psycopg.sql.Identifier(owner.info.dbname)
        owner.execute(psycopg.sql.SQL("ALTER DATABASE {} SET search_path = aside").format(named))

    with connect(plain_database, "coldgate_api") as api:
        assert api.execute("SHOW search_path").fetchone() == ("public",)


def test_nothing_is_found_where_nobody_changed_anything(database: str) -> None:
    with connect(database, autocommit=True) as connection:
        assert found(connection) == []


def test_every_role_describes_the_same(database: str) -> None:
    with (
        connect(database, autocommit=True) as owner,
        connect(database, "coldgate_api", autocommit=True) as api,
    ):
        assert schema.describe(owner) == schema.describe(api)


def test_description_depends_on_neither_server_nor_version(
    plain_database: str, timescale_server: DatabaseServer
) -> None:
    with (
        timescale_server.fresh() as timescale,
        connect(plain_database, autocommit=True) as plain,
        connect(timescale, autocommit=True) as other,
    ):
        differing = list(schema.differences(schema.describe(plain), schema.describe(other)))

    assert [
        str(one)
        for one in differing
        if one.kind in schema.FIXED
        and not any(
            word in one.name for word in ("public.reading", "public.message", "guard_chunk")
        )
        and "make_partitions" not in one.name
    ] == []


def test_parts_that_come_with_time_change_nothing(database: str) -> None:
    with connect(database, "coldgate_ingest") as ingest:
        tables = TimeTables(detect(ingest))
        tables.cover(ingest, "reading", LONG_AGO, LONG_AGO)
        ingest.execute("INSERT INTO reading VALUES (1, %s, 5000, 0, 1, 1)", (LONG_AGO,))

    with connect(database, autocommit=True) as owner:
        assert found(owner) == []
        migrate(database)  # guards the chunk
        assert found(owner) == []


@pytest.mark.parametrize(
    "change",
    [
        "GRANT UPDATE ON {} TO coldgate_ingest",
        "ALTER TABLE {} ENABLE ROW LEVEL SECURITY",
        (
            "CREATE TRIGGER quiet BEFORE UPDATE ON {} FOR EACH ROW"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
    ],
)
def test_part_that_is_unlike_its_whole_is_named(database: str, change: str) -> None:
    with psycopg.connect(database) as owner:
        owner.execute("INSERT INTO reading VALUES (1, now(), 5000, 0, 1, 1)")
        (part,) = owner.execute("SELECT tableoid::regclass::text FROM reading").fetchone() or ("",)
        owner.execute(change.format(part))  # type: ignore[arg-type]  # written above

        assert [line.split(" (")[0] for line in found(owner)] == [f"part {qualified(part)}"]
        owner.rollback()


def test_disabled_trigger_of_a_partition_is_named(owner: Connection) -> None:
    month = f"reading_{datetime.now(UTC):%Y_%m}"
    owner.execute(f"ALTER TABLE {month} DISABLE TRIGGER change_is_refused")  # type: ignore[arg-type]  # a date

    assert found(owner) == [f"part public.{month} (triggers) is not as its whole"]


def qualified(table: str) -> str:
    return table if "." in table else f"public.{table}"


def test_changed_rule_keeps_the_api_from_starting(plain_database: str) -> None:
    execute(plain_database, "ALTER TABLE gate_decision DISABLE TRIGGER change_is_refused")
    settings = ApiSettings(database_dsn=plain_database, signing_key="A" * 43)  # type: ignore[arg-type]  # pydantic makes secrets of them

    async def start() -> None:
        async with running(settings, Metrics()):
            pytest.fail("it runs")

    with pytest.raises(MigrationError, match=r"gate_decision\.change_is_refused was changed"):
        asyncio.run(start())


def test_changed_rule_is_not_taken_over_by_the_migration_step(plain_database: str) -> None:
    execute(plain_database, "ALTER TABLE gate_decision DISABLE TRIGGER change_is_refused")

    with pytest.raises(MigrationError, match=r"gate_decision\.change_is_refused was changed"):
        migrate(plain_database)


def test_what_an_operator_may_change_is_recorded_by_the_next_step(plain_database: str) -> None:
    execute(plain_database, "CREATE INDEX quicker ON scan (id, consignment_id)")
    with connect(plain_database, autocommit=True) as connection:
        before = found(connection)

        migrate(plain_database)

        assert before[0].startswith("index quicker on public.scan was added; if that was meant")
        assert found(connection) == []
        assert fetch(plain_database, RECORDS) == [2]


def test_next_migration_is_recorded(plain_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = (*available_migrations("plain"), migration(9999, b"ALTER TABLE scan ADD shelf text"))
    monkeypatch.setattr(migrating, "available_migrations", lambda _: known)

    migrate(plain_database)

    with connect(plain_database, autocommit=True) as connection:
        assert found(connection) == []
    assert fetch(plain_database, RECORDS) == [2]


def test_database_from_before_there_were_records_gets_its_first(
    plain_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(plain_database, "DROP SCHEMA public, past CASCADE; CREATE SCHEMA public")
    with monkeypatch.context() as older:
        before = tuple(one for one in available_migrations("plain") if one.number < FIRST)
        older.setattr(migrating, "available_migrations", lambda _: before)
        older.setattr(schema, "record", lambda _: None)
        migrate(plain_database)

    migrate(plain_database)

    with connect(plain_database, autocommit=True) as connection:
        assert found(connection) == []
    assert fetch(plain_database, RECORDS) == [1]


def test_step_that_changes_nothing_records_nothing(database: str) -> None:
    migrate(database)

    assert fetch(database, RECORDS) == [1]


def test_record_that_no_migration_explains_is_named_for_ever(plain_database: str) -> None:
    change = "ALTER TABLE gate_decision {} TRIGGER change_is_refused"
    with connect(plain_database, autocommit=True) as owner:
        execute(plain_database, change.format("DISABLE"))
        schema.record(owner)
        execute(plain_database, change.format("ENABLE"))
        schema.record(owner)

        told = found(owner)

    assert len(told) == 2
    assert "change_is_refused was changed, and no migration did that" in told[0]


def test_change_that_was_taken_out_again_stays_on_record(plain_database: str) -> None:
    change = "ALTER TABLE gate_decision {} TRIGGER change_is_refused"
    execute(plain_database, change.format("DISABLE"))
    failed = [look(plain_database), look(plain_database)]
    execute(plain_database, change.format("ENABLE"))
    failed += [look(plain_database), look(plain_database)]

    assert failed == [1, 1, 0, 0]
    with connect(plain_database, autocommit=True) as owner:
        (told,) = found(owner)
    assert "says that trigger public.gate_decision.change_is_refused was changed" in told


def test_nobody_looks_while_a_migration_step_is_at_it(plain_database: str) -> None:
    execute(plain_database, "ALTER TABLE gate_decision DISABLE TRIGGER change_is_refused")

    with connect(plain_database, autocommit=True) as step:
        step.execute("SELECT pg_advisory_lock(hashtext('coldgate.migrate'))")
        assert look(plain_database) == 0
    assert look(plain_database) == 1


def look(dsn: str) -> int:
    with connect(dsn, "coldgate_api") as connection:
        visibility.limit_to(connection, None)
        return compare_schema(connection, datetime.now(UTC))


def test_record_of_another_form_is_followed_by_one_of_this(
    plain_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "FORM", schema.FORM + 1)
    with connect(plain_database, autocommit=True) as connection:
        before = found(connection)

        migrate(plain_database)

        assert before == ["schema is not on record in a form that this version reads: migrate it"]
        assert found(connection) == []


def test_descriptions_in_other_words_have_another_form() -> None:
    words = load_queries("schema")["in_force"]

    assert hashlib.sha256(words).hexdigest() == WORDS[schema.FORM], "raise FORM, once released"


def test_what_was_applied_before_a_migration_failed_is_on_record(
    plain_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = migration(9999, b"SELECT 1 / 0")
    known = (*available_migrations("plain"), migration(9998, b"ALTER TABLE scan ADD shelf text"))
    monkeypatch.setattr(migrating, "available_migrations", lambda _: (*known, bad))

    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(plain_database)

    with connect(plain_database, autocommit=True) as connection:
        assert found(connection) == []


def migration(number: int, statement: bytes) -> Migration:
    return Migration(number=number, name="newer", variant=None, sql=statement)


def test_edited_list_of_migrations_is_named(owner: Connection) -> None:
    owner.execute("UPDATE schema_migration SET sha256 = 'x' WHERE number = 2")

    assert found(owner) == ["migration 0002_registry is not the one on record"]


@pytest.mark.parametrize("role", ["coldgate_api", "coldgate_analytics"])
def test_no_process_records_the_schema(shared: str, role: Role) -> None:
    with connect(shared, role) as process, pytest.raises(psycopg.errors.InsufficientPrivilege):
        process.execute("SELECT append_ledger('x', 'schema.recorded', 'schema', '{}')")


def test_ledger_verify_names_a_changed_rule(ledger: Ledger) -> None:
    execute(ledger.dsn, "ALTER FUNCTION gate_facts(text, text, text) RESET search_path")

    assert [line for line in ledger.found() if "gate_facts" in line] == [
        "function public.gate_facts(text, text, text) was changed"
    ]
