"""Who may say what about a journey, and until when; pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from api.identity.rights import Right
from coldgate.errors import ConflictError, ForbiddenError
from coldgate.model import EventKind, ReleasePolicy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from api.caller import Caller
    from api.consignments.schemas import EventIn
    from coldgate.storage.consignments import ConsignmentRow, EventRow

CLOCK_TOLERANCE: Final = timedelta(minutes=5)  # S3: a stamp further ahead is not believed
JOURNEY_ENDS: Final = frozenset({EventKind.RECEIVED, EventKind.OPENED})
_FROM_LOOSE_TO_STRICT: Final = tuple(ReleasePolicy)


def answers_for_goods(caller: Caller, consignment: ConsignmentRow) -> bool:
    """Whether the caller may take evidence back: the consignor, or the operator for it."""
    return caller.is_operator or caller.party == consignment.consignor_id


def tells_in_hindsight(caller: Caller, consignment: ConsignmentRow) -> bool:
    """Whether the caller may tell later what changes what is judged: QA of who answers (S7)."""
    return answers_for_goods(caller, consignment) and Right.QUALITY in caller.rights


def require_may_loosen(
    caller: Caller,
    policy: ReleasePolicy,
    standing: ReleasePolicy = ReleasePolicy.ON_REQUEST,
) -> None:
    """Return unless goods were let go more easily than stands, by who may not configure that."""
    looser = _FROM_LOOSE_TO_STRICT.index(policy) < _FROM_LOOSE_TO_STRICT.index(standing)
    if looser and Right.QUALITY not in caller.rights:
        caller.require(Right.CONFIGURE)


def require_tellable(
    caller: Caller,
    consignment: ConsignmentRow,
    new: EventIn,
    told: Iterable[EventRow],
    now: datetime,
    *,
    left: bool,
) -> None:
    """Return for an event that has happened, and that the caller may tell of now.

    What lies outside of a journey is not judged (S7). So its carrier does not end it; where it
    begins and ends is told as it happens, the beginning before the goods ``left`` by the gate, or
    in hindsight by QA of who answers for them; and it does not end before what else was told of it.
    """
    if new.happened_at > now + CLOCK_TOLERANCE:
        raise ConflictError("EVENT_IN_FUTURE", "an event is recorded when it has happened")
    if new.kind not in JOURNEY_ENDS | {EventKind.PACKED}:
        return
    ends = new.kind in JOURNEY_ENDS
    takes_them = caller.party == consignment.consignee_id
    if ends and not (takes_them or answers_for_goods(caller, consignment)):
        raise ForbiddenError("CARRIER_CANNOT_RECEIVE", "consignor or consignee record this event")
    in_hindsight = new.happened_at < now - CLOCK_TOLERANCE or (left and not ends)
    if in_hindsight and not tells_in_hindsight(caller, consignment):
        words = "later than it happened only QA of the consignor tells this; tell it as of now"
        raise ConflictError("TOLD_IN_HINDSIGHT", words)
    if ends:
        _require_last(new, told)


def require_placed_in_time(placed_at: datetime, now: datetime) -> None:
    """Return unless a logger would speak of hours of a journey in which nobody told of it.

    Where another one fell silent, it would close the gap by word of mouth.
    """
    if placed_at < now - CLOCK_TOLERANCE:
        words = (
            "after departure a logger is placed as it happens, or in hindsight by QA; place it now"
        )
        raise ConflictError("TOLD_IN_HINDSIGHT", words)


def _require_last(new: EventIn, told: Iterable[EventRow]) -> None:
    """Return if nothing else happened later, but for clocks of parties that differ."""
    ends = {kind.value for kind in JOURNEY_ENDS}
    latest = new.happened_at + CLOCK_TOLERANCE
    later = [event.kind for event in told if event.kind not in ends and event.happened_at > latest]
    if later:
        words = f"the goods are said to have been {later[0]} later than that"
        raise ConflictError("ENDED_TOO_EARLY", words)
