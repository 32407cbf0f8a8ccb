"""What may be done, and which roles may do it; data, not code."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Right(Enum):
    """One kind of thing that a request does; a route names one."""

    READ = "read"
    DEVICES = "devices"  # gateways and loggers
    GOODS = "goods"  # products, lots and documents
    SHIP = "ship"  # consignments, placements, events, seals and scans
    GATE = "gate"  # ask whether goods may leave or be used
    QUALITY = "quality"  # deviations, CAPA, holds and comments
    CONFIGURE = "configure"  # what the gate compares with: profiles, certificates, flows and so on
    SIGN = "sign"  # people only: a key never signs
    ADMIN = "admin"  # parties, users and keys: the operator's


class Role(Enum):
    """What a user is to its party."""

    OPERATOR = "operator"
    QA = "qa"
    QA_APPROVER = "qa_approver"
    CARRIER = "carrier"
    CUSTOMER = "customer"
    INTEGRATOR = "integrator"


_QUALITY: Final = frozenset(Right) - {Right.ADMIN}

# The operator runs the installation and signs nothing, unless it is QA as well.
ROLE_RIGHTS: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.OPERATOR: frozenset(Right) - {Right.SIGN},
        Role.QA: _QUALITY,
        Role.QA_APPROVER: _QUALITY,
        Role.CARRIER: frozenset({Right.READ, Right.DEVICES, Right.SHIP, Right.GATE}),
        Role.CUSTOMER: frozenset({Right.READ, Right.SHIP, Right.GATE}),
        Role.INTEGRATOR: frozenset({Right.READ, Right.GOODS, Right.SHIP, Right.GATE}),
    }
)
KEY_RIGHTS: Final = frozenset(Right) - {Right.SIGN, Right.ADMIN}
OPERATOR_KEY_RIGHTS: Final = KEY_RIGHTS | {Right.ADMIN}


def rights_of_roles(roles: Iterable[Role]) -> frozenset[Right]:
    """What a user with these roles may do."""
    return frozenset().union(*(ROLE_RIGHTS[role] for role in roles))


def rights_of_key(scopes: Iterable[Right] | None, *, operator: bool) -> frozenset[Right]:
    """What a key with these scopes may do; None is all that a key of its party may."""
    most = OPERATOR_KEY_RIGHTS if operator else KEY_RIGHTS
    return most if scopes is None else most & frozenset(scopes)
