"""The order of the chain, what is signed, and what the gate is told."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from factories import fetch

from api.ledger import sequencing
from api.ledger.sequencing import patrol, recheck, sequence
from coldgate.errors import LedgerError
from coldgate.note import split_notes
from coldgate.storage import ledger as stored
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from conftest import Ledger

pytestmark = pytest.mark.database

ENTER = "SELECT append_ledger('a/b', 'thing.done', %s, '{}')"
SUBJECTS = "SELECT subject FROM ledger WHERE kind = 'thing.done' ORDER BY sequence DESC LIMIT 3"


def state(ledger: Ledger) -> str | None:
    found: str | None = fetch(ledger.dsn, "SELECT broken FROM ledger_state")[0]
    return found


def go_round(ledger: Ledger) -> None:
    """Read the whole ledger once more, as the keeper does by and by."""
    with connect(ledger.dsn, "coldgate_api", autocommit=True) as connection:
        place = -1
        while place:
            with connection.transaction():
                place = patrol(connection, max(place, 0))


def test_entry_of_a_slow_transaction_comes_behind_those_it_was_slower_than(ledger: Ledger) -> None:
    with (
        connect(ledger.dsn, "coldgate_api") as slow,
        connect(ledger.dsn, "coldgate_api", autocommit=True) as quick,
    ):
        slow.execute(ENTER, ("slow",))
        quick.execute(ENTER, ("quick",))
        ledger.keep()
        between = fetch(ledger.dsn, SUBJECTS)
        slow.commit()
        ledger.keep()

    assert (between[0], fetch(ledger.dsn, SUBJECTS)[:2]) == ("quick", ["slow", "quick"])
    assert ledger.found() == []


def test_entry_of_a_transaction_that_failed_leaves_no_trace(ledger: Ledger) -> None:
    with connect(ledger.dsn, "coldgate_api") as connection:
        connection.execute(ENTER, ("never",))
        connection.rollback()
    ledger.enter()

    ledger.keep()

    assert "never" not in fetch(ledger.dsn, SUBJECTS)
    assert ledger.found() == []


def test_many_writers_and_two_keepers_chain_every_entry_once(ledger: Ledger) -> None:
    stop = threading.Event()

    def write(name: str) -> None:
        with connect(ledger.dsn, "coldgate_api", autocommit=True) as connection:
            for number in range(60):
                connection.execute(ENTER, (f"{name}-{number}",))

    def keep() -> None:
        while not stop.is_set():
            ledger.keep()

    keepers = [threading.Thread(target=keep) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(f"w{number}",)) for number in range(4)]
    for thread in (*keepers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in keepers:
        thread.join()
    ledger.keep()

    chained = "SELECT count(*), count(DISTINCT entry_id) FROM ledger WHERE subject LIKE 'w_-%'"
    assert fetch(ledger.dsn, chained) == [(240, 240)]
    assert ledger.found() == []


def test_only_one_transaction_chains_at_a_time(ledger: Ledger) -> None:
    ledger.enter()
    with (
        connect(ledger.dsn, "coldgate_api") as leader,
        connect(ledger.dsn, "coldgate_api") as other,
    ):
        assert stored.lead(leader)
        assert sequence(other) == 0


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE ledger SET actor = 'nobody' WHERE sequence = 17", "ledger/17 has other fields"),
        ("DELETE FROM ledger WHERE sequence = 17", "ledger/17 is missing"),
        ("DELETE FROM ledger WHERE sequence > 300", "the entries behind ledger/300 are gone"),
        ("UPDATE ledger_checkpoint SET root = sha256('')", "another root than the checkpoint"),
    ],
)
def test_gate_is_told_of_a_change_of_old_rows(ledger: Ledger, statement: str, told: str) -> None:
    ledger.tamper(statement)

    go_round(ledger)
    ledger.keep()

    assert told in (state(ledger) or "")


def test_gate_is_told_when_what_was_changed_is_as_it_was_again(ledger: Ledger) -> None:
    ledger.tamper("UPDATE ledger SET kind = kind || '!' WHERE sequence = 17")
    go_round(ledger)
    broken = state(ledger)
    ledger.tamper("UPDATE ledger SET kind = rtrim(kind, '!') WHERE sequence = 17")

    ledger.keep()
    go_round(ledger)

    assert broken is not None
    assert state(ledger) is None


def test_long_ledger_is_read_again_in_stretches(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencing, "STRETCH", 50)
    ledger.enter(120)
    ledger.keep()
    with connect(ledger.dsn, "coldgate_api", autocommit=True) as connection:
        for _ in range(5):
            with connection.transaction():
                recheck(connection)

    assert fetch(
        ledger.dsn, "SELECT verified_upto = (SELECT max(sequence) FROM ledger) FROM ledger_state"
    ) == [True]


def test_checkpoint_is_made_once_a_minute_and_for_what_is_new_only(ledger: Ledger) -> None:
    with connect(ledger.dsn, "coldgate_api") as connection:
        nothing_new = ledger.notary.checkpoint(connection, ledger.minute + timedelta(minutes=1))
        ledger.enter()
        ledger.keep()
        same_minute = ledger.notary.checkpoint(connection, ledger.minute)
        made = ledger.notary.checkpoint(connection, ledger.minute + timedelta(minutes=1))

    assert (nothing_new, same_minute) == (None, None)
    assert made is not None


def test_nothing_is_signed_that_contradicts_what_was_signed(ledger: Ledger) -> None:
    ledger.tamper("UPDATE ledger SET leaf = sha256('') WHERE sequence > 256")
    ledger.enter()

    with pytest.raises(LedgerError, match="not those that were signed for"):
        ledger.sign()


def test_file_gets_the_checkpoints_that_it_lacks_whatever_was_cut_off(ledger: Ledger) -> None:
    whole = ledger.file.read_text()
    notes = split_notes(whole)
    for cut in (0, len(notes[0]) + 1, len(notes[0]) + 40, len(whole) - 1):
        ledger.file.write_text(whole[:cut])
        with connect(ledger.dsn, "coldgate_api") as connection:
            ledger.notary.publish(connection)

        assert split_notes(ledger.file.read_text()) == notes
    assert ledger.file.stat().st_mode & 0o777 == 0o600


def test_control_character_in_an_entry_is_refused(ledger: Ledger) -> None:
    with (
        connect(ledger.dsn, "coldgate_api") as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute(ENTER, ("a\x1fb",))


def test_no_process_writes_entries_but_by_entering_them(ledger: Ledger) -> None:
    with (
        connect(ledger.dsn, "coldgate_api") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("INSERT INTO ledger_entry (actor) VALUES ('x')")
