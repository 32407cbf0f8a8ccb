"""What an evaluation says of the harm that was done, as a deviation keeps it; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from coldgate.storage.deviations import SpendRow
    from coldgate.storage.reactions import EventRow

FREEZING: Final = "FAIL_IF_FREEZE_SENSITIVE"
FREEZING_MILLI: Final = 0  # m°C, S23


def impact(
    body: Mapping[str, object], events: Sequence[EventRow], spent: Iterable[SpendRow]
) -> dict[str, object]:
    """Severity, MKT, freezing and what is left of each lot's budget, as plain values."""
    return {
        "severity": body.get("severity"),
        "mkt": [_mkt(channel) for channel in _items(body, "channels") if channel.get("kinetic")],
        "freezing": _freezing(events),
        "budgets": [_budget(row) for row in spent],
    }


def reasons(body: Mapping[str, object]) -> tuple[Mapping[str, object], ...]:
    """The reasons behind the verdict, as they stand in the evaluation."""
    return tuple(_items(body, "reasons"))


def _items(body: Mapping[str, object], name: str) -> list[dict[str, object]]:
    listed = body.get(name)
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _mkt(channel: Mapping[str, object]) -> dict[str, object]:
    kinetic = channel["kinetic"]
    found = dict(kinetic) if isinstance(kinetic, dict) else {}
    names = ("limit_milli", "finding", "mkt", "start_ms", "end_ms", "short")
    return {"channel": channel.get("channel"), **{name: found.get(name) for name in names}}


def _freezing(events: Iterable[EventRow]) -> dict[str, object]:
    """Whether any event was at or below the freezing point, and which (S23)."""
    frozen = [
        event
        for event in events
        if event.action == FREEZING
        or (event.symbol == "T" and event.side == "low" and event.peak_milli <= FREEZING_MILLI)
    ]
    return {
        "found": bool(frozen),
        "excursions": [event.id for event in frozen],
        "lowest_milli": min((event.peak_milli for event in frozen), default=None),
    }


def _budget(row: SpendRow) -> dict[str, object]:
    """Billionths of the budget: spent before, and with this consignment."""
    before = (row.before_optimistic_ppb, row.before_measured_ppb, row.before_pessimistic_ppb)
    here = (row.optimistic_ppb, row.measured_ppb, row.pessimistic_ppb)
    bounds = ("optimistic_ppb", "measured_ppb", "pessimistic_ppb")
    return {
        "product": row.product_id,
        "lot": row.lot_number,
        "serial": row.serial,
        "before": dict(zip(bounds, before, strict=True)),
        "after": {
            name: earlier + now for name, earlier, now in zip(bounds, before, here, strict=True)
        },
    }
