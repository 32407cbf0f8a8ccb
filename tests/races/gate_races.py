"""Races for goods: whatever decides about them at once, each decision stands on what was known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from api_world import BEGIN
from approval_world import approval_of, code, propose, sign
from quality_world import MINUTE, excursion
from races.arena import judge_on_record

from api.quality.reaction import react
from coldgate.storage import restrictions
from coldgate.storage.connection import connect
from coldgate.storage.restrictions import NewRestriction
from coldgate.storage.visibility import limit_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from races.arena import Arena

RECEIPT = "receipt_release"
VERDICTS = ("PASS", "HOLD", "FAIL")


def line(lot: str) -> dict[str, Any]:
    return {"product": "vaccine", "lot": lot, "quantity": 2}


def hold(arena: Arena, lot: str) -> Callable[[], Any]:
    body = {"product": "vaccine", "lot": lot, "reason": "race"}
    return arena.ask("/restrictions", body, party="maker")


def recall(arena: Arena, lot: str) -> None:
    """What a recall will do when it is opened."""
    new = NewRestriction(
        kind="recall",
        product="vaccine",
        lot=lot,
        reason="race",
        reference="recall/1",
        placed_by="maker",
        actor="test",
    )
    with connect(arena.world.dsn, "coldgate_api") as connection:
        limit_to(connection, None)
        restrictions.place(connection, new)


def judged(arena: Arena, consignment: str) -> Callable[[], int]:
    """The judge comes to another verdict."""
    verdict = arena.chance.choice(VERDICTS)
    excursions = verdict == "PASS" and arena.chance.random() < 0.3
    return partial(arena.world.judge, consignment, verdict, with_excursions=excursions)


def touched(arena: Arena, consignment: str) -> None:
    """A fact that nobody judged yet."""
    with psycopg.connect(arena.world.dsn) as connection:
        connection.execute("INSERT INTO touched (consignment_id) VALUES (%s)", (consignment,))


def redemption(arena: Arena, permit: dict[str, Any]) -> Callable[[], Any]:
    return arena.ask("/gate/permits/redeem", {"token": permit["token"]})


def question(arena: Arena, consignment: str, purpose: str, **fields: Any) -> Callable[[], Any]:
    body = {"consignment": consignment, "purpose": purpose} | fields
    return arena.ask("/gate/decisions", body)


def melee_at_dispatch(arena: Arena) -> None:
    """Questions, a hold, a recall, verdicts and papers of the logger, some of them at once."""
    lot = arena.lot()
    consignment = arena.world.consign(lines=[line(lot), line(arena.lot())])
    loggers = arena.world.get(f"/consignments/{consignment}/placements")["items"]
    path = f"/loggers/{loggers[0]['logger']}/admissions"
    moves = [
        hold(arena, lot),
        partial(recall, arena, lot),
        judged(arena, consignment),
        judged(arena, consignment),
        question(arena, consignment, "dispatch"),
        question(arena, consignment, "dispatch", partial=True),
        question(arena, consignment, RECEIPT),
        arena.ask(path, {"kind": "revoked", "reason": "race"}),
    ]
    chosen = arena.chance.sample(moves, arena.chance.randint(2, 5))
    answers = arena.at_once(question(arena, consignment, "dispatch", partial=True), *chosen)

    permits = [one for one in map(permit_of, answers) if one is not None]
    for permit in permits:
        arena.at_once(*(redemption(arena, permit) for _ in range(2)), hold(arena, lot))
        assert len(redemptions(arena, permit)) <= 1


def melee_at_receipt(arena: Arena) -> None:
    """Questions, signatures, verdicts, permits, facts and restrictions, some of them at once."""
    lot, policy = arena.lot(), arena.chance.choice(["on_request", "signed", "automatic"])
    consignment = arena.world.received(lines=[line(lot), line(arena.lot())], release_policy=policy)
    version = arena.world.judge(consignment, arena.chance.choice(["PASS", "HOLD"]))
    arena.world.wait_for_reactions()
    moves = [
        hold(arena, lot),
        partial(recall, arena, lot),
        partial(touched, arena, consignment),
        judged(arena, consignment),
        judged(arena, consignment),
        question(arena, consignment, RECEIPT),
        question(arena, consignment, RECEIPT, partial=True),
    ]
    moves += _of_people(arena, consignment, version)
    given = permit_of(question(arena, consignment, RECEIPT, partial=True)())
    if given is not None:
        moves += [redemption(arena, given) for _ in range(3)]
    answers = arena.at_once(*arena.chance.sample(moves, arena.chance.randint(3, 6)))

    for permit in filter(None, [given, *map(permit_of, answers)]):
        arena.at_once(*(redemption(arena, permit) for _ in range(2)), judged(arena, consignment))
        assert len(redemptions(arena, permit)) <= 1


def _of_people(arena: Arena, consignment: str, version: int) -> list[Callable[[], Any]]:
    """What people may do meanwhile, where anything waits for them."""
    body = {"decision": "release", "evaluation": version, "rationale": "race"}
    path = f"/consignments/{consignment}/dispositions"
    first = arena.ask(path, body | {"lines": [arena.chance.choice([1, 2])]})()
    moves = [arena.ask(path, body), arena.ask(path, body | {"lines": [1]})]
    if first.is_error:
        return moves
    approval = approval_of(arena.world, first.json())
    withdrawal = arena.ask(f"/approvals/{approval['id']}/withdrawal", {"reason": "race"})
    people = arena.people
    signers = [arena.elsewhere(one) for one in (people.qa, people.other_qa)]
    return [
        *moves,
        *(partial(sign, one, approval) for one in signers),
        partial(sign, signers[0], approval, meaning="rejected"),
        withdrawal,
    ]


def permit_of(answer: Any) -> dict[str, Any] | None:
    """The permit in an answer of the gate; None in any other."""
    if not hasattr(answer, "json") or answer.is_error:
        return None
    said = answer.json()
    permit: dict[str, Any] | None = said.get("permit") if "answer" in said else None
    return permit


def redemptions(arena: Arena, permit: dict[str, Any]) -> list[Any]:
    query = "SELECT redeemed_by FROM permit_redemption WHERE permit_id = %s"
    return arena.world.fetch(query, permit["id"])


def permit_is_used_by_many(arena: Arena) -> None:
    """One of them may, and the others are told why not."""
    consignment = arena.world.received(lots=(arena.lot(),))
    arena.world.judge(consignment)
    given = permit_of(question(arena, consignment, RECEIPT)())
    assert given is not None

    answers = arena.at_once(*(redemption(arena, given) for _ in range(6)))

    refused = [code(answer) for answer in answers if answer.is_error]
    assert refused == ["PERMIT_USED"] * 5
    assert len(redemptions(arena, given)) == 1


def request_comes_twice(arena: Arena) -> None:
    """With one key: one effect and one answer; with another body: refused."""
    consignment, key = arena.world.consign(lots=("A1",)), arena.world.name("key")
    same = arena.chance.random() < 0.5
    bodies = [{}, {}, {}] if same else [{}, {"partial": True}, {"partial": True}]

    answers = arena.at_once(*(_with_key(arena, consignment, key, fields) for fields in bodies))

    taken = {answer.content for answer in answers if answer.is_success}
    refused = [code(answer) for answer in answers if answer.is_error]
    decisions = arena.world.get(f"/consignments/{consignment}/decisions")["items"]
    assert len(taken) == len(decisions) == 1
    assert set(refused) == (set() if same else {"IDEMPOTENCY_KEY_REUSED"})


def _with_key(arena: Arena, consignment: str, key: str, fields: Any) -> Callable[[], Any]:
    body = {"consignment": consignment, "purpose": "dispatch"} | fields
    return arena.ask("/gate/decisions", body, Idempotency_Key=key)


def last_signatures_of_two_requests(arena: Arena) -> None:
    """About lines of one consignment: both are signed, and each line goes once."""
    consignment = arena.world.received(lots=(arena.lot(), arena.lot()))
    arena.world.judge(consignment, "HOLD")
    arena.world.wait_for_reactions()
    asked = [
        approval_of(arena.world, propose(arena.world, consignment, lines=[position]))
        for position in (1, 2)
    ]
    people = [arena.elsewhere(one) for one in (arena.people.qa, arena.people.other_qa)]

    answers = arena.at_once(
        *(partial(sign, one, approval) for one, approval in zip(people, asked, strict=True)),
        *(partial(sign, one, approval) for one, approval in zip(people, asked[::-1], strict=True)),
    )

    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    assert arena.world.states(consignment) == ["released", "released"]


def same_lines_are_proposed_twice(arena: Arena) -> None:
    """One proposal waits for signatures; the others are told that it does."""
    consignment = arena.world.received(lots=(arena.lot(), arena.lot()))
    arena.world.judge(consignment, "HOLD")
    arena.world.wait_for_reactions()
    body = {"decision": "release", "evaluation": 1, "rationale": "race"}
    path = f"/consignments/{consignment}/dispositions"

    answers = arena.at_once(
        *(arena.ask(path, body | {"lines": lines}) for lines in ([1], [1, 2], [1, 2], [2, 1]))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


def lot_is_told_of_in_many_consignments(arena: Arena) -> None:
    """Each word has the others of the lot judged again, and waits for none of them."""
    profile = arena.once("budget", arena.world.add_budget)
    lots = [arena.lot(), arena.lot()]
    budgeted = {"profile_id": profile, "profile_version": 1, "lots": (*lots,)}
    sent = [arena.world.consign(**budgeted) for _ in range(4)]
    told = {"kind": "departed", "happened_at": BEGIN.isoformat()}

    answers = arena.at_once(
        *(arena.ask(f"/consignments/{one}/events", told) for one in sent), hold(arena, lots[0])
    )

    assert [answer.status_code for answer in answers] == [201] * len(answers)
    touched_again = "SELECT 1 FROM touched WHERE consignment_id = ANY (%s)"
    assert len(arena.world.fetch(touched_again, sent)) == len(sent) ** 2


def consignments_of_one_lane_fail(arena: Arena) -> None:
    """Several react at once, to events on two vehicles that come in the opposite order."""
    plant, dsn = arena.plant, arena.world.dsn
    middle, destination = arena.world.name("middle"), arena.world.name("there")
    legs = [
        {"carrier": "truck", "origin": "here", "destination": middle, "vehicle": "v1"},
        {"carrier": "truck", "origin": middle, "destination": destination, "vehicle": "v2"},
    ]
    pair = [plant.consign(legs=legs) for _ in range(2)]
    handed_over = {"kind": "handed_over", "happened_at": (BEGIN + 150 * MINUTE).isoformat()}
    for consignment in pair:
        arena.world.post(f"/consignments/{consignment}/events", handed_over, party="truck")
    orders = [("HI_LABEL", "LO_LABEL"), ("LO_LABEL", "HI_LABEL")]

    arena.at_once(
        *(
            partial(_fail, dsn, consignment, order)
            for consignment, order in zip(pair, orders, strict=True)
        )
    )

    arena.world.wait_for_reactions()
    for consignment in pair:
        assert len(plant.deviations(consignment)) == len(orders)
    query = "SELECT trend_code FROM capa WHERE destination = %s ORDER BY trend_code"
    trends = arena.world.fetch(query, destination)
    assert len(trends) == len(set(trends)) == len(orders)


def _fail(dsn: str, consignment: str, order: tuple[str, ...]) -> None:
    with psycopg.connect(dsn) as connection:
        judge_on_record(connection, consignment, "FAIL")
        for number, rule in enumerate(order):
            event = excursion(consignment, start=200 * number, stop=200 * number + 50, rule=rule)
            connection.execute(
                "INSERT INTO excursion (evaluation_id, consignment_id, channel, rule_id, action,"
                " started_at, ended_at, start_bound, end_bound, lin_ms, hold_ms, upper_ms,"
                " peak_milli, peak_at, readings)"
                " SELECT max(id), %(consignment)s, %(channel)s, %(rule)s, %(action)s, %(start)s,"
                " %(stop)s, 'CROSS', 'CROSS', 0, 0, 0, %(peak)s, %(start)s, 1"
                " FROM evaluation WHERE consignment_id = %(consignment)s",
                event,
            )
    with connect(dsn, "coldgate_api") as connection:  # as a third process would
        limit_to(connection, None)
        react(connection, consignment)


GATE_RACES = (
    melee_at_dispatch,
    melee_at_receipt,
    permit_is_used_by_many,
    request_comes_twice,
    last_signatures_of_two_requests,
    same_lines_are_proposed_twice,
    lot_is_told_of_in_many_consignments,
    consignments_of_one_lane_fail,
)
