"""What each process may do with each table, and which rows the api sees for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
import pytest
from database_rows import fill, tables

from coldgate.errors import NotFoundError
from coldgate.storage import visibility
from coldgate.storage.connection import connect, open_pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conftest import DatabaseServer

    from coldgate.storage.connection import Connection, Role

pytestmark = pytest.mark.database

# Select, Insert, Update, Delete; small: of some columns only. Nobody may TRUNCATE.
RIGHTS: Final = """
table                    ingest analytics api
admission               -      -      SI
api_key                 -      -      SIu
app_user                -      -      SIu
approval                -      -      SIu
approval_escalation     -      -      SI
approval_flow           -      -      SI
audit_due               -      SD     -
audit_progress          -      SU     -
audited_block           -      SI     -
audited_message         -      SI     -
capa                    -      -      SIu
capa_action             -      -      SIu
capa_deviation          -      -      SI
capa_transition         -      -      SI
carrier_qualification   -      -      SI
certificate             -      S      SI
channel                 SI     S      S
clock_pair              SI     S      S
conflict                SI     S      -
consignment             -      Su     SIu
consignment_line        -      S      SIu
credential              -      -      SIU
custody_event           -      S      SI
daily_use               -      -      SIuD
delegation              -      -      SI
delegation_end          -      -      SI
deviation               -      -      SIu
deviation_evidence      -      -      SI
deviation_recurrence    -      -      SI
deviation_subject       -      -      SI
disposition             -      -      SIu
document                -      -      SI
document_key            -      -      SIu
document_requirement    -      -      SIu
document_shown          -      -      S
document_vouch          -      -      SI
document_withdrawal     -      -      SI
evaluation              -      SI     S
evidence_audit          -      SI     S
evidence_relapse        -      SI     S
evidence_watch          -      SUD    -
excursion               -      SI     S
gate_decision           -      -      SI
gateway                 S      s      SIu
gateway_status          SIU    -      S
guess                   -      -      SIUD
idempotency             -      -      SI
known_device            -      -      SIuD
lane_record             -      SI     S
ledger                  -      S      SI
ledger_checkpoint       -      -      SI
ledger_due              -      -      SD
ledger_entry            -      S      S
ledger_state            -      -      SU
ledger_tile             -      -      SI
leg                     -      S      SI
line_transition         -      S      S
logger                  S      S      SIu
login_attempt           -      -      SID
lot                     -      S      SI
lot_correction          -      -      SI
lot_spend               -      SI     S
message                 SI     S      -
oidc_flow               -      -      SID
oidc_link               -      -      SIUD
outbox                  -      -      SI
party                   S      S      SI
permit                  -      -      SI
permit_redemption       -      -      SI
placement               -      S      SIu
placement_removal       -      S      -
product                 -      S      SIu
product_number          -      S      S
product_profile         -      -      SI
product_profile_shown   -      -      S
product_profile_withdrawal -      -      SI
profile                 -      S      SI
quality_note            -      -      SI
quality_revision        -      -      S
quarantine              SI     S      S
quarantine_share        SIU    -      S
reaction                -      -      SI
reaction_due            -      -      SD
reading                 SI     S      -
relapse_due             -      -      SD
release_due             -      -      SD
reminder                -      -      SI
restriction             -      S      SI
restriction_lift        -      S      SI
restriction_lift_request -      -      SI
role_change             -      -      SI
restriction_shown       -      -      S
scan                    -      -      SI
scan_dismissal          -      -      SI
schedule_run            -      -      SIU
schema_migration        -      -      -
seal                    -      S      SI
sensor_range            -      S      SI
session                 -      -      SIuD
shelf_life_agreement    -      -      SI
signature               -      -      SI
signing_key             -      S      SI
signing_ticket          -      -      SIuD
stream                  SIU    S      -
summary_page            -      SIUD   -
touched                 SI     SIUD   SI
unsigned_consent        -      S      SI
lane                    -      S      S
user_role               -      -      S
"""

SERVICES_ONLY: Final = {  # what the api reads for its own work, for no party
    "credential",
    "guess",
    "known_device",
    "ledger_due",
    "ledger_state",
    "ledger_tile",
    "login_attempt",
    "oidc_flow",
    "oidc_link",
    "reaction",
    "reaction_due",
    "relapse_due",
    "release_due",
    "reminder",
    "schedule_run",
    "session",
    "signing_ticket",
}
PUBLISHED: Final = {"ledger_checkpoint", "signing_key"}  # every party sees every row
BUILT_IN: Final = {"approval_flow", "profile"}  # every party sees the rows of nobody
NOBODY: Final = None

# Functions with their owner's rights: whether anybody may call them, or a process attach them to a
# table of its own, and whether what the session calls by the same name stands before the real one.
LENDING: Final = """
    SELECT proname, has_function_privilege('public', oid, 'EXECUTE'),
        prorettype = 'trigger'::regtype AND (
            SELECT bool_or(has_function_privilege(role, pg_proc.oid, 'EXECUTE'))
            FROM unnest(ARRAY['coldgate_ingest', 'coldgate_analytics', 'coldgate_api']) AS role),
        NOT coalesce('search_path=public, pg_temp' = ANY (proconfig), false)
    FROM pg_proc
    WHERE prosecdef AND pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"""


@pytest.fixture(scope="module")
def filled(plain_server: DatabaseServer) -> Iterator[str]:
    """A database with one row of party x and one of party z in every table."""
    with plain_server.fresh() as dsn:
        with psycopg.connect(dsn) as owner:
            fill(owner)
        yield dsn


def seen(dsn: str, party: str | None) -> dict[str, int]:
    """How many rows the api sees of every table that it may read, when it answers to ``party``."""
    with connect(dsn) as owner:
        names = [name for name in tables(owner) if may(owner, "coldgate_api", name, "SELECT")]
    with connect(dsn, "coldgate_api") as connection:
        if party is not NOBODY:
            visibility.limit_to(connection, None if party == "*" else party)
        return {name: count(connection, name) for name in names}


def count(connection: Connection, table: str) -> int:
    statement = psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(table))
    (number,) = connection.execute(statement).fetchone() or (0,)
    return int(number)


def may(connection: Connection, role: str, table: str, right: str, *, column: bool = False) -> bool:
    function = "has_any_column_privilege" if column else "has_table_privilege"
    statement = psycopg.sql.SQL("SELECT {}(%s, %s::regclass, %s)").format(
        psycopg.sql.Identifier(function)
    )
    (answer,) = connection.execute(statement, (role, table, right)).fetchone() or (False,)
    return bool(answer)


def rights(connection: Connection, role: str, table: str) -> str:
    found = ""
    for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"):
        if may(connection, role, table, right):
            found += right[0]
        elif right in ("SELECT", "INSERT", "UPDATE"):
            found += right[0].lower() if may(connection, role, table, right, column=True) else ""
    return found or "-"


def relations(connection: Connection) -> list[str]:
    views = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('v', 'm') ORDER BY relname"
    )
    return tables(connection) + [row[0] for row in views]


def written() -> Mapping[str, tuple[str, ...]]:
    lines = [line.split() for line in RIGHTS.strip().splitlines()[1:]]
    return {name: tuple(letters) for name, *letters in lines}


def test_each_process_may_do_with_each_table_what_is_written_here(plain_database: str) -> None:
    roles = ("coldgate_ingest", "coldgate_analytics", "coldgate_api")
    with connect(plain_database) as owner:
        found = {
            name: tuple(rights(owner, role, name) for role in roles) for name in relations(owner)
        }

    unlisted = sorted(set(found) - set(written()))
    assert not unlisted, f"say in RIGHTS: { ({name: found[name] for name in unlisted}) }"
    assert found == written()


def test_no_process_writes_what_another_one_vouches_for() -> None:
    ingest, analytics, api = (
        {name: letters[process] for name, letters in written().items()} for process in range(3)
    )

    for table in ("evaluation", "excursion", "gate_decision", "disposition", "signature"):
        assert ingest[table] == "-"
    for table in ("gate_decision", "disposition", "signature", "approval", "permit", "restriction"):
        assert not set(analytics[table]) & set("IUDiu")
    for table in ("message", "reading", "conflict", "clock_pair", "evaluation", "evidence_audit"):
        assert not set(api[table]) & set("IUDiu")
    assert api["message"] == api["reading"] == "-"


def test_no_process_reads_what_opens_the_broker_but_who_lets_gateways_in(
    plain_database: str,
) -> None:
    with connect(plain_database, "coldgate_analytics") as connection:
        assert count(connection, "gateway") == 0

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT secret_hash FROM gateway")


def test_who_has_not_said_for_whom_it_asks_sees_nothing(filled: str) -> None:
    assert {name: rows for name, rows in seen(filled, NOBODY).items() if rows} == {}


def test_another_party_sees_nothing_but_what_is_for_all(filled: str) -> None:
    expected = dict.fromkeys(PUBLISHED, 2) | dict.fromkeys(BUILT_IN, 1)

    assert {name: rows for name, rows in seen(filled, "another").items() if rows} == expected


def test_a_party_sees_its_own_rows_and_no_others(filled: str) -> None:
    found = seen(filled, "x")

    for table in PUBLISHED | BUILT_IN:
        assert found.pop(table) == 2
    assert {name for name, rows in found.items() if rows == 0} == SERVICES_ONLY
    assert set(found.values()) == {0, 1}


def test_everything_is_seen_where_everything_is_asked_for(filled: str) -> None:
    assert set(seen(filled, "*").values()) == {2}


@pytest.mark.parametrize("role", ["coldgate_ingest", "coldgate_analytics"])
def test_who_answers_to_no_party_sees_all_that_it_is_granted(filled: str, role: Role) -> None:
    with connect(filled) as owner:
        names = [name for name in tables(owner) if may(owner, role, name, "SELECT")]

    with connect(filled, role) as connection:
        assert {count(connection, name) for name in names} == {2}


def test_every_table_that_the_api_may_read_has_policies(plain_database: str) -> None:
    with connect(plain_database) as owner:
        unguarded = owner.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relrowsecurity"
            " AND has_any_column_privilege('coldgate_api', oid, 'SELECT')"
        ).fetchall()

    assert unguarded == []


def test_views_do_not_lend_the_rights_of_their_owner(plain_database: str) -> None:
    with connect(plain_database) as owner:
        views = owner.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'v'"
            " AND has_table_privilege('coldgate_api', oid, 'SELECT')"
            " AND relnamespace = 'public'::regnamespace"
            " AND NOT coalesce(reloptions @> '{security_invoker=true}', false)"
        ).fetchall()

    assert views == []


def test_functions_lend_the_rights_of_their_owner_only_to_whom_they_are_for(database: str) -> None:
    with connect(database) as owner:
        lending = owner.execute(LENDING).fetchall()

    assert lending
    assert [name for name, by_anybody, _, _ in lending if by_anybody] == []
    assert [name for name, _, as_trigger, _ in lending if as_trigger] == []
    assert [name for name, *_, among_own_names in lending if among_own_names] == []


def test_what_is_the_sessions_own_does_not_stand_before_the_real_one(filled: str) -> None:
    with connect(filled, "coldgate_api") as connection:
        connection.execute("CREATE TEMPORARY TABLE consignment (id text, consignor_id text)")
        connection.execute("INSERT INTO consignment VALUES ('x', 'another')")
        connection.execute("CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (false)")
        connection.execute("SET LOCAL search_path = pg_temp, pg_catalog, public")
        visibility.limit_to(connection, "another")

        assert connection.execute("SELECT sees_consignment('x')").fetchone() == (False,)


def test_nobody_enters_a_row_in_the_name_of_another(filled: str) -> None:
    rows = (
        b"INSERT INTO consignment (id, consignor_id, consignee_id) VALUES ('new', 'x', 'another')",
        b"INSERT INTO leg VALUES ('x', 9, 'another', '', '')",
        b"INSERT INTO logger (serial, party_id) VALUES ('new', 'x')",
        b"INSERT INTO outbox (kind, party_id, body) VALUES ('new', 'x', '{}')",
        b"INSERT INTO idempotency SELECT * FROM idempotency",
        b"INSERT INTO api_key (party_id, label, key_sha256) VALUES ('x', 'new', 'x')",
    )
    for row in rows:
        with connect(filled, "coldgate_api") as connection:
            visibility.limit_to(connection, "another")
            try:
                added = connection.execute(row).rowcount
            except psycopg.errors.InsufficientPrivilege:
                added = 0
            assert added == 0, row


def test_rows_of_others_are_neither_changed_nor_locked(filled: str) -> None:
    with connect(filled, "coldgate_api") as connection:
        visibility.limit_to(connection, "another")

        assert connection.execute("UPDATE gateway SET revoked_at = now()").rowcount == 0
        assert connection.execute("SELECT FROM consignment FOR UPDATE").rowcount == 0


def test_the_scope_of_a_request_ends_with_its_transaction(filled: str) -> None:
    pool = open_pool(filled, "coldgate_api", size=1)
    with pool.connection() as connection:
        visibility.limit_to(connection, "x")
        backend, rows = connection.info.backend_pid, count(connection, "consignment")

    with pool.connection() as connection:
        assert (connection.info.backend_pid, rows) == (backend, 1)
        assert count(connection, "consignment") == 0
    pool.close()


@pytest.mark.parametrize("scope", [None, "x"])
def test_the_scope_of_a_request_that_failed_is_gone_as_well(filled: str, scope: str | None) -> None:
    pool = open_pool(filled, "coldgate_api", size=1)

    def fail(connection: Connection) -> None:
        visibility.limit_to(connection, scope)
        raise NotFoundError("consignment", "none")

    with pytest.raises(NotFoundError), pool.connection() as connection:
        fail(connection)

    with pool.connection() as connection:
        assert count(connection, "consignment") == 0
    pool.close()


def test_a_stretch_that_sees_everything_ends_even_where_it_fails(filled: str) -> None:
    with connect(filled, "coldgate_api") as connection:
        visibility.limit_to(connection, "x")
        with visibility.everything(connection), visibility.everything(connection):
            assert count(connection, "consignment") == 2
        with pytest.raises(NotFoundError), visibility.everything(connection):
            raise NotFoundError("consignment", "none")

        assert count(connection, "consignment") == 1


def test_who_owns_the_database_is_held_by_no_policy(filled: str) -> None:
    with connect(filled) as owner:
        assert count(owner, "consignment") == 2


def test_a_carrier_without_part_in_it_reads_no_readings_of_a_consignment(filled: str) -> None:
    everything = "SELECT count(*) FROM readings_in('x', 1, NULL, NULL, NULL, 10)"
    with connect(filled) as owner:
        owner.execute("SET session_replication_role = replica")  # whatever it was before
        owner.execute("UPDATE placement SET placed_at = '2020-01-01', removed_at = NULL")

    for party, readings in (("x", 1), ("another", 0), ("z", 0)):
        with connect(filled, "coldgate_api") as connection:
            visibility.limit_to(connection, party)
            assert connection.execute(everything.encode()).fetchone() == (readings,)


def test_policies_cost_the_judge_nothing(filled: str) -> None:
    with connect(filled, "coldgate_analytics") as connection:
        plan = connection.execute("EXPLAIN SELECT * FROM evaluation WHERE consignment_id = 'x'")

        assert "sees_" not in str(plan.fetchall())
