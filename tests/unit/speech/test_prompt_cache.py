"""Prompts are kept within bounds and made once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable

import pytest

from offhook.session.ports.speech import Urgency
from offhook.speech.cache import PromptCache, PromptMaking, WhenLeft
from offhook.speech.prompt import G711Prompt

SECOND = b"\0" * 16_000
"""Takes 16,000 bytes of the bound: an octet a sample for each of two codecs."""


class Kitchen:
    """Makes prompts, counts them, and holds them back when told."""

    def __init__(self) -> None:
        self.made = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.expires = math.inf

    async def make(self, making: PromptMaking) -> G711Prompt:
        self.made += 1
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return G711Prompt(SECOND, expires=self.expires)


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def kitchen() -> Kitchen:
    return Kitchen()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def new(time: Time) -> AsyncIterator[Callable[..., PromptCache]]:
    caches: list[PromptCache] = []

    def new(max_bytes: int = 100_000) -> PromptCache:
        caches.append(PromptCache(max_bytes=max_bytes, clock=time))
        return caches[-1]

    yield new
    for cache in caches:
        await cache.close()


New = Callable[..., PromptCache]


async def test_a_prompt_is_made_once_and_shared(new: New, kitchen: Kitchen) -> None:
    cache = new()
    first = await cache.get("a", kitchen.make, owner="acme")
    assert await cache.get("a", kitchen.make, owner="acme") is first
    assert kitchen.made == 1


async def test_equal_requests_at_the_same_time_share_one_making(new: New, kitchen: Kitchen) -> None:
    cache = new()
    kitchen.gate.clear()
    waiters = [asyncio.create_task(cache.get("a", kitchen.make, owner="acme")) for _ in range(5)]
    await asyncio.sleep(0)
    kitchen.gate.set()
    assert len({id(await waiter) for waiter in waiters}) == 1
    assert kitchen.made == 1


async def test_a_waiter_that_gives_up_stops_nobody_else(new: New, kitchen: Kitchen) -> None:
    cache = new()
    kitchen.gate.clear()
    first = asyncio.create_task(cache.get("a", kitchen.make, owner="acme"))
    second = asyncio.create_task(cache.get("a", kitchen.make, owner="acme"))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    kitchen.gate.set()
    assert (await second).duration == 1
    assert kitchen.made == 1


async def test_a_failure_reaches_every_waiter_and_is_not_kept(new: New, kitchen: Kitchen) -> None:
    cache = new()
    kitchen.failure = OSError("no")
    results = await asyncio.gather(
        *(cache.get("a", kitchen.make, owner="acme") for _ in range(3)), return_exceptions=True
    )
    assert results == [kitchen.failure] * 3
    kitchen.failure = None
    assert (await cache.get("a", kitchen.make, owner="acme")).duration == 1
    assert kitchen.made == 2


async def test_a_failure_nobody_waits_for_any_more_is_silent(new: New, kitchen: Kitchen) -> None:
    cache = new()
    kitchen.gate.clear()
    kitchen.failure = OSError("no")
    waiter = asyncio.create_task(cache.get("a", kitchen.make, owner="acme"))
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    kitchen.gate.set()
    await cache.close()


async def test_the_least_recently_used_leaves_first(new: New, kitchen: Kitchen) -> None:
    cache = new(max_bytes=48_000)
    for key in "abc":
        await cache.get(key, kitchen.make, owner="acme")
    await cache.get("a", kitchen.make, owner="acme")
    await cache.get("d", kitchen.make, owner="acme")
    assert kitchen.made == 4
    for key in "acd":
        await cache.get(key, kitchen.make, owner="acme")
    assert kitchen.made == 4
    await cache.get("b", kitchen.make, owner="acme")
    assert kitchen.made == 5


async def test_a_prompt_larger_than_the_bound_is_not_kept(new: New, kitchen: Kitchen) -> None:
    cache = new(max_bytes=15_999)
    await cache.get("a", kitchen.make, owner="acme")
    await cache.get("a", kitchen.make, owner="acme")
    assert kitchen.made == 2


async def test_a_prompt_that_has_expired_is_made_anew(
    new: New, kitchen: Kitchen, time: Time
) -> None:
    cache = new()
    kitchen.expires = time.now + 3600
    await cache.get("a", kitchen.make, owner="acme")
    time.now += 3599
    await cache.get("a", kitchen.make, owner="acme")
    assert kitchen.made == 1
    time.now += 1
    await cache.get("a", kitchen.make, owner="acme")
    assert kitchen.made == 2


async def test_closing_stops_what_is_being_made(new: New, kitchen: Kitchen) -> None:
    cache = new()
    kitchen.gate.clear()
    waiter: asyncio.Task[G711Prompt] = asyncio.create_task(
        cache.get("a", kitchen.make, owner="acme")
    )
    await asyncio.sleep(0)
    await cache.close()
    with pytest.raises(asyncio.CancelledError):
        await waiter


async def test_an_owner_with_thousands_of_prompts_drives_out_its_own(
    new: New, kitchen: Kitchen
) -> None:
    cache = new(max_bytes=16_000 * 10)
    await cache.get("modest", kitchen.make, owner="modest")
    for number in range(100):
        await cache.get(number, kitchen.make, owner="greedy")
    made = kitchen.made
    await cache.get("modest", kitchen.make, owner="modest")
    await cache.get(99, kitchen.make, owner="greedy")
    assert kitchen.made == made


async def test_one_owners_failure_is_not_anothers(new: New, kitchen: Kitchen) -> None:
    """The making may fail for want of the first owner's share: the second makes its own."""
    cache = new()

    async def without_room(_making: PromptMaking) -> G711Prompt:
        await kitchen.gate.wait()
        raise OSError("no room")

    kitchen.gate.clear()
    greedy = asyncio.create_task(cache.get("a", without_room, owner="greedy"))
    modest = asyncio.create_task(cache.get("a", kitchen.make, owner="modest"))
    await asyncio.sleep(0)
    kitchen.gate.set()
    with pytest.raises(OSError, match="no room"):
        await greedy
    assert (await modest).duration == 1


