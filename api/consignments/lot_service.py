"""The stability budget of a lot over all its consignments (S36)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.consignments.lot_schemas import LotStability, Share, SpendView
from coldgate.storage import goods, stability, visibility

if TYPE_CHECKING:
    from api.caller import Caller
    from coldgate.storage.connection import Connection
    from coldgate.storage.stability import LedgerRow

WHOLE_PPB: Final = 10**9


def lot_stability(connection: Connection, caller: Caller, product: str, lot: str) -> LotStability:
    """What each consignment took of the budget, for whoever owns the product."""
    goods.product(connection, scope=caller.scope, product_id=product)
    goods.lot(connection, product, lot)
    with visibility.everything(connection):  # whoever carried the lot spent of its budget
        rows = stability.ledger(connection, product=product, lot=lot)
    return LotStability(product=product, lot=lot, items=[_spend(row) for row in rows])


def _spend(row: LedgerRow) -> SpendView:
    most = row.before_pessimistic_ppb + row.pessimistic_ppb
    return SpendView(
        serial=row.serial or None,
        consignment=row.consignment_id,
        evaluation_version=row.version,
        provisional=row.provisional,
        began_at=row.began_at,
        ended_at=row.ended_at,
        before=Share(
            optimistic_ppb=row.before_optimistic_ppb,
            measured_ppb=row.before_measured_ppb,
            pessimistic_ppb=row.before_pessimistic_ppb,
        ),
        here=Share(
            optimistic_ppb=row.optimistic_ppb,
            measured_ppb=row.measured_ppb,
            pessimistic_ppb=row.pessimistic_ppb,
        ),
        left_ppb=max(0, WHOLE_PPB - most),
        recorded_at=row.recorded_at,
    )
