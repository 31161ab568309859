"""The delivery worker in virtual time: when it looks, when it is woken, and what it lets go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from multidict import CIMultiDict
from prometheus_client import CollectorRegistry
from tests.support.outbox import WatchedOutbox, entry

from offhook.net.http_client import HttpClient, HttpResponse
from offhook.session.ports.record import DeliveryState, OutboxEntry
from offhook.session.tenancy import Webhook, WebhookType
from offhook.testing.loop import VirtualClock, VirtualLoop
from offhook.webhooks.delivery import DeliveryWorker
from offhook.webhooks.metrics import DeliveryMetrics

START = datetime(2026, 1, 1, tzinfo=UTC)
HOOK = Webhook(type=WebhookType.VSS, url="http://a.example/vss")


class Receivers:
    """Stands for all receivers: each request takes a time and gets a status."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.got: list[float] = []
        """When each request came."""
        self.takes = 0.0
        self.status = 200
        self._loop = loop

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, **rest: Any
    ) -> HttpResponse:
        """See :meth:`offhook.net.http_client.HttpClient.request`."""
        self.got.append(round(self._loop.time(), 3))
        await asyncio.sleep(self.takes)
        answer = CIMultiDict[str]()
        return HttpResponse(status=self.status, headers=answer, body=b"", url=url)


