"""Places of one party: who waits gets the next one, and nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from api.errors import CrowdedError
from api.fairness import MOST_WAITING, Share


def test_who_waits_gets_the_place_that_is_given_back() -> None:
    async def story() -> list[str]:
        share, order = Share(1), ["first"]
        await share.take()

        async def come(name: str) -> None:
            await share.take()
            order.append(name)
            share.give()

        waiting = [asyncio.create_task(come(name)) for name in ("second", "third")]
        await asyncio.sleep(0)
        share.give()
        await asyncio.gather(*waiting)
        return order

    assert asyncio.run(story()) == ["first", "second", "third"]


def test_who_waited_long_enough_is_refused_and_leaves_the_place_to_others() -> None:
    async def story() -> None:
        share = Share(1, wait_seconds=0.001)
        await share.take()
        with pytest.raises(CrowdedError):
            await share.take()
        share.give()
        await share.take()

    asyncio.run(story())


def test_who_finds_a_long_queue_is_refused_at_once() -> None:
    async def story() -> None:
        share = Share(1)
        await share.take()
        waiting = [asyncio.create_task(share.take()) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0)

        with pytest.raises(CrowdedError):
            await share.take()

        for task in waiting:
            task.cancel()

    asyncio.run(story())
