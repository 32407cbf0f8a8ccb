"""Whether one evaluation is worse for a line of goods than another; pure.

Better or worse is decided by the verdict, then by excursions that need a signature, then by the
reasons: one that was not there, or one whose exposure has grown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coldgate.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What these say is no length of time; a signature stood for the figure that was shown.
WITH_FIGURE: Final = frozenset(
    {"MKT_EXCEEDED", "MKT_UNDECIDED", "BUDGET_EXCEEDED", "BUDGET_UNDECIDED"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The part of a consignment that a line is in."""

    zone: str
    product: str
    lot: str

    @property
    def key(self) -> str:
        """How an evaluation names the lot; a serial may follow."""
        return f"{self.product} {self.lot}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How far one reason goes in the best and the worst case, in ms; None: not a matter of time.

    ``figure`` is set for reasons that state another quantity, which their words hold.
    """

    optimistic_ms: int | None
    pessimistic_ms: int | None
    figure: str | None

    def grew(self, before: Exposure) -> bool:
        """Whether either bound is higher than before, or the figure is another one."""
        if self.figure != before.figure:
            return True
        pairs = (
            (self.optimistic_ms, before.optimistic_ms),
            (self.pessimistic_ms, before.pessimistic_ms),
        )
        return any(now is not None and (then is None or now > then) for now, then in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What an evaluation says of one line; ``exposures`` by code, rule and channel."""

    verdict: Verdict
    with_excursions: bool
    codes: frozenset[str]
    exposures: Mapping[tuple[str, str, str], Exposure]

    @property
    def is_clean(self) -> bool:
        """Whether the gate would let the line go without anybody's signature."""
        return self.verdict is Verdict.PASS and not self.with_excursions


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The parts of an evaluation that grades are made of, as they are stored.

    ``zones`` None is an evaluation from before zones were told apart; ``reasons`` are those of its
    body.
    """

    verdict: str
    with_excursions: bool
    reason_codes: tuple[str, ...]
    zones: Mapping[str, Mapping[str, object]] | None
    reasons: tuple[Mapping[str, object], ...]


def grade(judged: Judged, place: Place) -> Grade:
    """What ``judged`` says of the goods in ``place``; what it does not tell apart is for all."""
    exposures = _exposures(judged.reasons)
    zone = (judged.zones or {}).get(place.zone)
    if zone is None:
        return Grade(
            verdict=Verdict(judged.verdict),
            with_excursions=judged.with_excursions,
            codes=frozenset(judged.reason_codes),
            exposures=exposures,
        )
    parts = [zone, *_lots(zone, place)]
    codes = frozenset(code for part in parts for code in _words(part.get("reason_codes")))
    return Grade(
        verdict=max(
            (Verdict(str(part["verdict"])) for part in parts), key=lambda verdict: verdict.rank
        ),
        with_excursions=bool(zone.get("with_excursions")),
        codes=codes,
        exposures={key: value for key, value in exposures.items() if key[0] in codes},
    )


def worse(now: Grade, then: Grade) -> bool:
    """Whether goods that were let go on ``then`` must be stopped on ``now``."""
    if now.verdict.rank != then.verdict.rank:
        return now.verdict.rank > then.verdict.rank
    if now.with_excursions and not then.with_excursions:
        return True
    if now.codes - then.codes:
        return True
    return any(
        key not in then.exposures or exposure.grew(then.exposures[key])
        for key, exposure in now.exposures.items()
    )


def _lots(zone: Mapping[str, object], place: Place) -> list[Mapping[str, object]]:
    lots = zone.get("lots")
    if not isinstance(lots, dict):
        return []
    return [
        part
        for key, part in lots.items()
        if key == place.key or str(key).startswith(f"{place.key} ")
    ]


def _words(value: object) -> Iterable[str]:
    return [str(word) for word in value] if isinstance(value, list | tuple) else []


def _exposures(
    reasons: Iterable[Mapping[str, object]],
) -> dict[tuple[str, str, str], Exposure]:
    return {
        (str(reason["code"]), str(reason.get("rule") or ""), str(reason.get("channel") or "")): (
            Exposure(
                optimistic_ms=_whole(reason.get("optimistic_ms")),
                pessimistic_ms=_whole(reason.get("pessimistic_ms")),
                figure=str(reason.get("text")) if reason["code"] in WITH_FIGURE else None,
            )
        )
        for reason in reasons
    }


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
