"""Who may do what: declared on every route, data for every role."""

from __future__ import annotations

from typing import Final

import pytest
from fastapi.routing import APIRoute

from api.app import ROUTERS
from api.deps import Needs
from api.identity.rights import (
    KEY_RIGHTS,
    OPERATOR_KEY_RIGHTS,
    ROLE_RIGHTS,
    Right,
    Role,
    rights_of_key,
    rights_of_roles,
)

# Nobody is known yet when these are asked: they find out who asks.
OPEN: Final = {
    ("POST", "/v1/session"),
    ("POST", "/v1/password"),
    ("GET", "/v1/oidc/login"),
    ("GET", "/v1/oidc/callback"),
}


def declared(route: APIRoute) -> list[Needs]:
    return [
        marker.dependency for marker in route.dependencies if isinstance(marker.dependency, Needs)
    ]


def test_every_route_declares_one_right_except_those_that_find_out_who_asks() -> None:
    routes = [route for router in ROUTERS for route in router.routes]
    assert all(isinstance(route, APIRoute) for route in routes)

    without = {
        (method, route.path)
        for route in routes
        if isinstance(route, APIRoute) and len(declared(route)) != 1
        for method in route.methods
    }
    assert without == OPEN
    assert len(routes) > 40


def test_keys_never_sign_and_only_the_operators_administers() -> None:
    assert Right.SIGN not in OPERATOR_KEY_RIGHTS
    assert Right.ADMIN not in KEY_RIGHTS
    assert rights_of_key(None, operator=True) == OPERATOR_KEY_RIGHTS
    assert rights_of_key(None, operator=False) == KEY_RIGHTS


@pytest.mark.parametrize("scope", list(Right))
def test_scope_narrows_a_key_and_never_widens_it(scope: Right) -> None:
    assert rights_of_key([scope], operator=False) == {scope} & KEY_RIGHTS


def test_only_quality_people_sign() -> None:
    signers = {role for role in Role if Right.SIGN in ROLE_RIGHTS[role]}

    assert signers == {Role.QA, Role.QA_APPROVER}


def test_only_the_operator_administers() -> None:
    assert {role for role in Role if Right.ADMIN in ROLE_RIGHTS[role]} == {Role.OPERATOR}


def test_rights_of_several_roles_add_up_and_of_none_are_none() -> None:
    both = rights_of_roles([Role.OPERATOR, Role.QA])

    assert both == frozenset(Right)
    assert rights_of_roles([]) == frozenset()


def test_every_role_reads() -> None:
    assert all(Right.READ in ROLE_RIGHTS[role] for role in Role)
