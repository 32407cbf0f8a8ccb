"""What a decision is made from: frozen values, read under the consignment's lock.

Words of the database stay text where a rule compares them: a word that nobody knows must hold the
goods, and be shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Self

from pydantic import InstanceOf

from coldgate.model import Purpose
from coldgate.storage.consignments import ProfileKey
from coldgate.storage.documents import Demand
from coldgate.udi.standing import ScanStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line with what is registered of its lot; ``expires_on`` is None where nothing is.

    ``registered`` by its consignor or the operator, or by a manufacturer from whom it has come.
    ``min_days`` must be left of its life for this consignee, None where nothing was agreed.
    """

    position: int
    product_id: str
    lot_number: str
    quantity: int
    zone: str
    serials: tuple[str, ...] | None
    state: str
    registered: bool
    expires_on: date | None
    min_days: int | None
    agreement_id: int | None

    @property
    def lot(self) -> str:
        """The lot as people name it."""
        return f"{self.product_id}/{self.lot_number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """A hold, a recall, a blocking CAPA or a refusal that is open, and the lines that it meets.

    ``id`` and ``placed_by`` are None, and ``reference`` empty, where it is on an article of others
    that carries the same number: nothing more is told of it. ``homeward`` goods go to whoever
    settles it.
    """

    id: int | None
    kind: str
    product_id: str
    lot_number: str
    reference: str
    placed_by: str | None
    positions: tuple[int, ...]
    homeward: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductWord:
    """Whether goods of a product may travel by the consignment's profile, by its owner's word."""

    product_id: str
    allowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A carrier of a leg, and what those who vouch for the goods say of it."""

    carrier_id: str
    standing: str
    qualification_id: int | None
    valid_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logger:
    """A logger beside the goods; ``calibrated`` speaks of the journey from now to its plan."""

    placement_id: int
    logger_id: int
    serial: str
    zone: str
    watches: bool  # it is still there
    admission_id: int | None
    passed: bool
    kind: str | None
    calibrated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Units of a line that passed since it took this step, or were never let go before."""

    position: int
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Another consignment of a lot, with facts that may be about units which came from there.

    The judge has yet to look at them. Not everybody who hears of the lot may hear of it.
    """

    product_id: str
    lot_number: str
    consignment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedOn:
    """What somebody told of the goods for after the end of their journey; UTC."""

    kind: str
    happened_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartWord:
    """What the judge said of a part of the goods, as it was stored."""

    verdict: str
    reason_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneWord(PartWord):
    """What the judge said of a zone, and apart from it of lots or units there."""

    with_excursions: bool
    lots: Mapping[str, PartWord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The newest evaluation; None for ``reason_codes`` and ``zones`` where it does not tell."""

    id: int
    version: int
    verdict: str
    provisional: bool
    with_excursions: bool
    profile_id: str
    profile_version: int
    reason_codes: tuple[str, ...] | None = None
    zones: Mapping[str, ZoneWord] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What became of verifying the messages behind an evaluation."""

    evaluation_id: int
    messages: int
    broken: int
    unsigned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """How far the ledger was verified; ``broken`` says what does not hold."""

    verified_upto: int
    broken: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """A signed decision of QA to release lines in spite of what one evaluation says."""

    id: int
    positions: tuple[int, ...]
    evaluation_id: int
    approval_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that a decision is made from; ``lines`` are those that were asked about.

    ``profile_from`` and ``profile_until`` are None where they do not matter (any more).
    """

    purpose: Purpose
    consignment: str
    consignor_id: str
    consignee_id: str
    carrier_ids: tuple[str, ...]
    release_policy: str
    planned_arrival_at: datetime | None
    received_at: datetime | None
    moved_on: MovedOn | None
    profile_id: str | None
    profile_version: int | None
    profile_from: date | None
    profile_until: date | None
    now: datetime  # by the database's clock, UTC
    under_way: bool  # somebody told of more than that the goods were packed
    taken: tuple[Taken, ...]
    permits: int  # given so far, to whomever
    accepts_unsigned: bool
    unjudged: int
    elsewhere: tuple[Elsewhere, ...]
    lines: tuple[Line, ...]
    restrictions: tuple[Restriction, ...]
    profiles: tuple[ProductWord, ...]
    demands: tuple[Demand, ...]
    carriers: tuple[Carrier, ...]
    loggers: tuple[Logger, ...]
    scans: InstanceOf[ScanStanding]  # made of the rows elsewhere
    judgement: Judgement | None
    failures: tuple[Judgement, ...]  # older ones that failed, one for each way
    audit: Audit | None
    ledger: LedgerState | None
    dispositions: tuple[Disposition, ...]

    @property
    def today(self) -> date:
        """The day in UTC."""
        return self.now.date()

    @property
    def profile(self) -> ProfileKey | None:
        """The rule set that the goods are judged by; None while none was chosen."""
        if self.profile_id is None or self.profile_version is None:
            return None
        return ProfileKey(id=self.profile_id, version=self.profile_version)

    @property
    def lots(self) -> frozenset[tuple[str, str]]:
        """Product and number of every registered lot that was asked about.

        Of another one nothing is told: naming somebody's lot does not open what is kept of it.
        """
        return frozenset(
            (line.product_id, line.lot_number) for line in self.lines if line.registered
        )

    @property
    def restricted(self) -> tuple[Restriction, ...]:
        """What is open on registered lots that were asked about.

        Goods that were refused may go back to whoever settles what becomes of them.
        """
        asked = {line.position for line in self.lines if line.registered}
        return tuple(
            one
            for one in self.restrictions
            if asked & set(one.positions)
            and not (one.homeward and self.purpose is Purpose.DISPATCH)
        )

    def left(self, line: Line) -> int:
        """How many units of a line are there, and no permit has let pass yet."""
        gone = sum(one.quantity for one in self.taken if one.position == line.position)
        return max(line.quantity - gone, 0)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """Consignments of the lots that were asked about whose facts are not judged yet."""
        lots = {(line.product_id, line.lot_number) for line in self.lines}
        found = (
            one.consignment_id for one in self.elsewhere if (one.product_id, one.lot_number) in lots
        )
        return tuple(dict.fromkeys(found))

    def about(self, lines: Iterable[Line]) -> Self:
        """The same facts, asked about these lines only."""
        return replace(self, lines=tuple(lines))

    def cover(self, line: Line) -> Disposition | None:
        """The signed release of this line that knew the newest evaluation; None without one."""
        if self.judgement is None or self.purpose is not Purpose.RECEIPT_RELEASE:
            return None
        signed = (
            disposition
            for disposition in reversed(self.dispositions)
            if disposition.evaluation_id == self.judgement.id
            and line.position in disposition.positions
        )
        return next(signed, None)
