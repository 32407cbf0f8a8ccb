"""The judge as the benchmarks call it: a whole fleet, live batches, one late reading.

The only place to change when the judge gets another entry; what is measured and what it is
compared with stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analytics.case import Case, Certificate, Channel, Window
from analytics.judge import judge
from analytics.profile_format import load_builtin_profiles
from analytics.readings import Readings
from benchmarks.judge_data import BEGIN_MS, MINUTE_MS
from coldgate.model import ClockPair, Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.arrays import Milli, Millis
    from analytics.evaluation import Evaluation
    from analytics.profile import Profile
    from benchmarks.judge_data import Fleet

INTERVAL_MS: Final = MINUTE_MS
UNCERTAINTY_MILLI: Final = 200
CERTIFICATE: Final = Certificate(
    number="BENCH-1",
    valid_from_ms=BEGIN_MS - 86_400_000,
    valid_to_ms=BEGIN_MS + 365 * 86_400_000,
    expanded_milli=UNCERTAINTY_MILLI,
)
SYNCED: Final = (ClockPair(logger_ms=BEGIN_MS, gateway_ms=BEGIN_MS),)


def cold_profile() -> Profile:
    """USP_CCT_2_8 as it ships."""
    return next(profile for profile in load_builtin_profiles() if profile.id == "USP_CCT_2_8")


def judge_fleet(fleet: Fleet, profile: Profile) -> Sequence[Evaluation]:
    """Evaluations whose channels, one after the other, are those of the fleet."""
    columns = [fleet.columns(number) for number in range(fleet.channels)]
    return [judge(profile, _case(columns, ends=True))]


class LiveJudge:
    """Open consignments of as many channels each, and what is known about them."""

    def __init__(self, profile: Profile, t: Millis, v: Milli, channels_each: int) -> None:
        """Begin with a history: ``t`` (readings,) for all, ``v`` (channels, readings)."""
        self._profile = profile
        self._t = t
        self._v = v
        self._each = channels_each

    def take(self, t: Millis, v: Milli) -> int:
        """Merge one reading of every channel, both (channels,), and judge all consignments.

        Returns:
            How many consignments have excursions.
        """
        self._t = np.append(self._t, t[:1])
        self._v = np.column_stack((self._v, v))
        verdicts = [self._judge(first) for first in range(0, len(self._v), self._each)]
        return sum(verdict.with_excursions for verdict in verdicts)

    def _judge(self, first: int) -> Evaluation:
        rows = self._v[first : first + self._each]
        return judge(self._profile, _case([(self._t, row) for row in rows], ends=False))


class LateJudge:
    """One channel's complete record but for what comes late."""

    def __init__(self, profile: Profile, t: Millis, v: Milli) -> None:
        self._profile = profile
        self._t = t
        self._v = v

    def take(self, t: int, v: int) -> Evaluation:
        """The evaluation with one more reading; the record itself stays as it was."""
        place = int(np.searchsorted(self._t, t))
        columns = np.insert(self._t, place, t), np.insert(self._v, place, v)
        return judge(self._profile, _case([columns], ends=True))


def _case(columns: Sequence[tuple[Millis, Milli]], *, ends: bool) -> Case:
    """A consignment from the first to the last reading, or still under way."""
    begin = min(int(t[0]) for t, _ in columns)
    end = max(int(t[-1]) for t, _ in columns) if ends else None
    channels = tuple(_channel(n, t, v, ends=ends) for n, (t, v) in enumerate(columns))
    return Case(window=Window(begin_ms=begin, end_ms=end), channels=channels)


def _channel(number: int, t: Millis, v: Milli, *, ends: bool) -> Channel:
    """A logger that was there from its first reading on, and to its last where the journey ends."""
    return Channel(
        serial=f"logger-{number:06}",
        sensor=0,
        quantity=Quantity.TEMPERATURE,
        readings=Readings(taken_at_ms=t, value_milli=v, flags=np.zeros(len(t), np.uint8)),
        placed_from_ms=int(t[0]),
        placed_to_ms=int(t[-1]) if ends else None,
        interval_ms=INTERVAL_MS,
        clock_pairs=SYNCED,
        certificates=(CERTIFICATE,),
    )
