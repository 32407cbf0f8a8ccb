"""Whatever is changed behind the ledger's back is found and named, by whomever it was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from command_line import coldgate
from factories import fetch

from coldgate.launch import ledger_audit
from coldgate.storage.connection import connect
from coldgate.storage.kept_rows import KEPT, kept_now

if TYPE_CHECKING:
    from conftest import Ledger

pytestmark = pytest.mark.database

SAME_HASHES = """
UPDATE ledger SET hash = sha256(previous || convert_to(concat_ws(E'\\x1f', sequence,
    to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor, kind, subject,
    encode(digest, 'hex')), 'UTF8')),
    leaf = sha256('\\x00'::bytea || previous || convert_to(concat_ws(E'\\x1f', sequence,
    to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor, kind, subject,
    encode(digest, 'hex')), 'UTF8'))
"""


def test_ledger_that_nobody_touched_is_intact(ledger: Ledger) -> None:
    report = ledger.verify()

    assert report.findings == []
    assert (report.checkpoints, report.filed) == (2, 2)
    assert report.entries == fetch(ledger.dsn, "SELECT count(*) FROM ledger")[0] > 300


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE ledger SET actor = 'nobody' WHERE sequence = 17", "ledger/17 has other fields"),
        ("UPDATE ledger SET entered_at = now() WHERE sequence = 17", "ledger/17 has other fields"),
        ("UPDATE ledger SET digest = sha256('') WHERE sequence = 17", "ledger/17 has other"),
        ("UPDATE ledger SET hash = sha256('') WHERE sequence = 17", "ledger/17 has other fields"),
        ("UPDATE ledger SET leaf = sha256('') WHERE sequence = 17", "ledger/17 has other fields"),
        ("UPDATE ledger SET previous = sha256('') WHERE sequence = 17", "ledger/17 has other"),
        ("UPDATE ledger SET entry_id = 9999 WHERE sequence = 17", "ledger_entry/9999 is gone"),
        ("DELETE FROM ledger WHERE sequence = 17", "ledger/17 is missing from the chain"),
        ("DELETE FROM ledger WHERE sequence > 300", "entries, and 300 are left of them"),
        ("DELETE FROM ledger", "entries, and 0 are left of them"),
        (
            (
                "UPDATE ledger SET sequence = 0 WHERE sequence = 16;"
                "UPDATE ledger SET sequence = 16 WHERE sequence = 17;"
                "UPDATE ledger SET sequence = 17 WHERE sequence = 0"
            ),
            "ledger/16 has other fields",
        ),
        ("UPDATE ledger_entry SET kind = 'x.y' WHERE id = 17", "ledger_entry/17 differs from"),
        ("UPDATE ledger_entry SET body = NULL WHERE id = 17", "ledger_entry/17 has lost its body"),
        (
            "UPDATE ledger_entry SET body = NULL, transaction = NULL WHERE id = 17",
            "ledger_entry/17 has lost its body",
        ),
        ("DELETE FROM ledger_entry WHERE id = 17", "ledger_entry/17 is gone"),
        ("DELETE FROM ledger_tile", "ledger_tile/1/0 is not the root of its entries"),
        ("UPDATE ledger_tile SET root = sha256('')", "ledger_tile/1/0 is not the root"),
        (
            "UPDATE ledger_checkpoint SET root = sha256('')",
            "has another size or root than the note that signs for it",
        ),
        (
            "UPDATE ledger_checkpoint SET note = replace(note, 'test', 'tset')",
            "none of the known keys signed the note",
        ),
        ("UPDATE signing_key SET public_key = 'x'", "does not list the key of this machine"),
    ],
)
def test_change_of_the_ledger_itself_is_named(ledger: Ledger, statement: str, told: str) -> None:
    ledger.tamper(statement)

    assert any(told in line for line in ledger.found())


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE evaluation SET body = '{}'", "consignment/con-1/evaluation/1 has another body"),
        ("UPDATE evaluation SET verdict = 'FAIL'", "evaluation/1 differs from what was entered"),
        ("DELETE FROM evaluation", "evaluation/1 was entered in the ledger, and is gone"),
        (
            (
                "INSERT INTO evaluation (consignment_id, version, verdict, provisional,"
                " with_excursions, profile_id, profile_version, engine, input_digest, body)"
                " VALUES ('con-1', 2, 'PASS', true, false, 'P', 1, '1', '-', '')"
            ),
            "consignment/con-1/evaluation/2 is in the table, and the ledger does not know of it",
        ),
        ("UPDATE gate_decision SET actor = 'nobody'", "gate_decision/1 differs from what was"),
        ("UPDATE gate_decision SET checks = '[]'", "gate_decision/1 differs from what was"),
        ("DELETE FROM gate_decision", "gate_decision/1 was entered in the ledger, and is gone"),
        ("UPDATE permit SET lines = '[]'", "permit/1 differs from what was entered"),
        ("DELETE FROM permit", "permit/1 was entered in the ledger, and is gone"),
        ("UPDATE profile SET body = '{\"a\": [2, 1]}'", "profile/P/1 differs from what was"),
        ("UPDATE consignment_line SET state = 'released'", "consignment_line/1 differs from what"),
        ("UPDATE line_transition SET changed_at = now()", "line_transition/1 differs from what"),
        (
            "INSERT INTO party (id, name, kind) VALUES ('ghost', 'G', 'operator')",
            "party/ghost is in the table, and the ledger does not know of it",
        ),
        (
            "INSERT INTO api_key (party_id, label, key_sha256) VALUES ('maker', '-', sha256(''))",
            "api_key/1 is in the table, and the ledger does not know of it",
        ),
        (
            (
                "INSERT INTO evidence_audit (evaluation_id, messages, broken, unsigned)"
                " VALUES (1, 1, 0, 0)"
            ),
            "evidence_audit/1 is in the table, and the ledger does not know of it",
        ),
        (
            "ALTER TABLE seal RENAME TO seals; CREATE VIEW seal AS SELECT * FROM seals",
            "seal is not the plain table it was",
        ),
        (
            (
                "INSERT INTO ledger_entry (actor, kind, subject, body, digest, entered_at) VALUES"
                " ('a', 'k', 's', '', sha256(''), now() - interval '61 s')"
            ),
            "(k s) has no place since",
        ),
    ],
)
def test_change_of_what_the_ledger_speaks_of_is_named(
    ledger: Ledger, statement: str, told: str
) -> None:
    ledger.tamper(statement)

    assert any(told in line for line in ledger.found())


ENTER_ANEW = """
UPDATE gate_decision SET actor = 'nobody'; SET timezone = 'UTC';
INSERT INTO ledger_entry (actor, kind, subject, body, digest, entered_at)
SELECT 'x', 'row.changed', 'gate_decision/1', told, sha256(told), {at}
FROM (SELECT convert_to(to_jsonb(gate_decision)::text, 'UTF8') AS told FROM gate_decision) AS now;
"""
PLACE_OUTSIDE = """
INSERT INTO ledger SELECT 0, entered_at, actor, kind, subject, digest, previous, hash,
    (SELECT max(id) FROM ledger_entry), leaf FROM ledger WHERE sequence = 1
