"""The steps of a CAPA: rules and database accept exactly the same ones."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import psycopg.sql
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from api.quality.capa_rules import MANDATORY, ActionFacts, CapaFacts, CapaState, refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.database

VALUES = {"owner_user_id": "1", "effectiveness_due_on": "2199-01-01"}
FIELDS = sorted({name for names in MANDATORY.values() for name in names})
OWNERS = st.integers(1, 3)
ACTIONS = st.lists(
    st.builds(ActionFacts, owner_user_id=OWNERS, done=st.booleans()), max_size=3
).map(tuple)


@st.composite
def steps(draw: st.DrawFn) -> tuple[CapaFacts, CapaState]:
    """A CAPA and a step, mostly one that exists, with most of what it takes."""
    state = draw(st.sampled_from(CapaState))
    lacking = draw(st.sets(st.sampled_from(FIELDS), max_size=2))
    facts = CapaFacts(
        state=state,
        filled=frozenset(FIELDS) - lacking,
        actions=draw(ACTIONS),
        plan_signed=draw(st.booleans()),
        close_signed=draw(st.booleans()),
        close_signers=draw(st.frozensets(OWNERS, max_size=2)),
    )
    return facts, draw(st.sampled_from(CapaState))


@pytest.fixture(scope="module")
def connection(plain_server: object) -> Iterator[psycopg.Connection]:
    with plain_server.fresh() as dsn, psycopg.connect(dsn) as made:  # type: ignore[attr-defined]  # DatabaseServer
        made.execute("INSERT INTO party VALUES ('maker', 'm', 'manufacturer')")
        yield made


@contextmanager
def unguarded(connection: psycopg.Connection) -> Iterator[None]:
    """Rows as they could have come about, without the way there."""
    connection.execute("SET LOCAL session_replication_role = replica")
    yield
    connection.execute("SET LOCAL session_replication_role = origin")


def store(connection: psycopg.Connection, facts: CapaFacts) -> tuple[int, int, int]:
    """The CAPA in that state; ids of it and of the requests for its two signatures."""
    filled = {name: VALUES.get(name, "text") for name in sorted(facts.filled)}
    row = connection.execute(
        "INSERT INTO capa (party_id, title, problem, due_on, changed_by, state)"
        " VALUES ('maker', 't', 'p', '2199-01-01', 'test', %s) RETURNING id",
        (facts.state.value,),
    ).fetchone()
    assert row is not None
    capa = row[0]
    for name, value in filled.items():
        column = psycopg.sql.Identifier(name)
        query = psycopg.sql.SQL("UPDATE capa SET {} = %s WHERE id = %s").format(column)
        connection.execute(query, (value, capa))
    for action in facts.actions:
        connection.execute(
            "INSERT INTO capa_action (capa_id, kind, description, owner_user_id, due_on, result,"
            " done_at, changed_by) VALUES (%s, 'corrective', 'd', %s, '2199-01-01', %s, %s, 't')",
            (capa, action.owner_user_id, *(("r", "now") if action.done else (None, None))),
        )
    plan = ask(connection, "capa_plan", capa, signed=facts.plan_signed)
    closure = ask(connection, "capa_closure", capa, signed=facts.close_signed)
    for user in facts.close_signers:
        connection.execute(
            "INSERT INTO signature (approval_id, step, user_id, party_id, printed_name, login,"
            " role, meaning, reason, method, signed_at, record_digest, key_id, seal)"
            " VALUES (%s, 1, %s, 'maker', 'n', 'l', 'qa_approver', 'approved', 'r', 'password',"
            " now(), sha256('{}'),"
            " '-', decode(repeat('00', 64), 'hex'))",
            (closure, user),
        )
    return capa, plan, closure


def ask(connection: psycopg.Connection, kind: str, capa: int, *, signed: bool) -> int:
    row = connection.execute(
        "INSERT INTO approval (party_id, subject_kind, subject_id, flow_id, flow, flow_version,"
        " record, record_digest, author, state, closed_at) VALUES ('maker', %s, %s, 0, %s, 1, '{}',"
        " sha256('{}'), 'a', %s, now()) RETURNING id",
        (kind, f"{capa}/0", kind, "granted" if signed else "refused"),
    ).fetchone()
    assert row is not None
    return int(row[0])


def accepts(connection: psycopg.Connection, facts: CapaFacts, target: CapaState) -> bool:
    """Whether the database lets the step happen; it is undone in any case."""
    with connection.transaction(force_rollback=True):
        with unguarded(connection):
            capa, plan, closure = store(connection, facts)
        refused = attempt(connection, target, capa, plan, closure)
        if refused is None:
            return True
        stays = connection.execute("SELECT state FROM capa WHERE id = %s", (capa,)).fetchone()
        assert (refused, stays) == ("CG001", (facts.state.value,))
        return False


def attempt(
    connection: psycopg.Connection, target: CapaState, capa: int, plan: int, closure: int
) -> str | None:
    """The SQLSTATE by which the step is refused; None if it is taken."""
    try:
        with connection.transaction():
            connection.execute(
                "UPDATE capa SET state = %s, plan_approval_id = %s, close_approval_id = %s"
                " WHERE id = %s",
                (target.value, plan, closure, capa),
            )
    except psycopg.Error as error:
        return error.sqlstate
    return None


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(case=steps())
def test_rules_and_database_accept_the_same_steps(
    connection: psycopg.Connection, case: tuple[CapaFacts, CapaState]
) -> None:
    facts, target = case
    assume(facts.state is not target)  # that is no step

    assert accepts(connection, facts, target) == (refusals(facts, target) == ())


@pytest.mark.parametrize("state", CapaState)
@pytest.mark.parametrize("target", CapaState)
def test_of_all_pairs_of_states_both_accept_the_same(
    connection: psycopg.Connection, state: CapaState, target: CapaState
) -> None:
    everything = CapaFacts(
        state=state,
        filled=frozenset(FIELDS),
        actions=(ActionFacts(owner_user_id=1, done=True),),
        plan_signed=True,
        close_signed=True,
        close_signers=frozenset({2}),
    )

    if state is not target:
        assert accepts(connection, everything, target) == (refusals(everything, target) == ())
