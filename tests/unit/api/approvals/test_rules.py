"""Who may sign: laws of the rules, and the same answer as an oracle that tries everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from api.approvals.flow import Flow, Meaning, Signatory, Step
from api.approvals.rules import (
    Capacity,
    Case,
    Given,
    Loan,
    Outcome,
    Person,
    Refusal,
    capacity,
    progress,
)
from api.identity.rights import Role

OPENED: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
QA, APPROVER = Role.QA, Role.QA_APPROVER


def step(order: int = 1, *roles: Role, **fields: object) -> Step:
    plain = Step(
        order=order,
        roles=roles or (QA,),
        count=1,
        meanings=(Meaning.APPROVED,),
        limit=None,
        escalate_to=None,
        signatory=Signatory.CONSIGNOR,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # fields of whatever type


def case(*steps: Step, **fields: object) -> Case:
    flow = Flow(
        name="hold_lift", version=1, description="-", expires=None, excluded=(), steps=steps
    )
    plain = Case(
        flow=flow,
        party="maker",
        manufacturer=None,
        author=None,
        excluded=frozenset(),
        opened_at=OPENED,
        due_at=None,
        given=(),
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # fields of whatever type


def person(user: int, *roles: Role, party: str = "maker") -> Person:
    return Person(user=user, party=party, roles=frozenset(roles))


def signed(user: int, number: int = 1, **fields: object) -> Given:
    plain = Given(
        step=number, user=user, for_user=None, meaning=Meaning.APPROVED, signed_at=OPENED + HOUR
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # fields of whatever type


def lent(giver: Person, to_user: int, role: Role = QA) -> Loan:
    return Loan(
        delegation=1,
        giver=giver,
        to_user=to_user,
        role=role,
        valid_from=OPENED,
        valid_until=OPENED + 24 * HOUR,
    )


def test_steps_open_one_after_the_other() -> None:
    two = case(step(1), step(2, APPROVER))

    assert capacity(two, person(1, APPROVER), [], OPENED) is Refusal.NOT_ENTITLED
    after = replace(two, given=(signed(2),))
    assert capacity(after, person(1, APPROVER), [], OPENED) == Capacity(
        step=2, role=APPROVER, loan=None
    )


def test_steps_of_one_order_are_open_together_and_may_be_named() -> None:
    both = case(step(1, QA), step(1, QA, APPROVER))

    assert [one.number for one in progress(both, OPENED).open_steps] == [1, 2]
    assert capacity(both, person(1, QA), [], OPENED, step=2) == Capacity(step=2, role=QA, loan=None)


def test_two_signatures_are_two_people() -> None:
    two = case(step(1), step(2, QA), given=(signed(7),))

    assert capacity(two, person(7, QA, APPROVER), [], OPENED) is Refusal.ALREADY_SIGNED


def test_author_and_excluded_people_sign_in_no_capacity() -> None:
    guarded = case(step(), author=1, excluded=frozenset({2}))
    helper = person(3)

    assert capacity(guarded, person(1, QA), [], OPENED) is Refusal.AUTHOR
    assert capacity(guarded, person(2, QA), [], OPENED) is Refusal.EXCLUDED
    for user in (1, 2):
        assert capacity(guarded, helper, [lent(person(user, QA), 3)], OPENED) is Refusal(
            "NOT_ENTITLED"
        )


def test_rejection_ends_the_request() -> None:
    refused = case(step(1), step(2), given=(signed(1, meaning=Meaning.REJECTED),))

    assert progress(refused, OPENED).outcome is Outcome.REFUSED
    assert capacity(refused, person(2, QA), [], OPENED) is Refusal.CLOSED


def test_escalation_lets_another_role_sign_from_the_limit_on() -> None:
    limited = case(step(limit=HOUR, escalate_to=APPROVER))
    before = OPENED + HOUR - timedelta(microseconds=1)

    assert capacity(limited, person(1, APPROVER), [], before) is Refusal.NOT_ENTITLED
    assert isinstance(capacity(limited, person(1, APPROVER), [], OPENED + HOUR), Capacity)


def test_limit_of_a_later_step_runs_from_the_signature_before() -> None:
    later = case(step(1), step(2, limit=HOUR), given=(signed(1),))

    assert progress(later, OPENED).open_steps[0].overdue_at == OPENED + 2 * HOUR


def test_nobody_signs_from_the_moment_of_expiry() -> None:
    short = case(step(), due_at=OPENED + HOUR)

    assert progress(short, OPENED + HOUR).outcome is Outcome.EXPIRED
    assert capacity(short, person(1, QA), [], OPENED + HOUR) is Refusal.CLOSED


def test_role_is_lent_within_its_window_only() -> None:
    loan = lent(person(1, QA), 2)
    one = case(step())

    for moment, may in (
        (OPENED - timedelta(microseconds=1), False),
        (OPENED, True),
        (OPENED + 24 * HOUR - timedelta(microseconds=1), True),
        (OPENED + 24 * HOUR, False),
    ):
        assert isinstance(capacity(one, person(2), [loan], moment), Capacity) is may


def test_nobody_lends_a_role_that_was_taken_away() -> None:
    assert capacity(case(step()), person(2), [lent(person(1), 2)], OPENED) is Refusal.NOT_ENTITLED


def test_lender_and_delegate_count_once_each() -> None:
    two = case(step(1), step(2), given=(signed(2, for_user=1),))

    assert capacity(two, person(1, QA), [], OPENED) is Refusal.REPRESENTED
    again = lent(person(1, QA), 3)
    assert capacity(two, person(3), [again], OPENED) is Refusal.NOT_ENTITLED


def test_manufacturers_step_is_for_its_own_people() -> None:
    theirs = case(step(signatory=Signatory.MANUFACTURER), manufacturer="lab")

    assert capacity(theirs, person(1, QA), [], OPENED) is Refusal.NOT_ENTITLED
    assert isinstance(capacity(theirs, person(1, QA, party="lab"), [], OPENED), Capacity)


ROLES: Final = st.frozensets(st.sampled_from([QA, APPROVER]))
MINUTES: Final = st.integers(0, 5).map(lambda n: OPENED + n * MINUTE)


@st.composite
def flows(draw: st.DrawFn) -> tuple[Step, ...]:
    orders = draw(st.lists(st.integers(0, 1), min_size=1, max_size=3))
    steps, order = [], 1
    for index, more in enumerate(orders):
        order += more if index else 0
        roles = draw(st.sampled_from([(QA,), (APPROVER,), (QA, APPROVER)]))
        limit = draw(st.sampled_from([None, timedelta(minutes=2)]))
        escalate = APPROVER if limit and roles == (QA,) and draw(st.booleans()) else None
        signatory = draw(st.sampled_from(list(Signatory)))
        count = draw(st.integers(1, 2))
        more_fields = {"limit": limit, "escalate_to": escalate, "signatory": signatory}
        steps.append(step(order, *roles, count=count, **more_fields))
    return tuple(steps)


@st.composite
def signatures(draw: st.DrawFn, steps: tuple[Step, ...]) -> tuple[Given, ...]:
    """A history as it can come about: whole orders first, everybody once."""
    places = [number for number, one in enumerate(steps, 1) for _ in range(one.count)]
    users = draw(st.permutations([1, 2, 3, 4]))
    made = draw(st.integers(0, min(len(places), 3)))
    rejected = draw(st.booleans()) and draw(st.booleans())
    given_ones = []
    for index in range(made):
        meaning = Meaning.REJECTED if rejected and index == made - 1 else Meaning.APPROVED
        for_user = draw(st.sampled_from([None, 5]))
        moment = OPENED + timedelta(minutes=index)
        given_ones.append(
            signed(
                users[index], places[index], for_user=for_user, meaning=meaning, signed_at=moment
            )
        )
    return tuple(given_ones)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    steps = draw(flows())
    return case(
        *steps,
        manufacturer=draw(st.sampled_from([None, "maker", "maker", "lab"])),
        author=draw(st.sampled_from([None, None, 1, 5])),
        excluded=draw(st.sampled_from([frozenset(), frozenset({2}), frozenset({6})])),
        due_at=draw(st.sampled_from([None, OPENED + timedelta(minutes=4)])),
        given=draw(signatures(steps)),
    )


PARTIES: Final = st.sampled_from(["maker", "maker", "maker", "lab"])
PEOPLE: Final = st.builds(Person, user=st.integers(1, 5), party=PARTIES, roles=ROLES)


@st.composite
def loans_to(draw: st.DrawFn, who: Person) -> list[Loan]:
    """Loans most of which are nearly good: to this person, by a colleague, about now."""
    return [
        Loan(
            delegation=number,
            giver=Person(
                user=draw(st.integers(1, 6)),
                party=draw(st.sampled_from([who.party] * 3 + ["maker", "lab"])),
                roles=draw(st.sampled_from([frozenset({QA}), frozenset({QA, APPROVER})])),
            ),
            to_user=draw(st.sampled_from([who.user] * 3 + [1, 2])),
            role=draw(st.sampled_from([QA, APPROVER])),
            valid_from=OPENED + draw(st.integers(0, 3)) * MINUTE,
            valid_until=OPENED + draw(st.integers(3, 6)) * MINUTE,
        )
        for number in range(draw(st.integers(0, 2)))
    ]


@st.composite
def askings(draw: st.DrawFn) -> tuple[Case, Person, list[Loan], datetime]:
    """A request, somebody who would sign it, what they were lent, and when."""
    who = draw(PEOPLE)
    return draw(cases()), who, draw(loans_to(who)), draw(MINUTES)


def everything_allowed(
    asked: Case, who: Person, loans: list[Loan], now: datetime
) -> set[tuple[int, Role, int | None]]:
    """Every (step, role, lender) that the text of the rules allows, found by trying them all."""
    used = [user for one in asked.given for user in (one.user, one.for_user)]
    closed = any(one.meaning is Meaning.REJECTED for one in asked.given) or (
        asked.due_at is not None and asked.due_at <= now
    )
    if closed or who.user in {*used, asked.author, *asked.excluded}:
        return set()
    allowed = set()
    lenders: list[Loan | None] = [None, *loans]
    numbers = range(1, len(asked.flow.steps) + 1)
    for number, role, loan in product(numbers, (QA, APPROVER), lenders):
        if may(asked, number, role, who, loan, now):
            allowed.add((number, role, loan.giver.user if loan else None))
    return allowed


def may(
    asked: Case, number: int, role: Role, who: Person, loan: Loan | None, now: datetime
) -> bool:
    one = asked.flow.steps[number - 1]
    counts = [sum(g.step == n for g in asked.given) for n in range(1, len(asked.flow.steps) + 1)]
    full = [count >= at.count for count, at in zip(counts, asked.flow.steps, strict=True)]
    earlier = [n for n, at in enumerate(asked.flow.steps) if at.order < one.order]
    if full[number - 1] or not all(full[n] for n in earlier):
        return False
    began = max([asked.opened_at] + [g.signed_at for g in asked.given if g.step - 1 in earlier])
    late = one.limit is not None and began + one.limit <= now
    if role not in one.roles and not (late and role is one.escalate_to):
        return False
    if who.party != (
        asked.manufacturer if one.signatory is Signatory.MANUFACTURER else asked.party
    ):
        return False
    if loan is None:
        return role in who.roles
    giver = loan.giver
    busy = {asked.author, *asked.excluded}
    busy |= {user for g in asked.given for user in (g.user, g.for_user)}
    return all(
        (
            loan.to_user == who.user,
            loan.role is role,
            role in giver.roles,
            giver.party == who.party,
            giver.user not in busy,
            loan.valid_from <= now,
            now < loan.valid_until,
        )
    )


@settings(max_examples=500)
@given(askings())
def test_rules_allow_what_trying_everything_allows(
    asking: tuple[Case, Person, list[Loan], datetime],
) -> None:
    asked, who, loans, now = asking
    allowed = everything_allowed(asked, who, loans, now)

    for number in (None, 1, 2, 3):
        here = {way for way in allowed if number in {None, way[0]}}
        found = capacity(asked, who, loans, now, step=number)
        if isinstance(found, Capacity):
            lender = found.loan.giver.user if found.loan else None
            assert (found.step, found.role, lender) in here
        else:
            assert not here


@given(cases(), MINUTES)
def test_granted_means_every_step_has_its_people(asked: Case, now: datetime) -> None:
    people = {one.user for one in asked.given}
    complete = all(
        sum(g.step == number for g in asked.given) == one.count
        for number, one in enumerate(asked.flow.steps, 1)
    )
    refused = any(one.meaning is Meaning.REJECTED for one in asked.given)

    outcome = progress(asked, now).outcome
    assert (outcome is Outcome.GRANTED) == (complete and not refused)
    assert outcome is not Outcome.GRANTED or len(people) == asked.flow.people


def test_time_of_a_step_does_not_begin_anew_with_its_first_signature() -> None:
    pair = case(step(1, count=2, limit=HOUR), given=(signed(1),))

    assert progress(pair, OPENED).open_steps[0].overdue_at == OPENED + HOUR