class World:
    """A worker that runs, its outbox and its receivers."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.outbox = WatchedOutbox()
        self.receivers = Receivers(loop)
        self.registry = CollectorRegistry()
        self.worker = DeliveryWorker(
            self.outbox,
            cast(HttpClient, self.receivers),
            lambda _sub_account, type_: HOOK if type_ is WebhookType.VSS else None,
            owner="test",
            disable=self._disable,
            metrics=DeliveryMetrics(self.registry),
            clock=VirtualClock(loop, START),
        )

    async def _disable(self, _sub_account: str, _type: WebhookType) -> None:
        raise AssertionError("a webhook was disabled")

    def entry(self, **members: Any) -> OutboxEntry:
        """An entry that is due now."""
        return entry(at=START + timedelta(seconds=self.loop.time()), **members)

    @property
    def held(self) -> float | None:
        """Deliveries that the worker holds, as the operator sees it."""
        return self.registry.get_sample_value("offhook_webhook_deliveries_held")


def run(test: Callable[[World], Awaitable[None]]) -> None:
    async def main(loop: VirtualLoop) -> None:
        world = World(loop)
        world.worker.start()
        await test(world)
        await world.worker.close()
        assert loop.left_behind() == []

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        runner.run(main(loop))


def test_what_is_new_is_sent_at_once_when_the_worker_is_woken() -> None:
    async def test(world: World) -> None:
        await asyncio.sleep(0.5)
        world.outbox.add(world.entry())
        world.worker.wake()
        await asyncio.sleep(0.1)
        assert world.receivers.got == [0.5]

    run(test)


def test_without_a_word_the_worker_looks_once_a_second() -> None:
    async def test(world: World) -> None:
        await asyncio.sleep(10.5)
        assert len(world.outbox.leases) == 11
        world.outbox.add(world.entry())
        await asyncio.sleep(1)
        assert world.receivers.got == [11.0]

    run(test)


def test_one_word_is_one_look_and_no_more() -> None:
    async def test(world: World) -> None:
        await asyncio.sleep(0.5)
        world.worker.wake()
        await asyncio.sleep(10)
        assert len(world.outbox.leases) == 11

    run(test)


def test_words_that_come_thick_and_fast_are_heard_forty_times_a_second_at_most() -> None:
    async def test(world: World) -> None:
        for _ in range(1000):
            world.worker.wake()
            await asyncio.sleep(0.001)
        assert len(world.outbox.leases) <= 41

    run(test)


def test_more_is_leased_as_soon_as_results_are_written() -> None:
    """Of one endpoint only so many are leased at once; the others wait for no poll."""

    async def test(world: World) -> None:
        world.outbox.add(*(world.entry() for _ in range(300)))
        world.worker.wake()
        await asyncio.sleep(0.5)
        assert len(world.receivers.got) == 300
        assert world.outbox.pending == []

    run(test)


def test_what_fell_due_early_is_leased_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(world: World) -> None:
        make_due = world.outbox.make_due

        async def slowly(*which: Any, limit: int) -> int:
            await asyncio.sleep(0.2)
            return await make_due(*which, limit=limit)

        monkeypatch.setattr(world.outbox, "make_due", slowly)
        late = [world.entry() for _ in range(3)]
        world.outbox.postpone(*late)
        world.receivers.status = 503
        world.outbox.add(world.entry())
        world.worker.wake()
        await world.outbox.wait_for(lambda: len(world.outbox.results) == 2, timeout=60)
        world.receivers.status = 200
        await world.outbox.wait_for(lambda: bool(world.outbox.made_due), timeout=60)
        await asyncio.sleep(0.1)
        assert world.outbox.pending == []
        assert len(world.receivers.got) == 6

    run(test)


def test_a_worker_without_work_stops_at_once() -> None:
    async def test(world: World) -> None:
        await asyncio.sleep(0.5)
        await world.worker.close()
        assert world.loop.time() == pytest.approx(0.5, abs=0.01)

    run(test)


def test_a_stop_waits_for_an_answer_and_gives_back_the_rest() -> None:
    async def test(world: World) -> None:
        world.receivers.takes = 3.0
        world.outbox.add(*(world.entry() for _ in range(20)))
        world.worker.wake()
        await asyncio.sleep(1)
        began = len(world.receivers.got)
        assert 0 < began < 20
        await world.worker.close()
        assert world.loop.time() == pytest.approx(3.0, abs=0.1)
        states = list(world.outbox.states().values())
        assert states.count(DeliveryState.DELIVERED) == began
        assert states.count(DeliveryState.PENDING) == 20 - began
        assert len(world.receivers.got) == began, "a stop begins nothing"

    run(test)


def test_what_the_worker_holds_is_nothing_once_all_is_settled() -> None:
    async def test(world: World) -> None:
        world.receivers.takes = 0.2
        world.outbox.add(*(world.entry() for _ in range(50)))
        world.worker.wake()
        await asyncio.sleep(0.1)
        assert world.held == 50
        await asyncio.sleep(5)
        assert world.held == 0

    run(test)


def test_what_cannot_be_sent_within_its_lease_is_given_back_and_held_no_longer() -> None:
    async def test(world: World) -> None:
        world.outbox.add(*(world.entry(session="s") for _ in range(9)))
        world.receivers.takes = 9.0
        world.worker.wake()
        await asyncio.sleep(0.1)
        assert world.held == 9
        await asyncio.sleep(45)
        given_back = [one for one in world.outbox.results if not one.attempted]
        assert len(world.receivers.got) == 5, (
            "at 0, 9, 18, 27 and 36 s: then the lease is too short"
        )
        assert len(given_back) == 4
        assert world.held == 0

    run(test)


def test_results_wait_for_a_store_that_is_away_and_are_written_once() -> None:
    async def test(world: World) -> None:
        world.receivers.takes = 0.5
        world.outbox.add(world.entry(), world.entry())
        world.worker.wake()
        await asyncio.sleep(0.1)
        world.outbox.away = True
        await asyncio.sleep(5)
        assert world.outbox.results == []
        world.outbox.away = False
        await asyncio.sleep(2)
        assert len(world.outbox.results) == 2
        assert len(world.receivers.got) == 2

    run(test)


def test_a_stop_does_not_wait_for_a_store_that_is_away() -> None:
    async def test(world: World) -> None:
        world.receivers.takes = 0.5
        world.outbox.add(world.entry())
        world.worker.wake()
        await asyncio.sleep(0.1)
        world.outbox.away = True
        await world.worker.close()
        assert world.loop.time() < 2.0

    run(test)
