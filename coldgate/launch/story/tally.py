"""Counts what the server has committed, from the API's raw points alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from coldgate.instant import from_epoch_ms
from coldgate.launch.client import Answer
from coldgate.launch.screen import Course

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coldgate.launch.client import ApiClient

MOST_POINTS: Final = 10_000


class _Points(Answer):
    points: list[tuple[int, int, int]]


@dataclass(slots=True, kw_only=True)
class Tally:
    """Committed temperature readings of some loggers; each look fetches only what is new.

    Gateways deliver each logger in the order of its readings, so what comes late comes behind.
    """

    client: ApiClient
    consignment: str
    serials: Sequence[str]
    expected: int
    _counts: dict[str, int] = field(default_factory=dict)
    _last_ms: dict[str, int] = field(default_factory=dict)

    async def look(self) -> Course:
        """How far the consignment has come by now."""
        for serial in self.serials:
            await self._advance(serial)
        last_ms = max(self._last_ms.values(), default=None)
        return Course(
            committed=sum(self._counts.values()),
            expected=self.expected,
            taken_at=None if last_ms is None else from_epoch_ms(last_ms),
        )

    async def _advance(self, serial: str) -> None:
        path = f"/consignments/{self.consignment}/readings"
        query: dict[str, str | int] = {"serial": serial, "limit": MOST_POINTS}
        if serial in self._last_ms:
            query["after"] = self._last_ms[serial]
        points = (await self.client.get(path, _Points, **query)).points
        if points:
            self._counts[serial] = self._counts.get(serial, 0) + len(points)
            self._last_ms[serial] = points[-1][0]
