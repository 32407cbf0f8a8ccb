"""What the judge said, read back from the API and put into figures for a table."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError
from coldgate.launch.client import Answer
from coldgate.model import Verdict  # noqa: TC001 - pydantic reads the annotation when it runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from coldgate.launch.client import ApiClient

POLL_SECONDS: Final = 0.2
TEMPERATURE: Final = "temperature"
MINUTE_MS: Final = 60_000


class Extreme(Answer):
    """The lowest or highest value of a channel."""

    milli: int
    at_ms: int


class Statistics(Answer):
    """A channel's figures over the evaluated window."""

    n: int
    missing: int | None
    invalid: int
    covered_ms: int
    due_ms: int
    coverage_permille: int | None
    lowest: Extreme | None
    highest: Extreme | None
    mean: float | None
    mkt: float | None


class Channel(Answer):
    """One quantity of one sensor, and the part of the journey in which it was judged."""

    channel: str
    serial: str
    quantity: str
    begin_ms: int | None
    end_ms: int | None
    statistics: Statistics


class Reason(Answer):
    """One fact behind the verdict."""

    code: str
    verdict: Verdict
    text: str
    channel: str | None
    optimistic_ms: int | None  # exposure that is proven

    @property
    def short(self) -> str:
        """The sentence alone, without the channel in front and the instants behind."""
        text = self.text.removeprefix(f"{self.channel}: ") if self.channel else self.text
        return text.rpartition(" (")[0] if text.endswith("Z)") else text


class Excursion(Answer):
    """One out-of-limit event."""

    channel: str
    start_ms: int
    end_ms: int


class ProfileKey(Answer):
    """Which profile judged."""

    id: str
    version: int


class Evaluation(Answer):
    """One judgement of a consignment in full."""

    verdict: Verdict
    provisional: bool
    with_excursions: bool
    reasons: tuple[Reason, ...]
    channels: tuple[Channel, ...]
    excursions: tuple[Excursion, ...]
    profile: ProfileKey

    @property
    def temperatures(self) -> tuple[Channel, ...]:
        """The channels that the conditions are about."""
        return tuple(one for one in self.channels if one.quantity == TEMPERATURE)

    @property
    def readings(self) -> int:
        """Temperature readings that were judged, over all loggers."""
        return sum(one.statistics.n + one.statistics.invalid for one in self.temperatures)

    @property
    def mkt(self) -> float | None:
        """The highest mean kinetic temperature of any logger, °C."""
        known = [one.statistics.mkt for one in self.temperatures]
        return max((mkt for mkt in known if mkt is not None), default=None)

    @property
    def minutes_out(self) -> int:
        """Longest time that any one logger was beyond any limit, in whole minutes."""
        channels = {one.channel for one in self.excursions}
        return max((self._out_ms(channel) for channel in channels), default=0) // MINUTE_MS

    @property
    def deciding(self) -> tuple[Reason, ...]:
        """The reasons that make the verdict what it is, the longest exposure first."""
        alike = (one for one in self.reasons if one.verdict is self.verdict)
        return tuple(sorted(alike, key=lambda one: -(one.optimistic_ms or 0)))

    @property
    def why(self) -> str:
        """The weightiest reason, in words."""
        return self.deciding[0].short if self.deciding else "no limit was passed"

    def _out_ms(self, channel: str) -> int:
        """Length of the union: a stay above 15 °C is one above 8 °C as well."""
        total, known_until = 0, -1
        for one in sorted(self.excursions, key=lambda event: event.start_ms):
            if one.channel == channel and one.end_ms > known_until:
                total += one.end_ms - max(one.start_ms, known_until)
                known_until = one.end_ms
        return total


class EvaluationBrief(Answer):
    """A judgement in a list."""

    version: int
    verdict: Verdict
    provisional: bool


class EvaluationPage(Answer):
    """Part of the list of judgements."""

    items: list[EvaluationBrief]


class Refusal(Answer):
    """A message, or one logger's part of it, that was refused."""

    code: str
    problem: str
    serial: str


class RefusalPage(Answer):
    """The newest refusals."""

    items: list[Refusal]


class _Consignment(Answer):
    unjudged: int
    unverified: bool

    @property
    def waits(self) -> bool:
        """Whether the judge, or whoever verifies what it looked at, has something left to do."""
        return self.unjudged > 0 or self.unverified


async def newest_evaluation(client: ApiClient, consignment: str) -> Evaluation | None:
    """The newest judgement; None where there is none yet."""
    path, after, newest = f"/consignments/{consignment}/evaluations", 0, 0
    while items := (await client.get(path, EvaluationPage, after=after)).items:
        newest = after = items[-1].version
    return await client.get(f"{path}/{newest}", Evaluation) if newest else None


async def wait_for_evaluation(
    client: ApiClient,
    consignment: str,
    enough: Callable[[Evaluation], bool],
    *,
    seconds: float,
    serials: Sequence[str] = (),
) -> Evaluation:
    """The first final judgement that is ``enough``, when every committed fact is judged.

    The messages behind it are verified by then.

    Raises:
        LaunchError: there was none in time; it names what was refused of ``serials`` meanwhile.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        waits = (await client.get(f"/consignments/{consignment}", _Consignment)).waits
        found = await newest_evaluation(client, consignment)
        if not waits and found is not None and not found.provisional and enough(found):
            return found
        await asyncio.sleep(POLL_SECONDS)
    refused = (await client.get("/quarantine", RefusalPage)).items
    causes = sorted({f"{one.code}: {one.problem}" for one in refused if one.serial in serials})
    why = f" ({'; '.join(causes)})" if causes else ""
    raise LaunchError(f"{consignment} was not judged within {seconds:g} s{why}")
