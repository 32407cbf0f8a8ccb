"""Last days of use that were registered wrong, or are others by now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.consignments.expiry import parse_expiry
from api.consignments.goods_schemas import CorrectionList, CorrectionView
from api.restrictions.effects import tell_holders
from coldgate.errors import ConflictError
from coldgate.storage import goods, restrictions
from coldgate.storage.goods import NewCorrection
from coldgate.storage.visibility import everything

if TYPE_CHECKING:
    from api.caller import Caller
    from api.consignments.goods_schemas import CorrectionIn
    from coldgate.storage.connection import Connection
    from coldgate.storage.goods import CorrectionRow


def correct_lot(
    connection: Connection, caller: Caller, product: str, lot: str, new: CorrectionIn
) -> CorrectionView:
    """Have a batch of the caller's article end on another day, and tell everybody who holds some.

    What is released stays so, and no permit for it opens the gate once the day is past.
    """
    goods.product(connection, scope=caller.scope, product_id=product)
    with everything(connection):
        restrictions.hold_still(connection, product=product, lot=lot)
    expires_on = parse_expiry(new.expires_on, today=datetime.now(UTC).date())
    if goods.lot(connection, product, lot).expires_on == expires_on:
        raise ConflictError("SAME_DATE", f"the lot ends on {expires_on.isoformat()} already")
    row = goods.correct_lot(
        connection,
        NewCorrection(
            product=product,
            number=lot,
            expires_on=expires_on,
            reason=new.reason,
            actor=caller.actor,
        ),
    )
    _tell(connection, caller, row)
    return CorrectionView.model_validate(row)


def list_corrections(
    connection: Connection, caller: Caller, product: str, lot: str
) -> CorrectionList:
    """What was said before of the end of a batch, for whoever owns the product."""
    goods.product(connection, scope=caller.scope, product_id=product)
    goods.lot(connection, product, lot)
    rows = goods.corrections(connection, product, lot)
    return CorrectionList(items=[CorrectionView.model_validate(row) for row in rows])


def _tell(connection: Connection, caller: Caller, row: CorrectionRow) -> None:
    facts = {
        "product": row.product_id,
        "lot": row.number,
        "expired_on": row.expired_on.isoformat(),
        "expires_on": row.expires_on.isoformat(),
        "reason": row.reason,
    }
    with everything(connection):  # others under whose articles it travels, and who carries it
        lines = goods.bound_lines(connection, row.product_id, row.number)
    tell_holders(connection, "lot.corrected", facts, lines, to_others={})
    caller.record(connection, "lot.corrected", f"{row.product_id}/{row.number}", **facts)
