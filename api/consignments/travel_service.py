"""By which profiles goods of a product may travel; who owns the product says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.consignments.goods_schemas import TravelList, TravelView
from api.consignments.profile_service import resolve
from api.identity.rights import Right
from coldgate.errors import NotFoundError
from coldgate.storage import documents, goods, product_profiles

if TYPE_CHECKING:
    from api.caller import Caller
    from api.consignments.goods_schemas import ProfileWithdrawalIn
    from api.consignments.schemas import ProfileRef
    from coldgate.storage.connection import Connection


def allow_profile(
    connection: Connection, caller: Caller, product: str, chosen: ProfileRef
) -> TravelView:
    """Let goods of the product travel by the profile, from the version that is meant on."""
    caller.require(Right.CONFIGURE)  # asked here as well, for products are registered without it
    goods.product(connection, scope=caller.scope, product_id=product)
    profile = resolve(connection, chosen)
    row = product_profiles.state(connection, product, profile, stated_by=caller.actor)
    facts = {"statement": row.id, "profile": profile.id, "version": profile.version}
    caller.record(connection, "product_profile.allowed", product, **facts)
    return TravelView.model_validate(row)


def list_profiles(connection: Connection, _caller: Caller, product: str) -> TravelList:
    """What was stated, for who owns the product or has a part in moving it."""
    if not documents.sees_product(connection, product):
        raise NotFoundError("product", product)
    rows = product_profiles.statements(connection, product)
    return TravelList(items=[TravelView.model_validate(row) for row in rows])


def withdraw_profile(
    connection: Connection, caller: Caller, product: str, statement: int, why: ProfileWithdrawalIn
) -> TravelView:
    """Let them travel by it no longer; what is on its way stops where the gate is asked next."""
    goods.product(connection, scope=caller.scope, product_id=product)
    row = product_profiles.withdraw(
        connection, product, statement, reason=why.reason, withdrawn_by=caller.actor
    )
    facts = {"statement": row.id, "reason": why.reason}
    caller.record(connection, "product_profile.withdrawn", product, **facts)
    return TravelView.model_validate(row)
