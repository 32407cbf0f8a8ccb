"""The judge gives the same bytes from pages as from readings, whatever comes and in any order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import MINUTE
from reference_cases import cases, orderly_cases, orderly_profiles, profiles

from analytics import pages, readings, record
from analytics.clock import synchronise
from analytics.gathering import write_up
from analytics.judge import judge, judge_benches, seated
from analytics.pages import Basis, ReadingsNeededError, can_have_pages, read_page, written_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from analytics.arrays import Bools, Millis
    from analytics.case import Case, Channel, Page
    from analytics.evaluation import Evaluation
    from analytics.profile import Profile
    from analytics.readings import Readings

    Shelf = dict[tuple[int, int], tuple[bytes, bytes]]  # (channel, day) -> basis, page

MANY = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BATCHES = 4
RANDOMS = st.randoms(use_true_random=False)


@pytest.fixture(autouse=True, scope="module")
def _short_days() -> Iterator[None]:
    """Journeys of an hour or two have several days of half an hour."""
    with (
        patch.object(readings, "DAY_MS", 30 * MINUTE),
        patch.object(record, "DAY_MS", 30 * MINUTE),
        patch.object(pages, "DAY_MS", 30 * MINUTE),
    ):
        yield


def days_of(channel: Channel, raw: Readings) -> Millis:
    server_ms, _ = synchronise(raw.taken_at_ms, channel.clock_pairs)
    return server_ms // pages.DAY_MS


def on_pages(channel: Channel, known: tuple[Page, ...] | None) -> Channel:
    """The channel with pages, and readings that are wrong wherever a page stands for them."""

    def wrong(raw: Readings) -> Readings:
        paged = np.isin(days_of(channel, raw), [page.day for page in known or ()])
        return raw.with_values(np.where(paged, 99_999, raw.value_milli).astype(np.int32))

    return replace(
        channel,
        readings=wrong(channel.readings),
        conflicts=wrong(channel.conflicts),
        pages=known,
    )


def judged(profile: Profile, case: Case, shelf: Shelf) -> tuple[Evaluation, Shelf]:
    """The evaluation with the pages on the shelf that hold, and those that hold afterwards."""
    bases = [
        Basis.of(profile, case.window, channel) if can_have_pages(profile, channel) else None
        for channel in case.channels
    ]
    held = {
        (place, day): read_page(body)
        for (place, day), (basis, body) in shelf.items()
        if (now := bases[place]) is not None and basis == now.of_day(day)
    }
    while True:
        known = [
            None if basis is None else tuple(page for (of, _), page in held.items() if of == place)
            for place, basis in enumerate(bases)
        ]
        channels = tuple(map(on_pages, case.channels, known))
        try:
            benches = seated(profile, replace(case, channels=channels))
            break
        except ReadingsNeededError as lack:
            for channel, days in lack.days.items():
                for day in days:
                    del held[channels.index(channel), day]
    evaluation = judge_benches(profile, case, benches)
    fresh = {
        (channels.index(channel), page.day): page
        for bench in benches
        for channel, page in write_up(
            profile, bench.panel, bench.records, complete=not evaluation.provisional
        )
    }
    return evaluation, {
        (place, day): (basis.of_day(day), written_page(page))
        for (place, day), page in (held | fresh).items()
        if (basis := bases[place]) is not None
    }


def check_any_pages(profile: Profile, case: Case, random: Random) -> None:
    """Judge by no pages, by all and by some of them: the bytes are those of the readings."""
    expected = judge(profile, case).to_bytes()

    first, shelf = judged(profile, case, {})
    again, _ = judged(profile, case, shelf)
    some, _ = judged(profile, case, {key: shelf[key] for key in shelf if random.random() < 0.6})

    assert [one.to_bytes() for one in (first, again, some)] == [expected] * 3


@MANY
@given(profiles(), cases(), RANDOMS)
def test_any_pages_give_the_same_bytes_as_the_readings(
    profile: Profile, case: Case, random: Random
) -> None:
    check_any_pages(profile, case, random)


@MANY
@given(orderly_profiles(), orderly_cases(), RANDOMS)
def test_any_pages_of_orderly_journeys_give_the_same_bytes(
    profile: Profile, case: Case, random: Random
) -> None:
    check_any_pages(profile, case, random)


class Arrivals:
    """A case of which every reading, clock comparison and certificate comes in some batch."""

    def __init__(self, case: Case, random: Random) -> None:
        self._case = case
        self._batches = [
            [
                np.array([random.randrange(BATCHES) for _ in range(count)], np.int64)
                for count in (len(channel.readings), len(channel.conflicts))
            ]
            for channel in case.channels
        ]
        self._facts = [random.choices(range(BATCHES), k=4) for _ in case.channels]

    def until(self, batch: int) -> Case:
        """What has come with this batch and before it; the journey ends with the last one."""
        window = self._case.window
        if batch < BATCHES - 1:
            window = replace(window, end_ms=None, stopped=False)
        channels = [self._channel(place, batch) for place in range(len(self._case.channels))]
        return replace(self._case, window=window, channels=tuple(channels))

    def _channel(self, place: int, batch: int) -> Channel:
        channel, facts = self._case.channels[place], self._facts[place]
        seen = [self._came(place, part) <= batch for part in (0, 1)]
        return replace(
            channel,
            readings=channel.readings.where(seen[0]),
            conflicts=channel.conflicts.where(seen[1]),
            clock_pairs=tuple(
                pair
                for pair, came in zip(channel.clock_pairs, facts, strict=False)
                if came <= batch
            ),
            certificates=tuple(
                one
                for one, came in zip(channel.certificates, reversed(facts), strict=False)
                if came <= batch
            ),
        )

    def _came(self, place: int, part: int) -> Millis:
        came: Millis = self._batches[place][part]
        return came

    def touched(self, batch: int) -> set[tuple[int, int]]:
        """The days, of each channel, into which readings of this batch fall."""
        found = set()
        for place, now in enumerate(self.until(batch).channels):
            channel = self._case.channels[place]
            for part, raw in enumerate((channel.readings, channel.conflicts)):
                new: Bools = self._came(place, part) == batch
                found |= {(place, day) for day in days_of(now, raw.where(new)).tolist()}
        return found


def check_arrivals(profile: Profile, case: Case, random: Random) -> None:
    arrivals, shelf = Arrivals(case, random), dict[tuple[int, int], tuple[bytes, bytes]]()
    for batch in range(BATCHES):
        known = arrivals.until(batch)
        touched = arrivals.touched(batch)
        held = {key: page for key, page in shelf.items() if key not in touched}

        evaluation, shelf = judged(profile, known, held)

        assert evaluation.to_bytes() == judge(profile, known).to_bytes()


@MANY
@given(profiles(), cases(), RANDOMS)
def test_whatever_comes_late_the_bytes_are_those_of_all_readings(
    profile: Profile, case: Case, random: Random
) -> None:
    check_arrivals(profile, case, random)


@MANY
@given(orderly_profiles(), orderly_cases(), RANDOMS)
def test_orderly_journeys_are_judged_alike_as_they_come(
    profile: Profile, case: Case, random: Random
) -> None:
    check_arrivals(profile, case, random)
