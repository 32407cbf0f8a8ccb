"""What products demand of those who move them; who owns the product says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.documents.schemas import RequirementList, RequirementView
from coldgate.errors import NotFoundError
from coldgate.storage import documents, goods
from coldgate.storage.documents import NewRequirement

if TYPE_CHECKING:
    from api.caller import Caller
    from api.documents.schemas import RequirementIn
    from coldgate.storage.connection import Connection


def add_requirement(
    connection: Connection, caller: Caller, product: str, new: RequirementIn
) -> RequirementView:
    """Demand a document; consignments that are on their way need it as well."""
    goods.product(connection, scope=caller.scope, product_id=product)
    row = documents.insert_requirement(
        connection,
        NewRequirement(
            product=product,
            kind=new.kind,
            per=new.per.value,
            purpose=new.purpose.value,
            signed=new.signed,
        ),
    )
    facts = new.model_dump(mode="json")
    caller.record(connection, "requirement.added", product, requirement=row.id, **facts)
    return RequirementView.model_validate(row)


def list_requirements(connection: Connection, _caller: Caller, product: str) -> RequirementList:
    """What the product demands, for who owns it or has a part in moving it."""
    if not documents.sees_product(connection, product):
        raise NotFoundError("product", product)
    rows = documents.requirements(connection, product)
    return RequirementList(items=[RequirementView.model_validate(row) for row in rows])


def remove_requirement(
    connection: Connection, caller: Caller, product: str, requirement: int
) -> RequirementView:
    """Demand it no longer."""
    goods.product(connection, scope=caller.scope, product_id=product)
    row = documents.remove_requirement(connection, product, requirement)
    caller.record(connection, "requirement.removed", product, requirement=row.id)
    return RequirementView.model_validate(row)