"""


@pytest.mark.parametrize(
    "statement",
    [
        ENTER_ANEW.format(at="now()"),
        ENTER_ANEW.format(at="timestamptz '2199-01-01'"),
        ENTER_ANEW.format(at="now() - interval '1 day'") + PLACE_OUTSIDE,
    ],
)
def test_word_that_waits_for_no_place_in_the_chain_is_named(ledger: Ledger, statement: str) -> None:
    ledger.tamper(statement)

    assert any("row.changed gate_decision/1) has no place" in line for line in ledger.found())


@pytest.mark.parametrize(
    ("table", "trigger", "change", "told"),
    [
        (
            "gate_decision",
            "change_is_refused",
            "UPDATE gate_decision SET actor = 'nobody'",
            "gate_decision/1 is written once, and was entered again",
        ),
        (
            "consignment_line",
            "line_state_is_guarded",
            "UPDATE consignment_line SET state = 'released'",
            "consignment_line/1 is released, and nothing moved it there",
        ),
    ],
)
def test_change_past_its_guard_is_named_although_the_ledger_has_it(
    ledger: Ledger, table: str, trigger: str, change: str, told: str
) -> None:
    with psycopg.connect(ledger.dsn, autocommit=True) as owner:
        owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}; {change}")
    ledger.keep()

    assert any(told in line for line in ledger.found())


def test_each_changed_row_is_named_and_no_other(ledger: Ledger) -> None:
    ledger.tamper("UPDATE ledger SET actor = 'nobody' WHERE sequence IN (17, 203)")

    places = {line.split()[0] for line in ledger.found()}

    assert {place for place in places if place.startswith("ledger/")} == {
        "ledger/17",
        "ledger/203",
    }


def test_history_that_was_written_anew_is_refuted_by_the_checkpoints(ledger: Ledger) -> None:
    ledger.tamper(
        "UPDATE ledger_entry SET actor = 'x' WHERE id = (SELECT max(id) FROM ledger_entry)"
    )
    ledger.tamper(
        "UPDATE ledger SET actor = 'x' WHERE sequence = (SELECT max(sequence) FROM ledger)"
    )
    ledger.tamper(SAME_HASHES)

    assert any("signed for another tree" in line for line in ledger.found(file=False))


def test_history_with_new_checkpoints_is_refuted_by_the_file(ledger: Ledger) -> None:
    ledger.tamper("DELETE FROM ledger_checkpoint")
    ledger.tamper("DELETE FROM ledger_entry WHERE id = (SELECT max(id) FROM ledger_entry)")
    ledger.tamper("DELETE FROM ledger WHERE sequence = (SELECT max(sequence) FROM ledger)")

    assert ledger.found(file=False) == []
    assert "checkpoints, checkpoint 2 signs for" in ledger.found()[0]


def test_row_that_the_owner_changes_with_triggers_in_force_is_entered(ledger: Ledger) -> None:
    with psycopg.connect(ledger.dsn, autocommit=True) as owner:
        owner.execute("UPDATE party SET name = 'Other' WHERE id = 'truck'")
    ledger.keep()

    assert ledger.found() == []
    entry = fetch(ledger.dsn, "SELECT actor, kind, subject FROM ledger ORDER BY sequence DESC")[0]
    assert entry == ("database/coldgate", "row.changed", "party/truck")


def test_long_ledger_is_read_by_several_processes_with_the_same_result(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.tamper("UPDATE ledger SET actor = 'nobody' WHERE sequence = 17")
    alone = ledger.found()
    monkeypatch.setattr(ledger_audit, "_CROWD", 1)

    assert ledger.found() == alone


def test_triggers_keep_what_the_list_says(ledger: Ledger) -> None:
    with connect(ledger.dsn) as connection:
        assert kept_now(connection) == dict(KEPT)


def test_command_says_what_it_found_and_ends_accordingly(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDGATE_DATABASE_DSN", ledger.dsn)
    arguments = ("ledger", "verify", "--checkpoints", str(ledger.file))
    good: Any = coldgate(*arguments)
    ledger.tamper("DELETE FROM ledger WHERE sequence = 17")

    bad: Any = coldgate(*arguments)

    assert (good.returncode, "ledger intact" in good.stdout) == (0, True)
    assert (bad.returncode, "ledger/17 is missing" in bad.stdout) == (1, True)