async def test_kept_prompts_are_let_go_one_by_one(new: New, kitchen: Kitchen) -> None:
    cache = new()
    for key in "ab":
        await cache.get(key, kitchen.make, owner="acme")
    assert not cache.drop_oldest("globex")
    assert [cache.drop_oldest("acme"), cache.drop_oldest(), cache.drop_oldest()] == [
        True,
        True,
        False,
    ]


class Talk:
    """A making that goes on part by part, as it is told, and knows how urgent it is."""

    def __init__(self) -> None:
        self.making: PromptMaking | None = None
        self.over = asyncio.Event()
        self.stopped = False

    async def make(self, making: PromptMaking) -> G711Prompt:
        self.making = making
        try:
            await self.over.wait()
        except asyncio.CancelledError:
            self.stopped = True
            raise
        return G711Prompt(SECOND)

    def urgency(self) -> Urgency:
        assert self.making is not None
        return self.making.urgent()

    def part(self) -> G711Prompt:
        assert self.making is not None
        part = G711Prompt(SECOND)
        self.making.heard(part)
        return part


def listen(
    cache: PromptCache, talk: Talk, urgency: Urgency, key: object = "a"
) -> tuple[asyncio.Task[G711Prompt], list[G711Prompt]]:
    heard: list[G711Prompt] = []
    asked = cache.get(
        key,
        talk.make,
        owner="acme",
        heard=heard.append,
        urgent=lambda: urgency,
        when_left=WhenLeft.STOP,
    )
    return asyncio.create_task(asked), heard


async def leave(task: asyncio.Task[G711Prompt]) -> None:
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)


async def test_who_comes_later_hears_the_parts_that_are_there(new: New) -> None:
    cache, talk = new(), Talk()
    first, heard = listen(cache, talk, Urgency.NOW)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    parts = [talk.part()]
    second, heard_later = listen(cache, talk, Urgency.NOW)
    await asyncio.sleep(0)
    parts.append(talk.part())
    talk.over.set()
    assert await first is await second
    assert heard == heard_later == parts


async def test_a_prompt_is_as_urgent_as_it_is_to_those_who_wait(new: New) -> None:
    cache, talk = new(), Talk()
    early, _ = listen(cache, talk, Urgency.LATER)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert talk.urgency() is Urgency.LATER
    waiting, _ = listen(cache, talk, Urgency.NOW)
    await asyncio.sleep(0)
    assert talk.urgency() is Urgency.NOW
    await leave(waiting)
    assert talk.urgency() is Urgency.LATER
    assert not early.done()


async def test_what_nobody_waits_for_any_more_is_stopped(new: New) -> None:
    cache, talk = new(), Talk()
    first, _ = listen(cache, talk, Urgency.NOW)
    second, _ = listen(cache, talk, Urgency.NOW)
    await asyncio.sleep(0)
    await leave(first)
    assert not talk.stopped, "another one waits"
    await leave(second)
    assert talk.stopped
    again = Talk()
    third, _ = listen(cache, again, Urgency.NOW)
    again.over.set()
    assert (await third).duration == 1, "it is made anew"


async def test_what_has_begun_is_finished_for_later_calls_when_there_is_time(new: New) -> None:
    cache, talk = new(), Talk()
    only, _ = listen(cache, talk, Urgency.NOW)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    talk.part()
    await leave(only)
    assert talk.urgency() is Urgency.SPARE
    talk.over.set()
    while cache.known("a") is None:
        await asyncio.sleep(0)


async def test_of_what_many_calls_have_left_only_some_is_finished(new: New) -> None:
    cache, talks = new(), [Talk() for _ in range(20)]
    waiting = [listen(cache, talk, Urgency.NOW, key)[0] for key, talk in enumerate(talks)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for talk in talks:
        talk.part()
    for task in waiting:
        await leave(task)
    assert sum(not talk.stopped for talk in talks) == 8
