"""Products and lots."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.consignments.expiry import parse_expiry
from api.consignments.goods_schemas import (
    LotIn,
    LotList,
    LotView,
    ProductView,
)
from api.consignments.travel_service import allow_profile
from api.schemas import Page, page_of
from coldgate.storage import goods
from coldgate.storage.goods import NewProduct

if TYPE_CHECKING:
    from api.caller import Caller
    from api.consignments.goods_schemas import Identification, ProductIn
    from coldgate.storage.connection import Connection
    from coldgate.storage.goods import ProductRow


def add_product(connection: Connection, caller: Caller, new: ProductIn) -> ProductView:
    """Register an article of the caller, or for the operator of the party named, with profiles."""
    row = goods.insert_product(
        connection,
        NewProduct(
            id=new.id,
            party=caller.acting_for(new.party),
            name=new.name,
            gtin=new.gtin,
            hibc=new.hibc,
            scan_required=new.scan_required,
            freeze_sensitive=new.freeze_sensitive,
            shock_sensitive=new.shock_sensitive,
        ),
    )
    caller.record(connection, "product.added", row.id, name=row.name, **_names(row))
    for profile in new.profiles:
        allow_profile(connection, caller, row.id, profile)
    return ProductView.model_validate(row)


def identify_product(
    connection: Connection, caller: Caller, product: str, new: Identification
) -> ProductView:
    """Say how an article is named on its labels; scans are compared with it from now on."""
    goods.product(connection, scope=caller.scope, product_id=product)
    row = goods.identify_product(
        connection, product, gtin=new.gtin, hibc=new.hibc, scan_required=new.scan_required
    )
    caller.record(connection, "product.identified", product, **_names(row))
    return ProductView.model_validate(row)


def list_products(
    connection: Connection, caller: Caller, *, after: str, limit: int
) -> Page[ProductView]:
    """The caller's articles."""
    rows = goods.products(connection, scope=caller.scope, after=after, limit=limit)
    return page_of(ProductView, rows, limit=limit)


def add_lot(connection: Connection, caller: Caller, product: str, new: LotIn) -> LotView:
    """Register a batch of one of the caller's articles."""
    goods.product(connection, scope=caller.scope, product_id=product)
    expires_on = parse_expiry(new.expires_on, today=datetime.now(UTC).date())
    row = goods.insert_lot(connection, product_id=product, number=new.number, expires_on=expires_on)
    subject = f"{product}/{new.number}"
    caller.record(connection, "lot.added", subject, expires_on=expires_on.isoformat())
    return LotView.model_validate(row)


def list_lots(connection: Connection, caller: Caller, product: str) -> LotList:
    """Batches of one of the caller's articles."""
    goods.product(connection, scope=caller.scope, product_id=product)
    return LotList(items=[LotView.model_validate(row) for row in goods.lots(connection, product)])


def _names(row: ProductRow) -> dict[str, object]:
    return {"gtin": row.gtin, "hibc": row.hibc, "scan_required": row.scan_required}
